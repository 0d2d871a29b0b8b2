//! A configuration in; the worst number of series that traffic can make it emit, per metric, out.
//!
//! A label set is one combination of label values, and what `limits.max_series` caps. A counter or gauge shows each
//! as one Prometheus series, a histogram as one per bucket, `+Inf`, `_sum` and `_count`.

use redline::config::{Attribute, Config, CustomMetric, EndpointSource, Sli};
use redline::exchange::{FLAGS, Method, ResponseFlags, StatusMatch};
use redline::metric::{Kind, Label, Metric};
use redline::slo::Window;

/// The status codes of IANA's registry (62, RFC 9110 16.2), and 0 where no response was sent.
pub const STATUSES: u64 = 63;
/// `none`, `1xx` to `5xx`, and `_other` for codes outside them.
const CODE_CLASSES: u64 = 7;
/// gRPC's codes, 0 to 16.
const GRPC_CODES: u64 = 17;
/// `+Inf`, `_sum` and `_count`.
const HISTOGRAM_EXTRAS: u64 = 3;
/// Reasons that the filter's own counter of drops can name.
const DROP_REASONS: u64 = 4;
/// What a label set costs in Envoy, roughly, in bytes: a counter or gauge once; a histogram once, and once more in
/// each worker that has recorded.
const NUMBER_BYTES: u64 = 250;
const HISTOGRAM_BYTES: u64 = 3_200;

/// The worst case of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Every metric that is emitted, in the catalogue's order, and then the configuration's.
    pub metrics: Vec<MetricEstimate>,
    /// `limits.max_series`.
    pub max_series: u64,
}

/// The worst case of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricEstimate {
    /// Its full name, prefix and unit included.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Each label beside `service` with the most values that it can take.
    pub labels: Vec<LabelEstimate>,
    /// The product of those.
    pub label_sets: u64,
    /// Label sets as Prometheus counts them.
    pub series: u64,
    /// Whether it counts towards `limits.max_series`; the filter's own metrics do not.
    pub capped: bool,
}

/// The worst case of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEstimate {
    /// Its name.
    pub name: String,
    /// Most values.
    pub values: u64,
    /// Whether the configuration decides how many; methods, codes and classes are what they are.
    pub chosen: bool,
}

/// Memory of Envoy's, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Whatever the number of workers.
    pub once: u64,
    /// For each worker.
    pub per_worker: u64,
}

/// `limits.max_series` is smaller than the worst case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// The metric with most label sets.
    pub metric: String,
    /// Of its labels whose values the configuration decides, the one with most.
    pub label: LabelEstimate,
}

impl Estimate {
    /// The worst case of `config`.
    pub fn of(config: &Config) -> Self {
        let mut metrics: Vec<MetricEstimate> =
            config.emitted().map(|metric| MetricEstimate::of(config, metric)).collect();
        for metric in &config.metrics {
            let more = MetricEstimate::of_custom(config, metric);
            match metrics.iter_mut().find(|known| known.name == more.name) {
                Some(known) => known.add(more),
                None => metrics.push(more),
            }
        }
        Self { metrics, max_series: u64::from(config.limits.max_series) }
    }

    /// Label sets of all metrics, those that are not capped too.
    pub fn label_sets(&self) -> u64 {
        self.metrics.iter().map(|m| m.label_sets).fold(0, u64::saturating_add)
    }

    /// Prometheus series of all metrics.
    pub fn series(&self) -> u64 {
        self.metrics.iter().map(|m| m.series).fold(0, u64::saturating_add)
    }

    /// Label sets that count towards `limits.max_series`.
    pub fn capped_label_sets(&self) -> u64 {
        self.metrics.iter().filter(|m| m.capped).map(|m| m.label_sets).fold(0, u64::saturating_add)
    }

    /// What the label sets cost in Envoy, where as many of them as `limits.max_series` admits are histograms.
    pub fn memory(&self) -> Memory {
        let sets = |capped: bool, histograms: bool| {
            let metrics = self.metrics.iter().filter(|m| m.capped == capped);
            let metrics = metrics.filter(|m| (m.kind == Kind::Histogram) == histograms);
            metrics.map(|m| m.label_sets).fold(0, u64::saturating_add)
        };
        let histograms = sets(true, true).min(self.max_series);
        let numbers = sets(true, false).min(self.max_series.saturating_sub(histograms));
        let numbers = numbers.saturating_add(sets(false, false));
        let per_worker = histograms.saturating_mul(HISTOGRAM_BYTES);
        Memory { once: numbers.saturating_mul(NUMBER_BYTES).saturating_add(per_worker), per_worker }
    }

    /// What overflows first, where the worst case exceeds `limits.max_series`.
    pub fn overflow(&self) -> Option<Overflow> {
        if self.capped_label_sets() <= self.max_series {
            return None;
        }
        let largest = self.metrics.iter().filter(|m| m.capped).max_by_key(|m| m.label_sets)?;
        // Where no label is the configuration's, the longest alphabet is all that there is to name.
        let label = largest.labels.iter().max_by_key(|l| (l.chosen && l.values > 1, l.values))?;
        Some(Overflow { metric: largest.name.clone(), label: label.clone() })
    }
}

impl MetricEstimate {
    fn of(config: &Config, metric: Metric) -> Self {
        let labels: Vec<LabelEstimate> =
            metric.labels().iter().map(|label| LabelEstimate::of(config, metric, *label)).collect();
        let capped = !metric.is_own() && !metric.is_of_slo();
        Self::new(config.metric_name(metric), metric.kind(), config.bounds(metric), labels, capped)
    }

    fn of_custom(config: &Config, metric: &CustomMetric) -> Self {
        let mut labels: Vec<LabelEstimate> = metric
            .labels
            .iter()
            .map(|(name, attribute)| LabelEstimate::of_custom(config, metric, name, attribute))
            .collect();
        if metric.per_upstream {
            let values = u64::from(metric.max).saturating_add(2);
            labels.push(LabelEstimate { name: "upstream".to_owned(), values, chosen: true });
        }
        Self::new(config.custom_name(metric), metric.kind, &metric.buckets, labels, true)
    }

    /// Another rule counts into this metric too.
    fn add(&mut self, more: Self) {
        self.label_sets = self.label_sets.saturating_add(more.label_sets);
        self.series = self.series.saturating_add(more.series);
        for (label, more) in self.labels.iter_mut().zip(more.labels) {
            label.values = label.values.saturating_add(more.values);
        }
    }

    fn new(name: String, kind: Kind, bounds: &[u64], labels: Vec<LabelEstimate>, capped: bool) -> Self {
        let label_sets = labels.iter().map(|l| l.values).fold(1, u64::saturating_mul);
        let per_label_set = match kind {
            Kind::Histogram => size(bounds).saturating_add(HISTOGRAM_EXTRAS),
            Kind::Counter | Kind::Gauge => 1,
        };
        Self { name, kind, label_sets, series: label_sets.saturating_mul(per_label_set), capped, labels }
    }
}

impl LabelEstimate {
    fn of(config: &Config, metric: Metric, label: Label) -> Self {
        let (values, chosen) = match label {
            Label::Method => (size(&Method::ALL), false),
            Label::Endpoint => (endpoints(config), true),
            Label::Status => (STATUSES, false),
            Label::Tenant if metric == Metric::TenantIsolationViolations => (claimed_tenants(config), true),
            Label::Tenant => (tenants(config), true),
            Label::CodeClass => (CODE_CLASSES, false),
            Label::GrpcCode => (GRPC_CODES, false),
            Label::Reason if metric == Metric::Dropped => (DROP_REASONS, false),
            Label::Reason => (failure_reasons(), false),
            Label::Label if metric == Metric::SeriesOverflow => {
                (bounded_labels(config).saturating_add(1), true)
            }
            Label::Label => (bounded_labels(config), true),
            Label::Version => (1, false),
            Label::Slo if metric == Metric::SloLatencyP99 => (latency_slos(config), true),
            Label::Slo => (size(&config.slos), true),
            Label::Window => (size(&Window::ALL), false),
        };
        Self { name: label.name().to_owned(), values, chosen }
    }

    /// A label of a custom metric: its alphabet where that is smaller than `max`, else `max` values and `_other`; and
    /// `_none`, where there may be nothing.
    fn of_custom(config: &Config, metric: &CustomMetric, name: &str, attribute: &Attribute) -> Self {
        let max = u64::from(metric.max);
        let listed = max.saturating_add(2);
        let (values, chosen) = match attribute {
            Attribute::Method => (size(&Method::ALL).min(listed), false),
            Attribute::Endpoint => (endpoints(config).min(max.saturating_add(1)), true),
            Attribute::Status => (statuses_of(metric).min(listed), false),
            Attribute::Constant(_) => (1, false),
            Attribute::CodeClass => (CODE_CLASSES.min(listed), false),
            Attribute::Tenant => (tenants(config).min(listed), true),
            _ => (listed, true),
        };
        Self { name: name.to_owned(), values, chosen }
    }
}

/// The statuses that a custom metric sees.
fn statuses_of(metric: &CustomMetric) -> u64 {
    let codes = |status: &StatusMatch| match status {
        StatusMatch::Code(_) => 1,
        StatusMatch::Class(_) => STATUSES,
    };
    match metric.when.status.iter().map(codes).fold(0, u64::saturating_add) {
        0 => STATUSES,
        n => n.min(STATUSES),
    }
}

/// Labels that have a cap of their own: `tenant`, and those of custom metrics.
fn bounded_labels(config: &Config) -> u64 {
    let labels =
        config.metrics.iter().map(|metric| u64::try_from(metric.label_names().count()).unwrap_or(u64::MAX));
    labels.fold(1, u64::saturating_add)
}

/// Envoy's response flags that say a failure.
fn failure_reasons() -> u64 {
    let bits = u32::try_from(FLAGS.len()).unwrap_or(u32::MAX);
    let failures = (0..bits).filter(|bit| ResponseFlags(1_u64.wrapping_shl(*bit)).failure().is_some());
    u64::try_from(failures.count()).unwrap_or(u64::MAX)
}

/// The templates and `_other`. Envoy's route names are not known here, so only the limit bounds them.
fn endpoints(config: &Config) -> u64 {
    match config.endpoints.source {
        EndpointSource::Template => size(&config.endpoints.templates).saturating_add(1),
        EndpointSource::RouteName => u64::from(config.limits.max_series),
    }
}

/// `tenant.max` names or those of `tenant.allow`, and `_none` and `_other`; `_none` alone where none is looked for.
fn tenants(config: &Config) -> u64 {
    if config.tenant.sources.is_empty() {
        return 1;
    }
    admitted_tenants(config).saturating_add(2)
}

/// A violation has a claim: never `_none`.
fn claimed_tenants(config: &Config) -> u64 {
    admitted_tenants(config).saturating_add(1)
}

fn admitted_tenants(config: &Config) -> u64 {
    let max = u64::from(config.tenant.max);
    if config.tenant.allow.is_empty() { max } else { max.min(size(&config.tenant.allow)) }
}

fn latency_slos(config: &Config) -> u64 {
    let latency = config.slos.iter().filter(|slo| matches!(slo.sli, Sli::Latency { .. }));
    u64::try_from(latency.count()).unwrap_or(u64::MAX)
}

fn size<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
