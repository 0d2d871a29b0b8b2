//! Requests and process-wide totals in; windows, burn rates, error budgets and p99 out.
//!
//! All of it is pure: `now` is an argument, in nanoseconds of any clock that does not step, and every sum is of
//! integers. In the filter:
//!
//! ```text
//! end of a request: Exchange -> Classifier -> good or bad, per SLO -> two counters (and Pending, for latency)
//! tick:             totals of the counters -> Windows -> Report -> gauges
//! ```
//!
//! - [`Classifier`]: which SLOs a request is an event of, and whether it was a bad one
//! - [`Windows`]: events and bad ones of the last five minutes up to the period, out of totals
//! - [`Report`]: ratios, burn rates, budget and status of one SLO
//! - [`Pending`] and [`LastHour`]: durations to p99
//! - [`SloTracker`]: the same windows for a program of one's own
//!
//! ```
//! use redline::slo::{SloDefinition, SloStatus, SloTracker};
//!
//! const MINUTE: u64 = 60_000_000_000; // nanoseconds
//! let mut tracker = SloTracker::new();
//! tracker.add(SloDefinition::new("availability", "99.9", "30d")?, 0)?;
//!
//! for minute in 1..=120 {
//!     tracker.record("availability", 1000, 999, minute * MINUTE)?; // 1000 events, 999 of them good
//! }
//! let report = tracker.report("availability", 120 * MINUTE)?;
//!
//! assert_eq!(report.availability.to_string(), "0.999000");
//! assert_eq!(report.status, SloStatus::Healthy); // it burns just what it may
//! assert!(report.compliant);
//! assert_eq!(report.remaining.0, 997_222); // two hours out of 30 days
//! # Ok::<(), redline::slo::TrackerError>(())
//! ```

mod budget;
mod classify;
mod p99;
mod tracker;
mod window;

pub use crate::matcher::TenantGroup;
pub use budget::{BurnMilli, BurnPair, Ppm, Report, SloStatus, WindowReport};
pub use classify::{Classifier, Verdict};
pub use p99::{LastHour, Pending, SlicePage};
pub use tracker::{SloDefinition, SloTracker, TrackerError};
pub use window::{Page, Tally, Window, Windows};

/// The number of an SLO: its place in the configuration's `slos`.
pub type SloIndex = usize;
