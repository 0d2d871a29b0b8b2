//! What a page is made of, as plain data, and what all its sections ask of it.

use super::chart::moment;
use crate::course::{Bin, Course, Totals};
use crate::report::red::Red;
use crate::scrape::Scrape;
use crate::slo::SloStates;
use redline::config::Config;

/// Everything that a page shows.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// What was done, a line: `Replay of access.log`.
    pub title: String,
    /// From when to when, nanoseconds since 1970; `None` where there was no traffic, or nobody has looked.
    pub span_ns: Option<(u64, u64)>,
    /// What the proxies show at the end; `None` where only the state of SLOs is known.
    pub scrape: Option<&'a Scrape>,
    /// How it came to that.
    pub course: Option<&'a Course>,
    /// The most requests that were in flight at one time.
    pub most_in_flight: Option<u64>,
    /// How the SLOs stand at the end.
    pub slos: Option<&'a SloStates>,
    /// Which alerts fired; `None` where nobody has evaluated them.
    pub firings: Option<&'a [Firing]>,
    /// Where it was read, a line each; below the title.
    pub sources: Vec<String>,
    /// What a reader should know, a sentence each.
    pub remarks: Vec<String>,
    /// Who made it.
    pub made: Made,
}

/// One time that an alert fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The alert's name.
    pub alert: String,
    /// The SLO that it watches; empty where it watches none.
    pub slo: String,
    /// Its label `severity`.
    pub severity: String,
    /// When it began to fire, seconds since 1970.
    pub from_s: u64,
    /// When it was resolved; `None` where it still fires at the end.
    pub to_s: Option<u64>,
}

impl Firing {
    /// Whether somebody is woken for it.
    pub(super) fn pages(&self) -> bool {
        self.severity == "critical"
    }

    /// The alert, and the SLO that it watches.
    pub(super) fn name(&self) -> String {
        if self.slo.is_empty() { self.alert.clone() } else { format!("{}, {}", self.alert, self.slo) }
    }
}

/// Who made a page, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Redline's version.
    pub version: String,
    /// Nanoseconds since 1970.
    pub at_ns: u64,
}

impl Made {
    /// By this program, now.
    pub fn now() -> Self {
        let now = jiff::Timestamp::now().as_second();
        let seconds = u64::try_from(now).unwrap_or_default();
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), at_ns: seconds.saturating_mul(1_000_000_000) }
    }
}

/// Bins of a chart at most, and how many there may be however few requests there were: of few, each would be a peak.
const MOST_BINS: u64 = 300;
const FEW_BINS: u64 = 30;
/// Rows of a chart's table at most.
const MOST_ROWS: u64 = 48;

impl Input<'_> {
    /// The bins that charts draw, and their length in nanoseconds.
    pub(super) fn bins(&self) -> (Vec<Bin>, u64) {
        self.course.map(|course| course.bins(most_bins(course))).unwrap_or_default()
    }

    /// The same in so few bins that they can be read as a table.
    pub(super) fn coarse_bins(&self) -> (Vec<Bin>, u64) {
        self.course.map(|course| course.bins(most_bins(course).min(MOST_ROWS))).unwrap_or_default()
    }

    /// Rate, errors and durations at the end.
    pub(super) fn red(&self) -> Red {
        self.scrape.map(|scrape| Red::of(self.config, scrape)).unwrap_or_default()
    }

    /// A moment of UTC, as fine as the whole time is short.
    pub(super) fn moment(&self, at_ns: u64) -> String {
        moment(at_ns, self.span_ns.map_or(0, |(first, last)| last.saturating_sub(first)))
    }

    /// `at the end` of traffic, or `now` where nothing else is known.
    pub(super) fn when(&self) -> &'static str {
        if self.scrape.is_some() { "at the end" } else { "now" }
    }

    /// How long it was, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.span_ns.map_or(0.0, |(first, last)| last.saturating_sub(first) as f64 / 1e9)
    }
}

fn most_bins(course: &Course) -> u64 {
    course.last().map_or(0, Totals::requests).clamp(FEW_BINS, MOST_BINS)
}

/// From when to when bins are.
pub(super) fn time_of(bins: &[Bin]) -> Option<(u64, u64)> {
    Some((bins.first()?.from_ns, bins.last()?.to_ns))
}

/// For each bin, its beginning and end in seconds since the first one's beginning, and `value` of it.
pub(super) fn over_time<T>(bins: &[Bin], value: impl Fn(&Bin) -> T) -> Vec<(f64, f64, T)> {
    let begin = bins.first().map_or(0, |bin| bin.from_ns);
    let since = |at: u64| at.saturating_sub(begin) as f64 / 1e9;
    bins.iter().map(|bin| (since(bin.from_ns), since(bin.to_ns), value(bin))).collect()
}
