//! Lengths of time of which each is a multiple of the one before: what time axes are divided by.

use super::length::{DAY, HOUR, MINUTE, MS, S};

/// Each divides the next, so that the edges of a coarser grid are edges of a finer one.
const LENGTHS: [u64; 24] = [
    MS,
    5 * MS,
    10 * MS,
    50 * MS,
    100 * MS,
    500 * MS,
    S,
    5 * S,
    10 * S,
    30 * S,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    5 * DAY,
    10 * DAY,
    50 * DAY,
    100 * DAY,
    500 * DAY,
];

/// A division of time, aligned to 1970, so that its edges are full hours and days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    place: usize,
}

impl Grid {
    /// The finest whose cells are at least so long.
    pub(super) fn at_least(ns: u64) -> Self {
        let last = LENGTHS.len().saturating_sub(1);
        Self { place: LENGTHS.iter().position(|length| *length >= ns).unwrap_or(last) }
    }

    /// The next one; 600 cells of the coarsest are all the time that there is.
    pub(super) fn coarser(self) -> Self {
        Self { place: self.place.saturating_add(1).min(LENGTHS.len().saturating_sub(1)) }
    }

    /// A cell's length.
    pub(super) fn length(self) -> u64 {
        LENGTHS.get(self.place).copied().unwrap_or(500 * DAY)
    }

    /// The beginning of the cell that this moment is in.
    pub(super) fn floor(self, ns: u64) -> u64 {
        ns - ns % self.length()
    }

    /// The beginning of the cell after that.
    pub(super) fn next(self, ns: u64) -> u64 {
        self.floor(ns).saturating_add(self.length())
    }
}

/// Lengths that people find round, without regard to one another.
const ROUND: [u64; 13] = [
    2 * S,
    15 * S,
    20 * S,
    2 * MINUTE,
    3 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    3 * HOUR,
    4 * HOUR,
    8 * HOUR,
    2 * DAY,
    3 * DAY,
    7 * DAY,
];

/// The shortest round length that is at least `ns` long and a multiple of `unit`.
pub(super) fn round_up(ns: u64, unit: u64) -> u64 {
    let decimal = [MS, 10 * MS, 100 * MS].into_iter().flat_map(|ms| [ms, 2 * ms, 5 * ms]);
    let fits = |length: &u64| *length >= ns && length.is_multiple_of(unit);
    let known = LENGTHS.into_iter().chain(ROUND).chain(decimal).filter(fits).min();
    known.unwrap_or_else(|| ns.div_ceil(unit.max(1)).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_is_a_multiple_of_the_one_before() {
        assert!(LENGTHS.windows(2).all(|pair| pair[1] > pair[0] && pair[1].is_multiple_of(pair[0])));
    }

    #[test]
    fn cells_begin_at_full_hours() {
        let grid = Grid::at_least(HOUR - 1);
        assert_eq!((grid.length(), grid.floor(HOUR + 1), grid.next(HOUR)), (HOUR, HOUR, 2 * HOUR));
        assert_eq!(grid.coarser().length(), 2 * HOUR);
    }

    #[test]
    fn round_lengths_are_multiples_of_the_grid() {
        let table = [
            (3 * HOUR, 2 * HOUR, 4 * HOUR),
            (3 * HOUR, HOUR, 3 * HOUR),
            (7 * MS, MS, 10 * MS),
            (15 * MS, 5 * MS, 20 * MS),
            (DAY + 1, 12 * HOUR, 2 * DAY),
            (501 * DAY, 500 * DAY, 1000 * DAY),
        ];
        for (least, unit, expected) in table {
            assert_eq!(round_up(least, unit), expected, "{least} {unit}");
        }
    }
}
