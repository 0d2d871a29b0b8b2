//! Streams that begin and end in, a gauge that heals out: what a VM that died had in progress is taken back.
//!
//! Before the gauge moves, the count is written to the member's own row in shared data; a row names its gauge. While
//! a member is settled (see [`crate::fleet`]), the holder of the lease keeps a note beside each row of what it has
//! taken off the gauge: as much as the row says. A member that was only late gives back what the notes say. Both swap
//! the notes, and look at their epoch: whoever is too late for a note leaves the gauge alone.

use crate::attributes::HostStatus;
use crate::fleet::{Gone, Member};
use crate::metric::{DurationUnit, Kind, Metric};
use crate::shared::{self, Keys, SharedData};
use crate::sink::{MetricId, MetricSink};
use rustc_hash::FxHashMap;

/// A gauge of this recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowId(u32);

/// The in-progress gauges that this recorder moves.
#[derive(Debug)]
pub struct InProgress {
    keys: Keys,
    member: Option<Member>,
    /// The epoch of the member's slot: notes of an earlier one are over.
    epoch: u32,
    rows: Vec<Row>,
    by_gauge: FxHashMap<MetricId, RowId>,
    /// Settled slots, by number: their epoch, and how often in a row there was nothing to take.
    quiet: FxHashMap<u32, (u32, u8)>,
    /// Counts calls of [`Self::settle_all`].
    passes: u32,
}

/// One gauge's share that is this member's.
#[derive(Debug)]
struct Row {
    gauge: MetricId,
    count: u32,
    /// The count at the last tick.
    ticked: u32,
    /// The stat name of the gauge.
    name: Box<str>,
    key: Vec<u8>,
    /// What is written: whose row it is, the count, the name.
    value: Vec<u8>,
}

/// Where the count stands in a row's value.
const COUNT: std::ops::Range<usize> = 4..8;

impl Row {
    fn new(gauge: MetricId, name: &str, key: Vec<u8>, since: u32) -> Self {
        let value = [&since.to_le_bytes(), &[0; 4], name.as_bytes()].concat();
        Self { gauge, count: 0, ticked: 0, name: name.into(), key, value }
    }

    fn write(&mut self, host: &mut impl SharedData) -> Result<(), HostStatus> {
        if let Some(place) = self.value.get_mut(COUNT) {
            place.copy_from_slice(&self.count.to_le_bytes());
        }
        host.write(&self.key, &self.value)
    }
}

/// What became of a stream's beginning or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The gauge moved.
    pub gauge: bool,
    /// The row says so, or there is none.
    pub row: bool,
}

/// What is written beside a row: how much of it is taken off the gauge, since which epoch of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Note {
    epoch: u32,
    taken: u32,
}

impl Note {
    fn encode(self) -> Vec<u8> {
        [self.epoch, self.taken].iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self { epoch: shared::take_u32(bytes)?, taken: shared::take_u32(bytes)? })
    }
}

const IN_PROGRESS: &str = Metric::HttpRequestsInProgress.name(DurationUnit::Milliseconds);

/// Passes without anything to take after which a slot is looked at in each sixteenth only: nobody is late by so much
/// and dies then.
const QUIET_PASSES: u8 = 30;
const PATIENCE: u32 = 15;

/// Whose a row is, its count, and the stat name of its gauge; `None` for what is no row of ours. Another prefix of the
/// metric's name is one of another configuration.
fn split_row(mut value: &[u8]) -> Option<(u32, u32, &str)> {
    let (owner, count) = (shared::take_u32(&mut value)?, shared::take_u32(&mut value)?);
    let name = std::str::from_utf8(value).ok()?;
    let metric = name.split('.').next()?;
    metric.ends_with(IN_PROGRESS).then_some((owner, count, name))
}

impl InProgress {
    /// Nothing in progress.
    pub fn new(keys: &Keys) -> Self {
        Self {
            keys: keys.clone(),
            member: None,
            epoch: 0,
            rows: Vec::new(),
            by_gauge: FxHashMap::default(),
            quiet: FxHashMap::default(),
            passes: 0,
        }
    }

    /// The row of a gauge, where it has one yet.
    pub fn row(&self, gauge: MetricId) -> Option<RowId> {
        self.by_gauge.get(&gauge).copied()
    }

    /// Gives a gauge its row. Without a slot the gauge moves, but cannot heal.
    pub fn add_row(
        &mut self,
        gauge: MetricId,
        name: &str,
        host: &mut impl SharedData,
    ) -> Result<RowId, HostStatus> {
        let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let Member { slot, since } = self.member.unwrap_or(Member { slot: u32::MAX, since: 0 });
        self.rows.push(Row::new(gauge, name, self.row_key(slot, place), since));
        self.by_gauge.insert(gauge, RowId(place));
        // What a settlement swaps is there before there is anything to settle.
        match self.member {
            Some(_) => self.write_first_note(slot, place, host).map(|()| RowId(place)),
            None => Ok(RowId(place)),
        }
    }

    fn write_first_note(&self, slot: u32, place: u32, host: &mut impl SharedData) -> Result<(), HostStatus> {
        host.write(&self.note_key(slot, place), &Note { epoch: self.epoch, taken: 0 }.encode())
    }

    /// Counts a stream that begins.
    pub fn enter(&mut self, row: RowId, host: &mut (impl MetricSink + SharedData)) -> Moved {
        self.shift(row, 1, host)
    }

    /// Counts the end of a stream whose beginning had moved the gauge.
    pub fn leave(&mut self, row: RowId, host: &mut (impl MetricSink + SharedData)) -> Moved {
        self.shift(row, -1, host)
    }

    fn shift(&mut self, row: RowId, by: i32, host: &mut (impl MetricSink + SharedData)) -> Moved {
        let shared = self.member.is_some();
        let place = usize::try_from(row.0).unwrap_or(usize::MAX);
        let Some(row) = self.rows.get_mut(place) else { return Moved { gauge: false, row: false } };
        row.count = row.count.saturating_add_signed(by);
        // A row that is behind is better than a stream that is not counted.
        let written = !shared || row.write(host).is_ok();
        let moved = host.add(row.gauge, i64::from(by)).is_ok();
        if !moved {
            row.count = row.count.saturating_add_signed(by.saturating_neg());
        }
        Moved { gauge: moved, row: written }
    }

    /// Keeps what stands at a tick.
    pub fn tick(&mut self) {
        for row in &mut self.rows {
            row.ticked = row.count;
        }
    }

    /// Takes off the gauges what members that are gone have in progress, as far as that is not done.
    ///
    /// A slot in which nothing changes any more is looked at now and then only: its owner may have been just late, and
    /// then died.
    pub fn settle_all(
        &mut self,
        gone: &[Gone],
        host: &mut (impl MetricSink + SharedData),
    ) -> Result<(), HostStatus> {
        self.passes = self.passes.wrapping_add(1);
        for gone in gone {
            let slot = gone.member.slot;
            let quiet =
                self.quiet.get(&slot).filter(|(epoch, _)| *epoch == gone.epoch).map_or(0, |(_, n)| *n);
            if quiet >= QUIET_PASSES && self.passes.wrapping_add(slot) & PATIENCE != 0 {
                continue;
            }
            let taken = self.settle(*gone, host)?;
            let quiet = if taken { 0 } else { quiet.saturating_add(1) };
            self.quiet.insert(slot, (gone.epoch, quiet));
        }
        Ok(())
    }

    /// Settles one; whether there was something to take.
    fn settle(&self, gone: Gone, host: &mut (impl MetricSink + SharedData)) -> Result<bool, HostStatus> {
        let Gone { member: Member { slot, since }, epoch } = gone;
        let mut found = false;
        for place in 0..u32::MAX {
            let Some(value) = self.read_row(slot, place, host)? else { break };
            let Some((owner, count, name)) = split_row(&value) else { break };
            // From here on the rows are those of an earlier owner.
            if owner != since {
                break;
            }
            // First of all: what Envoy does not give us now, the next pass takes.
            let gauge = host.define(Kind::Gauge, name)?;
            let given = self.swap_note(slot, place, host, |note| {
                // An older note is of an earlier settlement, which was given back.
                let taken = if note.epoch == epoch { note.taken } else { 0 };
                let due = note.epoch < epoch || taken != count;
                (note.epoch <= epoch && due).then_some((Note { epoch, taken: count }, taken))
            })?;
            let delta = given.map_or(0, |taken| i64::from(taken).saturating_sub(i64::from(count)));
            if delta != 0 {
                found = true;
                host.add(gauge, delta)?;
            }
        }
        Ok(found)
    }

    /// Defines every gauge that a row names, and so keeps its value.
    ///
    /// Envoy drops a stat with the last VM that has defined it. Where new code takes over from a VM that died, nobody
    /// else would keep what that VM left on its gauges, and it would be taken off a gauge that begins at 0.
    pub fn keep_gauges(
        &self,
        slots: u32,
        host: &mut (impl MetricSink + SharedData),
    ) -> Result<(), HostStatus> {
        for slot in 0..slots {
            for place in 0..u32::MAX {
                let Some(value) = self.read_row(slot, place, host)? else { break };
                let Some((_, _, name)) = split_row(&value) else { break };
                host.define(Kind::Gauge, name)?;
            }
        }
        Ok(())
    }

    fn read_row(
        &self,
        slot: u32,
        place: u32,
        host: &mut impl SharedData,
    ) -> Result<Option<Vec<u8>>, HostStatus> {
        match host.read(&self.row_key(slot, place)) {
            Ok((value, _)) => Ok(Some(value)),
            Err(status) if status.is_absent() => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// Swaps a note; the second part of what `change` said, where the note changed.
    fn swap_note(
        &self,
        slot: u32,
        place: u32,
        host: &mut impl SharedData,
        mut change: impl FnMut(Note) -> Option<(Note, u32)>,
    ) -> Result<Option<u32>, HostStatus> {
        let mut said = None;
        shared::update(host, &self.note_key(slot, place), |bytes| {
            let changed = change(Note::decode(bytes)?);
            said = changed.map(|(_, said)| said);
            changed.map(|(note, _)| note.encode())
        })?;
        Ok(said)
    }

    /// Gives back what was taken in an epoch, after this member came to life again.
    pub fn revive(
        &mut self,
        epoch: u32,
        host: &mut (impl MetricSink + SharedData),
    ) -> Result<(), HostStatus> {
        let Some(Member { slot, .. }) = self.member else { return Ok(()) };
        self.epoch = epoch.wrapping_add(1);
        for (row, place) in self.rows.iter().zip(0_u32..) {
            let alive = Note { epoch: self.epoch, taken: 0 };
            let taken = self.swap_note(slot, place, host, |note| {
                Some((alive, if note.epoch == epoch { note.taken } else { 0 }))
            })?;
            if let Some(taken @ 1..) = taken {
                host.add(row.gauge, i64::from(taken))?;
            }
        }
        Ok(())
    }

    /// Moves to a slot: the first, or another after the old one went to somebody else, long after it was settled.
    ///
    /// Then the notes are gone with it; that nothing had happened between the last tick and the silence is the best
    /// guess.
    pub fn move_to(
        &mut self,
        member: Member,
        host: &mut (impl MetricSink + SharedData),
    ) -> Result<(), HostStatus> {
        let replaced = self.member.replace(member).is_some();
        self.epoch = member.since;
        let mut rows = std::mem::take(&mut self.rows);
        let moved = rows.iter_mut().zip(0_u32..).try_for_each(|(row, place)| {
            let Row { count, ticked, .. } = *row;
            *row = Row::new(row.gauge, &row.name, self.row_key(member.slot, place), member.since);
            row.count = count;
            self.write_first_note(member.slot, place, host)?;
            row.write(host)?;
            if replaced && ticked > 0 { host.add(row.gauge, i64::from(ticked)) } else { Ok(()) }
        });
        self.rows = rows;
        moved
    }

    /// Whether it has a slot.
    pub fn has_slot(&self) -> bool {
        self.member.is_some()
    }

    fn row_key(&self, slot: u32, place: u32) -> Vec<u8> {
        self.keys.nth("row", &[slot, place])
    }

    fn note_key(&self, slot: u32, place: u32) -> Vec<u8> {
        self.keys.nth("note", &[slot, place])
    }
}

#[cfg(test)]
mod tests;
