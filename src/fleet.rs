//! The recorders of one service in one Envoy, as each sees the others: who is alive, who is gone, who publishes.
//!
//! Every VM has one recorder a configuration: the main thread's, each worker's, and for a while those of a
//! configuration that is being replaced. Each takes a slot in shared data when it first has something to say, and
//! renews its heartbeat on tick. One holds the lease: it publishes what is published once a process, and settles the
//! slots of those that fell silent. All times are nanoseconds on the monotonic clock, which the VMs share.

mod record;

pub use record::Member;

use crate::attributes::HostStatus;
use crate::shared::{self, Keys, Machine, SharedData};
use record::{Latest, Lease, Slot};

/// Ticks of silence after which a member counts as gone.
const SILENT_TICKS: u64 = 3;
/// Ticks for which a lease lasts: a holder that was just late keeps it, and a dead one's is taken within three.
const LEASE_TICKS: u64 = 2;
/// A settled slot is given to somebody else after so many ticks, and after so long: nobody is late by that much.
const REUSE_TICKS: u64 = 60;
const REUSE_NS: u64 = 600_000_000_000;
/// Slots that are ever made. An Envoy has a VM a thread; more are in use while configurations are replaced, and after
/// crashes until their slots are reused.
const MOST_SLOTS: u32 = 10_000;

/// One recorder's view of the others.
#[derive(Debug)]
pub struct Fleet {
    keys: Keys,
    tick_ns: u64,
    /// What the configuration hashes to.
    fingerprint: u64,
    member: Option<Member>,
    order: u64,
    last_tick_ns: Option<u64>,
    /// Since when this thread has ticked without a long gap: before, others may have been as late as itself.
    steady_since_ns: u64,
}

/// What a tick found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// This member is one of the living.
    Alive {
        /// It holds the lease: it publishes and settles.
        leads: bool,
    },
    /// It had been silent for so long that it was settled, and is alive again: what was taken in this epoch must be
    /// given back.
    Revived(u32),
    /// Its slot has another owner. It has to join again.
    Replaced,
}

/// A slot whose owner is gone, in the epoch in which it was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// Who is gone.
    pub member: Member,
    /// The slot's epoch.
    pub epoch: u32,
}

impl Fleet {
    /// A recorder that has not joined yet.
    pub fn new(keys: &Keys, tick_ns: u64) -> Self {
        Self {
            keys: keys.clone(),
            tick_ns: tick_ns.max(1),
            fingerprint: 0,
            member: None,
            order: 0,
            last_tick_ns: None,
            steady_since_ns: 0,
        }
    }

    /// Makes the keys that members swap; `fingerprint` tells configurations apart.
    pub fn prepare(&mut self, fingerprint: u64, host: &mut impl SharedData) -> Result<(), HostStatus> {
        self.fingerprint = fingerprint;
        shared::create(host, &self.slots_key(), &0_u32.to_le_bytes())?;
        shared::create(host, &self.lease_key(), &Lease::FREE.encode())?;
        shared::create(host, &self.latest_key(), &Latest { fingerprint: 0, order: 0 }.encode())
    }

    /// The slot that is held; takes one the first time.
    pub fn join(&mut self, host: &mut (impl SharedData + Machine)) -> Result<Member, HostStatus> {
        if let Some(member) = self.member {
            return Ok(member);
        }
        let now = host.monotonic_ns();
        let member = match self.reuse(now, host)? {
            Some(member) => member,
            None => self.append(now, host)?,
        };
        self.member = Some(member);
        Ok(member)
    }

    /// Takes over a slot whose owner is long gone.
    fn reuse(&self, now: u64, host: &mut impl SharedData) -> Result<Option<Member>, HostStatus> {
        for slot in 0..self.slots(host)? {
            let Some((old, cas)) = self.read_slot(slot, host)? else { continue };
            let rest = old.tick_ns.saturating_mul(REUSE_TICKS).max(REUSE_NS);
            if !old.settled || now.saturating_sub(old.heartbeat_ns) < rest {
                continue;
            }
            let since = old.epoch.wrapping_add(1);
            match host.swap(&self.slot_key(slot), &self.alive(since, since, now).encode(), cas) {
                Ok(()) => return Ok(Some(Member { slot, since })),
                Err(HostStatus::CAS_MISMATCH) => {}
                Err(status) => return Err(status),
            }
        }
        Ok(None)
    }

    fn append(&self, now: u64, host: &mut impl SharedData) -> Result<Member, HostStatus> {
        let mut slot = MOST_SLOTS;
        shared::update(host, &self.slots_key(), |mut count| {
            slot = shared::take_u32(&mut count).unwrap_or(0);
            (slot < MOST_SLOTS).then(|| slot.saturating_add(1).to_le_bytes().to_vec())
        })?;
        if slot >= MOST_SLOTS {
            return Err(HostStatus::CAS_MISMATCH);
        }
        host.write(&self.slot_key(slot), &self.alive(1, 1, now).encode())?;
        Ok(Member { slot, since: 1 })
    }

    /// Says that this member is alive, and asks for the lease.
    pub fn tick(&mut self, now: u64, host: &mut (impl SharedData + Machine)) -> Result<Standing, HostStatus> {
        let gap = self.last_tick_ns.replace(now).map(|last| now.saturating_sub(last));
        if gap.is_none_or(|gap| gap > self.tick_ns.saturating_mul(2)) {
            self.steady_since_ns = now;
        }
        let me = self.join(host)?;
        let Some((mine, cas)) = self.read_slot(me.slot, host)?.filter(|(slot, _)| slot.since == me.since)
        else {
            self.member = None;
            return Ok(Standing::Replaced);
        };
        let epoch = mine.epoch.wrapping_add(u32::from(mine.settled));
        host.swap(&self.slot_key(me.slot), &self.alive(me.since, epoch, now).encode(), cas)?;
        if mine.settled {
            return Ok(Standing::Revived(mine.epoch));
        }
        Ok(Standing::Alive { leads: self.lead(me, now, host)? })
    }

    /// Renews the lease or takes one that has run out; a later configuration need not wait for that.
    fn lead(&mut self, me: Member, now: u64, host: &mut impl SharedData) -> Result<bool, HostStatus> {
        if self.order == 0 {
            self.order = self.take_order(host)?;
        }
        let key = self.lease_key();
        let (bytes, cas) = host.read(&key)?;
        let lease = Lease::decode(&bytes).unwrap_or(Lease::FREE);
        if lease.holder != me && lease.expires_ns > now && lease.order >= self.order {
            return Ok(false);
        }
        let expires_ns = now.saturating_add(self.tick_ns.saturating_mul(LEASE_TICKS));
        match host.swap(&key, &Lease { holder: me, order: self.order, expires_ns }.encode(), cas) {
            Ok(()) => Ok(true),
            Err(HostStatus::CAS_MISMATCH) => Ok(false),
            Err(status) => Err(status),
        }
    }

    /// The number of this configuration: that of its twins in other VMs, or the next one.
    fn take_order(&self, host: &mut impl SharedData) -> Result<u64, HostStatus> {
        let mut order = 1;
        shared::update(host, &self.latest_key(), |bytes| {
            let latest = Latest::decode(bytes).unwrap_or(Latest { fingerprint: 0, order: 0 });
            if latest.order > 0 && latest.fingerprint == self.fingerprint {
                order = latest.order;
                return None;
            }
            order = latest.order.saturating_add(1);
            Some(Latest { fingerprint: self.fingerprint, order }.encode())
        })?;
        Ok(order)
    }

    /// Every slot whose owner is gone, those that are found silent now among them; for the holder of the lease.
    ///
    /// Nobody is taken for dead on the evidence of the clock alone: where the whole process stood still, everybody's
    /// heartbeat is old, and whoever ticks first waits for the others.
    pub fn gone(&self, now: u64, host: &mut impl SharedData) -> Result<Vec<Gone>, HostStatus> {
        let mut gone = Vec::new();
        for slot in 0..self.slots(host)? {
            let Some((found, cas)) = self.read_slot(slot, host)? else { continue };
            let seen = found.heartbeat_ns.max(self.steady_since_ns);
            let patience = found.tick_ns.max(self.tick_ns).saturating_mul(SILENT_TICKS);
            let mine = self.member.is_some_and(|me| me.slot == slot);
            let mut epoch = found.epoch;
            if !found.settled {
                if mine || now.saturating_sub(seen) < patience {
                    continue;
                }
                epoch = epoch.wrapping_add(1);
                match host.swap(&self.slot_key(slot), &Slot { settled: true, epoch, ..found }.encode(), cas) {
                    Ok(()) => {}
                    // It is alive after all.
                    Err(HostStatus::CAS_MISMATCH) => continue,
                    Err(status) => return Err(status),
                }
            }
            gone.push(Gone { member: Member { slot, since: found.since }, epoch });
        }
        Ok(gone)
    }

    fn alive(&self, since: u32, epoch: u32, now: u64) -> Slot {
        Slot { since, epoch, settled: false, heartbeat_ns: now, tick_ns: self.tick_ns }
    }

    /// How many slots were ever made.
    pub fn slots(&self, host: &mut impl SharedData) -> Result<u32, HostStatus> {
        let (bytes, _) = host.read(&self.slots_key())?;
        Ok(shared::take_u32(&mut bytes.as_slice()).unwrap_or(0).min(MOST_SLOTS))
    }

    fn read_slot(
        &self,
        slot: u32,
        host: &mut impl SharedData,
    ) -> Result<Option<(Slot, shared::Cas)>, HostStatus> {
        match host.read(&self.slot_key(slot)) {
            Ok((bytes, cas)) => Ok(Slot::decode(&bytes).map(|slot| (slot, cas))),
            // Its owner is about to write it.
            Err(status) if status.is_absent() => Ok(None),
            Err(status) => Err(status),
        }
    }

    fn slots_key(&self) -> Vec<u8> {
        self.keys.one("slots")
    }

    fn slot_key(&self, slot: u32) -> Vec<u8> {
        self.keys.nth("slot", &[slot])
    }

    fn lease_key(&self) -> Vec<u8> {
        self.keys.one("lease")
    }

    fn latest_key(&self) -> Vec<u8> {
        self.keys.one("latest")
    }
}

#[cfg(test)]
mod tests;
