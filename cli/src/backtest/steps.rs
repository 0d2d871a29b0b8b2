//! What a recording rule has, as often as it is evaluated, in; its values at regular steps over a range out: a sub-query
//! `[RANGE:STEP]` of PromQL, kept up to date instead of being evaluated anew.

use super::counter::Ranges;
use std::collections::VecDeque;

/// Values are kept in units of 2^-52, so that sums are exact: what has left a range leaves nothing behind.
const ONE: f64 = 4_503_599_627_370_496.0;

/// The last values at multiples of a step since 1970.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    step_ms: i64,
    range_ms: i64,
    ranges: Ranges,
    /// The multiple that comes next.
    next: i64,
    /// The last of these is just before it.
    points: VecDeque<i128>,
    sum: i128,
    above_0: u64,
    latest: Option<f64>,
}

impl Steps {
    /// No values yet.
    pub(super) fn new(range_ms: i64, step_ms: i64, ranges: Ranges) -> Self {
        let points = VecDeque::new();
        Self { step_ms, range_ms, ranges, next: 0, points, sum: 0, above_0: 0, latest: None }
    }

    /// The rule has this value from now on.
    pub(super) fn record(&mut self, at_ms: i64, value: f64) {
        match self.latest {
            Some(_) => self.fill(at_ms.saturating_sub(1)),
            None => self.next = Ranges::Closed.first(at_ms, 0, self.step_ms),
        }
        self.latest = Some(value);
    }

    /// Looks back from a time, which is not before the last value's.
    pub(super) fn look_back(&mut self, at_ms: i64) {
        self.fill(at_ms);
        let first = self.ranges.first(at_ms, self.range_ms, self.step_ms);
        while self.next.saturating_sub(i64::try_from(self.points.len()).unwrap_or(i64::MAX)) < first {
            let Some(point) = self.points.pop_front() else { break };
            self.sum -= point;
            self.above_0 -= u64::from(point > 0);
        }
    }

    /// `count_over_time`, as of the last look back.
    pub(super) fn count(&self) -> usize {
        self.points.len()
    }

    /// `sum_over_time`, likewise; `None` of nothing.
    pub(super) fn sum(&self) -> Option<f64> {
        (!self.points.is_empty()).then(|| self.sum as f64 / ONE)
    }

    /// How many of the values are above 0.
    pub(super) fn above_0(&self) -> u64 {
        self.above_0
    }

    /// At each step up to a time the rule had its latest value.
    fn fill(&mut self, until_ms: i64) {
        let Some(value) = self.latest else { return };
        let point = (value * ONE) as i128;
        while self.next.saturating_mul(self.step_ms) <= until_ms {
            self.points.push_back(point);
            self.sum += point;
            self.above_0 += u64::from(point > 0);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_value_that_was_recorded_last_before_it() {
        let mut steps = Steps::new(100, 10, Ranges::LeftOpen);
        for (at, value) in [(7, 1.0), (10, 2.0), (19, 3.0), (33, 4.0)] {
            steps.record(at, value);
        }
        steps.look_back(41);
        // At 10, 20, 30 and 40.
        assert_eq!((steps.count(), steps.sum()), (4, Some(2.0 + 3.0 + 3.0 + 4.0)));
    }

    #[test]
    fn what_leaves_the_range_leaves_nothing_behind() {
        let mut steps = Steps::new(50, 10, Ranges::LeftOpen);
        for n in 0..1002_i64 {
            steps.record(n * 10, 0.1 * (n % 7) as f64);
            steps.look_back(n * 10);
        }
        assert_eq!((steps.count(), steps.above_0()), (5, 4));
        for n in 1002..1007_i64 {
            steps.record(n * 10, 0.0);
        }
        steps.look_back(10_060);
        assert_eq!((steps.count(), steps.sum(), steps.above_0()), (5, Some(0.0), 0));
    }

    #[test]
    fn a_range_holds_its_beginning_before_prometheus_3() {
        for (ranges, count) in [(Ranges::Closed, 6), (Ranges::LeftOpen, 5)] {
            let mut steps = Steps::new(50, 10, ranges);
            steps.record(0, 1.0);
            steps.look_back(100);
            assert_eq!(steps.count(), count);
            steps.look_back(105);
            assert_eq!(steps.count(), 5);
        }
    }
}
