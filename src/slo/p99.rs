//! Durations of the last hour, from every VM, in; their 99th percentile out.
//!
//! Each VM counts in [`Pending`] and adds that to a page that all share on its tick; a page is five minutes, and
//! there are twelve of them. The VM that publishes reads them into [`LastHour`].

use std::fmt;

/// Under 1 ms, 126 buckets of ratio 1.105 up to 291 s, and above.
const BUCKETS: usize = 128;
const SLICE_NS: u64 = 300_000_000_000;
/// The open slice is the twelfth: what is shown is 55 to 60 minutes.
const SLICES: u64 = 12;
const VERSION: u8 = 1;

/// Where each bucket but the first begins, in nanoseconds; the n-th bound begins bucket n + 1.
const BOUNDS: [u64; BUCKETS - 1] = {
    let mut bounds = [1_000_000_u64; BUCKETS - 1];
    let mut rest: &mut [u64] = &mut bounds;
    let mut bound = 1_000_000_u64;
    while let Some((first, after)) = rest.split_first_mut() {
        *first = bound;
        bound = bound.saturating_mul(1105) / 1000;
        rest = after;
    }
    bounds
};

fn bucket_of(duration_ns: u64) -> usize {
    BOUNDS.partition_point(|bound| *bound <= duration_ns)
}

/// The value that stands for a bucket, 5 % from either end at most. The first bucket reads as 0.5 ms, and what is
/// longer than the buckets reach as where they end.
fn value_of(bucket: usize) -> u64 {
    let begins = bucket.checked_sub(1).and_then(|i| BOUNDS.get(i)).copied();
    match (begins, BOUNDS.get(bucket).copied()) {
        (Some(low), Some(high)) => {
            // The harmonic mean is as far from one end as from the other, in relation to it.
            let product = u128::from(low).saturating_mul(u128::from(high)).saturating_mul(2);
            let mean = product.checked_div(u128::from(low.saturating_add(high)));
            mean.and_then(|mean| u64::try_from(mean).ok()).unwrap_or(low)
        }
        (Some(low), None) => low,
        (None, _) => 500_000,
    }
}

/// Where one slice of an SLO's durations is kept; printed, it is the end of a key, such as `p7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlicePage {
    slice: u64,
}

impl SlicePage {
    /// The page of a time in monotonic nanoseconds.
    pub const fn at(now_ns: u64) -> Self {
        Self { slice: now_ns / SLICE_NS }
    }

    /// Every page that there is, the one of this time first.
    pub fn all(now_ns: u64) -> impl Iterator<Item = Self> {
        (0..SLICES).map(move |n| Self::at(now_ns.saturating_add(SLICE_NS.saturating_mul(n))))
    }

    /// The page's place, 0 to 11: it is used again every hour.
    pub const fn place(self) -> u64 {
        self.slice % SLICES
    }
}

impl fmt::Display for SlicePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.place())
    }
}

/// Durations of one SLO that this VM has counted and not yet added to a page: 512 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    counts: [u32; BUCKETS],
    any: bool,
}

impl Default for Pending {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], any: false }
    }
}

impl Pending {
    /// Counts one duration.
    pub fn record(&mut self, duration_ns: u64) {
        if let Some(count) = self.counts.get_mut(bucket_of(duration_ns)) {
            *count = count.saturating_add(1);
            self.any = true;
        }
    }

    /// Whether nothing was counted since the last [`Self::clear`].
    pub const fn is_empty(&self) -> bool {
        !self.any
    }

    /// Forgets what has been added to a page.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The page of this time with what is pending added to it, at most 777 bytes; what the page holds of an hour
    /// ago, and what is no page, begins anew. Store it by compare-and-swap, and then [`Self::clear`].
    pub fn merged(&self, page: SlicePage, stored: Option<&[u8]>) -> Vec<u8> {
        let mut counts = self.counts;
        if let Some(stored) = stored {
            read(page, stored, |bucket, more| {
                if let Some(count) = counts.get_mut(bucket) {
                    *count = count.saturating_add(more);
                }
            });
        }
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&page.slice.to_le_bytes());
        for (bucket, count) in (0_u8..).zip(counts).filter(|(_, count)| *count > 0) {
            bytes.push(bucket);
            push_varint(&mut bytes, count);
        }
        bytes
    }
}

/// The durations of one SLO over the last hour, as the publishing VM sees them.
#[derive(Debug, Clone, PartialEq)]
pub struct LastHour {
    /// The slices before the last two, which no VM adds to any more, and the open slice when they were read.
    settled: [u64; BUCKETS],
    settled_at: Option<u64>,
    all: [u64; BUCKETS],
}

impl Default for LastHour {
    fn default() -> Self {
        Self { settled: [0; BUCKETS], settled_at: None, all: [0; BUCKETS] }
    }
}

impl LastHour {
    /// Reads what is new at this time: two pages on most ticks, all twelve when a slice closes.
    pub fn refresh(&mut self, now_ns: u64, mut fetch: impl FnMut(SlicePage) -> Option<Vec<u8>>) {
        let open = SlicePage::at(now_ns).slice;
        let mut add = |counts: &mut [u64; BUCKETS], age: u64| {
            let Some(slice) = open.checked_sub(age) else { return };
            let page = SlicePage { slice };
            let Some(bytes) = fetch(page) else { return };
            read(page, &bytes, |bucket, more| {
                if let Some(count) = counts.get_mut(bucket) {
                    *count = count.saturating_add(u64::from(more));
                }
            });
        };
        if self.settled_at != Some(open) {
            self.settled = [0; BUCKETS];
            (2..SLICES).for_each(|age| add(&mut self.settled, age));
            self.settled_at = Some(open);
        }
        self.all = self.settled;
        // A VM that was about to add to the slice that closed last may still do so.
        (0..2).for_each(|age| add(&mut self.all, age));
    }

    /// The 99th percentile by nearest rank, in nanoseconds; `None` without durations. From 1 ms to 291 s it is
    /// within 5 %; below it reads as 0.5 ms, above as 291 s.
    pub fn p99_ns(&self) -> Option<u64> {
        let total = self.all.iter().fold(0_u128, |sum, count| sum.saturating_add(u128::from(*count)));
        let rank = total.saturating_mul(99).div_ceil(100);
        let mut passed = 0_u128;
        let bucket = self.all.iter().position(|count| {
            passed = passed.saturating_add(u128::from(*count));
            passed >= rank && passed > 0
        });
        bucket.map(value_of)
    }
}

/// Reads a page: its slice, then pairs of a bucket and a count, as far as they make sense.
fn read(page: SlicePage, bytes: &[u8], mut each: impl FnMut(usize, u32)) {
    let Some((slice, mut pairs)) = bytes.strip_prefix(&[VERSION]).and_then(|rest| rest.split_first_chunk())
    else {
        return;
    };
    if u64::from_le_bytes(*slice) != page.slice {
        return;
    }
    while let Some((bucket, rest)) = pairs.split_first() {
        let Some((count, rest)) = read_varint(rest) else { return };
        each(usize::from(*bucket), count);
        pairs = rest;
    }
}

/// LEB128: seven bits a byte, lowest first.
fn push_varint(bytes: &mut Vec<u8>, mut n: u32) {
    while let (low, rest @ 1..) = (n & 0x7f, n >> 7) {
        bytes.push(u8::try_from(low | 0x80).unwrap_or(u8::MAX));
        n = rest;
    }
    bytes.push(u8::try_from(n).unwrap_or(u8::MAX));
}

fn read_varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut n = 0_u32;
    let mut rest = bytes;
    for shift in [0_u32, 7, 14, 21, 28] {
        let (byte, after) = rest.split_first()?;
        rest = after;
        n |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((n, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests;
