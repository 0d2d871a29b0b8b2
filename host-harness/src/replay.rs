//! Records in, callbacks in Envoy's order out, on a virtual clock that follows the records' times.
//!
//! A stream opens at its record's time and ends at its time plus its duration, so that streams overlap as they did.
//! At one instant streams end first, then timers fire, then streams open. The response's headers and trailers pass
//! just before the end; without a status there are none. A record without a request line is opened without headers.
//!
//! Bodies are passed only where the filter looks at them, as so many zero bytes: their content is not on record. Of a body
//! of more than 64 MiB so much is passed; the figures at the end are the recorded ones. A filter
//! that answers itself, or resets a stream, has its way: what was recorded for the rest of that stream does not come.
//!
//! Where the gateway replaces failed VMs a replay goes on after a trap; else it ends there.
//!
//! Time never goes back: a record from before the clock's time opens now. For long gaps there is a budget of ticks; past
//! it they are jumped, see [`max_idle_ticks`](crate::GatewayConfig::max_idle_ticks). When the last stream has ended one more tick period passes, so
//! that what a filter publishes on its timer is up to date.

mod view;
mod watch;

pub use watch::Watch;

use crate::error::HostError;
use crate::stats::StatStore;
use crate::stream::Side;
use crate::traffic::{BadRecord, Record};
use crate::workers::{FailurePolicy, Gateway, Seen, StreamId};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use watch::Functions;

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
    /// Records without a duration: the filter sees none, and no latency is counted.
    pub untimed: u64,
    /// Gaps in time that the clock jumped over.
    pub jumps: u64,
    /// The most streams that were open at one time.
    pub most_open: u64,
    /// Callbacks that failed a VM, where the gateway's policy is to go on.
    pub crashes: u64,
    /// What the first of them said.
    pub first_crash: Option<String>,
    /// Streams that were refused because their VM had failed.
    pub refused: u64,
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
/// gauges, which filters set on their timer.
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
    replay_watched(gateway, records, options, &mut Functions { observe, sample })
}

/// The same for an onlooker who also wants to see the stats between the ticks: for a finer course of time, or for scrapes
/// at times of one's own.
pub fn replay_watched<I>(
    gateway: &mut Gateway,
    records: I,
    options: Options,
    watch: &mut impl Watch,
) -> Result<Summary, ReplayError>
where
    I: IntoIterator<Item = Result<Record, BadRecord>>,
{
    let jumps_before = gateway.jumps();
    let bodies = [Side::Request, Side::Response].map(|side| gateway.wants_body(side));
    let mut replay =
        Replay { gateway, watch, open: BinaryHeap::new(), opened: 0, bodies, summary: Summary::default() };
    for record in records {
        match record {
            Ok(record) => {
                replay.summary.untimed += u64::from(record.duration_ns.is_none());
                replay.start(record)?;
                replay.summary.exchanges += 1;
                replay.summary.most_open = replay.summary.most_open.max(replay.open.len() as u64);
            }
            Err(bad) if options.skip_bad => {
                replay.summary.skipped += 1;
                if replay.summary.first_bad.len() < 10 {
                    replay.summary.first_bad.push(bad);
                }
            }
            Err(bad) => return Err(bad.into()),
        }
    }
    replay.end_until(u64::MAX)?;
    let settled = replay.gateway.now_ns().saturating_add(replay.gateway.tick_period_ns());
    replay.advance(|gateway, watch| gateway.advance_sampled(settled, watch))?;
    replay.summary.jumps = replay.gateway.jumps() - jumps_before;
    Ok(replay.summary)
}

struct Replay<'g, 'w, W> {
    gateway: &'g mut Gateway,
    watch: &'w mut W,
    open: BinaryHeap<Reverse<Open>>,
    opened: u64,
    /// Whether the filter looks at the request's and the response's bodies.
    bodies: [bool; 2],
    summary: Summary,
}

/// What Envoy hands over at once, about.
const CHUNK: [u8; 16 * 1024] = [0; 16 * 1024];

/// No larger body is passed: it would take hours, and a filter sees nothing new in it.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;

/// A stream that is open.
struct Open {
    end_ns: u64,
    /// Of two that end at one time the one that opened first ends first.
    number: u64,
    stream: StreamId,
    record: Record,
}

impl<W: Watch> Replay<'_, '_, W> {
    /// Opens a record's stream.
    fn start(&mut self, record: Record) -> Result<(), HostError> {
        self.summary.out_of_order += u64::from(record.time_ns < self.gateway.now_ns());
        let now = record.time_ns.max(self.gateway.now_ns());
        self.end_until(now)?;
        self.advance(|gateway, watch| gateway.advance_sampled(now, watch))?;
        self.watch.before_event(now, self.gateway.stats());
        let opened = self.gateway.open(view::request(&record, now));
        let Some(stream) = self.survived(opened)? else { return Ok(()) };
        let [requests, _] = self.bodies;
        if requests && record.request_bytes > 0 {
            let sent = self.send_body(stream, Side::Request, record.request_bytes, true);
            self.survived(sent)?;
        }
        self.opened += 1;
        self.watch.event(Event { stream: self.opened, what: What::Opened, record: &record });
        let end_ns = now.saturating_add(record.duration_ns.unwrap_or(0));
        self.open.push(Reverse(Open { end_ns, number: self.opened, stream, record }));
        Ok(())
    }

    /// Ends the streams that end by this time, each at its time.
    fn end_until(&mut self, time_ns: u64) -> Result<(), HostError> {
        while let Some(Reverse(next)) = self.open.peek() {
            if next.end_ns > time_ns {
                break;
            }
            let Some(Reverse(ended)) = self.open.pop() else { break };
            // Timers of this very instant fire after it.
            self.advance(|gateway, watch| gateway.advance_sampled_before(ended.end_ns, watch))?;
            self.watch.before_event(ended.end_ns, self.gateway.stats());
            let finished = self.finish(&ended);
            self.survived(finished)?;
            self.watch.event(Event { stream: ended.number, what: What::Finished, record: &ended.record });
        }
        Ok(())
    }

    fn finish(&mut self, ended: &Open) -> Result<(), HostError> {
        if let Some(response) = view::response(&ended.record) {
            self.gateway.respond(ended.stream, response)?;
            let trailers = view::trailers(&ended.record);
            let [_, responses] = self.bodies;
            if responses && ended.record.response_bytes > 0 {
                let bytes = ended.record.response_bytes;
                self.send_body(ended.stream, Side::Response, bytes, trailers.is_none())?;
            }
            if let Some(trailers) = trailers {
                self.gateway.trailers(ended.stream, trailers)?;
            }
        }
        self.gateway.finish(ended.stream, view::completion(&ended.record))
    }

    fn send_body(&mut self, stream: StreamId, side: Side, bytes: u64, ends: bool) -> Result<(), HostError> {
        let mut left = bytes.min(LARGEST_BODY);
        while left > 0 {
            let size = left.min(CHUNK.len() as u64);
            left -= size;
            let chunk = CHUNK.get(..size as usize).unwrap_or_default();
            let end = ends && left == 0;
            match side {
                Side::Request => self.gateway.request_body(stream, chunk, end)?,
                Side::Response => self.gateway.response_body(stream, chunk, end)?,
            }
            // Nobody reads it.
            drop(self.gateway.take_body(stream, side));
        }
        Ok(())
    }

    /// Lets time pass, also where a timer's callback fails its VM.
    fn advance(
        &mut self,
        advance: impl Fn(&mut Gateway, &mut dyn FnMut(Seen, &StatStore)) -> Result<(), HostError>,
    ) -> Result<(), HostError> {
        loop {
            let advanced = advance(self.gateway, &mut |seen, stats| match seen {
                Seen::Until(time) => self.watch.until(time, stats),
                Seen::Ticked(now) => self.watch.ticked(now, stats),
            });
            if self.survived(advanced)?.is_some() {
                return Ok(());
            }
        }
    }

    /// What came of callbacks; `None` where they failed their VM and the gateway goes on without it.
    fn survived<T>(&mut self, result: Result<T, HostError>) -> Result<Option<T>, HostError> {
        let goes_on = self.gateway.failure_policy() != FailurePolicy::FailClosed;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if goes_on && error.is_crash() => {
                self.summary.crashes += 1;
                self.summary.first_crash.get_or_insert_with(|| error.to_string());
                Ok(None)
            }
            Err(HostError::Failed { .. }) if goes_on => {
                self.summary.refused += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
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
