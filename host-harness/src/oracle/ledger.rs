//! Observations in, samples out: a registry of the `prometheus` crate, with the contract's names and caps.

use super::OracleError;
use super::facts::{NONE, OTHER, OTHER_METHOD, code_class};
use crate::stats::{Sample, Value};
use prometheus::proto::{self, MetricType};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use redline::config::Config;
use redline::metric::DurationUnit;
use std::collections::{BTreeMap, HashMap, HashSet};

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

    const ALL: [Self; 19] = [
        Self::REQUESTS, Self::DURATION, Self::REQUEST_SIZE, Self::RESPONSE_SIZE, Self::IN_PROGRESS, Self::FAILURES,
        Self::UPSTREAM_DURATION, Self::RETRIES, Self::GRPC_REQUESTS, Self::TENANT_REQUESTS, Self::TENANT_REQUEST_BYTES,
        Self::TENANT_RESPONSE_BYTES, Self::TENANT_RATE_LIMITED, Self::TENANT_VIOLATIONS,
        Self::AUTH_FAILURES, Self::ACCESS_DENIED, Self::SLO_EVENTS,
        Self::SLO_BAD_EVENTS, Self::BUILD_INFO,
    ];
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
    /// By name without prefix and unit, with the full name.
    families: HashMap<&'static str, (String, Family)>,
    /// The label sets that are in use, without the overflow rows.
    admitted: HashSet<(&'static str, Vec<String>)>,
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
            admitted: HashSet::new(),
        };
        let disabled: Vec<&str> =
            config.disable.iter().map(|metric| metric.name(config.duration_unit)).collect();
        for metric in Metric::ALL {
            let plain = format!("{}{}", metric.name, if metric.kind == Kind::Duration { unit } else { "" });
            if !disabled.contains(&plain.as_str()) {
                let name = format!("{}{plain}", config.metric_prefix);
                let refused = |error: prometheus::Error| OracleError::Metric {
                    name: name.clone(),
                    reason: error.to_string(),
                };
                let family = ledger.register(&metric, &name, config).map_err(refused)?;
                ledger.families.insert(metric.name, (name, family));
            }
        }
        Ok(ledger)
    }

    fn register(&self, metric: &Metric, name: &str, config: &Config) -> prometheus::Result<Family> {
        let labels: Vec<&str> = std::iter::once("service").chain(metric.labels.iter().copied()).collect();
        let bounds = match metric.kind {
            Kind::Counter => {
                let family = IntCounterVec::new(Opts::new(name, name), &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                return Ok(Family::Counter(family));
            }
            Kind::Gauge => {
                let family = IntGaugeVec::new(Opts::new(name, name), &labels)?;
                self.registry.register(Box::new(family.clone()))?;
                return Ok(Family::Gauge(family));
            }
            Kind::Duration => config.buckets.duration.clone(),
            Kind::Size => config.buckets.size.clone(),
        };
        let options =
            HistogramOpts::new(name, name).buckets(bounds.iter().map(|bound| last_under(*bound)).collect());
        let family = HistogramVec::new(options, &labels)?;
        self.registry.register(Box::new(family.clone()))?;
        Ok(Family::Histogram(family, bounds))
    }

    /// Nanoseconds in one unit of the duration histograms.
    pub(super) fn unit_ns(&self) -> u64 {
        self.unit_ns
    }

    /// Whether a metric of this full name is counted here.
    pub(super) fn covers(&self, name: &str) -> bool {
        self.families.values().any(|(own, _)| own == name)
    }

    /// Adds to a counter (0 makes the series) or a gauge.
    pub(super) fn add(&mut self, metric: &Metric, labels: &[&str], amount: i64) {
        let row = self.row(metric, labels);
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        match self.families.get(metric.name) {
            Some((_, Family::Counter(family))) => family.with_label_values(&row).inc_by(amount.max(0) as u64),
            Some((_, Family::Gauge(family))) => family.with_label_values(&row).add(amount),
            _ => {}
        }
    }

    /// Adds a sample to a histogram.
    pub(super) fn observe(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        let row = self.row(metric, labels);
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        if let Some((_, Family::Histogram(family, _))) = self.families.get(metric.name) {
            family.with_label_values(&row).observe(value as f64);
        }
    }

    /// The label values, `service` first: the asked-for ones, or past `limits.max_series` the overflow row's.
    fn row(&mut self, metric: &Metric, labels: &[&str]) -> Vec<String> {
        let with_service = |labels: Vec<String>| [vec![self.service.clone()], labels].concat();
        let asked: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let overflow: Vec<String> = metric
            .labels
            .iter()
            .zip(labels)
            .map(|(label, value)| overflow(label, value).to_owned())
            .collect();
        let own = (metric.name, asked.clone());
        // What is never turned away takes no room.
        let free = asked == overflow || !self.families.contains_key(metric.name);
        if free || self.admitted.contains(&own) {
            return with_service(asked);
        }
        if self.admitted.len() >= self.max_series {
            return with_service(overflow);
        }
        self.admitted.insert(own);
        with_service(asked)
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
