//! A gateway: N worker VMs and a main-thread VM over one stat store and one shared-data store, on a virtual clock.
//!
//! As in Envoy a canary VM is configured first and alone, then dropped without done or delete; the others find the
//! shared data that it made. Ticks fire in the main VM and in every worker; streams go to the workers in turn. All
//! VMs run on the caller's thread, in the same order in every run.

use crate::abi::Plugin;
use crate::abi::state::Common;
use crate::clock::VirtualClock;
use crate::error::HostError;
use crate::headers::HeaderMap;
use crate::log::{Log, LogLevel, VmRole};
use crate::stats::{StatConfig, StatStore};
use crate::stream::{Completion, Request, Response};
use crate::vm::{Filter, Vm};
use std::sync::Arc;

/// How a gateway is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// Worker VMs, at least 1.
    pub workers: usize,
    /// Name, ids and configurations, as in Envoy's plugin configuration.
    pub plugin: Plugin,
    /// `stats_tags` and histogram buckets.
    pub stats: StatConfig,
    /// Where the clock begins, nanoseconds since 1970.
    pub start_ns: u64,
    /// What is logged; Envoy's default is info.
    pub log_level: LogLevel,
    /// What the VMs' random numbers begin with.
    pub seed: u64,
    /// The most linear memory that a VM may have, in bytes; Envoy's limit is 1 GiB.
    pub max_memory_bytes: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            plugin: Plugin::default(),
            stats: StatConfig::default(),
            start_ns: 0,
            log_level: LogLevel::Info,
            seed: 0,
            max_memory_bytes: 1 << 30,
        }
    }
}

/// The most periods for which a timer fires one by one when time passes without traffic.
///
/// A longer gap (115 days at 10 s) is taken as a clock that was wrong or a machine that slept: the clock jumps, and
/// every timer fires once, late.
pub const MAX_IDLE_TICKS: u64 = 1_000_000;

/// A stream of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId {
    worker: usize,
    context: u32,
}

/// A VM and its timer.
struct Timed {
    vm: Vm,
    /// Nanoseconds; 0 is a timer that is stopped.
    period: u64,
    next: u64,
}

/// A running gateway.
pub struct Gateway {
    clock: VirtualClock,
    log: Log,
    stats: Arc<StatStore>,
    /// The main thread's VM, then the workers'.
    vms: Vec<Timed>,
    streams: u64,
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
            seed: config.seed,
            max_memory: config.max_memory_bytes,
        };
        Vm::start(filter, common.clone(), VmRole::Canary)?;
        let mut gateway = Self {
            clock: common.clock.clone(),
            log: common.log.clone(),
            stats,
            vms: Vec::new(),
            streams: 0,
            jumps: 0,
        };
        let workers = (0..config.workers.max(1)).map(VmRole::Worker);
        for role in std::iter::once(VmRole::Main).chain(workers) {
            let vm = Vm::start(filter, common.clone(), role)?;
            let mut timed = Timed { vm, period: 0, next: 0 };
            timed.rearm(config.start_ns);
            gateway.vms.push(timed);
        }
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

    /// How often the clock jumped over a gap, see [`MAX_IDLE_TICKS`].
    pub fn jumps(&self) -> u64 {
        self.jumps
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

    /// The same, but timers of that very instant do not fire yet.
    pub fn advance_to_before(&mut self, time_ns: u64) -> Result<(), HostError> {
        self.advance(time_ns, time_ns, &mut |_, _| {})
    }

    /// [`Self::advance_to`], and shows the time and the stats after each instant at which timers fired.
    pub(crate) fn advance_sampled(
        &mut self,
        time_ns: u64,
        sample: &mut dyn FnMut(u64, &StatStore),
    ) -> Result<(), HostError> {
        self.advance(time_ns, time_ns.saturating_add(1), sample)
    }

    /// [`Self::advance_to_before`], likewise.
    pub(crate) fn advance_sampled_before(
        &mut self,
        time_ns: u64,
        sample: &mut dyn FnMut(u64, &StatStore),
    ) -> Result<(), HostError> {
        self.advance(time_ns, time_ns, sample)
    }

    fn advance(
        &mut self,
        time_ns: u64,
        timers_before: u64,
        sample: &mut dyn FnMut(u64, &StatStore),
    ) -> Result<(), HostError> {
        let idle = time_ns.saturating_sub(self.now_ns());
        if self.vms.iter().any(|timed| timed.period > 0 && idle / timed.period > MAX_IDLE_TICKS) {
            self.jumps += 1;
            self.clock.advance_to(time_ns);
            for timed in self.vms.iter_mut().filter(|timed| timed.period > 0) {
                timed.next = timed.next.max(time_ns);
            }
        }
        // The first of those whose time is the least, so that the main VM goes before the workers.
        while let Some(due) = self
            .vms
            .iter_mut()
            .filter(|t| t.period > 0 && t.next < timers_before)
            .min_by_key(|timed| timed.next)
        {
            self.clock.advance_to(due.next);
            let ticked = due.vm.tick();
            due.rearm(due.next);
            ticked?;
            let now = self.clock.now_ns();
            // Once an instant, when its last timer has fired.
            if !self.vms.iter().any(|timed| timed.period > 0 && timed.next <= now) {
                sample(now, &self.stats);
            }
        }
        self.clock.advance_to(time_ns);
        Ok(())
    }

    /// A request arrives at the next worker.
    pub fn open(&mut self, request: Request) -> Result<StreamId, HostError> {
        let workers = (self.vms.len() - 1).max(1);
        let worker = (self.streams % workers as u64) as usize;
        self.streams += 1;
        let connection = self.streams;
        let context = self.with(worker, |vm| vm.open(request, connection))?.unwrap_or_default();
        Ok(StreamId { worker, context })
    }

    /// A response's headers pass. Nothing happens on a VM that has failed.
    pub fn respond(&mut self, stream: StreamId, response: Response) -> Result<(), HostError> {
        self.with(stream.worker, |vm| vm.respond(stream.context, response)).map(drop)
    }

    /// A response's trailers pass. Nothing happens on a VM that has failed.
    pub fn trailers(&mut self, stream: StreamId, trailers: HeaderMap) -> Result<(), HostError> {
        self.with(stream.worker, |vm| vm.trailers(stream.context, trailers)).map(drop)
    }

    /// A stream ends: log, done, delete. Nothing happens on a VM that has failed.
    pub fn finish(&mut self, stream: StreamId, end: Completion) -> Result<(), HostError> {
        self.with(stream.worker, |vm| vm.finish(stream.context, end)).map(drop)
    }

    /// Runs callbacks of a worker, then looks whether the filter has set its timer anew.
    fn with<T>(
        &mut self,
        worker: usize,
        run: impl FnOnce(&mut Vm) -> Result<T, HostError>,
    ) -> Result<Option<T>, HostError> {
        let now = self.clock.now_ns();
        let Some(timed) = self.vms.get_mut(worker + 1) else { return Ok(None) };
        let done = run(&mut timed.vm);
        if let Some(period) = timed.vm.tick_request() {
            timed.set(period, now);
        }
        done.map(Some)
    }
}

impl Timed {
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
