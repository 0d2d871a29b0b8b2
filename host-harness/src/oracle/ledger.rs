//! Observations in, samples out: a registry of the `prometheus` crate, with the contract's names and caps.

use super::facts::{NONE, OTHER, OTHER_METHOD, code_class};
use crate::stats::{Sample, Value};
use prometheus::proto::{self, MetricType};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use redline::config::{Config, CustomMetric};
use redline::metric::{self, DurationUnit};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Why the oracle cannot count.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// The `prometheus` crate refused a metric.
    #[error("metric {name}: {reason}")]
    Metric {
        /// Which.
        name: String,
        /// The crate's words.
        reason: String,
    },
}

/// A metric of the contract.
#[derive(Debug)]
pub(super) struct Metric {
    /// Without prefix; a duration's ends in its unit, which is appended.
    name: &'static str,
    kind: Kind,
    /// Beside `service`.
    labels: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Duration,
    Size,
}

const fn metric(name: &'static str, kind: Kind, labels: &'static [&'static str]) -> Metric {
    Metric { name, kind, labels }
}

#[rustfmt::skip]
impl Metric {
    pub(super) const REQUESTS: Self = metric("http_requests_total", Kind::Counter, &["method", "endpoint", "status"]);
    pub(super) const DURATION: Self = metric("http_request_duration", Kind::Duration, &["method", "endpoint"]);
    pub(super) const REQUEST_SIZE: Self = metric("http_request_size_bytes", Kind::Size, &["method", "endpoint"]);
    pub(super) const RESPONSE_SIZE: Self = metric("http_response_size_bytes", Kind::Size, &["method", "endpoint"]);
    pub(super) const IN_PROGRESS: Self = metric("http_requests_in_progress", Kind::Gauge, &["method", "endpoint"]);
    pub(super) const FAILURES: Self = metric("http_failures_total", Kind::Counter, &["endpoint", "reason"]);
    pub(super) const UPSTREAM_DURATION: Self = metric("http_upstream_duration", Kind::Duration, &["endpoint"]);
    pub(super) const RETRIES: Self = metric("http_retries_total", Kind::Counter, &["endpoint"]);
    pub(super) const GRPC_REQUESTS: Self = metric("grpc_requests_total", Kind::Counter, &["endpoint", "grpc_code"]);
    pub(super) const TENANT_REQUESTS: Self = metric("tenant_requests_total", Kind::Counter, &["tenant", "code_class"]);
    pub(super) const TENANT_REQUEST_BYTES: Self = metric("tenant_request_bytes_total", Kind::Counter, &["tenant"]);
    pub(super) const TENANT_RESPONSE_BYTES: Self = metric("tenant_response_bytes_total", Kind::Counter, &["tenant"]);
    pub(super) const TENANT_RATE_LIMITED: Self = metric("tenant_rate_limited_total", Kind::Counter, &["tenant"]);
    pub(super) const TENANT_VIOLATIONS: Self = metric("tenant_isolation_violations_total", Kind::Counter, &["tenant"]);
    pub(super) const AUTH_FAILURES: Self = metric("auth_failures_total", Kind::Counter, &["endpoint"]);
    pub(super) const ACCESS_DENIED: Self = metric("access_denied_total", Kind::Counter, &["endpoint"]);
    pub(super) const SLO_EVENTS: Self = metric("slo_events_total", Kind::Counter, &["slo"]);
    pub(super) const SLO_BAD_EVENTS: Self = metric("slo_bad_events_total", Kind::Counter, &["slo"]);
    pub(super) const BUILD_INFO: Self = metric("redline_build_info", Kind::Gauge, &["version"]);
    pub(super) const OVERFLOW: Self = metric("redline_series_overflow_total", Kind::Counter, &["label"]);
    pub(super) const DROPPED: Self = metric("redline_dropped_total", Kind::Counter, &["reason"]);

    const ALL: [Self; 21] = [
        Self::REQUESTS, Self::DURATION, Self::REQUEST_SIZE, Self::RESPONSE_SIZE, Self::IN_PROGRESS, Self::FAILURES,
        Self::UPSTREAM_DURATION, Self::RETRIES, Self::GRPC_REQUESTS, Self::TENANT_REQUESTS, Self::TENANT_REQUEST_BYTES,
        Self::TENANT_RESPONSE_BYTES, Self::TENANT_RATE_LIMITED, Self::TENANT_VIOLATIONS,
        Self::AUTH_FAILURES, Self::ACCESS_DENIED, Self::SLO_EVENTS,
        Self::SLO_BAD_EVENTS, Self::BUILD_INFO, Self::OVERFLOW, Self::DROPPED,
    ];
}

impl Kind {
    fn shape(self) -> metric::Kind {
        match self {
            Self::Counter => metric::Kind::Counter,
            Self::Gauge => metric::Kind::Gauge,
            Self::Duration | Self::Size => metric::Kind::Histogram,
        }
    }
}

#[derive(Debug)]
enum Family {
    Counter(IntCounterVec),
    Gauge(IntGaugeVec),
    /// With the configured bounds, in the order of the buckets.
    Histogram(HistogramVec, Vec<u64>),
}

/// Every metric that is emitted.
#[derive(Debug)]
pub(super) struct Ledger {
    service: String,
    unit_ns: u64,
    max_series: usize,
    registry: Registry,
    /// With the full name.
    families: HashMap<Key, (String, Family)>,
    /// For each configured metric the place of the first with its name.
    first_of_name: Vec<usize>,
    /// The label sets that are in use, without the overflow rows.
    admitted: HashSet<(Key, Vec<String>)>,
}

/// A metric, by its name without prefix and unit, or its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    BuiltIn(&'static str),
    Custom(usize),
}

/// A label's value, and what stands for it in the overflow row.
#[derive(Debug)]
pub(super) struct LabelValue {
    pub(super) value: String,
    pub(super) overflow: String,
}

/// The label values that are counted, `service` first.
enum Row {
    Own(Vec<String>),
    /// Those of the metric's overflow row, past `limits.max_series`.
    Overflow(Vec<String>),
}

impl Ledger {
    pub(super) fn new(config: &Config) -> Result<Self, OracleError> {
        let microseconds = config.duration_unit == DurationUnit::Microseconds;
        let unit = if microseconds { "_microseconds" } else { "_milliseconds" };
        let mut ledger = Self {
            service: config.service.clone(),
            unit_ns: if microseconds { 1_000 } else { 1_000_000 },
            max_series: config.limits.max_series as usize,
            registry: Registry::new(),
            families: HashMap::new(),
            first_of_name: Vec::new(),
            admitted: HashSet::new(),
        };
        let disabled: Vec<&str> =
            config.disable.iter().map(|metric| metric.name(config.duration_unit)).collect();
        let refused = |name: &str| {
            let name = name.to_owned();
            move |error: prometheus::Error| OracleError::Metric { name, reason: error.to_string() }
        };
        for metric in Metric::ALL {
            let plain = format!("{}{}", metric.name, if metric.kind == Kind::Duration { unit } else { "" });
            if !disabled.contains(&plain.as_str()) {
                let name = format!("{}{plain}", config.metric_prefix);
                let bounds = match metric.kind {
                    Kind::Duration => config.buckets.duration.as_slice(),
                    _ => config.buckets.size.as_slice(),
                };
                let family = ledger.register(metric.kind.shape(), &name, metric.labels, bounds);
                let family = family.map_err(refused(&name))?;
                ledger.families.insert(Key::BuiltIn(metric.name), (name, family));
            }
        }
        for (place, metric) in config.metrics.iter().enumerate() {
            // Several metrics of one name are one family.
            let first = config.metrics.iter().position(|known| known.name == metric.name).unwrap_or(place);
            ledger.first_of_name.push(first);
            if first < place {
                continue;
            }
            let name = format!("{}{}", config.metric_prefix, metric.name);
            let labels: Vec<&str> = CustomMetric::label_names(metric).collect();
            let family = ledger.register(metric.kind, &name, &labels, &metric.buckets);
            let family = family.map_err(refused(&name))?;
            ledger.families.insert(Key::Custom(place), (name, family));
        }
        Ok(ledger)
    }

    fn register(
        &self,
        shape: metric::Kind,
        name: &str,
        labels: &[&str],
        bounds: &[u64],
    ) -> prometheus::Result<Family> {
        let labels: Vec<&str> = std::iter::once("service").chain(labels.iter().copied()).collect();
        Ok(match shape {
            metric::Kind::Counter => {
                let family = IntCounterVec::new(Opts::new(name, name), &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                Family::Counter(family)
            }
            metric::Kind::Gauge => {
                let family = IntGaugeVec::new(Opts::new(name, name), &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                Family::Gauge(family)
            }
            metric::Kind::Histogram => {
                let buckets = bounds.iter().map(|bound| last_under(*bound)).collect();
                let family = HistogramVec::new(HistogramOpts::new(name, name).buckets(buckets), &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                Family::Histogram(family, bounds.to_vec())
            }
        })
    }

    /// Nanoseconds in one unit of the duration histograms.
    pub(super) fn unit_ns(&self) -> u64 {
        self.unit_ns
    }

    /// The name without prefix and unit of the metric with this full name; `None` where it is not counted here.
    pub(super) fn plain_name(&self, full_name: &str) -> Option<&str> {
        let (key, (name, _)) = self.families.iter().find(|(_, (name, _))| name == full_name)?;
        Some(match key {
            Key::BuiltIn(plain) => plain,
            Key::Custom(_) => name,
        })
    }

    /// Adds to a counter (0 makes the series) or a gauge.
    pub(super) fn add(&mut self, metric: &Metric, labels: &[&str], amount: i64) {
        let row = self.row_of(metric, labels);
        // What went to the overflow row comes back from there; it is one observation.
        if matches!(row, Row::Overflow(_)) && amount >= 0 {
            self.count_overflow();
        }
        let (Row::Own(row) | Row::Overflow(row)) = row;
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        match self.families.get(&Key::BuiltIn(metric.name)) {
            Some((_, Family::Counter(family))) => family.with_label_values(&row).inc_by(amount.max(0) as u64),
            Some((_, Family::Gauge(family))) => family.with_label_values(&row).add(amount),
            _ => {}
        }
    }

    /// Adds a sample to a histogram.
    pub(super) fn observe(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        let row = self.row_of(metric, labels);
        if matches!(row, Row::Overflow(_)) {
            self.count_overflow();
        }
        let (Row::Own(row) | Row::Overflow(row)) = row;
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        if let Some((_, Family::Histogram(family, _))) = self.families.get(&Key::BuiltIn(metric.name)) {
            family.with_label_values(&row).observe(value as f64);
        }
    }

    /// Adds, sets or observes a value of the configured metric at this place.
    pub(super) fn record_custom(&mut self, place: usize, labels: &[LabelValue], value: u64) {
        let asked = labels.iter().map(|label| label.value.clone()).collect();
        let overflow = labels.iter().map(|label| label.overflow.clone()).collect();
        let place = self.first_of_name.get(place).copied().unwrap_or(place);
        let row = self.row(Key::Custom(place), asked, overflow);
        let past_limit = matches!(row, Row::Overflow(_));
        if past_limit {
            self.count_overflow();
        }
        let (Row::Own(row) | Row::Overflow(row)) = row;
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        match self.families.get(&Key::Custom(place)) {
            Some((_, Family::Counter(family))) => family.with_label_values(&row).inc_by(value),
            // What many say is nobody's value.
            Some((_, Family::Gauge(family))) if !past_limit => {
                family.with_label_values(&row).set(i64::try_from(value).unwrap_or(i64::MAX));
            }
            Some((_, Family::Histogram(family, _))) => family.with_label_values(&row).observe(value as f64),
            _ => {}
        }
    }

    fn count_overflow(&mut self) {
        self.add(&Metric::OVERFLOW, &["max_series"], 1);
    }

    fn row_of(&mut self, metric: &Metric, labels: &[&str]) -> Row {
        let asked = labels.iter().map(|label| (*label).to_owned()).collect();
        let both = metric.labels.iter().zip(labels);
        let overflow = both.map(|(label, value)| overflow(label, value).to_owned()).collect();
        self.row(Key::BuiltIn(metric.name), asked, overflow)
    }

    fn row(&mut self, metric: Key, asked: Vec<String>, overflow: Vec<String>) -> Row {
        let with_service = |labels: Vec<String>| [vec![self.service.clone()], labels].concat();
        let own = (metric, asked.clone());
        // What is never turned away takes no room.
        let free = asked == overflow || !self.families.contains_key(&metric);
        if free || self.admitted.contains(&own) {
            return Row::Own(with_service(asked));
        }
        if self.admitted.len() >= self.max_series {
            return Row::Overflow(with_service(overflow));
        }
        self.admitted.insert(own);
        Row::Own(with_service(asked))
    }

    /// Every series.
    pub(super) fn snapshot(&self) -> Vec<Sample> {
        let samples = |family: &proto::MetricFamily| -> Vec<Sample> {
            let bounds = self.families.values().find_map(|(name, own)| match own {
                Family::Histogram(_, bounds) if name == family.name() => Some(bounds.as_slice()),
                _ => None,
            });
            let name = family.name().to_owned();
            let each = family.get_metric().iter();
            each.map(|metric| sample(&name, metric, family.get_field_type(), bounds.unwrap_or_default()))
                .collect()
        };
        self.registry.gather().iter().flat_map(samples).collect()
    }
}

/// What a label says in its metric's overflow row.
fn overflow<'a>(label: &str, value: &'a str) -> &'a str {
    match label {
        "method" => OTHER_METHOD,
        "endpoint" | "tenant" => OTHER,
        "status" => value.parse().map_or(NONE, code_class),
        _ => value,
    }
}

/// The greatest integer that Envoy counts under a bound: it keeps two significant digits, so 120 takes up to 129.
fn last_under(bound: u64) -> f64 {
    let mut width = 1;
    while bound / width >= 100 {
        width *= 10;
    }
    (bound / width * width + width - 1) as f64
}

fn sample(name: &str, metric: &proto::Metric, kind: MetricType, bounds: &[u64]) -> Sample {
    let labels: BTreeMap<String, String> =
        metric.get_label().iter().map(|pair| (pair.name().to_owned(), pair.value().to_owned())).collect();
    let value = match kind {
        MetricType::COUNTER => Value::Counter(metric.get_counter().get_value() as u64),
        MetricType::GAUGE => Value::Gauge(metric.get_gauge().get_value() as i64 as u64),
        _ => {
            let histogram = metric.get_histogram();
            let buckets = histogram.get_bucket().iter().map(|bucket| bucket.cumulative_count());
            Value::Histogram {
                bounds: bounds.iter().map(|bound| *bound as f64).collect(),
                cumulative: buckets.take(bounds.len()).collect(),
                count: histogram.get_sample_count(),
                sum: histogram.get_sample_sum(),
            }
        }
    };
    Sample { name: name.to_owned(), labels, value }
}
