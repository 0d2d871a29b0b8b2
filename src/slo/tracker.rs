//! Measurements of total and good events in, reports out: SLOs in a program of one's own.

use super::budget::Report;
use super::window::{Tally, Windows};
use crate::config::{Duration, Objective, parse_duration};
use std::collections::BTreeMap;
use std::fmt;

/// What is promised, and over how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SloDefinition {
    /// Unique in a tracker.
    pub name: String,
    /// The share of events that must be good.
    pub objective: Objective,
    /// Over how long, 7 to 90 days.
    pub period: Duration,
}

impl SloDefinition {
    /// Reads a percentage such as `99.9` and a period such as `30d`, as a configuration has them.
    pub fn new(name: &str, objective: &str, period: &str) -> Result<Self, TrackerError> {
        let range = Duration::from_days(7)..=Duration::from_days(90);
        Ok(Self {
            name: name.to_owned(),
            objective: Objective::parse(&objective.into()).ok_or(TrackerError::Objective)?,
            period: parse_duration(period).filter(|p| range.contains(p)).ok_or(TrackerError::Period)?,
        })
    }
}

/// Why a tracker refused a call, which changed nothing then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackerError {
    /// The objective is no percentage above 0 and below 100 with at most four decimals.
    Objective,
    /// The period is no duration of 7 to 90 days.
    Period,
    /// There is an SLO of this name already.
    Duplicate,
    /// There is no SLO of this name.
    Unknown,
    /// More events were good than there were.
    GoodExceedsTotal,
}

impl fmt::Display for TrackerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Objective => "the objective is a percentage above 0 and below 100, with at most 4 decimals",
            Self::Period => "the period is 7d to 90d",
            Self::Duplicate => "a second SLO with this name",
            Self::Unknown => "no SLO has this name",
            Self::GoodExceedsTotal => "more good events than events",
        })
    }
}

impl std::error::Error for TrackerError {}

/// SLOs by name, fed with measurements; about 28 KB for each. See the example in the [module](super).
///
/// Times are nanoseconds of a clock that does not go back. A measurement counts at the time it is recorded with:
/// every minute or oftener keeps the short windows true.
#[derive(Debug, Clone, Default)]
pub struct SloTracker {
    slos: BTreeMap<String, (Objective, Windows)>,
}

impl SloTracker {
    /// A tracker of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an SLO; its windows are covered from now on.
    pub fn add(&mut self, definition: SloDefinition, now_ns: u64) -> Result<(), TrackerError> {
        if self.slos.contains_key(&definition.name) {
            return Err(TrackerError::Duplicate);
        }
        let mut windows = Windows::new(definition.period);
        windows.advance(now_ns);
        self.slos.insert(definition.name, (definition.objective, windows));
        Ok(())
    }

    /// Records that `total` events came, of which `good` were good.
    pub fn record(&mut self, name: &str, total: u64, good: u64, now_ns: u64) -> Result<(), TrackerError> {
        let (_, windows) = self.slos.get_mut(name).ok_or(TrackerError::Unknown)?;
        let bad = total.checked_sub(good).ok_or(TrackerError::GoodExceedsTotal)?;
        windows.add(now_ns, Tally { events: total, bad });
        Ok(())
    }

    /// How an SLO stands.
    pub fn report(&mut self, name: &str, now_ns: u64) -> Result<Report, TrackerError> {
        let (objective, windows) = self.slos.get_mut(name).ok_or(TrackerError::Unknown)?;
        windows.advance(now_ns);
        Ok(Report::new(windows, *objective))
    }

    /// The names of the SLOs, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slos.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::{SloStatus, Window};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const MINUTE: u64 = 60_000_000_000;

    fn definition(objective: &str) -> SloDefinition {
        SloDefinition::new("api", objective, "30d").unwrap()
    }

    #[test]
    fn an_outage_is_seen_and_over_after_five_minutes() {
        let mut tracker = SloTracker::new();
        tracker.add(definition("99"), 0).unwrap();
        for minute in 1..=240 {
            let good = if (100..130).contains(&minute) { 0 } else { 100 };
            tracker.record("api", 100, good, minute * MINUTE).unwrap();
            let status = tracker.report("api", minute * MINUTE).unwrap().status;
            match minute {
                1..60 => assert_eq!(status, SloStatus::Unknown, "{minute}"),
                60..100 => assert_eq!(status, SloStatus::Healthy, "{minute}"),
                // 14.4 times 1 % of an hour is 8.64 minutes.
                110..130 => assert_eq!(status, SloStatus::Critical, "{minute}"),
                _ => {}
            }
        }
        let report = tracker.report("api", 240 * MINUTE).unwrap();
        assert_eq!(report.window(Window::Hours6).tally, Tally { events: 24_000, bad: 3000 });
        assert_eq!(report.window(Window::Minutes5).tally.bad, 0);
    }

    #[test]
    fn a_report_forgets_what_has_left_its_windows_without_a_record() {
        let mut tracker = SloTracker::new();
        tracker.add(definition("99"), 0).unwrap();
        tracker.record("api", 10, 0, MINUTE).unwrap();
        let report = tracker.report("api", 120 * MINUTE).unwrap();
        assert_eq!(report.window(Window::Hour1).tally, Tally::default());
        assert_eq!(report.window(Window::Hours6).tally, Tally { events: 10, bad: 10 });
    }

    #[test]
    fn mistakes_are_named_and_change_nothing() {
        let new = |objective, period| SloDefinition::new("api", objective, period).map(|_| ());
        assert_eq!(new("100", "30d"), Err(TrackerError::Objective));
        assert_eq!(new("99.9", "6d"), Err(TrackerError::Period));
        assert_eq!(new("99.9", "soon"), Err(TrackerError::Period));
        let mut tracker = SloTracker::new();
        tracker.add(definition("99"), 0).unwrap();
        assert_eq!(tracker.add(definition("99.9"), 0), Err(TrackerError::Duplicate));
        assert_eq!(tracker.record("web", 1, 1, 0), Err(TrackerError::Unknown));
        assert_eq!(tracker.record("api", 1, 2, 0), Err(TrackerError::GoodExceedsTotal));
        assert_eq!(tracker.report("web", 0), Err(TrackerError::Unknown));
        assert_eq!(tracker.report("api", 0).unwrap().window(Window::Period).tally, Tally::default());
        assert_eq!(tracker.names().collect::<Vec<_>>(), ["api"]);
    }
}
