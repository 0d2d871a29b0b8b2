//! The ports over Envoy's hostcalls.
//!
//! Hostcalls are made directly: the SDK's wrappers panic on a status they do not expect, and a panic is a trap, which
//! ends every stream of the worker.

use super::memory;
use super::status::check;
use crate::attributes::{Attributes, HeaderMap, HostStatus, Property};
use crate::metric::Kind;
use crate::shared::{Cas, Machine, SharedData};
use crate::sink::{MetricId, MetricSink};
use rustc_hash::FxHashMap;
use std::cell::RefCell;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, length: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, length: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, length: usize, data: *const u8, size: usize, cas: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u16;
    fn random_get(bytes: *mut u8, length: usize) -> u16;
}

/// WASI's clocks: the time of day, and Envoy's monotonic clock.
const REALTIME: u32 = 0;
const MONOTONIC: u32 = 1;

const PLUGIN_CONFIGURATION: u32 = 7;

/// Levels of Envoy's log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Envoy, as seen from the current callback.
pub(super) struct Envoy;

thread_local! {
    /// Stat name to id, for the whole VM: each define call costs Envoy a new id for ever, and one VM outlives many
    /// configurations.
    static DEFINED: RefCell<FxHashMap<Box<str>, MetricId>> = RefCell::default();
}

impl MetricSink for Envoy {
    fn define(&mut self, kind: Kind, stat_name: &str) -> Result<MetricId, HostStatus> {
        if let Some(id) = DEFINED.with_borrow(|known| known.get(stat_name).copied()) {
            return Ok(id);
        }
        let mut id = 0;
        // SAFETY: the host reads the name during the call and writes one u32.
        check(unsafe { proxy_define_metric(kind as u32, stat_name.as_ptr(), stat_name.len(), &mut id) })?;
        let id = MetricId(id);
        DEFINED.with_borrow_mut(|known| known.insert(stat_name.into(), id));
        Ok(id)
    }

    fn add(&mut self, id: MetricId, delta: i64) -> Result<(), HostStatus> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_increment_metric(id.0, delta) })
    }

    fn set(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        // SAFETY: no memory is passed.
        check(unsafe { proxy_record_metric(id.0, value) })
    }

    fn observe(&mut self, id: MetricId, value: u64) -> Result<(), HostStatus> {
        self.set(id, value)
    }

    fn total(&mut self, id: MetricId) -> Result<u64, HostStatus> {
        let mut value = 0;
        // SAFETY: the host writes one u64.
        check(unsafe { proxy_get_metric(id.0, &mut value) })?;
        Ok(value)
    }
}

impl SharedData for Envoy {
    fn read(&mut self, key: &[u8]) -> Result<(Vec<u8>, Cas), HostStatus> {
        let (mut value, mut cas) = (Vec::new(), 0);
        // SAFETY: the host reads the key during the call and writes the three out-values.
        memory::fill(&mut value, |data, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas)
        })?;
        Ok((value, Cas(cas)))
    }

    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<(), HostStatus> {
        self.swap(key, value, Cas(0))
    }

    fn swap(&mut self, key: &[u8], value: &[u8], cas: Cas) -> Result<(), HostStatus> {
        // SAFETY: the host reads key and value during the call.
        check(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas.0) })
    }
}

impl Machine for Envoy {
    fn monotonic_ns(&mut self) -> u64 {
        clock(MONOTONIC)
    }

    fn unix_seconds(&mut self) -> u64 {
        clock(REALTIME) / 1_000_000_000
    }

    fn random(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // SAFETY: the host writes 8 bytes. Where it cannot, the number can be guessed, and nothing else is lost.
        let _no_dice = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
        u64::from_le_bytes(bytes)
    }
}

/// Nanoseconds; 0 on a host that has no such clock.
fn clock(clock: u32) -> u64 {
    let mut time = 0;
    // SAFETY: the host writes one u64.
    let _unknown_clock = unsafe { clock_time_get(clock, 1, &mut time) };
    time
}

impl Attributes for Envoy {
    fn headers(&mut self, map: HeaderMap, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        // SAFETY: the host writes the two out-values.
        memory::fill(into, |data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })
    }

    fn header(&mut self, map: HeaderMap, name: &str, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        // SAFETY: the host reads the name during the call and writes the two out-values.
        memory::fill(into, |data, size| unsafe {
            proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), data, size)
        })
    }

    fn property(&mut self, property: Property, into: &mut Vec<u8>) -> Result<(), HostStatus> {
        let path = property.path();
        // SAFETY: the host reads the path during the call and writes the two out-values.
        memory::fill(into, |data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
    }

    fn integer(&mut self, property: Property) -> Result<i64, HostStatus> {
        let path = property.path();
        // SAFETY: the host reads the path during the call and writes the two out-values.
        memory::integer(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
    }
}

impl Envoy {
    /// The plugin's configuration; empty where it cannot be read.
    pub(super) fn configuration(size: usize) -> Vec<u8> {
        let mut document = Vec::new();
        // SAFETY: the host writes the two out-values. Without a configuration the filter refuses to start.
        let _unreadable = memory::fill(&mut document, |data, out| unsafe {
            proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, data, out)
        });
        document
    }

    /// Asks for ticks. Without them everything is still counted.
    pub(super) fn tick_every(period_ms: u32) {
        // SAFETY: no memory is passed.
        let _status = unsafe { proxy_set_tick_period_milliseconds(period_ms) };
    }

    /// Writes a line. One that is lost changes nothing.
    pub(super) fn log(level: Level, text: &str) {
        let line = ["redline: ", text].concat();
        // SAFETY: the host reads the text during the call.
        let _status = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
    }
}
