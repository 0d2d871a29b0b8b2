//! The time that filters see: set by the replay, read by every VM.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A clock that stands still until it is moved, and never goes back. Clones show the same time.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    now: Arc<AtomicU64>,
    start: u64,
}

impl VirtualClock {
    /// A clock at a time, in nanoseconds since 1970.
    pub fn at(start_ns: u64) -> Self {
        Self { now: Arc::new(AtomicU64::new(start_ns)), start: start_ns }
    }

    /// Nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// Nanoseconds since the clock was made: what the monotonic clock shows.
    pub fn elapsed_ns(&self) -> u64 {
        self.now_ns().saturating_sub(self.start)
    }

    /// Moves the clock forward; a time in the past changes nothing.
    pub fn advance_to(&self, time_ns: u64) {
        self.now.fetch_max(time_ns, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let clock = VirtualClock::at(100);
        clock.advance_to(150);
        clock.advance_to(120);
        assert_eq!((clock.now_ns(), clock.elapsed_ns()), (150, 50));
    }
}
