//! A configuration in; recording rules, alerts, their tests and a scrape configuration for Prometheus out.
//!
//! Everything is computed from counters and histograms, summed over all proxies: each rule holds for one service,
//! and keeps no label of a proxy, but where a proxy itself is what the alert is about. That makes them right in the
//! rulers of Thanos and Mimir too.

mod alerts;
mod cases;
mod catalogue;
mod checks;
mod disable;
mod left_out;
mod objectives;
mod promtool;
mod reasons;
mod records;
mod rule;
mod scrape;
mod set;
mod texts;
mod tiers;
pub mod timing;
mod words;
mod write;

pub use alerts::known_alerts;
pub use catalogue::Category;
pub use checks::{check, taken_labels};
pub use left_out::{LeftOut, left_out};
pub use objectives::{Figures, SloAlert, Term, slo_alerts};
pub use tiers::{Factor, Severity, Tier, tiers};

use super::Rendered;
use super::promql::Vocabulary;
use redline::config::Config;
use set::Set;

/// `rules.yaml`, `alerts.yaml`, `tests.yaml`, `tests-slow.yaml` and `scrape.yaml`; `scale` divides every window, for drills and tests.
pub fn render(config: &Config, scale: u64) -> Vec<Rendered> {
    let set = Set::of(config, scale);
    vec![
        Rendered { name: "rules.yaml", text: write::rules(config, &set.groups) },
        Rendered {
            name: "alerts.yaml",
            text: write::alerts(config, &set.alerts, &set.vocabulary.interval(timing::OFTEN_S)),
        },
        Rendered { name: "tests.yaml", text: write::tests(config, &set, false) },
        Rendered { name: "tests-slow.yaml", text: write::tests(config, &set, true) },
        Rendered { name: "scrape.yaml", text: scrape::text(config, scale) },
    ]
}

/// The rendered alerts of a configuration: name, category and severity of each, with repetitions for each SLO.
pub fn alerts(config: &Config) -> Vec<(String, Category, Severity)> {
    let set = Set::of(config, 1);
    set.alerts.iter().map(|rule| (rule.name.to_owned(), rule.category, rule.severity)).collect()
}

/// Every alert that there is once for each SLO.
pub fn slo_alert_names() -> &'static [&'static str] {
    &objectives::NAMES
}

/// The names that queries of this configuration may use: emitted, recorded, and those of others.
pub fn vocabulary(config: &Config, scale: u64) -> Vocabulary {
    Set::of(config, scale).vocabulary
}

#[cfg(test)]
mod tests;
