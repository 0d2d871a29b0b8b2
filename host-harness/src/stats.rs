//! Metric operations of all VMs in; a snapshot or Prometheus text out. Envoy 1.40's stat semantics.
//!
//! * names get Envoy's prefix `wasmcustom.`; one name and type is one stat, whoever defines it;
//! * counters and gauges are `u64`; a gauge that is taken below 0 wraps;
//! * labels are cut out of names by `stats_tags` rules, buckets chosen by prefix ([`tags`], [`StatConfig`]);
//! * histograms keep two significant digits ([`histogram`]). Envoy shows a histogram after its next flush (5 s);
//!   here it shows at once.

mod config;
pub mod histogram;
pub mod prometheus;
mod snapshot;
mod stat;
mod table;
pub mod tags;
mod view;

pub use config::{DEFAULT_BUCKETS, StatConfig, StatError};
pub use snapshot::{Sample, Value};
pub use stat::{MetricType, NAMESPACE};
pub use table::MetricTable;
pub use view::StatView;

use stat::{Entry, Recorded, Stat, lock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tags::{TagRules, without_final_dots};

/// Every stat of one Envoy process; the VMs share it.
#[derive(Debug, Default)]
pub struct StatStore {
    tags: TagRules,
    buckets: Vec<(String, Arc<[f64]>)>,
    stats: Mutex<HashMap<(MetricType, Vec<u8>), Entry>>,
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

#[cfg(test)]
mod tests;
