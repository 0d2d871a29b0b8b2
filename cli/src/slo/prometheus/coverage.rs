//! When an SLO's counters were there, as a Prometheus remembers it, in; how much of each window has been seen out.
//!
//! A window is seen where any proxy's counter was: together proxies have seen as much as the one that was there longest.

use super::server::{Server, Values};
use crate::slo::SloError;
use redline::config::Duration;
use std::collections::BTreeMap;

/// For how long a sample stands for what comes after it.
const LOOKBACK_S: u64 = 300;
/// Steps in a window, where they are not longer than that.
const STEPS: u64 = 60;

/// When each SLO was seen.
pub(super) struct Coverage {
    now_s: f64,
    /// The first sample's time, by SLO: exact, or before the longest window.
    first_s: Values,
    /// Window to steps at which there was a counter, by SLO.
    seen: BTreeMap<Duration, Values>,
}

impl Coverage {
    /// `counters` is a selector of series with the label `slo`.
    pub(super) fn ask(server: &Server<'_>, counters: &str, windows: &[Duration]) -> Result<Self, SloError> {
        let longest = windows.iter().max().copied().unwrap_or_default();
        let first_s = first(server, counters, longest)?;
        let mut seen = BTreeMap::new();
        for window in windows {
            let step = step_of(*window);
            let query = format!("count_over_time((count by (slo) ({counters}))[{window}:{step}s])");
            seen.insert(*window, server.values(&query)?);
        }
        Ok(Self { now_s: server.now_s, first_s, seen })
    }

    /// Whether there ever was a counter of this SLO.
    pub(super) fn knows(&self, slo: &str) -> bool {
        self.first_s.contains_key(slo)
    }

    /// How much of the window that ends now has been seen: its length, less what was before the first sample, less the gaps.
    pub(super) fn of(&self, slo: &str, window: Duration) -> Duration {
        let Some(first_s) = self.first_s.get(slo) else { return Duration::from_secs(0) };
        let (length, step) = (window.as_secs() as f64, step_of(window) as f64);
        let begins_s = first_s.max(self.now_s - length);
        // Steps are at whole multiples, whenever the query is made.
        let expected = (self.now_s / step).floor() - (begins_s / step).ceil() + 1.0;
        let seen = self.seen.get(&window).and_then(|seen| seen.get(slo)).copied().unwrap_or(0.0);
        let missing = (expected - seen).max(0.0);
        let covered = (self.now_s - begins_s - missing * step).clamp(0.0, length);
        Duration::from_secs(covered.round() as u64)
    }
}

/// In seconds: as fine as is worth it, no coarser than what a sample stands for.
fn step_of(window: Duration) -> u64 {
    window.as_secs().checked_div(STEPS).unwrap_or_default().clamp(1, LOOKBACK_S)
}

/// When the first sample was, by SLO.
fn first(server: &Server<'_>, counters: &str, longest: Duration) -> Result<Values, SloError> {
    let samples = format!("timestamp({counters})");
    // The first step that sees one is up to five minutes late, and a series that is younger may be at no step at all.
    let (old, young) = (format!("[{longest}:{LOOKBACK_S}s]"), format!("[{}s:1s]", LOOKBACK_S * 2));
    let query = format!("min by (slo) (min_over_time({samples}{old}) or min_over_time({samples}{young}))");
    let about = server.values(&query)?;
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (slo, seconds) in about {
        places.entry(format!("{seconds:.3}")).or_default().push(slo);
    }
    let mut exact = Values::new();
    for (place, slos) in places {
        let before = format!("min by (slo) (min_over_time({samples}[{LOOKBACK_S}s:1s] @ {place}))");
        let mut found = server.values(&before)?;
        exact.extend(slos.into_iter().filter_map(|slo| {
            let seconds = found.remove(&slo).or_else(|| place.parse().ok())?;
            Some((slo, seconds))
        }));
    }
    Ok(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// An hour of steps of a minute, so many of which were seen.
    fn coverage(now_s: f64, first_s: f64, seen: f64) -> u64 {
        let of = |value: f64| Values::from([("a".to_owned(), value)]);
        let coverage = Coverage { now_s, first_s: of(first_s), seen: BTreeMap::from([(HOUR, of(seen))]) };
        assert!(coverage.knows("a") && !coverage.knows("b"));
        assert_eq!(coverage.of("b", HOUR).as_secs(), 0);
        coverage.of("a", HOUR).as_secs()
    }

    #[test]
    fn what_was_before_the_first_sample_and_what_is_missing_is_not_covered() {
        for (now_s, first_s, seen, covered) in [
            // All of it, whatever the place of the steps.
            (360_000.5, 0.0, 60.0, 3600),
            (360_030.5, 0.0, 60.0, 3600),
            (360_059.5, 356_400.0, 60.0, 3600),
            // Since the first sample, on a step and between two.
            (360_000.5, 359_400.0, 11.0, 601),
            (360_000.5, 359_410.0, 10.0, 591),
            (360_000.5, 359_999.0, 1.0, 2),
            // Ten steps are missing, or all.
            (360_000.5, 0.0, 50.0, 3000),
            (360_000.5, 359_400.0, 1.0, 1),
            (360_000.5, 0.0, 0.0, 0),
            // More than there can be.
            (360_000.5, 0.0, 61.0, 3600),
        ] {
            assert_eq!(coverage(now_s, first_s, seen), covered, "{now_s} {first_s} {seen}");
        }
    }

    #[test]
    fn steps_are_no_longer_than_a_sample_lasts() {
        let days = Duration::from_days;
        let windows = [Duration::from_secs(300), HOUR, Duration::from_secs(21_600), days(30)];
        assert_eq!(windows.map(step_of), [5, 60, 300, 300]);
    }
}
