//! Traps and stalls on demand; and counts of what the filter takes.

use super::envoy::{Envoy, Level};
use crate::attributes::{Attributes, HeaderMap};
use crate::faults::{Fault, Faults};
use crate::metric::Kind;
use crate::shared::Machine;
use crate::sink::MetricSink;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// Used again and again: what is counted is what the filter allocates.
    static HEADERS: Cell<Vec<u8>> = Cell::default();
}

/// Does what a request asks of its own VM.
pub(super) fn on_request(faults: &mut Faults) {
    let mut headers = HEADERS.take();
    let _none = Envoy.headers(HeaderMap::Request, &mut headers);
    let asked = faults.on_request(&headers, &mut Envoy);
    HEADERS.set(headers);
    match asked {
        Some(Fault::Trap) => trap("fault: a request asked for a trap"),
        Some(Fault::Stall { ms }) => {
            let end = Envoy.monotonic_ns().saturating_add(ms.saturating_mul(1_000_000));
            while Envoy.monotonic_ns() < end {}
        }
        None => {}
    }
}

/// Does what requests asked of whoever holds the lease.
pub(super) fn on_tick(faults: &mut Faults, leads: bool) {
    publish_memory(faults);
    publish_allocations(faults);
    if let Some(last_words) = faults.on_tick(leads, &mut Envoy) {
        trap(&last_words);
    }
}

/// The system's allocator, which also counts.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised to us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as promised to us.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as promised to us.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Adds the allocations since the last time to a counter that all VMs have in common.
fn publish_allocations(faults: &Faults) {
    let count = ALLOCATIONS.swap(0, Ordering::Relaxed);
    if let Ok(counter) = Envoy.define(Kind::Counter, &faults.allocations_counter()) {
        let _a_test_looks_at_the_counter = Envoy.add(counter, i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// The most memory that any VM has had, as a gauge: a soak sees a leak in it.
fn publish_memory(faults: &Faults) {
    let bytes = core::arch::wasm32::memory_size(0).saturating_mul(65_536) as u64;
    if let Ok(gauge) = Envoy.define(Kind::Gauge, &faults.memory_gauge())
        && Envoy.total(gauge).is_ok_and(|most| most < bytes)
    {
        let _a_later_tick_sets_it = Envoy.set(gauge, bytes);
    }
}

fn trap(last_words: &str) -> ! {
    Envoy::log(Level::Error, last_words);
    core::arch::wasm32::unreachable()
}
