//! A template and a configuration in; which metrics the configuration would need for it, in words, out.

use super::names::is_name;
use super::{CUSTOM, HISTOGRAM_SERIES, Vocabulary};
use redline::config::Config;
use redline::metric::{DurationUnit, Kind, Metric};

/// Words that stand for values which the application chooses, and what is wrong where there are none.
const WORDS: [(&str, &str); 6] = [
    ("PREDICTIONS_FAILED", "predictions_total has no label of the status or its class"),
    ("A_FAILED_PREDICTION", "predictions_total has no label of the status or its class"),
    ("JOBS_FAILED", "queue_jobs_total has no label `outcome`"),
    ("A_FAILED_JOB", "queue_jobs_total has no label `outcome`"),
    ("DB_ACTIVE", "db_connections has no label `state`"),
    ("AN_ACTIVE_CONNECTION", "db_connections has no label `state`"),
];

impl Vocabulary {
    /// The names in a template that neither metrics nor words have, once each.
    pub fn missing<'t>(&self, template: &'t str) -> Vec<&'t str> {
        let mut missing = Vec::new();
        for after in template.split('$').skip(1) {
            let end = after.find(|c: char| !is_name(c)).unwrap_or(after.len());
            let name = after.get(..end).unwrap_or_default();
            if !self.words.contains_key(name) && !self.known.contains_key(name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
        missing
    }
}

/// Why a configuration lacks names that a template has; nothing where it lacks none.
pub fn why_missing(config: &Config, names: &[&str]) -> Option<String> {
    let mut absent: Vec<String> = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    for name in names {
        match what(config, name) {
            What::Absent(metric) => push_new(&mut absent, metric),
            What::Reason(reason) => push_new(&mut reasons, reason),
            What::Label(reason) => push_new(&mut labels, reason),
        }
    }
    if !absent.is_empty() {
        reasons.insert(0, format!("`metrics` has no {}", absent.join(", ")));
    }
    // A metric that is not there has no labels either.
    if reasons.is_empty() {
        reasons = labels;
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn push_new(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

/// What is wrong with one name.
enum What {
    /// A custom metric that nobody wrote.
    Absent(String),
    /// A metric that is there otherwise, or a built-in one that is not emitted.
    Reason(String),
    /// A metric without the label that tells its values apart.
    Label(String),
}

fn what(config: &Config, name: &str) -> What {
    if let Some((_, reason)) = WORDS.iter().find(|(word, _)| *word == name) {
        return What::Label((*reason).to_owned());
    }
    // Rules give seconds out of histograms in milliseconds.
    let base = HISTOGRAM_SERIES.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    let base = base.strip_suffix("_seconds").map_or(base.to_owned(), |start| format!("{start}_milliseconds"));
    let built_in = Metric::ALL.into_iter().find(|metric| metric.name(DurationUnit::Milliseconds) == base);
    if let Some(metric) = built_in {
        let name = config.metric_name(metric);
        return What::Reason(match metric {
            _ if config.disable.contains(&metric) => format!("`disable` has {name}"),
            Metric::TenantIsolationViolations => "tenant.isolation is not configured".to_owned(),
            Metric::TenantActiveUsers => "user.sources are not configured".to_owned(),
            _ if metric.is_of_slo() => "there are no slos".to_owned(),
            _ => format!("{name} is not emitted"),
        });
    }
    let other = config.metrics.iter().find(|metric| metric.name == base).map(|metric| metric.kind);
    let wanted = CUSTOM.iter().find(|(known, _)| *known == base).map(|(_, kind)| *kind);
    match other.zip(wanted) {
        Some((is, wanted)) => {
            What::Reason(format!("{base} is a {} here, not a {}", Kind::as_str(is), Kind::as_str(wanted)))
        }
        None => What::Absent(base),
    }
}
