//! The port for what the VMs of one Envoy share: bytes by key, with compare-and-swap; and the keys of one service.
//!
//! A filter can delete no key, so every key is used again. A compare-and-swap on a key that is not there is ignored
//! by the host: what several VMs swap is made while the filter is configured, where the canary VM is alone.

use crate::attributes::{Attributes, HostStatus};
use crate::sink::MetricSink;
use std::fmt::Write;

/// The number of a value's last write; another write gives it another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cas(pub u32);

/// What the VMs of one Envoy share.
pub trait SharedData {
    /// A key's value and the number of its last write; `NOT_FOUND` where there is none.
    fn read(&mut self, key: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus>;
    /// Writes a value.
    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus>;
    /// Writes a value unless another write came since `cas`: `CAS_MISMATCH` then.
    fn swap(&mut self, key: &[u8], value: &[u8], cas: Cas) -> Result<(), HostStatus>;
}

/// The host's clocks and its dice.
pub trait Machine {
    /// Nanoseconds on a clock that never steps, the same in all VMs of one Envoy.
    fn monotonic_ns(&mut self) -> u64;
    /// Seconds since 1970.
    fn unix_seconds(&mut self) -> u64;
    /// A number that nobody can guess.
    fn random(&mut self) -> u64;
}

/// All that the filter asks of Envoy.
pub trait Host: Attributes + MetricSink + SharedData + Machine {}

impl<T: Attributes + MetricSink + SharedData + Machine> Host for T {}

/// How often a swap is tried again when others were faster. Each loser means that somebody won.
pub(crate) const MOST_TRIES: usize = 100;

/// Replaces a value by what `change` makes of it; where that is nothing, the value stays.
pub fn update(
    host: &mut impl SharedData,
    key: &[u8],
    mut change: impl FnMut(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), HostStatus> {
    for _ in 0..MOST_TRIES {
        let (value, cas) = host.read(key)?;
        let Some(changed) = change(&value) else { return Ok(()) };
        match host.swap(key, &changed, cas) {
            Err(HostStatus::CAS_MISMATCH) => {}
            done => return done,
        }
    }
    Err(HostStatus::CAS_MISMATCH)
}

/// Writes a first value where a key has none.
#[inline(never)]
pub fn create(host: &mut impl SharedData, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
    match host.read(key) {
        Err(status) if status.is_absent() => host.write(key, value),
        found => found.map(drop),
    }
}

/// The keys of one service. The number is that of the layout: versions of the filter that write another one do not
/// meet.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// The keys of a service.
    pub fn new(service: &str) -> Self {
        Self { prefix: format!("{service}/redline1/") }
    }

    /// The keys of one thing of several.
    pub fn of(&self, kind: &str, name: &str) -> Self {
        Self { prefix: [self.prefix.as_str(), kind, "/", name, "/"].concat() }
    }

    /// A key that there is once.
    pub fn one(&self, name: &str) -> Vec<u8> {
        [self.prefix.as_str(), name].concat().into_bytes()
    }

    /// One key of many.
    pub fn nth(&self, name: &str, numbers: &[u32]) -> Vec<u8> {
        let mut key = [self.prefix.as_str(), name].concat();
        for number in numbers {
            // Writing to a String cannot fail.
            let _always_written = write!(key, "/{number}");
        }
        key.into_bytes()
    }
}

/// Takes a number off the front of a value.
pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

/// Takes a number off the front of a value.
pub fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}
