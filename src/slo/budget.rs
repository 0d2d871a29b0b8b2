//! The windows of one SLO and its objective in; ratios, burn rates, error budget and status out.

use super::window::{Tally, Window, Windows};
use crate::config::{Duration, Objective};
use std::fmt;

/// A ratio in parts per million; above one million where a budget is overspent. Prints as a decimal, `0.999000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ppm(pub u64);

/// A burn rate times 1000: 1000 uses up the budget in just the period. Prints as a decimal, `14.400`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BurnMilli(pub u64);

impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000))
    }
}

impl fmt::Display for BurnMilli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:03}", self.0 / 1000, self.0 % 1000))
    }
}

const ONE: u64 = 1_000_000;

/// How an SLO stands: the gauge `slo_status`.
///
/// The first that holds, worst first, counts. So *unknown* takes the place of *healthy* alone: an outage right after
/// a start is critical at once, and what looks well needs an hour before it is called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SloStatus {
    /// None of the others.
    Healthy = 0,
    /// The 1d/2h pair burns over 3, the 3d/6h pair over 1, or less than 25 % of the budget remains.
    AtRisk = 1,
    /// The 1h/5m pair burns over 14.4, or the 6h/30m pair over 6.
    Critical = 2,
    /// Nothing remains of the budget.
    Exhausted = 3,
    /// Less than an hour has been seen.
    Unknown = 4,
}

impl SloStatus {
    /// The gauge's value.
    pub const fn code(self) -> u64 {
        self as u64
    }
}

/// Two windows that must both burn faster than a factor: the long one is sure of it, the short one says that it has
/// not ended (SRE Workbook, chapter 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurnPair {
    /// The long window.
    pub long: Window,
    /// The short window.
    pub short: Window,
    /// What both must exceed.
    pub factor: BurnMilli,
    /// What an SLO is where they do.
    pub status: SloStatus,
}

impl BurnPair {
    /// All of them, the fastest first.
    pub const ALL: [Self; 4] = [
        Self::new(Window::Hour1, Window::Minutes5, 14_400, SloStatus::Critical),
        Self::new(Window::Hours6, Window::Minutes30, 6000, SloStatus::Critical),
        Self::new(Window::Day1, Window::Hours2, 3000, SloStatus::AtRisk),
        Self::new(Window::Days3, Window::Hours6, 1000, SloStatus::AtRisk),
    ];

    const fn new(long: Window, short: Window, factor: u64, status: SloStatus) -> Self {
        Self { long, short, factor: BurnMilli(factor), status }
    }
}

/// One window of a [`Report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowReport {
    /// Which.
    pub window: Window,
    /// `slo_window_events` and `slo_window_bad_events`.
    pub tally: Tally,
    /// `slo_error_ratio_ppm`; 0 without events.
    pub error_ratio: Ppm,
    /// `slo_burn_rate_milli`: the error ratio divided by the share that may be bad.
    pub burn: BurnMilli,
    /// `slo_window_coverage_seconds`.
    pub coverage_s: u64,
}

/// How one SLO stands: every `slo_*` gauge but p99. Ratios are rounded half up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Each window, shortest first.
    pub windows: [WindowReport; 8],
    /// What is left of the budget, 0 where it is overspent. The budget is that of the whole period, at the
    /// traffic seen so far: ten bad minutes after a start use up as much as ten bad minutes later on.
    pub remaining: Ppm,
    /// By how much the budget is overspent.
    pub overspent: Ppm,
    /// The good ratio over the period; 1 without events.
    pub availability: Ppm,
    /// The good ratio over the last hour; 1 without events.
    pub success_rate: Ppm,
    /// Whether that good ratio is what was promised, so far.
    pub compliant: bool,
    /// Which of [`BurnPair::ALL`] burn faster than their factor.
    pub over: [bool; 4],
    /// What to make of it.
    pub status: SloStatus,
    /// How long the rest of the budget lasts at the burn rate of the last hour, in seconds, rounded down: 0 where
    /// nothing is left, `None` where nothing burns.
    pub exhaustion_s: Option<u64>,
}

impl Report {
    /// The report at the time of the last observation. The objective may change between two: the history stays.
    pub fn new(windows: &Windows, objective: Objective) -> Self {
        let seen = |window| (windows.tally(window), windows.coverage(window));
        Self::of(Window::ALL.map(seen), windows.period(), objective)
    }

    /// The report of what was seen in each of [`Window::ALL`], and over how much of it: for windows that were kept
    /// elsewhere, or in several proxies and then summed up.
    pub fn of(seen: [(Tally, Duration); 8], period: Duration, objective: Objective) -> Self {
        let budget = u64::from(objective.budget_ppm());
        let mut seen = seen.into_iter();
        let windows = Window::ALL.map(|window| {
            let (tally, coverage) = seen.next().unwrap_or_default();
            WindowReport {
                window,
                tally,
                error_ratio: Ppm(half_up(product(tally.bad, ONE), u128::from(tally.events)).unwrap_or(0)),
                burn: BurnMilli(
                    half_up(product(tally.bad, 1000 * ONE), product(tally.events, budget)).unwrap_or(0),
                ),
                coverage_s: coverage.as_secs(),
            }
        });
        let [_, _, hour, .., all] = windows;
        let used = used(all, budget, period);
        let remaining = Ppm(1_000_000_u64.saturating_sub(used));
        let over = BurnPair::ALL.map(|pair| {
            let faster = |window| is_faster(find(&windows, window).tally, budget, pair.factor);
            faster(pair.long) && faster(pair.short)
        });
        Self {
            windows,
            remaining,
            overspent: Ppm(used.saturating_sub(1_000_000)),
            availability: good_ratio(all.tally),
            success_rate: good_ratio(hour.tally),
            compliant: !is_faster(all.tally, budget, BurnMilli(1000)),
            over,
            status: status(over, remaining, hour.coverage_s),
            exhaustion_s: exhaustion(hour.tally, budget, remaining, period),
        }
    }

    /// One window.
    pub fn window(&self, window: Window) -> WindowReport {
        find(&self.windows, window)
    }
}

fn find(windows: &[WindowReport; 8], window: Window) -> WindowReport {
    let [first, ..] = *windows;
    windows.iter().find(|report| report.window == window).copied().unwrap_or(first)
}

/// The used part of the budget in ppm: the period's burn rate, times how much of the period has been seen.
fn used(all: WindowReport, budget: u64, period: Duration) -> u64 {
    // 64 bits of events, 40 of ppm squared and 23 of seconds: both products fit.
    let (seen, whole) = (u128::from(all.coverage_s), u128::from(period.as_secs()));
    let of_whole = product(all.tally.events, budget).saturating_mul(whole);
    half_up(product(all.tally.bad, ONE * ONE).saturating_mul(seen), of_whole).unwrap_or(0)
}

fn good_ratio(tally: Tally) -> Ppm {
    let good = tally.events.saturating_sub(tally.bad);
    Ppm(half_up(product(good, ONE), u128::from(tally.events)).unwrap_or(1_000_000))
}

/// Exact: a burn rate that is only rounded up to the factor is not over it.
fn is_faster(tally: Tally, budget: u64, factor: BurnMilli) -> bool {
    product(tally.bad, 1000 * ONE) > product(tally.events, budget.saturating_mul(factor.0))
}

fn status(over: [bool; 4], remaining: Ppm, seen_s: u64) -> SloStatus {
    let burns = |status| BurnPair::ALL.iter().zip(over).any(|(pair, over)| over && pair.status == status);
    if remaining == Ppm(0) {
        SloStatus::Exhausted
    } else if burns(SloStatus::Critical) {
        SloStatus::Critical
    } else if burns(SloStatus::AtRisk) || remaining < Ppm(250_000) {
        SloStatus::AtRisk
    } else if seen_s < 3600 {
        SloStatus::Unknown
    } else {
        SloStatus::Healthy
    }
}

fn exhaustion(hour: Tally, budget: u64, remaining: Ppm, period: Duration) -> Option<u64> {
    let left = u128::from(remaining.0).saturating_mul(u128::from(period.as_secs()));
    let lasts = left.saturating_mul(product(hour.events, budget));
    match remaining {
        Ppm(0) => Some(0),
        _ => lasts.checked_div(product(hour.bad, ONE * ONE)).map(|s| u64::try_from(s).unwrap_or(u64::MAX)),
    }
}

/// Exact. Nearly all products fit 64 bits, and Wasm has no wider multiplication.
fn product(a: u64, b: u64) -> u128 {
    if a.leading_zeros().saturating_add(b.leading_zeros()) >= u64::BITS {
        u128::from(a.wrapping_mul(b))
    } else {
        u128::from(a).saturating_mul(u128::from(b))
    }
}

/// The quotient, rounded half up; `None` where nothing is divided by.
fn half_up(n: u128, by: u128) -> Option<u64> {
    // Nearly all are small, and a division of 128 bits costs ten times one of 64.
    if let (Ok(n), Ok(by)) = (u64::try_from(n), u64::try_from(by)) {
        let (quotient, rest) = (n.checked_div(by)?, n.checked_rem(by)?);
        return Some(quotient.saturating_add(u64::from(rest >= by.saturating_sub(rest))));
    }
    let (quotient, rest) = (n.checked_div(by)?, n.checked_rem(by)?);
    let quotient = quotient.saturating_add(u128::from(rest >= by.saturating_sub(rest)));
    Some(u64::try_from(quotient).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
