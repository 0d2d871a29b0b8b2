//! A bootstrap's `stats_config` and a filter's configuration in; labels, histograms and metrics that are lost out.

use super::example::Example;
use super::finding::{Fault, Finding, several};
use super::{matcher, tags};
use redline::config::Config;
use redline::stat_name::NAMESPACE;
use serde_json::Value;

/// Returns the metrics that Envoy throws away.
pub(super) fn check(stats_config: &Value, config: &Config, findings: &mut Vec<Finding>) -> Vec<String> {
    let examples = Example::of_each(config);
    let dropped = dropped(stats_config, config, &examples, findings);
    tags::check(stats_config, &examples, findings);
    buckets(stats_config, config, &dropped, findings);
    dropped.into_iter().map(str::to_owned).collect()
}

/// The metrics that the matcher throws away, which are one finding.
fn dropped<'e>(
    stats_config: &Value,
    config: &Config,
    examples: &'e [Example],
    findings: &mut Vec<Finding>,
) -> Vec<&'e str> {
    let Some(stats_matcher) = stats_config.get("stats_matcher") else { return Vec::new() };
    let lost = examples.iter().filter(|e| matcher::keeps(stats_matcher, &e.name) == Some(false));
    let lost: Vec<&str> = lost.map(|example| example.metric.as_str()).collect();
    if !lost.is_empty() {
        let names = if lost.len() == examples.len() { "every metric".to_owned() } else { several(&lost) };
        findings.push(Finding {
            fault: Fault::StatsMatcher,
            what: format!("the stats_matcher throws away {names} of the service {}", config.service),
            mend: format!(
                "let it keep the prefix {NAMESPACE} (Istio: sidecar.istio.io/statsInclusionPrefixes) and restart Envoy"
            ),
        });
    }
    lost
}

fn buckets(stats_config: &Value, config: &Config, dropped: &[&str], findings: &mut Vec<Finding>) {
    let settings = stats_config.get("histogram_bucket_settings").and_then(Value::as_array);
    let settings: Vec<&Value> = settings.into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for (prefix, bounds) in config.histogram_buckets() {
        let metric = prefix.trim_start_matches(NAMESPACE).trim_end_matches('.').to_owned();
        if dropped.contains(&metric.as_str()) {
            continue;
        }
        let name = format!("{prefix}service=.={};.;", config.service);
        let first = settings.iter().find(|setting| {
            setting.get("match").is_some_and(|matcher| matcher::matches(matcher, &name) == Some(true))
        });
        let set = first.and_then(|setting| setting.get("buckets")?.as_array());
        let set: Option<Vec<f64>> = set.map(|set| set.iter().filter_map(Value::as_f64).collect());
        let expected: Vec<f64> = bounds.iter().map(|bound| *bound as f64).collect();
        if set != Some(expected) {
            wrong.push(metric);
        }
    }
    if !wrong.is_empty() {
        let names: Vec<&str> = wrong.iter().map(String::as_str).collect();
        findings.push(Finding {
            fault: Fault::Buckets,
            what: format!("Envoy has other bounds for {} than the configuration", several(&names)),
            mend: "put the histogram_bucket_settings of `redline render envoy-stats` into the bootstrap, before any setting that \
                   matches wasmcustom (the first that matches decides; Istio: sidecar.istio.io/statsHistogramBuckets), and restart Envoy"
                .to_owned(),
        });
    }
}
