//! One stat: an operation in, its value out.

use super::histogram::Histogram;
use super::tags::Extracted;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What Envoy puts in front of the name of every stat of a Wasm filter.
pub const NAMESPACE: &str = "wasmcustom.";

/// What a metric is; the numbers are those of the ABI, and the two low bits of every id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricType {
    /// Only grows.
    Counter = 0,
    /// Goes up and down, or is set.
    Gauge = 1,
    /// Counts values in buckets.
    Histogram = 2,
}

impl MetricType {
    /// From the ABI's number.
    pub fn from_abi(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Counter),
            1 => Some(Self::Gauge),
            2 => Some(Self::Histogram),
            _ => None,
        }
    }
}

/// A stat, and its name taken apart.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) extracted: Extracted,
    pub(super) stat: Stat,
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
    pub(super) bounds: Arc<[f64]>,
    pub(super) values: Mutex<Histogram>,
}

impl Stat {
    pub(super) fn add(&self, offset: u64) {
        match self {
            // Wraps, as Envoy's release build does.
            Self::Counter(value) | Self::Gauge(value) => {
                value.fetch_add(offset, Relaxed);
            }
            Self::Histogram(_) => {}
        }
    }

    pub(super) fn record(&self, number: u64) {
        match self {
            Self::Counter(value) => {
                value.fetch_add(number, Relaxed);
            }
            Self::Gauge(value) => value.store(number, Relaxed),
            Self::Histogram(recorded) => lock(&recorded.values).record(number),
        }
    }

    pub(super) fn value(&self) -> Option<u64> {
        match self {
            Self::Counter(value) | Self::Gauge(value) => Some(value.load(Relaxed)),
            Self::Histogram(_) => None,
        }
    }
}

/// The content of a lock, also after a panic elsewhere: every value here is whole after each statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
