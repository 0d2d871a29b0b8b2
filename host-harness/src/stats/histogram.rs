//! Observed integers in; bucket counts, count and sum out, as Envoy 1.40 computes them.
//!
//! Envoy keeps circllhist bins, log-linear with two significant decimal digits: 125 is kept as "120 to 130".
//! Measured on the real binary:
//!
//! * a bin counts into the bucket `le="B"` when its lower edge is at most B, so a value on a bound is inside, and
//!   so is 125 under `le="120"`;
//! * the sum takes each value as its bin's middle, `2·low·high / (low + high)`: 125 adds 124.8;
//! * a value of 2^63 or more is read as a negative number, and counts into every bucket.

/// Bins per power of ten: mantissas 10 to 99.
const BINS: usize = 90;

/// Counts per bin; one VM's or, in the stat store, everyone's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    zero: u64,
    /// Index: exponent × 90 + mantissa − 10; grown as needed.
    positive: Vec<u64>,
    /// The same for values that Envoy reads as negative.
    negative: Vec<u64>,
}

/// Where a value is kept: its place in the list of its sign.
fn bin_of(magnitude: u64) -> usize {
    let (mut mantissa, mut exponent) = if magnitude < 10 { (magnitude * 10, 0) } else { (magnitude, 1) };
    while mantissa >= 100 {
        mantissa /= 10;
        exponent += 1;
    }
    exponent * BINS + (mantissa as usize).saturating_sub(10)
}

/// The bin's edge nearer to zero, and its width.
fn edge_and_width(bin: usize) -> (f64, f64) {
    let scale = 10f64.powi((bin / BINS) as i32);
    ((bin % BINS + 10) as f64 / 10.0 * scale, scale / 10.0)
}

fn middle(bin: usize) -> f64 {
    let (low, width) = edge_and_width(bin);
    let high = low + width;
    low + width * (low / (low + high))
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        // Envoy hands the u64 to a function that takes an i64.
        let signed = value as i64;
        let list = match signed {
            0 => {
                self.zero = self.zero.saturating_add(1);
                return;
            }
            1.. => &mut self.positive,
            _ => &mut self.negative,
        };
        // i64::MIN is kept as i64::MAX.
        let bin = bin_of(signed.unsigned_abs().min(i64::MAX as u64));
        if list.len() <= bin {
            list.resize(bin + 1, 0);
        }
        if let Some(count) = list.get_mut(bin) {
            *count = count.saturating_add(1);
        }
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        let all = self.positive.iter().chain(&self.negative);
        all.fold(self.zero, |sum, count| sum.saturating_add(*count))
    }

    /// The sum as Envoy prints it: each value taken as its bin's middle.
    pub fn sum(&self) -> f64 {
        // From the smallest bin to the largest, as circllhist adds them: the order decides the last bits.
        let negative =
            self.negative.iter().enumerate().rev().map(|(bin, count)| -middle(bin) * *count as f64);
        let positive = self.positive.iter().enumerate().map(|(bin, count)| middle(bin) * *count as f64);
        negative.chain(positive).fold(0.0, |sum, part| sum + part)
    }

    /// For each bound, in ascending order, how many values Envoy counts under it.
    pub fn cumulative(&self, bounds: &[f64]) -> Vec<u64> {
        let mut running = self.negative.iter().fold(self.zero, |sum, count| sum.saturating_add(*count));
        let mut bins = self.positive.iter().enumerate().peekable();
        let mut counts = Vec::with_capacity(bounds.len());
        for bound in bounds {
            while let Some((_, count)) = bins.next_if(|(bin, _)| edge_and_width(*bin).0 <= *bound) {
                running = running.saturating_add(*count);
            }
            counts.push(running);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|v| histogram.record(*v));
        histogram
    }

    /// Fed to the same histograms in Envoy 1.40.0; what it printed is below.
    const EDGES: &[u64] = &[
        0,
        1,
        4,
        5,
        6,
        9,
        10,
        11,
        25,
        49,
        50,
        51,
        100,
        101,
        119,
        120,
        121,
        124,
        125,
        126,
        129,
        130,
        131,
        249,
        250,
        251,
        999,
        1000,
        1001,
        1099,
        1100,
        9999,
        10000,
        10001,
        99999,
        100_000,
        100_001,
        123_456_789,
    ];
    const SIZES: &[u64] = &[
        999,
        1000,
        1001,
        1009,
        1010,
        1099,
        1100,
        1_000_000,
        1_000_001,
        1_009_999,
        1_010_000,
        9223372036854775807,
        9223372036854775808,
        18446744073709551615,
        0,
    ];

    #[test]
    fn buckets_count_as_envoy_counts_them() {
        let bounds = [1., 5., 10., 25., 50., 100., 120., 124., 125., 130., 250., 1000., 10000., 100000.];
        assert_eq!(of(EDGES).cumulative(&bounds), [2, 4, 7, 9, 11, 14, 21, 21, 21, 23, 26, 30, 34, 37]);
        assert_eq!(of(EDGES).count(), 38);
        let bounds = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
        assert_eq!(of(SIZES).cumulative(&bounds), [3, 9, 10, 10, 14, 14, 14]);
        assert_eq!(of(SIZES).count(), 15);
    }

    #[test]
    fn sums_are_envoys_to_the_last_bit() {
        let shown = |values: &[u64]| super::super::prometheus::general(of(values).sum());
        assert_eq!(shown(EDGES), "125147530.69829918444156646728516");
        assert_eq!(shown(&[125]), "124.7999999999999971578290569596");
        assert_eq!(shown(&[1, 2, 3]), "6.1455798632927773894607526017353");
        assert_eq!(shown(&[0, 1, 2, 300, 3700000]), "3749641.3477656557224690914154053");
        assert_eq!(shown(SIZES), "4198400");
        assert_eq!(shown(&[]), "0");
    }
}
