//! Events and the time they came at in, their sums over the last n slots out: a ring of slots of one length.

/// Events and how many of them were bad: a counter's totals, their rise, or what a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub events: u64,
    /// The bad ones.
    pub bad: u64,
}

/// The last slots of one length, and a running sum for each window that is measured in them.
///
/// A window of n slots is the n closed ones and the open one: when a slot has just opened it is exact, and
/// otherwise it reaches back less than one slot too far.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    slot_ns: u64,
    /// The number of the open slot: its beginning divided by `slot_ns`.
    head: u64,
    /// Where the open slot lies in `slots`.
    at: usize,
    /// The closed slots of the longest window, and the open one.
    slots: Box<[Tally]>,
    sums: Vec<Sum>,
    /// The first slot that has not been saved since it closed.
    unsaved: u64,
}

/// What the last slots hold; wider than a slot's numbers, so that what was added can always be taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sum {
    slots: usize,
    events: u128,
    bad: u128,
}

impl Ring {
    /// An empty ring; the last of `windows`, in slots, is the longest.
    pub(super) fn new(slot_ns: u64, windows: &[usize]) -> Self {
        let longest = windows.last().copied().unwrap_or(0);
        Self {
            slot_ns: slot_ns.max(1),
            head: 0,
            at: 0,
            slots: vec![Tally::default(); longest.saturating_add(1)].into(),
            sums: windows.iter().map(|slots| Sum { slots: *slots, ..Sum::default() }).collect(),
            unsaved: 0,
        }
    }

    /// How many slots the longest window has.
    pub(super) fn longest(&self) -> u64 {
        (self.slots.len() as u64).saturating_sub(1)
    }

    /// The number of the open slot.
    pub(super) const fn head(&self) -> u64 {
        self.head
    }

    /// The open slot.
    pub(super) fn open(&self) -> Tally {
        self.slots.get(self.at).copied().unwrap_or_default()
    }

    /// What the n-th window holds. A bad event can be here without its event: see [`super::Windows::observe`].
    pub(super) fn tally(&self, window: usize) -> Tally {
        let Sum { events, bad, .. } = self.sums.get(window).copied().unwrap_or_default();
        let narrow = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
        Tally { events: narrow(events), bad: narrow(bad.min(events)) }
    }

    /// Closes slots until the one of this time is open; a time that is over changes nothing.
    pub(super) fn advance(&mut self, to_ns: u64) {
        self.open_slot(self.slot_of(to_ns));
    }

    /// Adds to the open slot.
    pub(super) fn add(&mut self, delta: Tally) {
        let Some(slot) = self.slots.get_mut(self.at) else { return };
        let before = *slot;
        slot.events = before.events.saturating_add(delta.events);
        slot.bad = before.bad.saturating_add(delta.bad);
        let events = u128::from(slot.events.saturating_sub(before.events));
        let bad = u128::from(slot.bad.saturating_sub(before.bad));
        for sum in &mut self.sums {
            sum.events = sum.events.saturating_add(events);
            sum.bad = sum.bad.saturating_add(bad);
        }
    }

    /// Adds what came between two times, of which the first is where the ring stands; it stands at the second then.
    ///
    /// The delta of a tick in time goes to the slot that the interval began in, or to the one that it spans. Nothing
    /// is estimated then: the sum of a window is all that came since one tick, and that tick lies in the slot in
    /// which the window begins. What a late tick brings is taken to have come evenly, as Prometheus' `increase`
    /// does: in one slot it would stay in the short windows too long, and leave them all at once.
    pub(super) fn add_between(&mut self, from: u64, to: u64, delta: Tally) {
        let elapsed = to.saturating_sub(from);
        let end = self.slot_of(to.saturating_sub(1));
        let crossed = end.saturating_sub(self.head);
        let in_time = elapsed <= self.slot_ns.saturating_add(self.slot_ns / 4);
        if delta == Tally::default() {
            // Silence is the same wherever it is.
        } else if in_time || crossed == 0 {
            self.open_slot(self.head.saturating_add(u64::from(crossed > 1)));
            self.add(delta);
        } else {
            let reach = self.slot_of(to).saturating_sub(self.longest());
            let first = self.head.max(reach);
            let mut given = share(delta, first.saturating_mul(self.slot_ns).saturating_sub(from), elapsed);
            for number in first..=end {
                self.open_slot(number);
                let until = number.saturating_add(1).saturating_mul(self.slot_ns).min(to);
                let due = share(delta, until.saturating_sub(from), elapsed);
                self.add(Tally {
                    events: due.events.saturating_sub(given.events),
                    bad: due.bad.saturating_sub(given.bad),
                });
                given = due;
            }
        }
        self.advance(to);
    }

    fn slot_of(&self, ns: u64) -> u64 {
        ns.checked_div(self.slot_ns).unwrap_or(0)
    }

    fn open_slot(&mut self, number: u64) {
        let steps = number.saturating_sub(self.head);
        if steps > self.longest() {
            self.slots.fill(Tally::default());
            for sum in &mut self.sums {
                (sum.events, sum.bad) = (0, 0);
            }
            self.head = number;
            return;
        }
        for _ in 0..steps {
            self.close_slot();
        }
    }

    fn close_slot(&mut self) {
        let (at, len) = (self.at, self.slots.len());
        for sum in &mut self.sums {
            let leaves = self.slots.get(back(at, sum.slots, len)).copied().unwrap_or_default();
            sum.events = sum.events.saturating_sub(u128::from(leaves.events));
            sum.bad = sum.bad.saturating_sub(u128::from(leaves.bad));
        }
        self.at = back(at, len.saturating_sub(1), len);
        if let Some(slot) = self.slots.get_mut(self.at) {
            *slot = Tally::default();
        }
        self.head = self.head.saturating_add(1);
    }

    /// A slot that has closed; nothing where it is older than the longest window.
    pub(super) fn closed(&self, number: u64) -> Option<Tally> {
        let age = self.head.checked_sub(number).filter(|age| (1..=self.longest()).contains(age))?;
        self.slots.get(back(self.at, usize::try_from(age).ok()?, self.slots.len())).copied()
    }

    /// The oldest slot that has closed since it was last saved.
    pub(super) fn unsaved(&self) -> Option<u64> {
        let first = self.unsaved.max(self.head.saturating_sub(self.longest()));
        (first < self.head).then_some(first)
    }

    /// Marks every slot before this number as saved, up to the open one.
    pub(super) fn saved_before(&mut self, number: u64) {
        self.unsaved = number.min(self.head);
    }

    /// Puts back what was saved: the open slot of this time, and closed ones by their numbers.
    pub(super) fn restore(
        &mut self,
        at_ns: u64,
        open: Tally,
        closed: impl IntoIterator<Item = (u64, Tally)>,
    ) {
        self.head = self.slot_of(at_ns);
        self.unsaved = self.head;
        let len = self.slots.len();
        for (number, tally) in closed {
            let age = self.head.checked_sub(number).filter(|age| (1..=self.longest()).contains(age));
            let place = age.and_then(|age| usize::try_from(age).ok()).map(|age| back(self.at, age, len));
            if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
                *slot = tally;
            }
        }
        if let Some(slot) = self.slots.get_mut(self.at) {
            *slot = open;
        }
        for sum in &mut self.sums {
            (sum.events, sum.bad) = (0, 0);
            for age in 0..=sum.slots {
                let slot = self.slots.get(back(self.at, age, len)).copied().unwrap_or_default();
                sum.events = sum.events.saturating_add(u128::from(slot.events));
                sum.bad = sum.bad.saturating_add(u128::from(slot.bad));
            }
        }
    }
}

/// The place `age` slots before this one in a ring of `len`.
fn back(at: usize, age: usize, len: usize) -> usize {
    at.checked_sub(age).unwrap_or_else(|| at.saturating_add(len).saturating_sub(age))
}

/// The part of a delta that has come after `part` of `whole`, rounded down. Bad events come with their events.
fn share(delta: Tally, part: u64, whole: u64) -> Tally {
    let of = |n: u64, part: u64, whole: u64| {
        let product = u128::from(n).saturating_mul(u128::from(part.min(whole)));
        product.checked_div(u128::from(whole)).and_then(|n| u64::try_from(n).ok())
    };
    let events = of(delta.events, part, whole).unwrap_or(delta.events);
    // Without events there is nothing that bad ones could come with: they come at the end.
    let bad = of(delta.bad, events, delta.events).unwrap_or(if part >= whole { delta.bad } else { 0 });
    Tally { events, bad }
}
