//! A configuration in, the names that queries may use out; and templates of PromQL in, queries out.
//!
//! A template writes a metric as `$name`, by its name in milliseconds and without prefix, and a word that the target
//! defines as `$WORD`. Ranges (`[5m]`) and offsets are divided by the time scale. A template that names a metric which
//! this configuration does not have expands to nothing, so that no rule, alert or panel waits for what never comes.
//! Strings stay as they are: what looks like a name or a range in them is the configuration's own text.
//!
//! `$live(SELECTOR)` is a gauge that is still reported: Envoy keeps its last value for ever.

mod missing;
mod names;

pub use missing::why_missing;
pub use names::metric_names;

use names::{is_name, length_of_string};
use redline::config::{Attribute, Config, CustomMetric, Duration, parse_duration};
use redline::metric::{DurationUnit, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// The function of templates that leaves out what is no longer reported.
const LIVE: &str = "live";

/// What a histogram shows in Prometheus.
const HISTOGRAM_SERIES: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Metrics of Envoy and Prometheus themselves. The plugin's name, `redline`, is part of Envoy's.
pub(super) const FOREIGN: [&str; 3] =
    ["up", "envoy_wasm_redline_vm_reload_success", "envoy_wasm_redline_vm_reload_failure"];

/// The custom metrics that alerts and panels know, and what each must be.
const CUSTOM: [(&str, Kind); 26] = [
    ("models_total", Kind::Gauge),
    ("models_created_total", Kind::Counter),
    ("models_deleted_total", Kind::Counter),
    ("model_training_duration_milliseconds", Kind::Histogram),
    ("experiments_created_total", Kind::Counter),
    ("deployments_total", Kind::Counter),
    ("deployment_duration_milliseconds", Kind::Histogram),
    ("predictions_total", Kind::Counter),
    ("prediction_latency_milliseconds", Kind::Histogram),
    ("db_connections", Kind::Gauge),
    ("db_query_duration_milliseconds", Kind::Histogram),
    ("db_queries_total", Kind::Counter),
    ("db_connection_errors_total", Kind::Counter),
    ("db_pool_size", Kind::Gauge),
    ("db_pool_overflow", Kind::Gauge),
    ("cache_hits_total", Kind::Counter),
    ("cache_misses_total", Kind::Counter),
    ("cache_operations_duration_milliseconds", Kind::Histogram),
    ("cache_size_bytes", Kind::Gauge),
    ("cache_evictions_total", Kind::Counter),
    ("queue_depth", Kind::Gauge),
    ("queue_jobs_total", Kind::Counter),
    ("queue_wait_duration_milliseconds", Kind::Histogram),
    ("rate_limit_hits_total", Kind::Counter),
    ("rate_limit_remaining", Kind::Gauge),
    ("tenant_storage_bytes", Kind::Gauge),
];

/// A histogram of durations, as traffic gives it and as rules show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurationHistogram {
    /// Its full name in Envoy.
    pub raw: String,
    /// Its full name in seconds.
    pub seconds: String,
    /// The name in milliseconds and without prefix, as templates write it.
    pub key: String,
    /// Its bounds, in its own unit.
    pub bounds: Vec<u64>,
    /// Its own units in a second.
    pub per_second: u64,
}

/// The names that queries of one configuration may use.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    known: BTreeMap<String, String>,
    words: BTreeMap<&'static str, String>,
    durations: Vec<DurationHistogram>,
    /// The gauges of which each upstream has its own.
    of_upstreams: BTreeSet<String>,
    prefix: String,
    scale: u64,
}

impl Vocabulary {
    /// What the filter emits with this configuration. `scale` divides every range, offset and pause.
    pub fn of(config: &Config, scale: u64) -> Self {
        let mut vocabulary = Self {
            known: FOREIGN.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect(),
            // A function of templates is no metric that could be missing.
            words: BTreeMap::from([(LIVE, String::new())]),
            durations: Vec::new(),
            of_upstreams: BTreeSet::new(),
            prefix: config.metric_prefix.clone(),
            scale: scale.max(1),
        };
        for metric in config.emitted() {
            let key = metric.name(DurationUnit::Milliseconds);
            vocabulary.add_emitted(key, &config.metric_name(metric), metric.kind(), config.bounds(metric));
        }
        for metric in &config.metrics {
            vocabulary.add_custom(metric);
        }
        vocabulary
    }

    fn add_custom(&mut self, metric: &CustomMetric) {
        let key = match metric.name.strip_suffix("_microseconds") {
            Some(start) => format!("{start}_milliseconds"),
            None => metric.name.clone(),
        };
        // A name that we know for something else means something else here.
        if CUSTOM.iter().any(|(name, kind)| *name == key && *kind != metric.kind) {
            return;
        }
        if metric.per_upstream {
            self.of_upstreams.insert(key.clone());
        }
        let full = format!("{}{}", self.prefix, metric.name);
        self.add_emitted(&key, &full, metric.kind, &metric.buckets);
    }

    fn add_emitted(&mut self, key: &str, full: &str, kind: Kind, bounds: &[u64]) {
        if kind != Kind::Histogram {
            self.known.insert(key.to_owned(), full.to_owned());
            return;
        }
        for series in HISTOGRAM_SERIES {
            self.known.insert(format!("{key}{series}"), format!("{full}{series}"));
        }
        let units = [("_milliseconds", 1000), ("_microseconds", 1_000_000)];
        for (ending, per_second) in units {
            let known = self.durations.iter().any(|known| known.raw == full);
            if let Some(start) = full.strip_suffix(ending).filter(|_| !known) {
                self.durations.push(DurationHistogram {
                    raw: full.to_owned(),
                    seconds: format!("{start}_seconds"),
                    key: key.to_owned(),
                    bounds: bounds.to_vec(),
                    per_second,
                });
            }
        }
    }

    /// The histograms of durations.
    pub fn durations(&self) -> &[DurationHistogram] {
        &self.durations
    }

    /// Makes the name of a rule's result known; returns it with the prefix.
    pub fn learn(&mut self, name: &str) -> String {
        let full = format!("{}{name}", self.prefix);
        self.known.insert(name.to_owned(), full.clone());
        full
    }

    /// The same names with a word of the target.
    pub fn with_word(mut self, word: &'static str, text: impl Into<String>) -> Self {
        self.words.insert(word, text.into());
        self
    }

    /// The same with the matcher of failures and one of them, where there are any.
    pub fn with_failures(self, words: [&'static str; 2], found: Option<(String, String)>) -> Self {
        let [matcher, one] = words;
        match found {
            Some((all, single)) => self.with_word(matcher, all).with_word(one, single),
            None => self,
        }
    }

    /// Every name that a query may have: what is emitted, recorded, or somebody else's.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(String::as_str)
    }

    /// A query; nothing where it names a metric that this configuration does not have.
    pub fn expand(&self, template: &str) -> Option<String> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find(['$', '[', 'o', '"']) {
            let (before, here) = rest.split_at_checked(at)?;
            out.push_str(before);
            if here.starts_with('"') {
                let (string, after) = here.split_at_checked(length_of_string(here))?;
                out.push_str(string);
                rest = after;
            } else if let Some(gauge) = here.strip_prefix("$live(") {
                let (gauge, after) = gauge.split_once(')')?;
                out.push_str(&self.live(gauge)?);
                rest = after;
            } else if let Some(name) = here.strip_prefix('$') {
                let end = name.find(|c: char| !is_name(c)).unwrap_or(name.len());
                let (name, after) = name.split_at_checked(end)?;
                out.push_str(self.words.get(name).or_else(|| self.known.get(name))?);
                rest = after;
            } else if let Some((range, after)) = here.strip_prefix('[').and_then(|r| r.split_once(']')) {
                let parts: Vec<String> = range.split(':').map(|part| self.scaled_or_same(part)).collect();
                out.push_str(&format!("[{}]", parts.join(":")));
                rest = after;
            } else if let Some(after) = here.strip_prefix("offset ") {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
                let (offset, after) = after.split_at_checked(end)?;
                out.push_str(&format!("offset {}", self.scaled_or_same(offset)));
                rest = after;
            } else {
                let (one, after) = here.split_at_checked(1)?;
                out.push_str(one);
                rest = after;
            }
        }
        out.push_str(rest);
        Some(out)
    }

    /// An upstream that is gone leaves its gauge behind: of those that each upstream has, what moved within the hour or
    /// was not there before. Any other is as new as the last response.
    fn live(&self, gauge: &str) -> Option<String> {
        let name: String = gauge.trim_start_matches('$').chars().take_while(|c| is_name(*c)).collect();
        let gauge = self.expand(gauge)?;
        if self.of_upstreams.contains(&name) {
            let hour = self.scaled(Duration::from_secs(3600));
            return Some(format!(
                "({gauge} and (changes({gauge}[{hour}]) > 0 or {gauge} unless {gauge} offset {hour}))"
            ));
        }
        Some(match self.expand("sum by (service) (increase($http_requests_total{$S}[10m])) > 0") {
            Some(traffic) => format!("({gauge} and on (service) {traffic})"),
            None => gauge,
        })
    }

    fn scaled_or_same(&self, text: &str) -> String {
        match parse_duration(text) {
            Some(duration) => self.scaled(duration),
            None => self.expand_word(text),
        }
    }

    /// A range that a word stands for, such as Grafana's.
    fn expand_word(&self, text: &str) -> String {
        let word = text.strip_prefix('$').and_then(|word| self.words.get(word));
        word.cloned().unwrap_or_else(|| text.to_owned())
    }

    /// A duration divided by the time scale, in whole milliseconds, at least one.
    pub fn scaled(&self, duration: Duration) -> String {
        let millis = duration.as_millis().checked_div(self.scale).unwrap_or_default();
        Duration::from_millis(millis.max(1)).to_string()
    }

    /// How long an alert must hold, divided by the time scale; empty where it need not.
    pub fn hold(&self, text: &str) -> String {
        parse_duration(text).map(|duration| self.scaled(duration)).unwrap_or_default()
    }

    /// An interval divided by the time scale, at least a second: nobody scrapes more often.
    pub fn interval(&self, seconds: u64) -> String {
        Duration::from_secs(seconds.checked_div(self.scale).unwrap_or_default().max(1)).to_string()
    }
}

/// How a custom counter tells failures: its label of statuses or of their classes.
///
/// The matcher of all failures, and the label with one of them.
pub fn failures_of(config: &Config, name: &str) -> Option<(String, String)> {
    label_of(config, name, |_, attribute| match attribute {
        Attribute::Status => Some(("5..|0", "500")),
        Attribute::CodeClass => Some(("5xx|none", "5xx")),
        _ => None,
    })
}

/// The same by a label with a given name, whose values the application chooses.
pub fn values_of(
    config: &Config,
    name: &str,
    label: &str,
    regex: &'static str,
    one: &'static str,
) -> Option<(String, String)> {
    label_of(config, name, |named, _| (named == label).then_some((regex, one)))
}

fn label_of(
    config: &Config,
    name: &str,
    mut choose: impl FnMut(&str, &Attribute) -> Option<(&'static str, &'static str)>,
) -> Option<(String, String)> {
    let metric = config.metrics.iter().find(|metric| metric.name == name)?;
    metric.labels.iter().find_map(|(label, attribute)| {
        let (regex, one) = choose(label, attribute)?;
        Some((format!("{label}=~\"{regex}\""), format!("{label}=\"{one}\"")))
    })
}

/// A string literal of PromQL.
pub fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A matcher that admits exactly these values; nothing where there are none, which admits all.
pub fn one_of<T: AsRef<str>>(label: &str, values: &[T]) -> Option<String> {
    match values {
        [] => None,
        [one] => Some(format!("{label}={}", literal(one.as_ref()))),
        many => {
            let quoted: Vec<String> = many.iter().map(|value| quote_regex(value.as_ref())).collect();
            Some(format!("{label}=~{}", literal(&quoted.join("|"))))
        }
    }
}

/// RE2's special characters, escaped.
fn quote_regex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests;
