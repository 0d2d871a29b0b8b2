//! What is left of a budget, at each evaluation, in; as many points as can be drawn out.

/// The most points that are kept.
const MOST: usize = 720;

/// What was left when, evenly spaced but for the last.
#[derive(Debug, Clone)]
pub(super) struct Burndown {
    points: Vec<(u64, f64)>,
    /// Of so many points one is kept.
    stride: u64,
    seen: u64,
    last: Option<(u64, f64)>,
}

impl Burndown {
    /// No points yet.
    pub(super) fn new() -> Self {
        Self { points: Vec::new(), stride: 1, seen: 0, last: None }
    }

    /// What is left now: seconds since 1970, and the share.
    pub(super) fn push(&mut self, at_s: u64, left: f64) {
        self.last = Some((at_s, left));
        if self.seen.is_multiple_of(self.stride) {
            self.points.push((at_s, left));
        }
        self.seen += 1;
        if self.points.len() > MOST {
            let mut number = 0_u64;
            self.points.retain(|_| {
                number += 1;
                !number.is_multiple_of(2)
            });
            self.stride *= 2;
        }
    }

    /// What was left last.
    pub(super) fn left(&self) -> Option<f64> {
        self.last.map(|(_, left)| left)
    }

    /// The points and the last one.
    pub(super) fn into_points(mut self) -> Vec<(u64, f64)> {
        let last = self.last.filter(|last| self.points.last() != Some(last));
        self.points.extend(last);
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_as_many_points_as_a_short_one_and_ends_with_the_last() {
        for n in [0_u64, 1, 2, 720, 721, 100_000] {
            let mut burndown = Burndown::new();
            (0..n).for_each(|at| burndown.push(at, 1.0 - at as f64 / 1e6));
            let points = burndown.into_points();
            assert!(points.len() <= MOST + 1 && points.len() as u64 >= n.min(360), "{n}: {}", points.len());
            assert_eq!(points.first().map(|point| point.0), (n > 0).then_some(0));
            assert_eq!(points.last().map(|point| point.0), n.checked_sub(1));
            let apart: Vec<u64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            assert!(apart.iter().rev().skip(1).all(|gap| Some(gap) == apart.first()), "{n}");
        }
    }
}
