//! The port for writing: a stat name and its kind in, the host's handle out, and values to it.

use crate::attributes::HostStatus;
use crate::metric::Kind;

/// The host's handle of one metric with one label set; valid in the VM that defined it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetricId(pub u32);

/// What the filter writes.
pub trait MetricSink {
    /// Makes or finds the metric of this stat name.
    fn define(&mut self, kind: Kind, stat_name: &str) -> Result<MetricId, HostStatus>;
    /// Adds to a counter (never 0 or less: Envoy refuses it) or a gauge.
    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus>;
    /// Sets a gauge.
    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus>;
    /// Adds a sample to a histogram.
    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus>;
    /// A counter's or gauge's value, over all workers.
    fn total(&mut self, id: MetricId) -> Result<u64, HostStatus>;
}
