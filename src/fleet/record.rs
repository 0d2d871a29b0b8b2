//! What the members of a fleet write to one another, and its bytes: little-endian numbers, one after the other.

use crate::shared::{take_u32, take_u64};

/// A recorder's place: the slot that it took, and in which epoch of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The slot.
    pub slot: u32,
    /// No other owner of the slot has the same.
    pub since: u32,
}

/// A slot. Its epoch counts what happens to it: it is taken, its owner is settled, its owner comes to life again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// The epoch in which its owner took it.
    pub(super) since: u32,
    pub(super) epoch: u32,
    /// Its owner fell silent, and what it has in progress is taken off the gauges.
    pub(super) settled: bool,
    /// The last sign of life, nanoseconds, monotonic.
    pub(super) heartbeat_ns: u64,
    /// How often its owner ticks.
    pub(super) tick_ns: u64,
}

impl Slot {
    pub(super) fn encode(&self) -> Vec<u8> {
        let numbers = [self.since, self.epoch, u32::from(self.settled)];
        let times = [self.heartbeat_ns, self.tick_ns];
        let numbers = numbers.iter().flat_map(|n| n.to_le_bytes());
        numbers.chain(times.iter().flat_map(|n| n.to_le_bytes())).collect()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self {
            since: take_u32(bytes)?,
            epoch: take_u32(bytes)?,
            settled: take_u32(bytes)? != 0,
            heartbeat_ns: take_u64(bytes)?,
            tick_ns: take_u64(bytes)?,
        })
    }
}

/// Who publishes, until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) holder: Member,
    /// The holder's configuration: a later one has a higher number.
    pub(super) order: u64,
    /// Nanoseconds, monotonic.
    pub(super) expires_ns: u64,
}

impl Lease {
    /// Nobody's.
    pub(super) const FREE: Self = Self { holder: Member { slot: 0, since: 0 }, order: 0, expires_ns: 0 };

    pub(super) fn encode(&self) -> Vec<u8> {
        let holder = [self.holder.slot, self.holder.since];
        let rest = [self.order, self.expires_ns];
        let holder = holder.iter().flat_map(|n| n.to_le_bytes());
        holder.chain(rest.iter().flat_map(|n| n.to_le_bytes())).collect()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self {
            holder: Member { slot: take_u32(bytes)?, since: take_u32(bytes)? },
            order: take_u64(bytes)?,
            expires_ns: take_u64(bytes)?,
        })
    }
}

/// The latest configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Latest {
    /// What it hashes to.
    pub(super) fingerprint: u64,
    /// Counts configurations.
    pub(super) order: u64,
}

impl Latest {
    pub(super) fn encode(&self) -> Vec<u8> {
        [self.fingerprint, self.order].iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self { fingerprint: take_u64(bytes)?, order: take_u64(bytes)? })
    }
}
