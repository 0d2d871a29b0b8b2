//! A configuration document in, validated settings out, or every mistake with its JSON path.
//!
//! The same object is Envoy's plugin configuration, Istio's `pluginConfig` and what the command line reads; the
//! filter and `redline check` call the same function and therefore refuse in the same words.

mod alerting;
mod custom;
mod error;
mod reader;
mod requests;
mod slo;
mod source;
mod tenant;
mod traffic;
mod units;
mod wire;
mod words;

pub use crate::signals::rate_limit::Field as QuotaField;
pub use alerting::Alerting;
pub use custom::{Attribute, CustomMetric, MAX_CUSTOM_LABELS, Value as MetricValue};
pub use error::{ConfigError, ConfigErrors};
pub use requests::{CacheOutcome, When, Where};
pub use slo::{DEFAULT_BAD_GRPC, DEFAULT_BAD_STATUS, Sli, Slo};
pub use source::{HostPattern, Isolation, MAX_SOURCES, ValueSource};
pub use tenant::{Tenant, User};
pub use traffic::{Buckets, EndpointSource, Endpoints, Exclude, Limits};
pub use units::{Duration, Objective, parse_duration};

use crate::metric::{DurationUnit, Kind, Metric};
use reader::{Fields, Node};
use serde_json::Value;

/// Everything one filter is told, validated; built by [`Config::from_json`].
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Label `service` on every metric: `[a-z0-9-]{1,63}`.
    pub service: String,
    /// How paths become the label `endpoint`.
    pub endpoints: Endpoints,
    /// Where the label `tenant` comes from.
    pub tenant: Tenant,
    /// Who counts as a user of a tenant.
    pub user: User,
    /// Bounds on what traffic can make the filter keep.
    pub limits: Limits,
    /// Histogram bounds.
    pub buckets: Buckets,
    /// Service level objectives.
    pub slos: Vec<Slo>,
    /// Custom metrics.
    pub metrics: Vec<CustomMetric>,
    /// For rendering only; the filter does not look at it.
    pub alerting: Alerting,
    /// In front of every metric name; may be empty.
    pub metric_prefix: String,
    /// Unit of every duration histogram, and the ending of its name.
    pub duration_unit: DurationUnit,
    /// Metrics that are not emitted.
    pub disable: Vec<Metric>,
    /// How often the filter publishes, 100 ms to 60 s.
    pub tick: Duration,
}

impl Config {
    /// Reads a plugin's configuration as Envoy hands it over: a JSON document, or the bytes of a protobuf Struct.
    pub fn from_plugin(bytes: &[u8]) -> Result<Self, ConfigErrors> {
        // A JSON document that begins with a line feed is none of a Struct's, whose next byte is a length.
        match bytes.starts_with(b"\n").then(|| wire::decode_struct(bytes)).flatten() {
            Some(value) => Self::from_value(&value),
            None => Self::from_json(bytes),
        }
    }

    /// Reads a JSON document; on failure every mistake, syntax errors included.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigErrors> {
        let value: Value = serde_json::from_slice(text).map_err(|e| {
            let reason = if text.iter().all(u8::is_ascii_whitespace) {
                "the configuration is empty; it needs at least {\"service\": \"NAME\"}".to_owned()
            } else {
                format!("not a JSON document: {e}")
            };
            ConfigErrors(vec![ConfigError { path: "$".to_owned(), value: String::new(), reason }])
        })?;
        Self::from_value(&value)
    }

    /// Reads a parsed document; on failure every mistake.
    pub fn from_value(value: &Value) -> Result<Self, ConfigErrors> {
        let mut errors = ConfigErrors::default();
        let config = Node::root(value).fields(&mut errors).and_then(|f| read(f, &mut errors));
        match config {
            Some(config) if errors.0.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    /// The full name of a built-in metric, prefix and unit included.
    pub fn metric_name(&self, metric: Metric) -> String {
        format!("{}{}", self.metric_prefix, metric.name(self.duration_unit))
    }

    /// The full name of a custom metric, prefix included.
    pub fn custom_name(&self, metric: &CustomMetric) -> String {
        [self.metric_prefix.as_str(), &metric.name].concat()
    }

    /// Whether a built-in metric is emitted: it is not disabled, and what it counts is configured.
    pub fn emits(&self, metric: Metric) -> bool {
        let configured = match metric {
            Metric::TenantIsolationViolations => self.tenant.isolation.is_some(),
            // Gauges are what the counters say.
            metric if metric.is_of_slo() => {
                let counters = [Metric::SloEvents, Metric::SloBadEvents];
                let counted =
                    counters.contains(&metric) || !counters.iter().any(|m| self.disable.contains(m));
                counted && !self.slos.is_empty()
            }
            Metric::TenantActiveUsers => !self.user.sources.is_empty(),
            _ => true,
        };
        configured && !self.disable.contains(&metric)
    }

    /// Every built-in metric that is emitted, in the catalogue's order.
    pub fn emitted(&self) -> impl Iterator<Item = Metric> {
        Metric::ALL.into_iter().filter(|m| self.emits(*m))
    }

    /// The bounds of a built-in histogram, in its own unit; empty for other kinds.
    pub fn bounds(&self, metric: Metric) -> &[u64] {
        match metric.kind() {
            Kind::Histogram if metric.is_duration() => &self.buckets.duration,
            Kind::Histogram => &self.buckets.size,
            Kind::Counter | Kind::Gauge => &[],
        }
    }

    /// For each histogram the start of its full stat name in Envoy, and its bounds.
    pub fn histogram_buckets(&self) -> Vec<(String, Vec<u64>)> {
        let built_in = self.emitted().filter(|m| m.kind() == Kind::Histogram);
        let built_in = built_in.map(|m| (self.metric_name(m), self.bounds(m).to_vec()));
        let custom = self.metrics.iter().filter(|m| m.kind == Kind::Histogram);
        let custom = custom.map(|m| (self.custom_name(m), m.buckets.clone()));
        let mut all: Vec<(String, Vec<u64>)> = Vec::new();
        for (name, bounds) in built_in.chain(custom) {
            let name = crate::stat_name::in_envoy(&name);
            // Several custom metrics may have one name, and then they have the same bounds.
            if !all.iter().any(|(known, _)| *known == name) {
                all.push((name, bounds));
            }
        }
        all
    }

    /// For each label its name and the regular expression that reads it from a full stat name in Envoy.
    ///
    /// Labels of disabled metrics are among them: Envoy reads these expressions at its start only, and a metric
    /// that is switched on later must not end up with its labels in its name.
    pub fn stat_tags(&self) -> Vec<(String, String)> {
        let mut labels = vec!["service"];
        let built_in = Metric::ALL.iter().flat_map(|m| m.labels()).map(|label| label.name());
        for label in built_in.chain(self.metrics.iter().flat_map(CustomMetric::label_names)) {
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels.into_iter().map(|name| (name.to_owned(), crate::stat_name::tag_regex(name))).collect()
    }
}

#[inline(never)]
fn read(mut fields: Fields<'_>, errors: &mut ConfigErrors) -> Option<Config> {
    let service = fields.require("service", errors).and_then(|node| {
        node.text_where(errors, "1 to 63 of a-z, 0-9 and -", &|s| {
            (1..=63).contains(&s.len())
                && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
    });
    let limits = Limits::read(fields.take("limits"), errors);
    let endpoints = Endpoints::read(fields.take("endpoints"), errors);
    let tenant = Tenant::read(fields.take("tenant"), limits, &endpoints, errors);
    let user = User::read(fields.take("user"), &endpoints, errors);
    let duration_unit = match fields.take("duration_unit") {
        None => DurationUnit::Milliseconds,
        Some(node) => {
            let known = [("ms", DurationUnit::Milliseconds), ("us", DurationUnit::Microseconds)];
            words::one_of(&node, &known, errors).unwrap_or(DurationUnit::Milliseconds)
        }
    };
    let buckets = Buckets::read(fields.take("buckets"), duration_unit, errors);
    let slos = slo::read_all(fields.take("slos"), (&endpoints, &tenant), errors);
    let metrics = custom::read_all(fields.take("metrics"), (&endpoints, limits, &buckets), errors);
    let alerting = Alerting::read(fields.take("alerting"), errors);
    let metric_prefix = fields
        .take("metric_prefix")
        .and_then(|node| {
            node.text_where(errors, "nothing, or a letter and then letters, digits and _, at most 40", &|s| {
                s.is_empty() || (s.len() <= 40 && words::is_identifier(s) && !s.starts_with('_'))
            })
        })
        .unwrap_or_default();
    let disable = match fields.take("disable") {
        None => Vec::new(),
        Some(node) => node.list_of(errors, |node, errors| {
            let name = node.text(errors)?;
            match Metric::ALL.into_iter().find(|m| m.name(duration_unit) == name) {
                Some(metric) => Some(metric),
                None => node.fail(errors, "no built-in metric has this name; `redline check` lists them"),
            }
        }),
    };
    let tick = fields
        .take("tick")
        .and_then(|node| node.duration(errors, Duration::from_millis(100)..=Duration::from_secs(60)))
        .unwrap_or(Duration::from_secs(10));
    fields.finish(errors);
    Some(Config {
        service: service?,
        endpoints,
        tenant,
        user,
        limits,
        buckets,
        slos,
        metrics,
        alerting,
        metric_prefix,
        duration_unit,
        disable,
        tick,
    })
}

#[cfg(test)]
mod tests;
