//! Metric operations of all VMs in; a snapshot or Prometheus text out. Envoy 1.40's stat semantics.
//!
//! * names get Envoy's prefix `wasmcustom.`; one name and type is one stat, whoever defines it;
//! * counters and gauges are `u64`; a gauge that is taken below 0 wraps;
//! * labels are cut out of names by `stats_tags` rules, buckets chosen by prefix ([`tags`], [`StatConfig`]);
//! * histograms keep two significant digits ([`histogram`]). Envoy shows a histogram after its next flush (5 s);
//!   here it shows at once.

pub mod histogram;
pub mod prometheus;
mod snapshot;
mod table;
pub mod tags;
mod view;

pub use snapshot::{Sample, Value};
pub use table::{MetricTable, MetricType};
pub use view::StatView;

use histogram::Histogram;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tags::{Extracted, TagRules, without_final_dots};

/// What Envoy puts in front of the name of every stat of a Wasm filter.
pub const NAMESPACE: &str = "wasmcustom.";

/// Envoy's buckets for a histogram that no setting names; unit by habit milliseconds.
pub const DEFAULT_BUCKETS: [f64; 19] = [
    0.5, 1., 5., 10., 25., 50., 100., 250., 500., 1000., 2500., 5000., 10000., 30000., 60000., 300000.,
    600000., 1800000., 3600000.,
];

/// The part of Envoy's `stats_config` that decides what a filter's stats look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatConfig {
    /// `stats_tags`: tag name and regular expression.
    pub tags: Vec<(String, String)>,
    /// `histogram_bucket_settings`: prefix of the full stat name (with `wasmcustom.`) and bounds; the first wins.
    pub buckets: Vec<(String, Vec<u64>)>,
}

/// A [`StatConfig`] that Envoy would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatError {
    /// A tag rule.
    #[error("stats tag {tag}: regular expression {regex}: {reason}")]
    Tag {
        /// The tag's name.
        tag: String,
        /// As written.
        regex: String,
        /// What is wrong.
        reason: String,
    },
    /// Bucket bounds that do not grow, or none.
    #[error("histogram buckets for {prefix}: bounds must be there and each greater than the one before")]
    Buckets {
        /// The setting's prefix.
        prefix: String,
    },
}

/// Every stat of one Envoy process; the VMs share it.
#[derive(Debug, Default)]
pub struct StatStore {
    tags: TagRules,
    buckets: Vec<(String, Arc<[f64]>)>,
    stats: Mutex<HashMap<(MetricType, Vec<u8>), Entry>>,
}

#[derive(Debug)]
struct Entry {
    extracted: Extracted,
    stat: Stat,
}

/// A handle on one stat.
#[derive(Debug, Clone)]
pub(crate) enum Stat {
    Counter(Arc<AtomicU64>),
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Recorded>),
}

/// A histogram and the bounds that it was made with.
#[derive(Debug)]
pub(crate) struct Recorded {
    bounds: Arc<[f64]>,
    values: Mutex<Histogram>,
}

impl Stat {
    fn add(&self, offset: u64) {
        match self {
            // Wraps, as Envoy's release build does.
            Self::Counter(value) | Self::Gauge(value) => {
                value.fetch_add(offset, Relaxed);
            }
            Self::Histogram(_) => {}
        }
    }

    fn record(&self, number: u64) {
        match self {
            Self::Counter(value) => {
                value.fetch_add(number, Relaxed);
            }
            Self::Gauge(value) => value.store(number, Relaxed),
            Self::Histogram(recorded) => lock(&recorded.values).record(number),
        }
    }

    fn value(&self) -> Option<u64> {
        match self {
            Self::Counter(value) | Self::Gauge(value) => Some(value.load(Relaxed)),
            Self::Histogram(_) => None,
        }
    }
}

impl StatStore {
    /// An empty store.
    pub fn new(config: &StatConfig) -> Result<Self, StatError> {
        let mut buckets = Vec::with_capacity(config.buckets.len());
        for (prefix, bounds) in &config.buckets {
            if bounds.is_empty() || bounds.windows(2).any(|pair| pair.first() >= pair.last()) {
                return Err(StatError::Buckets { prefix: prefix.clone() });
            }
            buckets.push((prefix.clone(), bounds.iter().map(|bound| *bound as f64).collect()));
        }
        Ok(Self { tags: TagRules::new(&config.tags)?, buckets, stats: Mutex::default() })
    }

    /// The stat of this type and name (without the namespace), made at its first use.
    pub(crate) fn stat(&self, metric: MetricType, name: &[u8]) -> Stat {
        let full = without_final_dots([NAMESPACE.as_bytes(), name].concat());
        let mut stats = lock(&self.stats);
        if let Some(entry) = stats.get(&(metric, full.clone())) {
            return entry.stat.clone();
        }
        let stat = match metric {
            MetricType::Counter => Stat::Counter(Arc::default()),
            MetricType::Gauge => Stat::Gauge(Arc::default()),
            MetricType::Histogram => {
                Stat::Histogram(Arc::new(Recorded { bounds: self.bounds(&full), values: Mutex::default() }))
            }
        };
        let extracted = self.tags.extract(&full);
        stats.insert((metric, full), Entry { extracted, stat: stat.clone() });
        stat
    }

    /// The value of one counter or gauge, by its stat name without the namespace; `None` where there is none, and for
    /// histograms. Much cheaper than a snapshot, for whoever asks after every tick.
    pub fn value(&self, metric: MetricType, name: &str) -> Option<u64> {
        let full = without_final_dots([NAMESPACE, name].concat().into_bytes());
        lock(&self.stats).get(&(metric, full))?.stat.value()
    }

    /// Shows each stat where it is, in no order: for whoever sums up a few of many, often.
    pub fn visit(&self, mut visit: impl FnMut(StatView<'_>)) {
        for entry in lock(&self.stats).values() {
            visit(StatView(entry));
        }
    }

    /// Every stat, in the order of [`StatStore::prometheus_text`]; the names are Prometheus's.
    pub fn snapshot(&self) -> Vec<Sample> {
        prometheus::families(&lock(&self.stats)).flat_map(|family| family.samples).collect()
    }

    /// What Envoy shows under `/stats/prometheus` of the filter's stats, byte for byte.
    ///
    /// A label value that is not UTF-8 is the one difference: it is shown with replacement characters.
    pub fn prometheus_text(&self) -> String {
        let mut text = String::new();
        prometheus::families(&lock(&self.stats)).for_each(|family| family.write(&mut text));
        text
    }

    fn bounds(&self, full_name: &[u8]) -> Arc<[f64]> {
        let setting = self.buckets.iter().find(|(prefix, _)| full_name.starts_with(prefix.as_bytes()));
        setting.map_or_else(|| DEFAULT_BUCKETS.into(), |(_, bounds)| bounds.clone())
    }
}

/// The content of a lock, also after a panic elsewhere: every value here is whole after each statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
