//! One stat in, looked at where it is; its name, labels and value out without a copy.

use super::snapshot::Value;
use super::stat::{Entry, NAMESPACE, Stat, lock};

/// One stat of a store, see [`StatStore::visit`](super::StatStore::visit).
#[derive(Debug, Clone, Copy)]
pub struct StatView<'a>(pub(super) &'a Entry);

impl<'a> StatView<'a> {
    /// The name without namespace and labels; empty where a rule has cut out a part of the namespace.
    pub fn name(&self) -> &'a [u8] {
        self.0.extracted.name.strip_prefix(NAMESPACE.as_bytes()).unwrap_or_default()
    }

    /// A label's value; empty where it has none.
    pub fn label(&self, name: &str) -> &'a [u8] {
        let tag = self.0.extracted.tags.iter().find(|(tag, _)| tag == name);
        tag.map_or(&[], |(_, value)| value)
    }

    /// The value now.
    pub fn value(&self) -> Value {
        match &self.0.stat {
            Stat::Histogram(recorded) => {
                let values = lock(&recorded.values);
                Value::Histogram {
                    bounds: recorded.bounds.to_vec(),
                    cumulative: values.cumulative(&recorded.bounds),
                    count: values.count(),
                    sum: values.sum(),
                }
            }
            Stat::Counter(_) => Value::Counter(self.0.stat.value().unwrap_or(0)),
            Stat::Gauge(_) => Value::Gauge(self.0.stat.value().unwrap_or(0)),
        }
    }
}
