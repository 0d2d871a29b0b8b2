//! The least and the greatest value in; an axis with round marks out. Times are UTC.

use crate::course::length::{DAY, HOUR, MINUTE, MS, S};
use jiff::Timestamp;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// Steps between marks of time.
const STEPS: [u64; 35] = [
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    S,
    2 * S,
    5 * S,
    10 * S,
    15 * S,
    30 * S,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    182 * DAY,
    364 * DAY,
];

/// One axis: where it begins and ends, and its marks with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to at least `most`, linear, with about five marks; `label` writes a value with its unit.
    pub fn from_zero(most: f64, label: impl Fn(f64) -> String) -> Self {
        let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
        let step = round_step(most / 4.0);
        let steps = (most / step).ceil().max(1.0);
        let marks = (0..=steps as u32).map(|n| f64::from(n) * step);
        Self::with_marks((0.0, steps * step), marks, label)
    }

    /// From below `least` to above `most`, both above 0, each mark ten times, or two and a half times, the one before.
    pub fn logarithmic(least: f64, most: f64, label: impl Fn(f64) -> String) -> Self {
        let low = 10f64.powf(least.log10().floor());
        let mut marks = vec![low];
        let mut decade = low;
        while marks.last().is_some_and(|last| *last < most) {
            marks.extend([2.0, 5.0, 10.0].map(|times| decade * times));
            decade *= 10.0;
        }
        // The last that is below the least, and the first that is above the most.
        let first = marks.iter().rposition(|mark| *mark <= least).unwrap_or(0);
        let last = marks.iter().position(|mark| *mark >= most).unwrap_or(marks.len());
        let mut shown: Vec<f64> = marks.iter().copied().take(last.saturating_add(1)).skip(first).collect();
        let ends = (shown.first().copied().unwrap_or(low), shown.last().copied().unwrap_or(most));
        if shown.len() > 7 {
            let whole = |mark: &f64| (mark.log10() - mark.log10().round()).abs() < 1e-9;
            shown.retain(whole);
        }
        Self { logarithmic: true, ..Self::with_marks(ends, shown, label) }
    }

    /// Rows of a chart, the first at the top; no marks.
    pub fn rows(count: usize) -> Self {
        Self { from: count as f64, to: 0.0, logarithmic: false, marks: Vec::new() }
    }

    /// Linear, with these marks.
    pub fn with_marks(
        (from, to): (f64, f64),
        marks: impl IntoIterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Self {
        let marks = marks.into_iter().map(|mark| (mark, label(mark))).collect();
        Self { from, to, logarithmic: false, marks }
    }

    /// Time, in seconds since `from_ns`, with at most about `most` marks at round times of day.
    pub fn time((from_ns, to_ns): (u64, u64), most: usize) -> Self {
        let span = to_ns.saturating_sub(from_ns).max(1);
        let most = u64::try_from(most).unwrap_or(u64::MAX).max(1);
        let fits = |step: &u64| span / step < most;
        let longest = 364 * DAY;
        let step = STEPS.into_iter().find(fits).unwrap_or_else(|| (span / most / longest + 1) * longest);
        // What begins a moment after midnight has midnight at its beginning.
        let early = from_ns % step;
        let first = if early < span / 200 { from_ns - early } else { from_ns.next_multiple_of(step) };
        let marks = (0..=most).map(|n| first + n * step).take_while(|at| *at <= to_ns);
        let since = |at: u64| at.saturating_sub(from_ns) as f64 / 1e9;
        let marks = marks.map(|at| (since(at), mark_label(at, step, span))).collect();
        Self { from: 0.0, to: span as f64 / 1e9, logarithmic: false, marks }
    }

    /// How much of the last label stands out beyond the axis, where a label is so wide and the axis so long.
    pub(super) fn beyond(&self, label: u32, length: u32) -> u32 {
        let last = self.marks.last().map_or(0.0, |(mark, _)| self.share(*mark));
        let free = f64::from(length) * (1.0 - last);
        (f64::from(label) / 2.0 - free).max(0.0) as u32
    }

    /// The labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().map(|(_, label)| label.as_str())
    }

    /// The label of a mark.
    pub(super) fn label(&self, value: f64) -> String {
        self.marks.iter().find(|(mark, _)| *mark == value).map(|(_, label)| label.clone()).unwrap_or_default()
    }

    /// A value that is on the axis: what lies outside comes to its end.
    pub(super) fn clamped(&self, value: f64) -> f64 {
        value.clamp(self.from.min(self.to), self.from.max(self.to))
    }

    fn share(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let (from, to) = (scale(self.from), scale(self.to));
        if from == to { 0.0 } else { (scale(value) - from) / (to - from) }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        low + (f64::from(high - low) * self.share(*value)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.marks.iter().map(|(mark, _)| *mark).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let fits =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= least * 0.999);
    fits.unwrap_or(power * 10.0)
}

/// A day where days are counted, or where a day begins in a longer time; else a time of day.
fn mark_label(at_ns: u64, step: u64, span: u64) -> String {
    let format = match step {
        _ if span > DAY && at_ns.is_multiple_of(DAY) => "%b %-d",
        step if step >= DAY => "%b %-d",
        step if step >= MINUTE => "%H:%M",
        step if step >= S => "%H:%M:%S",
        _ => "%H:%M:%S%.f",
    };
    let format = if step >= 91 * DAY { "%b %Y" } else { format };
    formatted(at_ns, format)
}

/// A moment of UTC as people read it, as fine as it needs to be in a time of that length: `2026-01-01 14:00`.
pub fn moment(at_ns: u64, within_ns: u64) -> String {
    let format = match within_ns {
        within if within >= 2 * HOUR => "%Y-%m-%d %H:%M",
        within if within >= 10 * S => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M:%S%.3f",
    };
    formatted(at_ns, format)
}

fn formatted(at_ns: u64, format: &str) -> String {
    let time = Timestamp::from_nanosecond(i128::from(at_ns));
    let text = time.ok().and_then(|time| jiff::fmt::strtime::format(format, time).ok());
    // Past the year 9999, which no u64 of nanoseconds is.
    text.unwrap_or_else(|| at_ns.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW_YEAR: u64 = 1_767_225_600 * S;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.labels().collect()
    }

    #[test]
    fn marks_of_time_are_round_whatever_the_span() {
        let axis = |from, to, most| Axis::time((NEW_YEAR + from, NEW_YEAR + to), most);
        let table: [(u64, u64, usize, &[&str]); 6] = [
            (S, 30 * DAY, 4, &["Jan 1", "Jan 15", "Jan 29"]),
            (HOUR, 49 * HOUR, 7, &["12:00", "Jan 2", "12:00", "Jan 3"]),
            (0, 20 * S, 5, &["00:00:00", "00:00:05", "00:00:10", "00:00:15", "00:00:20"]),
            (0, 3 * HOUR, 4, &["00:00", "01:00", "02:00", "03:00"]),
            (1, 30 * MS, 4, &["00:00:00", "00:00:00.01", "00:00:00.02", "00:00:00.03"]),
            (5, 6, 4, &[]),
        ];
        for (from, to, most, expected) in table {
            assert_eq!(labels(&axis(from, to, most)), expected, "{from} {to}");
        }
    }

    #[test]
    fn values_begin_at_zero_and_end_above_the_greatest() {
        let label = |value: f64| format!("{value}");
        let table: [(f64, &[&str]); 4] = [
            (12.4, &["0", "5", "10", "15"]),
            (0.0, &["0", "0.5", "1"]),
            (100.0, &["0", "50", "100"]),
            (f64::NAN, &["0", "0.5", "1"]),
        ];
        for (most, expected) in table {
            assert_eq!(labels(&Axis::from_zero(most, label)), expected, "{most}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_whole_decades_where_it_is_long() {
        let label = |value: f64| format!("{}", value.round());
        assert_eq!(labels(&Axis::logarithmic(7.0, 90.0, label)), ["5", "10", "20", "50", "100"]);
        assert_eq!(labels(&Axis::logarithmic(3.0, 40_000.0, label)), ["10", "100", "1000", "10000"]);
        let axis = Axis::logarithmic(1.0, 100.0, label);
        assert_eq!(axis.map(&10.0, (0, 100)), 50);
        assert_eq!(axis.map(&0.0, (0, 100)).signum(), -1, "far below, and no panic");
    }

    #[test]
    fn moments_are_as_fine_as_their_time_is_short() {
        let table = [
            (NEW_YEAR + S, DAY, "2026-01-01 00:00"),
            (NEW_YEAR + S, MINUTE, "2026-01-01 00:00:01"),
            (NEW_YEAR + 5 * MS, S, "2026-01-01 00:00:00.005"),
        ];
        for (at, within, expected) in table {
            assert_eq!(moment(at, within), expected);
        }
    }
}
