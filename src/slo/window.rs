//! Process-wide totals of events, read on tick, in; events and bad ones of the last five minutes up to the period out.

mod pages;
mod ring;

pub use pages::Page;
pub use ring::Tally;

use crate::config::Duration;
use ring::Ring;

/// A window that burn rates are measured over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// `5m`.
    Minutes5,
    /// `30m`.
    Minutes30,
    /// `1h`.
    Hour1,
    /// `2h`.
    Hours2,
    /// `6h`.
    Hours6,
    /// `1d`.
    Day1,
    /// `3d`.
    Days3,
    /// The SLO's period.
    Period,
}

impl Window {
    /// All of them, shortest first.
    pub const ALL: [Self; 8] = [
        Self::Minutes5,
        Self::Minutes30,
        Self::Hour1,
        Self::Hours2,
        Self::Hours6,
        Self::Day1,
        Self::Days3,
        Self::Period,
    ];

    /// How long it is; printed, it is the label `window`.
    pub const fn length(self, period: Duration) -> Duration {
        match self {
            Self::Minutes5 => Duration::from_secs(300),
            Self::Minutes30 => Duration::from_secs(1800),
            Self::Hour1 => Duration::from_secs(3600),
            Self::Hours2 => Duration::from_secs(7200),
            Self::Hours6 => Duration::from_secs(21_600),
            Self::Day1 => Duration::from_days(1),
            Self::Days3 => Duration::from_days(3),
            Self::Period => period,
        }
    }

    /// Its ring, and its place among the windows of that ring.
    const fn place(self) -> (usize, usize) {
        match self {
            Self::Minutes5 => (0, 0),
            Self::Minutes30 => (0, 1),
            Self::Hour1 => (0, 2),
            Self::Hours2 => (1, 0),
            Self::Hours6 => (1, 1),
            Self::Day1 => (2, 0),
            Self::Days3 => (2, 1),
            Self::Period => (3, 0),
        }
    }
}

/// The length of each ring's slots, in seconds.
const SLOT_SECONDS: [u64; 4] = [10, 60, 900, 3600];

const fn seconds(n: u64) -> u64 {
    n.saturating_mul(1_000_000_000)
}

/// The windows of one SLO: 28 KB for a period of 30 days.
///
/// Made of totals that only rise, so that whoever reads them next loses nothing of what came while nobody did.
/// Windows begin empty, and [`Windows::coverage`] says how much of each has been seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    period: Duration,
    rings: [Ring; 4],
    seen: Option<Seen>,
}

/// What the last observation left behind.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    totals: Tally,
    /// When it was, in our own time, which never goes back: the clock's, and what it was set back since.
    at_ns: u64,
    /// How far our time is ahead of the clock.
    ahead_ns: u64,
    /// When the first observation was, in our own time.
    since_ns: u64,
}

impl Windows {
    /// Windows that have seen nothing. `period` is 7 to 90 days; anything else counts as the nearer of the two.
    pub fn new(period: Duration) -> Self {
        let period = period.clamp(Duration::from_days(7), Duration::from_days(90));
        let hours = usize::try_from(period.as_secs() / 3600).unwrap_or(usize::MAX);
        let [fine, minute, quarter, hour] = SLOT_SECONDS.map(seconds);
        let rings = [
            Ring::new(fine, &[30, 180, 360]),
            Ring::new(minute, &[120, 360]),
            Ring::new(quarter, &[96, 288]),
            Ring::new(hour, &[hours]),
        ];
        Self { period, rings, seen: None }
    }

    /// The longest window.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Takes the totals of two counters at a time, in monotonic nanoseconds.
    ///
    /// The first observation is the baseline: what the totals hold already came at times that nobody knows. Make it
    /// when the filter starts, where a new Envoy's totals are 0, and the first tick counts in full.
    ///
    /// Read the bad total first and raise the other first, so that no bad event is seen before its event. It may be
    /// seen one tick after it; windows of which that tick is the first show one bad event less.
    ///
    /// A total that falls was reset, and its new value is the rise, as for Prometheus' `increase`. Leave the
    /// observation out where a total could not be read: a 0 in its place is a reset, and the next total a flood.
    /// A clock that goes back stands still for that observation; one that leaps ahead is a late tick.
    pub fn observe(&mut self, now_ns: u64, totals: Tally) {
        let Some(seen) = self.seen else {
            self.begin(now_ns, totals);
            return;
        };
        let delta = rise(seen.totals, totals);
        let to = self.move_clock(now_ns);
        for ring in &mut self.rings {
            ring.add_between(seen.at_ns, to, delta);
        }
        if let Some(seen) = &mut self.seen {
            seen.totals = totals;
        }
    }

    /// Adds events that came just before this time, for those who have no totals. The first call begins the coverage.
    pub fn add(&mut self, now_ns: u64, delta: Tally) {
        // A measurement on the edge of a slot is of what came before it.
        let before = now_ns.saturating_sub(1);
        if self.seen.is_none_or(|seen| before.saturating_add(seen.ahead_ns) >= seen.at_ns) {
            self.advance(before);
        }
        for ring in &mut self.rings {
            ring.add(delta);
        }
        self.advance(now_ns);
    }

    /// Lets time pass without events.
    pub fn advance(&mut self, now_ns: u64) {
        if self.seen.is_none() {
            self.begin(now_ns, Tally::default());
            return;
        }
        let to = self.move_clock(now_ns);
        for ring in &mut self.rings {
            ring.advance(to);
        }
    }

    /// What a window holds: within the events of one slot (10 s up to `1h`, 1 min up to `6h`, 15 min up to `3d`,
    /// 1 h for the period, which is taken in whole hours), and never more bad ones than events.
    pub fn tally(&self, window: Window) -> Tally {
        let (ring, place) = window.place();
        self.rings.get(ring).map_or(Tally::default(), |ring| ring.tally(place))
    }

    /// How much of a window has been seen. Time in which nobody ticked counts: the totals were kept.
    pub fn coverage(&self, window: Window) -> Duration {
        let seen = self.seen.map_or(0, |seen| seen.at_ns.saturating_sub(seen.since_ns));
        Duration::from_nanos(seen).min(window.length(self.period))
    }

    fn begin(&mut self, now_ns: u64, totals: Tally) {
        self.seen = Some(Seen { totals, at_ns: now_ns, ahead_ns: 0, since_ns: now_ns });
        for ring in &mut self.rings {
            ring.advance(now_ns);
        }
    }

    fn move_clock(&mut self, now_ns: u64) -> u64 {
        let Some(seen) = &mut self.seen else { return now_ns };
        let to = now_ns.saturating_add(seen.ahead_ns);
        let back = seen.at_ns.saturating_sub(to);
        seen.ahead_ns = seen.ahead_ns.saturating_add(back);
        seen.at_ns = seen.at_ns.max(to);
        seen.at_ns
    }
}

/// By how much totals rose. All events were reset together with their counter; bad ones may be so alone.
const fn rise(before: Tally, now: Tally) -> Tally {
    match now.events.checked_sub(before.events) {
        None => now,
        Some(events) => Tally {
            events,
            bad: match now.bad.checked_sub(before.bad) {
                Some(bad) => bad,
                None => now.bad,
            },
        },
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(test, not(target_family = "wasm")))]
mod brute_force;
