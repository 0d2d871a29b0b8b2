//! What happens in a replay in, whatever its onlooker makes of it out.

use super::Event;
use crate::stats::StatStore;

/// Somebody who looks on while traffic is replayed. All times are virtual, nanoseconds since 1970, and never fall.
pub trait Watch {
    /// A stream has opened or ended.
    fn event(&mut self, _event: Event<'_>) {}

    /// Timers have fired at this instant; what they set shows.
    fn ticked(&mut self, _now_ns: u64, _stats: &StatStore) {}

    /// A stream is about to open or to end at this instant; of it nothing shows yet. Since the last call of this or of
    /// [`Self::ticked`] no counter has changed by anything but the stream that it was made for.
    fn before_event(&mut self, _now_ns: u64, _stats: &StatStore) {}

    /// The stats stay as they are until this instant, which is excluded: what a scrape before it would find, so that one
    /// call covers a gap. What has happened by a time is in it: streams that end at that very instant, timers too; streams
    /// that begin are not.
    fn until(&mut self, _time_ns: u64, _stats: &StatStore) {}
}

/// Two functions as an onlooker: for events, and for ticks.
pub(super) struct Functions<F, S> {
    pub(super) observe: F,
    pub(super) sample: S,
}

impl<F: FnMut(Event<'_>), S: FnMut(u64, &StatStore)> Watch for Functions<F, S> {
    fn event(&mut self, event: Event<'_>) {
        (self.observe)(event);
    }

    fn ticked(&mut self, now_ns: u64, stats: &StatStore) {
        (self.sample)(now_ns, stats);
    }
}
