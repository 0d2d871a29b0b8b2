//! Windows in, small byte strings for the host's key-value store out, and back.
//!
//! Per SLO there is one header, written on every tick, and one page for every 30 closed slots of a ring, written
//! when one of them closes: two writes a tick, four at most but for the top of an hour. What is in the store is
//! whole as long as pages are written before the header, which [`Windows::save`] does.

use super::ring::Ring;
use super::{Seen, Tally, Windows};
use crate::config::Duration;
use std::fmt;

/// Format of the header and of the pages; others are not read.
const VERSION: u8 = 1;
const SLOTS_PER_PAGE: u64 = 30;

/// One byte string of an SLO's state, at most 489 bytes; printed, it is the end of a key, such as `w` or `w0.13`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Page {
    /// What every tick changes.
    Header,
    /// Closed slots.
    Slots {
        /// Which ring.
        ring: u8,
        /// Which page of it, used again for later slots.
        page: u16,
    },
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("w"),
            Self::Slots { ring, page } => write!(f, "w{ring}.{page}"),
        }
    }
}

impl Windows {
    /// Hands over what has changed since the last call, the header last. Where `write` says that it failed, nothing
    /// more is written, and the next call begins there again.
    pub fn save(&mut self, mut write: impl FnMut(Page, &[u8]) -> bool) -> bool {
        let Some(seen) = self.seen else { return true };
        let mut bytes = Vec::with_capacity(512);
        for (index, ring) in self.rings.iter_mut().enumerate() {
            while let Some(slot) = ring.unsaved() {
                let number = slot / SLOTS_PER_PAGE;
                encode_slots(ring, number, &mut bytes);
                if !write(page_of(index, number, ring.longest()), &bytes) {
                    return false;
                }
                ring.saved_before(number.saturating_add(1).saturating_mul(SLOTS_PER_PAGE));
            }
        }
        bytes.clear();
        bytes.push(VERSION);
        let Seen { totals, at_ns, ahead_ns, since_ns } = seen;
        for number in [self.period.as_nanos(), totals.events, totals.bad, at_ns, ahead_ns, since_ns] {
            push(&mut bytes, number);
        }
        for ring in &self.rings {
            push_tally(&mut bytes, ring.open());
        }
        write(Page::Header, &bytes)
    }

    /// Windows as they were when they were last saved; `None` without a header of this format. Do so whenever this
    /// VM becomes the one that publishes: another may have written since.
    ///
    /// What came since then is in the totals and counts with the next observation. A page that is missing or is no
    /// page counts as time without events. Another period keeps what both have.
    pub fn restore(period: Duration, mut read: impl FnMut(Page) -> Option<Vec<u8>>) -> Option<Self> {
        let header = read(Page::Header)?;
        let mut input = Input(header.strip_prefix(&[VERSION])?);
        let before = Self::new(Duration::from_nanos(input.number()?));
        let totals = input.tally()?;
        let mut seen =
            Seen { totals, at_ns: input.number()?, ahead_ns: input.number()?, since_ns: input.number()? };
        let mut windows = Self::new(period);
        for (index, (ring, old)) in windows.rings.iter_mut().zip(&before.rings).enumerate() {
            let open = input.tally()?;
            ring.advance(seen.at_ns);
            let first = ring.head().saturating_sub(ring.longest().min(old.longest()));
            let pages = first / SLOTS_PER_PAGE..=ring.head() / SLOTS_PER_PAGE;
            let slots: Vec<(u64, Tally)> = pages
                .filter_map(|number| {
                    let bytes = read(page_of(index, number, old.longest()))?;
                    decode_slots(&bytes, number)
                })
                .flatten()
                .filter(|(number, _)| *number >= first)
                .collect();
            ring.restore(seen.at_ns, open, slots);
            if ring.longest() != old.longest() {
                // The pages lie under other keys from now on.
                ring.saved_before(0);
            }
        }
        // What is older than the period of then was not kept.
        seen.since_ns = seen.since_ns.max(seen.at_ns.saturating_sub(before.period.as_nanos()));
        windows.seen = Some(seen);
        Some(windows)
    }
}

/// Where the page of these slots is kept: there are enough for the longest window, wherever it begins in a page.
fn page_of(ring: usize, number: u64, longest: u64) -> Page {
    let pages = (longest / SLOTS_PER_PAGE).saturating_add(2);
    let page = number.checked_rem(pages).and_then(|page| u16::try_from(page).ok()).unwrap_or(0);
    Page::Slots { ring: u8::try_from(ring).unwrap_or(u8::MAX), page }
}

/// A page: the number of its first slot, then each slot; 0 for those that have not closed or are too old.
fn encode_slots(ring: &Ring, number: u64, bytes: &mut Vec<u8>) {
    let first = number.saturating_mul(SLOTS_PER_PAGE);
    bytes.clear();
    bytes.push(VERSION);
    push(bytes, first);
    for slot in first..first.saturating_add(SLOTS_PER_PAGE) {
        push_tally(bytes, ring.closed(slot).unwrap_or_default());
    }
}

/// The slots of a page; `None` where it holds others, from a time that is over.
fn decode_slots(bytes: &[u8], number: u64) -> Option<Vec<(u64, Tally)>> {
    let mut input = Input(bytes.strip_prefix(&[VERSION])?);
    let first = number.saturating_mul(SLOTS_PER_PAGE);
    if input.number()? != first {
        return None;
    }
    (first..first.saturating_add(SLOTS_PER_PAGE)).map(|slot| Some((slot, input.tally()?))).collect()
}

fn push(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn push_tally(bytes: &mut Vec<u8>, tally: Tally) {
    push(bytes, tally.events);
    push(bytes, tally.bad);
}

/// Bytes that are still to be read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number(&mut self) -> Option<u64> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*head))
    }

    fn tally(&mut self) -> Option<Tally> {
        Some(Tally { events: self.number()?, bad: self.number()? })
    }
}

#[cfg(test)]
mod tests;
