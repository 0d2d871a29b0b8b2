//! A valid configuration in; what is wrong with it once rules and alerts are to be made of it out.

use super::alerts::known_alerts;
use super::disable::Disabled;
use super::objectives;
use super::set::Set;
use super::tiers::{Tier, tiers};
use crate::render::promql::{FOREIGN, literal};
use redline::config::{Config, ConfigError, Slo};
use redline::metric::{Kind, Metric};
use std::collections::{BTreeMap, BTreeSet};

/// Labels that a rule or Prometheus sets on an alert, beside those of the metrics.
const SET_BY_RULES: [&str; 9] =
    ["alertname", "service", "severity", "category", "tier", "period", "instance", "job", "upstream"];
/// Labels that parts of histograms have.
const SET_BY_HISTOGRAMS: [&str; 2] = ["le", "quantile"];

/// Series that Prometheus writes itself for every target and alert.
const WRITTEN_BY_PROMETHEUS: [&str; 7] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "ALERTS",
    "ALERTS_FOR_STATE",
];

/// What is wrong with a valid configuration once rules and alerts are to be made of it: alerts that could never fire,
/// names in `alerting.disable` that nothing has, labels and metrics whose names are taken.
pub fn check(config: &Config) -> Vec<ConfigError> {
    let mut errors: Vec<ConfigError> =
        config.slos.iter().enumerate().flat_map(|(i, slo)| that_cannot_fire(config, i, slo)).collect();
    errors.extend(names(config));
    errors.extend(labels(config));
    errors.extend(Disabled::of(config).mistakes(config, &known_alerts(), &objectives::NAMES));
    errors
}

/// Pairs of windows of an SLO over whose factor not even a full outage burns.
fn that_cannot_fire(config: &Config, i: usize, slo: &Slo) -> Vec<ConfigError> {
    let disabled = Disabled::of(config);
    let mut errors = Vec::new();
    let mut refuse = |alert: &str, windows: &str, tier: &Tier| {
        if disabled.for_slo(alert, slo) {
            return;
        }
        errors.push(ConfigError {
            path: format!("$.slos[{i}].objective"),
            value: slo.objective.to_string(),
            reason: format!(
                "{alert} ({windows}) could never fire: a full outage burns the budget less than {factor} times as fast \
                 as it may; more than {least} % is needed, or {alert}/{name} in alerting.disable, which leaves it out \
                 for this SLO",
                factor = tier.factor,
                least = tier.least_objective(),
                name = slo.name,
            ),
        });
    };
    let tiers = tiers(slo.period);
    for tier in tiers.iter().filter(|tier| !tier.can_fire(slo)) {
        refuse(tier.alert, &tier.labels(slo.period).join("/"), tier);
    }
    if let Some(slowest) = tiers.last().filter(|tier| !tier.can_fire(slo)) {
        refuse(objectives::QUIET, &slowest.long.length(slo.period).to_string(), slowest);
    }
    // 0.999 is a share; who promises less than one request in a hundred promises nothing.
    if !errors.is_empty() && slo.objective.ppm() < 10_000 {
        errors = vec![ConfigError {
            path: format!("$.slos[{i}].objective"),
            value: slo.objective.to_string(),
            reason: format!("an objective is in percent; did you mean {}?", percent_of(slo.objective.ppm())),
        }];
    }
    errors
}

/// The percentage of a share that was written as one: 9990 parts per million of a percentage are 99.9.
fn percent_of(ppm: u32) -> String {
    format!("{}", f64::from(ppm) / 100.0)
}

/// Custom metrics whose series would be mixed with those of a rule, or of Prometheus.
fn names(config: &Config) -> Vec<ConfigError> {
    let recorded: BTreeSet<String> =
        Set::of(config, 1).groups.into_iter().flat_map(|group| group.rules).map(|rule| rule.name).collect();
    let mut in_seconds: BTreeMap<String, String> = BTreeMap::new();
    let mut errors = Vec::new();
    for (i, metric) in config.metrics.iter().enumerate() {
        let name = config.custom_name(metric);
        let mut refuse = |reason: String| {
            errors.push(ConfigError {
                path: format!("$.metrics[{i}].name"),
                value: literal(&metric.name),
                reason,
            });
        };
        let series: Vec<String> = match metric.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"].map(|ending| format!("{name}{ending}")).into(),
            Kind::Counter | Kind::Gauge => vec![name.clone()],
        };
        if let Some(taken) = series.iter().find(|series| recorded.contains(*series)) {
            refuse(format!(
                "the rendered rules record {taken} themselves: both would be one metric; expected another name"
            ));
        }
        let foreign = WRITTEN_BY_PROMETHEUS.iter().chain(&FOREIGN);
        if let Some(taken) = foreign.into_iter().find(|taken| series.iter().any(|series| series == *taken)) {
            refuse(format!(
                "{taken} is Prometheus' or Envoy's own, and alerts ask for it; expected another name"
            ));
        }
        if let Some(seconds) = seconds(&name).filter(|_| metric.kind == Kind::Histogram) {
            let first = in_seconds.entry(seconds.clone()).or_insert_with(|| name.clone());
            if *first != name {
                refuse(format!(
                    "the rendered rules record it as {seconds}, and {first} too; expected another name"
                ));
            }
        }
    }
    errors
}

/// What a histogram of durations is recorded as.
fn seconds(name: &str) -> Option<String> {
    let start =
        ["_milliseconds", "_microseconds"].into_iter().find_map(|ending| name.strip_suffix(ending))?;
    Some(format!("{start}_seconds"))
}

/// Labels that alerts or their series have already: `alerting.labels` has none of them.
pub fn taken_labels() -> BTreeSet<&'static str> {
    let of_metrics = Metric::ALL.into_iter().flat_map(Metric::labels).map(|label| label.name());
    of_metrics.chain(SET_BY_RULES).chain(SET_BY_HISTOGRAMS).collect()
}

/// What Prometheus would read otherwise than it is meant: labels that series have already, and templates.
fn labels(config: &Config) -> Vec<ConfigError> {
    let taken = taken_labels();
    let mut errors = Vec::new();
    let mut refuse = |key: &str, value: &str, reason: String| {
        errors.push(ConfigError { path: format!("$.alerting.{key}"), value: literal(value), reason });
    };
    for (name, value) in &config.alerting.labels {
        if taken.contains(name.as_str()) {
            refuse(
                &format!("labels.{name}"),
                value,
                format!(
                    "alerts or their series have the label {name} already, and would all get this value; expected a \
                         name that is none of {}",
                    taken.iter().copied().collect::<Vec<_>>().join(", ")
                ),
            );
        }
        if value.contains("{{") {
            refuse(&format!("labels.{name}"), value, TEMPLATE.to_owned());
        }
    }
    if let Some(base) = config.alerting.runbook_base.as_ref().filter(|base| base.contains("{{")) {
        refuse("runbook_base", base, TEMPLATE.to_owned());
    }
    errors
}

const TEMPLATE: &str = "Prometheus reads {{ as the beginning of a template; expected text without {{";
