//! A configuration in, Envoy's `stats_config` out: how labels are read from stat names, and histogram buckets.

use super::{Rendered, yaml};
use redline::config::Config;

/// `envoy-stats.yaml`: one key, `stats_config`, for the top level of a bootstrap.
pub fn render(config: &Config) -> Rendered {
    let header = format!(
        "# Made by `redline render envoy-stats` from the configuration of the service {}.\n\
         # For the top level of Envoy's bootstrap. Envoy reads it at its start only: restart it after a change.\n",
        config.service
    );
    Rendered { name: "envoy-stats.yaml", text: header + &stats_config(config) }
}

/// The key `stats_config` with its value, at column 0. Envoy's own default tags stay on.
pub fn stats_config(config: &Config) -> String {
    let mut out = "stats_config:\n  stats_tags:\n".to_owned();
    for (name, regex) in config.stat_tags() {
        out.push_str(&format!("    - tag_name: {name}\n      regex: {}\n", yaml::quoted(&regex)));
    }
    let buckets = config.histogram_buckets();
    if !buckets.is_empty() {
        out.push_str("  histogram_bucket_settings:\n");
    }
    for (prefix, bounds) in buckets {
        let (prefix, bounds) = (yaml::quoted(&prefix), yaml::numbers(&bounds));
        out.push_str(&format!("    - match: {{prefix: {prefix}}}\n      buckets: {bounds}\n"));
    }
    out
}
