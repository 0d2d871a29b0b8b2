//! A scrape of one Envoy in; what it says of each of Redline's services out.
//!
//! Nothing but the scrape is needed: what stands before the name of a built-in metric is the prefix, and the names of
//! durations say their unit. Label values may come from clients: what a terminal would obey is replaced here.

use crate::harmless::harmless;
use crate::scrape::{Sample, Scrape};
use redline::metric::{DurationUnit, Metric};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything of one scrape that is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// How long Envoy runs, in seconds; falls when Envoy restarts, but not when it restarts hot.
    pub uptime_s: Option<f64>,
    /// Totals since Envoy's start.
    pub counters: HashMap<Key, f64>,
    /// Service to what is so now; only the one that was asked for.
    pub services: BTreeMap<String, Gauges>,
    /// Every service that is there.
    pub known: BTreeSet<String>,
}

/// What is counted, for which service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The label `service`.
    pub service: String,
    /// The rest.
    pub count: Count,
}

/// A counter, or a bucket of a histogram.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Count {
    /// Requests that ended, by status.
    Requests(Route, String),
    /// Requests that took at most so long.
    Durations(Route, Bound),
    /// Requests of a tenant that ended, by class of status.
    TenantRequests(String, String),
    /// Request body bytes of a tenant.
    TenantBytesIn(String),
    /// Response body bytes of a tenant.
    TenantBytesOut(String),
    /// Requests of a tenant that were rate limited.
    TenantLimited(String),
    /// Observations that the limit of a label sent to an overflow row.
    Overflow(String),
    /// What could not be recorded, by reason.
    Dropped(String),
}

/// An endpoint and a method.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route {
    /// The template.
    pub endpoint: String,
    /// The method.
    pub method: String,
}

/// The upper bound of a bucket, which is not negative; in microseconds where the histogram is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bound {
    /// Whether it is in microseconds: both units are there after `duration_unit` was changed.
    pub micro: bool,
    // Bits of numbers that are not negative are in the numbers' order.
    bits: u64,
}

impl Bound {
    /// Of this many milliseconds, or microseconds.
    pub fn new(value: f64, unit: DurationUnit) -> Self {
        Self { micro: unit == DurationUnit::Microseconds, bits: value.max(0.0).to_bits() }
    }

    /// In milliseconds; infinite for the last bucket.
    pub fn ms(self) -> f64 {
        f64::from_bits(self.bits) / if self.micro { 1000.0 } else { 1.0 }
    }
}

/// What is so now, of one service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gauges {
    /// Requests in flight.
    pub in_flight: BTreeMap<Route, f64>,
    /// Tenant to its active users.
    pub users: BTreeMap<String, f64>,
    /// By name.
    pub slos: BTreeMap<String, SloGauges>,
    /// Label sets in use.
    pub series: Option<f64>,
    /// Label to its values in use, and how many it may have.
    pub values: BTreeMap<String, [f64; 2]>,
    /// When the gauges were set, in seconds since 1970.
    pub published_s: Option<f64>,
    /// Versions of the filter.
    pub versions: BTreeSet<String>,
}

/// How an SLO stands, as the proxy sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SloGauges {
    /// The code of [`redline::slo::SloStatus`].
    pub status: Option<f64>,
    /// What is left of the budget, in millionths.
    pub remaining_ppm: Option<f64>,
    /// By how much it is overspent, in millionths.
    pub overspent_ppm: Option<f64>,
    /// 99th percentile of the last hour; none of an SLO without latencies.
    pub p99_ms: Option<f64>,
    /// By the label `window`.
    pub windows: BTreeMap<String, WindowGauges>,
}

/// One window of an SLO.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowGauges {
    /// The burn rate times 1000.
    pub burn_milli: Option<f64>,
    /// Events.
    pub events: Option<f64>,
    /// Bad ones.
    pub bad: Option<f64>,
    /// How much of the window has been seen.
    pub coverage_s: Option<f64>,
}

impl Reading {
    /// Picks out what is Redline's; of `only` this service, where one is named.
    pub fn of(scrape: &Scrape, only: Option<&str>) -> Self {
        let names = names();
        let prefixes = prefixes(scrape);
        let known = prefixes.keys().map(|service| harmless(service)).collect();
        let mut reading = Self { known, ..Self::default() };
        for sample in &scrape.samples {
            if sample.name == "envoy_server_uptime" {
                reading.uptime_s = number(sample);
            }
            let service = sample.label("service");
            let Some(name) = prefixes.get(service).and_then(|prefix| sample.name.strip_prefix(prefix)) else {
                continue;
            };
            let service = harmless(service);
            let wanted = only.is_none_or(|only| only == service);
            if let (Some((metric, unit)), Some(value), true) = (names.get(name), number(sample), wanted) {
                reading.take(service, *metric, *unit, sample, value);
            }
        }
        reading
    }

    fn take(&mut self, service: String, metric: Metric, unit: DurationUnit, sample: &Sample, value: f64) {
        let label = |name: &str| harmless(sample.label(name));
        let route = || Route { endpoint: label("endpoint"), method: label("method") };
        let gauges = self.services.entry(service.clone()).or_default();
        let count = match metric {
            Metric::HttpRequests => Count::Requests(route(), label("status")),
            Metric::HttpRequestDuration => {
                // An Envoy's bounds are positive, and the last one infinite.
                let bound = sample.label("le").parse::<f64>().ok().filter(|bound| *bound > 0.0);
                let Some(bound) = bound else { return };
                Count::Durations(route(), Bound::new(bound, unit))
            }
            Metric::TenantRequests => Count::TenantRequests(label("tenant"), label("code_class")),
            Metric::TenantRequestBytes => Count::TenantBytesIn(label("tenant")),
            Metric::TenantResponseBytes => Count::TenantBytesOut(label("tenant")),
            Metric::TenantRateLimited => Count::TenantLimited(label("tenant")),
            Metric::SeriesOverflow => Count::Overflow(label("label")),
            Metric::Dropped => Count::Dropped(label("reason")),
            gauge => return gauges.take(gauge, route, &label, value),
        };
        *self.counters.entry(Key { service, count }).or_default() += value;
    }
}

impl Gauges {
    fn take(
        &mut self,
        metric: Metric,
        route: impl Fn() -> Route,
        label: &dyn Fn(&str) -> String,
        value: f64,
    ) {
        let of_slo = |gauges: &mut Self, set: &dyn Fn(&mut SloGauges)| {
            set(gauges.slos.entry(label("slo")).or_default());
        };
        let of_window = |gauges: &mut Self, set: &dyn Fn(&mut WindowGauges)| {
            of_slo(gauges, &|slo| set(slo.windows.entry(label("window")).or_default()));
        };
        match metric {
            Metric::HttpRequestsInProgress => *self.in_flight.entry(route()).or_default() += value,
            Metric::TenantActiveUsers => *self.users.entry(label("tenant")).or_default() += value,
            Metric::LabelSets => self.series = Some(value),
            Metric::LabelValues => self.values.entry(label("label")).or_default()[0] = value,
            Metric::LabelValuesMax => self.values.entry(label("label")).or_default()[1] = value,
            Metric::LastPublish => self.published_s = Some(value),
            Metric::BuildInfo => {
                self.versions.insert(label("version"));
            }
            Metric::SloStatus => of_slo(self, &|slo| slo.status = Some(value)),
            Metric::SloBudgetRemaining => of_slo(self, &|slo| slo.remaining_ppm = Some(value)),
            Metric::SloBudgetOverspent => of_slo(self, &|slo| slo.overspent_ppm = Some(value)),
            Metric::SloLatencyP99 => of_slo(self, &|slo| slo.p99_ms = Some(value)),
            Metric::SloBurnRate => of_window(self, &|window| window.burn_milli = Some(value)),
            Metric::SloWindowEvents => of_window(self, &|window| window.events = Some(value)),
            Metric::SloWindowBadEvents => of_window(self, &|window| window.bad = Some(value)),
            Metric::SloWindowCoverage => of_window(self, &|window| window.coverage_s = Some(value)),
            _ => {}
        }
    }
}

/// A value that an Envoy can have: its stats are unsigned integers of 64 bits, and sums of them.
fn number(sample: &Sample) -> Option<f64> {
    (0.0..=u64::MAX as f64).contains(&sample.value).then_some(sample.value)
}

/// The names without a prefix, of a histogram that of its buckets; and the unit of durations.
fn names() -> HashMap<String, (Metric, DurationUnit)> {
    let units = [DurationUnit::Microseconds, DurationUnit::Milliseconds];
    let of = |unit| {
        Metric::ALL.into_iter().map(move |metric| {
            let ending = if metric == Metric::HttpRequestDuration { "_bucket" } else { "" };
            (format!("{}{ending}", metric.name(unit)), (metric, unit))
        })
    };
    units.into_iter().flat_map(of).collect()
}

/// Service to `metric_prefix`. Where a configuration with another was there before, Envoy still shows both: the one
/// that published last counts.
fn prefixes(scrape: &Scrape) -> BTreeMap<&str, &str> {
    // In this order: any of them may be disabled.
    let telling = [
        Metric::LastPublish,
        Metric::BuildInfo,
        Metric::LabelSets,
        Metric::HttpRequests,
        Metric::TenantRequests,
        Metric::SloEvents,
    ];
    let mut found: BTreeMap<&str, (f64, &str)> = BTreeMap::new();
    for metric in telling {
        for sample in &scrape.samples {
            let service = sample.label("service");
            let all = metric.labels().iter().all(|label| sample.labels.contains_key(label.name()));
            let Some(prefix) = sample.name.strip_suffix(metric.name(DurationUnit::Milliseconds)) else {
                continue;
            };
            let published = if metric == Metric::LastPublish { sample.value } else { -1.0 };
            if !service.is_empty() && all && found.get(service).is_none_or(|(last, _)| *last < published) {
                found.insert(service, (published, prefix));
            }
        }
    }
    found.into_iter().map(|(service, (_, prefix))| (service, prefix)).collect()
}

#[cfg(test)]
mod tests;
