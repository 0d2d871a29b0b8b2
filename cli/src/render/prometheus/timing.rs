//! How often a Prometheus scrapes and evaluates, before the time scale divides it: for what is rendered, and for backtests.

use redline::config::Duration;
use redline::slo::Window;

/// Seconds between two scrapes.
pub const SCRAPE_S: u64 = 15;
/// Seconds between two evaluations of the alerts and of the [`OFTEN`] windows.
pub const OFTEN_S: u64 = 30;
/// Seconds between two evaluations of the [`SELDOM`] windows and of the periods.
///
/// Prometheus looks back five minutes: rules that are evaluated as seldom as that would be missing now and then.
pub const SELDOM_S: u64 = 120;

/// The windows that are recorded [often](OFTEN_S).
pub const OFTEN: [Window; 5] =
    [Window::Minutes5, Window::Minutes30, Window::Hour1, Window::Hours2, Window::Hours6];
/// The windows that are recorded [seldom](SELDOM_S).
pub const SELDOM: [Window; 2] = [Window::Day1, Window::Days3];

/// The steps that periods are added up from: a whole number of them fits each. It is the length of the shortest window.
pub const STEP: Duration = Duration::from_secs(300);
/// Where quiet errors are looked for, in steps of [`QUIET_STEP`].
pub const QUIET: Window = Window::Days3;
/// One of these windows after the other is asked whether anything failed in it.
pub const QUIET_STEP: Window = Window::Hour1;
