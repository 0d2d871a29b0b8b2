//! What scrapes find of one counter in; by how much it rose in a window, as Prometheus' `increase()` has it, out.

use std::collections::VecDeque;

/// Which instants a range of so long before a time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    /// Its first, too: Prometheus 2.
    Closed,
    /// Its last, but not its first: Prometheus 3.
    LeftOpen,
}

impl Ranges {
    /// The first multiple of `step` in the `range` before a time, all in the same unit; it may be negative.
    pub(super) fn first(self, at: i64, range: i64, step: i64) -> i64 {
        let begin = at.saturating_sub(range);
        let below = begin.div_euclid(step);
        match self {
            Self::Closed if begin.rem_euclid(step) == 0 => below,
            _ => below.saturating_add(1),
        }
    }
}

/// When scrapes are: at a first time and regularly from then on, milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scrapes {
    pub(super) first_ms: i64,
    pub(super) every_ms: i64,
}

impl Scrapes {
    fn time(self, number: i64) -> i64 {
        self.first_ms.saturating_add(number.saturating_mul(self.every_ms))
    }
}

/// One counter at the last scrapes; it never falls.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    /// How many values are no longer kept.
    dropped: i64,
    values: VecDeque<u64>,
    keep: usize,
}

impl Counter {
    /// A counter that keeps so many values.
    pub(super) fn keeping(keep: usize) -> Self {
        Self { dropped: 0, values: VecDeque::new(), keep }
    }

    /// The next scrape's value.
    pub(super) fn push(&mut self, value: u64) {
        if self.values.len() >= self.keep {
            self.values.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.values.push_back(value);
    }

    /// `increase()` over the `range_ms` before `at_ms`, which is not before the last scrape; `None` with fewer than two
    /// values in it.
    ///
    /// The arithmetic is Prometheus' own (promql/functions.go, `extrapolatedRate`), operation by operation: what was
    /// seen is stretched to the ends of the range where the next scrapes would lie just past them, but never to before
    /// the counter's zero.
    pub(super) fn increase(
        &self,
        scrapes: Scrapes,
        ranges: Ranges,
        at_ms: i64,
        range_ms: i64,
    ) -> Option<f64> {
        let since_first = at_ms.saturating_sub(scrapes.first_ms);
        let first = ranges.first(since_first, range_ms, scrapes.every_ms).max(self.dropped);
        let last = self.dropped.saturating_add(i64::try_from(self.values.len()).ok()?).saturating_sub(1);
        let gaps = last.saturating_sub(first);
        if gaps < 1 {
            return None;
        }
        let value = |number: i64| {
            let place = usize::try_from(number.saturating_sub(self.dropped)).ok()?;
            self.values.get(place).map(|value| *value as f64)
        };
        let (first_value, last_value) = (value(first)?, value(last)?);
        let seconds = |from: i64, to: i64| to.saturating_sub(from) as f64 / 1000.0;
        let rise = last_value - first_value;
        let (first_ms, last_ms) = (scrapes.time(first), scrapes.time(last));
        let mut to_start = seconds(at_ms.saturating_sub(range_ms), first_ms);
        let to_end = seconds(last_ms, at_ms);
        let sampled = seconds(first_ms, last_ms);
        let between = sampled / gaps as f64;
        if rise > 0.0 {
            to_start = to_start.min(sampled * (first_value / rise));
        }
        let mut covered = sampled;
        for outside in [to_start, to_end] {
            covered += if outside < between * 1.1 { outside } else { between / 2.0 };
        }
        Some(rise * (covered / sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_15_S: Scrapes = Scrapes { first_ms: 1_000_000, every_ms: 15_000 };

    fn counter(values: impl IntoIterator<Item = u64>) -> Counter {
        let mut counter = Counter::keeping(1000);
        values.into_iter().for_each(|value| counter.push(value));
        counter
    }

    #[test]
    fn a_range_between_scrapes_is_stretched_to_its_ends_in_both_versions() {
        // 41 scrapes; the last five minutes begin and end 7 s after one, and hold 20 of them.
        let counter = counter((0..41).map(|n| n * 30));
        let at = 1_000_000 + 40 * 15_000 + 7000;
        for ranges in [Ranges::Closed, Ranges::LeftOpen] {
            assert_eq!(counter.increase(EVERY_15_S, ranges, at, 300_000), Some(570.0 * (300.0 / 285.0)));
        }
    }

    #[test]
    fn what_lies_at_the_very_beginning_of_a_range_is_in_it_before_prometheus_3() {
        let counter = counter((0..41).map(|n| if n < 21 { 0 } else { 100 }));
        let at = 1_000_000 + 40 * 15_000;
        assert_eq!(counter.increase(EVERY_15_S, Ranges::Closed, at, 300_000), Some(100.0));
        assert_eq!(counter.increase(EVERY_15_S, Ranges::LeftOpen, at, 300_000), Some(0.0));
    }

    #[test]
    fn nothing_is_made_up_for_the_time_before_the_counter_was_0() {
        let counter = counter([0, 10, 20]);
        let increase = |at: i64| counter.increase(EVERY_15_S, Ranges::LeftOpen, 1_030_000 + at, 3_600_000);
        assert_eq!([increase(0), increase(7000)], [Some(20.0), Some(20.0 * (37.0 / 30.0))]);
    }

    #[test]
    fn one_value_is_no_increase() {
        assert_eq!(counter([5]).increase(EVERY_15_S, Ranges::Closed, 1_000_000, 300_000), None);
    }

    #[test]
    fn values_that_no_range_needs_any_more_are_dropped() {
        let mut counter = Counter::keeping(22);
        (0..100).for_each(|n| counter.push(n * 15));
        let at = 1_000_000 + 99 * 15_000;
        assert_eq!(counter.increase(EVERY_15_S, Ranges::Closed, at, 300_000), Some(300.0));
        assert_eq!(counter.values.len(), 22);
    }
}
