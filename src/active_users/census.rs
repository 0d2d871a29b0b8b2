//! The users of one VM's requests in; with what the other VMs saw, how many each tenant had, out.
//!
//! On tick every VM merges what is new into a sub-window's sketch in shared data, and whoever publishes reads them
//! all. A sketch there carries its sub-window's number, and gives way to one that is five later.

use super::{SUB_WINDOWS, Sketch, SubWindow, Window, hash};
use crate::attributes::HostStatus;
use crate::config::Duration;
use crate::exchange::TenantId;
use crate::shared::{self, Cas, Keys, Machine, SharedData, take_u64};
use rustc_hash::FxHashMap;

/// Tenants that are read in one tick; more take turns.
const PER_TICK: u32 = 500;

/// Who was seen, per tenant.
#[derive(Debug)]
pub struct Census {
    keys: Keys,
    length: Duration,
    /// What user values are hashed with; the same in all VMs.
    secret: Option<[u8; 16]>,
    /// The time of the last tick, which tells sub-windows apart.
    now_ns: Option<u64>,
    windows: FxHashMap<TenantId, Window>,
    /// What other VMs do not know yet, and how often they are to be told.
    fresh: FxHashMap<(TenantId, SubWindow), u8>,
    /// The numbers of the shared sketches that were read last: what did not change is not merged again.
    read: FxHashMap<(TenantId, u32), Cas>,
    /// The first tenant of the next turn.
    next: u32,
}

impl Census {
    /// Nobody, for windows of this length.
    pub fn new(keys: &Keys, length: Duration) -> Self {
        Self {
            keys: keys.clone(),
            length,
            secret: None,
            now_ns: None,
            windows: FxHashMap::default(),
            fresh: FxHashMap::default(),
            read: FxHashMap::default(),
            next: 0,
        }
    }

    /// Makes the secret, once a process.
    pub fn prepare(&self, host: &mut (impl SharedData + Machine)) -> Result<(), HostStatus> {
        let secret = [host.random(), host.random()].map(u64::to_le_bytes).concat();
        shared::create(host, &self.secret_key(), &secret)
    }

    /// The hash of a user's value; the value itself is kept nowhere.
    pub fn hash(&mut self, user: &[u8], host: &mut impl SharedData) -> Result<u64, HostStatus> {
        if self.secret.is_none() {
            let (secret, _) = host.read(&self.secret_key())?;
            self.secret = secret.try_into().ok();
        }
        Ok(hash(self.secret.unwrap_or_default(), user))
    }

    /// A tenant's user was seen.
    pub fn seen(&mut self, tenant: TenantId, user: u64, host: &mut impl Machine) {
        let now_ns = *self.now_ns.get_or_insert_with(|| host.monotonic_ns());
        let window = self.windows.entry(tenant).or_insert_with(|| Window::new(self.length));
        if window.insert(now_ns, user) {
            self.fresh.insert((tenant, window.sub_window(now_ns)), TIMES);
        }
    }

    /// Tells the other VMs who was seen since the last tick.
    pub fn tick(&mut self, now_ns: u64, host: &mut impl SharedData) -> Result<(), HostStatus> {
        self.now_ns = Some(now_ns);
        let fresh = std::mem::take(&mut self.fresh);
        let mut done = Ok(());
        for ((tenant, part), times) in fresh {
            let told = self.tell(tenant, part, host);
            match times.saturating_sub(u8::from(told.is_ok())) {
                0 => {}
                again => drop(self.fresh.insert((tenant, part), again)),
            }
            done = done.and(told);
        }
        done
    }

    fn tell(&self, tenant: TenantId, part: SubWindow, host: &mut impl SharedData) -> Result<(), HostStatus> {
        let Some(own) = self.windows.get(&tenant).and_then(|window| window.sketch(part)) else {
            return Ok(());
        };
        let key = self.sketch_key(tenant, place(part));
        // Two VMs may both find no key, and the later make its own over the earlier's: hence told twice.
        shared::create(host, &key, &encode(part, own))?;
        shared::update(host, &key, |bytes| match decode(bytes) {
            Some((known, _)) if known > part => None,
            Some((known, mut sketch)) if known == part => sketch.merge(own).then(|| encode(part, &sketch)),
            _ => Some(encode(part, own)),
        })
    }

    /// How many users each of a number of tenants has, of those whose turn it is; for whoever publishes.
    ///
    /// `tenants` is how many there are beside the reserved ones.
    pub fn count(&mut self, tenants: u32, now_ns: u64, host: &mut impl SharedData) -> Vec<(TenantId, u64)> {
        let first = if self.next < tenants { self.next } else { 0 };
        let last = first.saturating_add(PER_TICK).min(tenants);
        self.next = last;
        let turn = (first..last).filter_map(TenantId::numbered);
        let mut counts = Vec::new();
        for tenant in turn.chain([TenantId::NONE, TenantId::OTHER]) {
            for place in 0..PLACES {
                self.merge(tenant, place, now_ns, host);
            }
            if let Some(window) = self.windows.get_mut(&tenant) {
                counts.push((tenant, window.estimate(now_ns)));
            }
        }
        counts
    }

    /// Takes over what is new in a shared sketch. One that cannot be read waits for the next turn.
    fn merge(&mut self, tenant: TenantId, place: u32, now_ns: u64, host: &mut impl SharedData) {
        let Ok((bytes, cas)) = host.read(&self.sketch_key(tenant, place)) else { return };
        if self.read.insert((tenant, place), cas) == Some(cas) {
            return;
        }
        if let Some((part, sketch)) = decode(&bytes) {
            let window = self.windows.entry(tenant).or_insert_with(|| Window::new(self.length));
            window.merge(part, &sketch, now_ns);
        }
    }

    fn secret_key(&self) -> Vec<u8> {
        self.keys.one("users")
    }

    fn sketch_key(&self, tenant: TenantId, place: u32) -> Vec<u8> {
        self.keys.nth("users", &[tenant.number(), place])
    }
}

/// In two ticks one after the other.
const TIMES: u8 = 2;
const PLACES: u32 = SUB_WINDOWS as u32;

/// Where a sub-window's sketch stands, among those of its tenant.
fn place(part: SubWindow) -> u32 {
    part.0.checked_rem(u64::from(PLACES)).and_then(|place| u32::try_from(place).ok()).unwrap_or(0)
}

fn encode(part: SubWindow, sketch: &Sketch) -> Vec<u8> {
    [part.0.to_le_bytes().as_slice(), &sketch.to_bytes()].concat()
}

fn decode(mut bytes: &[u8]) -> Option<(SubWindow, Sketch)> {
    let part = SubWindow(take_u64(&mut bytes)?);
    Some((part, Sketch::from_bytes(bytes)?))
}

#[cfg(test)]
mod tests;
