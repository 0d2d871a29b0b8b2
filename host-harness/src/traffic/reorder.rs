//! Records in the order of their end in, as proxies log them; in the order of their start out.

use super::record::{BadRecord, Record};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// How many records are held back at most. With usual headers that is some megabytes.
const MOST: usize = 16_384;
/// What began longer than this before the end of the newest line waits for no earlier one.
const LAG_NS: u64 = 60_000_000_000;

/// Holds records back until no line that follows is likely to have begun before them.
///
/// A stream that took longer than a minute, or than 16,384 others, still comes late.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    held: BinaryHeap<Reverse<Held>>,
    number: u64,
    newest_ns: u64,
}

#[derive(Debug)]
struct Held {
    number: u64,
    record: Record,
}

impl Reorder {
    /// Takes a record in.
    pub(super) fn push(&mut self, record: Record) {
        let end = record.time_ns.saturating_add(record.duration_ns.unwrap_or(0));
        self.newest_ns = self.newest_ns.max(end);
        self.number += 1;
        self.held.push(Reverse(Held { number: self.number, record }));
    }

    /// The earliest record, once it has waited long enough, or at the `end` of the input.
    pub(super) fn pop(&mut self, end: bool) -> Option<Result<Record, BadRecord>> {
        let Reverse(first) = self.held.peek()?;
        let waited = first.record.time_ns.saturating_add(LAG_NS) < self.newest_ns;
        if !(end || waited || self.held.len() > MOST) {
            return None;
        }
        self.held.pop().map(|Reverse(held)| Ok(held.record))
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.record.time_ns, self.number).cmp(&(other.record.time_ns, other.number))
    }
}

#[cfg(test)]
impl Reorder {
    /// How many records are held back.
    pub(super) fn waiting(&self) -> usize {
        self.held.len()
    }
}
