//! Records in, callbacks in Envoy's order out, on a virtual clock that follows the records' times.
//!
//! A stream opens at its record's time and ends at its time plus its duration, so that streams overlap as they did.
//! At one instant streams end first, then timers fire, then streams open. The response's headers and trailers pass
//! just before the end; without a status there are none. A record without a request line is opened without headers.
//!
//! Time never goes back: a record from before the clock's time opens now. A gap that is absurdly long is jumped, see
//! [`MAX_IDLE_TICKS`](crate::workers::MAX_IDLE_TICKS). When the last stream has ended one more tick period passes, so
//! that what a filter publishes on its timer is up to date.

mod view;

use crate::error::HostError;
use crate::stats::StatStore;
use crate::traffic::{BadRecord, Record};
use crate::workers::{Gateway, StreamId};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// How to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Go on after what is no record; counted in [`Summary::skipped`].
    pub skip_bad: bool,
}

/// What was replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Records replayed.
    pub exchanges: u64,
    /// Parts of the input that were no record.
    pub skipped: u64,
    /// The first of them, at most ten.
    pub first_bad: Vec<BadRecord>,
    /// Records from before the clock's time, replayed late.
    pub out_of_order: u64,
    /// Gaps in time that the clock jumped over.
    pub jumps: u64,
    /// The most streams that were open at one time.
    pub most_open: u64,
}

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The input, without [`Options::skip_bad`].
    #[error(transparent)]
    Bad(#[from] BadRecord),
    /// The filter.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What has just happened to a stream; for an oracle that counts along, or a progress bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// The stream's number, from 1.
    pub stream: u64,
    /// What happened.
    pub what: What,
    /// Its record.
    pub record: &'a Record,
}

/// What can happen to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It has opened.
    Opened,
    /// It has ended.
    Finished,
}

/// Replays every record.
pub fn replay<I>(gateway: &mut Gateway, records: I, options: Options) -> Result<Summary, ReplayError>
where
    I: IntoIterator<Item = Result<Record, BadRecord>>,
{
    replay_observed(gateway, records, options, |_| {})
}

/// Replays every record and tells what happens, in the order in which it happens.
pub fn replay_observed<I>(
    gateway: &mut Gateway,
    records: I,
    options: Options,
    observe: impl FnMut(Event<'_>),
) -> Result<Summary, ReplayError>
where
    I: IntoIterator<Item = Result<Record, BadRecord>>,
{
    replay_sampled(gateway, records, options, observe, |_, _| {})
}

/// The same, and shows the time (nanoseconds since 1970) and the stats after every instant at which timers fired: for
/// what is evaluated over time, such as gauges and alerts.
pub fn replay_sampled<I>(
    gateway: &mut Gateway,
    records: I,
    options: Options,
    observe: impl FnMut(Event<'_>),
    sample: impl FnMut(u64, &StatStore),
) -> Result<Summary, ReplayError>
where
    I: IntoIterator<Item = Result<Record, BadRecord>>,
{
    let jumps_before = gateway.jumps();
    let mut replay = Replay { gateway, observe, sample, open: BinaryHeap::new(), opened: 0 };
    let mut summary = Summary::default();
    for record in records {
        match record {
            Ok(record) => {
                summary.out_of_order += u64::from(replay.start(record)?);
                summary.exchanges += 1;
                summary.most_open = summary.most_open.max(replay.open.len() as u64);
            }
            Err(bad) if options.skip_bad => {
                summary.skipped += 1;
                if summary.first_bad.len() < 10 {
                    summary.first_bad.push(bad);
                }
            }
            Err(bad) => return Err(bad.into()),
        }
    }
    replay.end_until(u64::MAX)?;
    let settled = replay.gateway.now_ns().saturating_add(replay.gateway.tick_period_ns());
    replay.gateway.advance_sampled(settled, &mut replay.sample)?;
    summary.jumps = gateway.jumps() - jumps_before;
    Ok(summary)
}

struct Replay<'g, F, S> {
    gateway: &'g mut Gateway,
    observe: F,
    sample: S,
    open: BinaryHeap<Reverse<Open>>,
    opened: u64,
}

/// A stream that is open.
struct Open {
    end_ns: u64,
    /// Of two that end at one time the one that opened first ends first.
    number: u64,
    stream: StreamId,
    record: Record,
}

impl<F: FnMut(Event<'_>), S: FnMut(u64, &StatStore)> Replay<'_, F, S> {
    /// Opens a record's stream; whether the record came too late for its time.
    fn start(&mut self, record: Record) -> Result<bool, HostError> {
        let late = record.time_ns < self.gateway.now_ns();
        let now = record.time_ns.max(self.gateway.now_ns());
        self.end_until(now)?;
        self.gateway.advance_sampled(now, &mut self.sample)?;
        let stream = self.gateway.open(view::request(&record, now))?;
        self.opened += 1;
        (self.observe)(Event { stream: self.opened, what: What::Opened, record: &record });
        let end_ns = now.saturating_add(record.duration_ns.unwrap_or(0));
        self.open.push(Reverse(Open { end_ns, number: self.opened, stream, record }));
        Ok(late)
    }

    /// Ends the streams that end by this time, each at its time.
    fn end_until(&mut self, time_ns: u64) -> Result<(), HostError> {
        while let Some(Reverse(next)) = self.open.peek() {
            if next.end_ns > time_ns {
                break;
            }
            let Some(Reverse(ended)) = self.open.pop() else { break };
            // Timers of this very instant fire after it.
            self.gateway.advance_sampled_before(ended.end_ns, &mut self.sample)?;
            if let Some(response) = view::response(&ended.record) {
                self.gateway.respond(ended.stream, response)?;
            }
            if let Some(trailers) = view::trailers(&ended.record) {
                self.gateway.trailers(ended.stream, trailers)?;
            }
            self.gateway.finish(ended.stream, view::completion(&ended.record))?;
            (self.observe)(Event { stream: ended.number, what: What::Finished, record: &ended.record });
        }
        Ok(())
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.end_ns, self.number).cmp(&(other.end_ns, other.number))
    }
}

#[cfg(test)]
mod tests;
