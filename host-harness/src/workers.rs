//! A gateway: N worker VMs and a main-thread VM over one stat store and one shared-data store, on a virtual clock.
//!
//! As in Envoy a canary VM is configured first and alone, then dropped without done or delete; the others find the
//! shared data that it made. Ticks fire in the main VM and in every worker; streams go to the workers in turn. All
//! VMs run on the caller's thread, in the same order in every run. What has trapped stays down, or is replaced when
//! the next stream comes: [`FailurePolicy`].

mod config;
mod streams;

pub use config::{FailurePolicy, GatewayConfig};
pub use streams::{CallId, StreamId};

use crate::abi::state::Common;
use crate::clock::VirtualClock;
use crate::error::HostError;
use crate::log::{Log, VmRole};
use crate::stats::StatStore;
use crate::upstream::CallAnswer;
use crate::vm::{Filter, Vm};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Periods at the beginning of every gap in which timers fire, whatever is left.
const FIRST_TICKS: u64 = 8;
/// Periods at the end of a gap that is jumped in which they do.
const LAST_TICKS: u64 = 2;

/// The most words about items in shared queues at one instant; a filter that gets so many never stops.
const MAX_QUEUE_WORDS: u32 = 100_000;
/// A VM is not replaced sooner than this after it was started: the least of Envoy's backoff.
const RELOAD_BACKOFF_NS: u64 = 1_000_000_000;

/// When somebody looks at the stats, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// They stay as they are until this time, which is excluded.
    Until(u64),
    /// The timers of this instant have fired.
    Ticked(u64),
}

/// A VM and its timer.
struct Timed {
    vm: Vm,
    /// Nanoseconds; 0 is a timer that is stopped.
    period: u64,
    next: u64,
    /// How often the VM was replaced.
    generation: u32,
    started_ns: u64,
}

/// A running gateway.
pub struct Gateway {
    filter: Filter,
    common: Common,
    policy: FailurePolicy,
    clock: VirtualClock,
    log: Log,
    stats: Arc<StatStore>,
    /// The main thread's VM, then the workers'.
    vms: Vec<Timed>,
    streams: u64,
    /// What is left of [`GatewayConfig::max_idle_ticks`].
    idle_ticks: u64,
    jumps: u64,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("vms", &self.vms.len())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts every VM; an error where Envoy would refuse the filter or its configuration.
    pub fn start(filter: &Filter, config: GatewayConfig) -> Result<Self, HostError> {
        let stats = Arc::new(StatStore::new(&config.stats)?);
        let common = Common {
            clock: VirtualClock::at(config.start_ns),
            log: Log::default(),
            level: config.log_level,
            plugin: Arc::new(config.plugin),
            shared: Arc::default(),
            stats: stats.clone(),
            queues: Arc::default(),
            upstreams: config.upstreams.into(),
            seed: config.seed,
            max_memory: config.max_memory_bytes,
            entries: Arc::default(),
            callback_limit: config.callback_limit,
        };
        Vm::start(filter, common.clone(), VmRole::Canary)?;
        let mut gateway = Self {
            filter: filter.clone(),
            policy: config.failure_policy,
            clock: common.clock.clone(),
            log: common.log.clone(),
            stats,
            common,
            vms: Vec::new(),
            streams: 0,
            idle_ticks: config.max_idle_ticks,
            jumps: 0,
        };
        let workers = (0..config.workers.max(1)).map(VmRole::Worker);
        for role in std::iter::once(VmRole::Main).chain(workers) {
            let timed = Timed::start(filter, &gateway.common, role, config.start_ns, 0)?;
            gateway.vms.push(timed);
        }
        gateway.tell()?;
        Ok(gateway)
    }

    /// The stats of all VMs.
    pub fn stats(&self) -> &StatStore {
        &self.stats
    }

    /// What the filter logged.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Virtual time, nanoseconds since 1970.
    pub fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// How often a VM was entered since the start: callbacks, and calls of its allocator for what hostcalls hand over.
    /// Each costs Envoy much more than a hostcall that hands over nothing.
    pub fn vm_entries(&self) -> u64 {
        self.common.entries.load(Ordering::Relaxed)
    }

    /// The memory of the VM that has most, in bytes.
    pub fn vm_memory_bytes(&self) -> usize {
        self.vms.iter().map(|timed| timed.vm.memory_bytes()).max().unwrap_or(0)
    }

    /// How many gaps were jumped over, see [`GatewayConfig::max_idle_ticks`].
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// How often a VM that had trapped was replaced.
    pub fn reloads(&self) -> u32 {
        self.vms.iter().map(|timed| timed.generation).sum()
    }

    /// What happens to streams whose VM has trapped.
    pub fn failure_policy(&self) -> FailurePolicy {
        self.policy
    }

    /// The longest tick period of a VM, in nanoseconds; 0 where no timer runs.
    pub fn tick_period_ns(&self) -> u64 {
        self.vms.iter().map(|timed| timed.period).max().unwrap_or(0)
    }

    /// Lets time pass: the timers whose time has come fire in their order, each at its time.
    ///
    /// A time in the past changes nothing.
    pub fn advance_to(&mut self, time_ns: u64) -> Result<(), HostError> {
        self.advance(time_ns, time_ns.saturating_add(1), &mut |_, _| {})
    }

    /// [`Self::advance_to`], and shows the stats before the clock moves, and after each instant at which timers fired.
    pub(crate) fn advance_sampled(
        &mut self,
        time_ns: u64,
        sample: &mut dyn FnMut(Seen, &StatStore),
    ) -> Result<(), HostError> {
        self.advance(time_ns, time_ns.saturating_add(1), sample)
    }

    /// The same, but timers of that very instant do not fire yet.
    pub(crate) fn advance_sampled_before(
        &mut self,
        time_ns: u64,
        sample: &mut dyn FnMut(Seen, &StatStore),
    ) -> Result<(), HostError> {
        self.advance(time_ns, time_ns, sample)
    }

    fn advance(
        &mut self,
        time_ns: u64,
        timers_before: u64,
        sample: &mut dyn FnMut(Seen, &StatStore),
    ) -> Result<(), HostError> {
        let mut ticks = self.allowance(timers_before);
        // The first of those whose time is the least, so that the main VM goes before the workers.
        while let Some(due) =
            self.vms.iter_mut().filter(|timed| timed.due() < timers_before).min_by_key(|timed| timed.due())
        {
            if due.ticks_next() {
                if ticks == 0 {
                    self.jump(timers_before);
                    ticks = u64::MAX;
                    continue;
                }
                ticks -= 1;
            }
            sample(Seen::Until(due.due()), &self.stats);
            self.clock.advance_to(due.due());
            due.fire()?;
            self.tell()?;
            let now = self.clock.now_ns();
            // Once an instant, when its last timer has fired.
            if self.vms.iter().all(|timed| timed.due() > now) {
                sample(Seen::Ticked(now), &self.stats);
            }
        }
        sample(Seen::Until(timers_before), &self.stats);
        self.clock.advance_to(time_ns);
        Ok(())
    }

    /// How often timers may fire before this time: as often as they should, or but a few times where that is too often.
    fn allowance(&mut self, before: u64) -> u64 {
        let ticking = self.vms.iter().filter(|timed| timed.ticks());
        let (needed, first) = ticking.fold((0u64, 0u64), |(needed, first), timed| {
            (needed.saturating_add(timed.ticks_before(before)), first + FIRST_TICKS)
        });
        let idle = needed.saturating_sub(first);
        match self.idle_ticks.checked_sub(idle) {
            Some(left) => {
                self.idle_ticks = left;
                // A filter may shorten its period meanwhile.
                needed.max(first)
            }
            None => first,
        }
    }

    /// Leaves out the timers' time up to shortly before this one.
    fn jump(&mut self, before: u64) {
        let mut jumped = false;
        for timed in self.vms.iter_mut().filter(|timed| timed.ticks()) {
            let left_out = timed.ticks_before(before).saturating_sub(LAST_TICKS);
            timed.next = timed.next.saturating_add(left_out.saturating_mul(timed.period));
            jumped |= left_out > 0;
        }
        self.jumps += u64::from(jumped);
    }

    /// Tells the VMs of items in their shared queues, until there is nothing to tell.
    fn tell(&mut self) -> Result<(), HostError> {
        let mut told = 0;
        while let Some((role, token)) = self.common.queues.next_ready() {
            told += 1;
            if told > MAX_QUEUE_WORDS {
                return Err(HostError::QueueStorm { told: MAX_QUEUE_WORDS });
            }
            let now = self.now_ns();
            if let Some(timed) = self.vms.iter_mut().find(|timed| timed.vm.role() == role) {
                timed.run(now, |vm| vm.queue_ready(token))?;
            }
        }
        Ok(())
    }
}

impl Timed {
    fn start(
        filter: &Filter,
        common: &Common,
        role: VmRole,
        now: u64,
        generation: u32,
    ) -> Result<Self, HostError> {
        let vm = Vm::start(filter, common.clone(), role)?;
        let mut timed = Self { vm, period: 0, next: 0, generation, started_ns: now };
        timed.rearm(now);
        Ok(timed)
    }

    fn ticks(&self) -> bool {
        self.period > 0 && !self.vm.failed()
    }

    /// How often the timer fires before this time.
    fn ticks_before(&self, time_ns: u64) -> u64 {
        match time_ns.checked_sub(self.next) {
            Some(time) if time > 0 && self.ticks() => (time - 1) / self.period + 1,
            _ => 0,
        }
    }

    /// When something is to happen next by itself.
    fn due(&self) -> u64 {
        if self.vm.failed() {
            return u64::MAX;
        }
        let timer = if self.period > 0 { self.next } else { u64::MAX };
        self.vm.first_deadline().map_or(timer, |(deadline, _)| deadline.min(timer))
    }

    /// Whether that is the timer.
    fn ticks_next(&self) -> bool {
        self.ticks() && self.vm.first_deadline().is_none_or(|(deadline, _)| deadline > self.next)
    }

    /// Lets it happen: the timer, or an HTTP call that nobody has answered.
    fn fire(&mut self) -> Result<(), HostError> {
        if let Some((deadline, token)) = self.vm.first_deadline()
            && !self.ticks_next()
        {
            return self.run(deadline, |vm| vm.answer(token, CallAnswer::timeout())).map(drop);
        }
        let now = self.next;
        let ticked = self.vm.tick();
        self.rearm(now);
        ticked
    }

    /// Runs callbacks, then looks whether the filter has set its timer anew.
    fn run<T>(
        &mut self,
        now: u64,
        callbacks: impl FnOnce(&mut Vm) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let done = callbacks(&mut self.vm);
        if let Some(period) = self.vm.tick_request() {
            self.set(period, now);
        }
        done
    }

    /// Sets the next time from the last one, after a callback that may have changed the period.
    fn rearm(&mut self, now: u64) {
        match self.vm.tick_request() {
            Some(period) => self.set(period, now),
            None => self.next = now.saturating_add(self.period),
        }
    }

    fn set(&mut self, period_ms: u32, now: u64) {
        self.period = u64::from(period_ms) * 1_000_000;
        self.next = now.saturating_add(self.period);
    }
}

#[cfg(test)]
mod tests;
