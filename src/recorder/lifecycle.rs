//! What a recorder does beside counting: it starts, moves the in-progress gauges, and ticks.

use super::Recorder;
use crate::attributes::HostStatus;
use crate::endpoint::EndpointId;
use crate::exchange::Method;
use crate::fleet::Standing;
use crate::in_progress::{Moved, RowId};
use crate::metric::Metric;
use crate::registry::{DropReason, Limit, Series};
use crate::shared::Host;
use std::fmt;

/// What came of a tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticked {
    /// This recorder holds the lease, and has published.
    pub leads: bool,
    /// What to log.
    pub warning: Option<Warning>,
}

/// What the tick found that a person should read, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Envoy discards what is counted in these metrics.
    Rejected(Vec<String>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Rejected(metrics) = self;
        f.write_str("Envoy keeps nothing of what is counted in ")?;
        for (place, name) in metrics.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        f.write_str(
            "; a stats_matcher in its bootstrap rejects them: let it include the prefix wasmcustom. and restart Envoy",
        )
    }
}

impl Recorder {
    /// Makes what the VMs share and publishes what does not depend on traffic. Runs in Envoy's canary VM too, so it
    /// must not count anything. `fingerprint` tells configurations apart.
    pub fn start(&mut self, fingerprint: u64, host: &mut impl Host) {
        let prepared = self.fleet.prepare(fingerprint, host);
        let prepared = prepared.and_then(|()| self.in_progress.keep_gauges(self.fleet.slots(host)?, host));
        let prepared = prepared.and_then(|()| self.registry.prepare(host));
        let prepared = prepared.and_then(|()| self.labels.tenants.prepare(host));
        let prepared = prepared.and_then(|()| self.labels.rules.prepare(host));
        let users = self.users.as_ref();
        let prepared = prepared.and_then(|()| users.map_or(Ok(()), |users| users.prepare(host)));
        self.note(prepared, host);
        let prepared = self.objectives.prepare(&mut self.registry, &self.labels, host);
        self.note(prepared, host);
        self.registry.set(Series::BuildInfo, 1, &self.labels, host);
    }

    /// Counts a request that begins; `None` where the gauge did not move, and must not move back.
    pub(super) fn enter(
        &mut self,
        method: Method,
        endpoint: EndpointId,
        host: &mut impl Host,
    ) -> Option<RowId> {
        let series = Series::PerMethod(Metric::HttpRequestsInProgress, method, endpoint);
        let gauge = self.registry.id(series, &self.labels, host)?;
        let row = match self.in_progress.row(gauge) {
            Some(row) => row,
            None => {
                self.take_slot(host);
                let name = self.registry.stat_name(series, &self.labels)?;
                let row = self.in_progress.add_row(gauge, &name, host);
                row.inspect_err(|_| self.registry.drop_one(DropReason::SharedData, &self.labels, host))
                    .ok()?
            }
        };
        let moved = self.in_progress.enter(row, host);
        self.check(moved, host);
        moved.gauge.then_some(row)
    }

    pub(super) fn leave(&mut self, row: RowId, host: &mut impl Host) {
        let moved = self.in_progress.leave(row, host);
        self.check(moved, host);
    }

    fn check(&mut self, moved: Moved, host: &mut impl Host) {
        if !moved.gauge {
            self.registry.drop_one(DropReason::Hostcall, &self.labels, host);
        }
        if !moved.row {
            self.registry.drop_one(DropReason::SharedData, &self.labels, host);
        }
    }

    fn take_slot(&mut self, host: &mut impl Host) {
        if self.in_progress.has_slot() {
            return;
        }
        let taken = self.join(host);
        self.note(taken, host);
    }

    fn join(&mut self, host: &mut impl Host) -> Result<(), HostStatus> {
        self.fleet.join(host).and_then(|member| self.in_progress.move_to(member, host))
    }

    /// Counts what shared data did not do.
    fn note(&mut self, done: Result<(), HostStatus>, host: &mut impl Host) {
        if done.is_err() {
            self.registry.drop_one(DropReason::SharedData, &self.labels, host);
        }
    }

    /// Says that this recorder lives; publishes and heals where it holds the lease.
    pub fn tick(&mut self, host: &mut impl Host) -> Ticked {
        self.take_slot(host);
        self.catch_up(host);
        let now = host.monotonic_ns();
        let told = self.users.as_mut().map_or(Ok(()), |users| users.tick(now, host));
        self.note(told, host);
        let told = self.objectives.tick(now, host);
        self.note(told, host);
        let standing = self.fleet.tick(now, host);
        let leads = standing == Ok(Standing::Alive { leads: true });
        let done = match standing {
            Ok(Standing::Alive { leads: true }) => self.settle(now, host),
            Ok(Standing::Alive { leads: false }) => Ok(()),
            Ok(Standing::Revived(epoch)) => self.in_progress.revive(epoch, host),
            Ok(Standing::Replaced) => self.join(host),
            Err(status) => Err(status),
        };
        self.note(done, host);
        if leads {
            self.publish(now, host);
        } else {
            self.objectives.resign();
        }
        self.in_progress.tick();
        Ticked { leads, warning: self.warn(host) }
    }

    /// Learns of what others admitted. Where this configuration was replaced and comes back, nothing else tells it what the
    /// one in between has admitted, and its own tables may be full.
    fn catch_up(&mut self, host: &mut impl Host) {
        self.labels.tenants.refresh(host);
        self.labels.rules.refresh(host);
        self.registry.refresh(host);
    }

    /// What to warn of, once. Not only where it leads: who leads may be the main thread's VM, which counts nothing.
    fn warn(&mut self, host: &mut impl Host) -> Option<Warning> {
        if self.warned {
            return None;
        }
        let rejected = self.registry.rejected(host);
        self.warned = !rejected.is_empty();
        self.warned.then_some(Warning::Rejected(rejected))
    }

    fn publish(&mut self, now: u64, host: &mut impl Host) {
        let published = self.objectives.publish(now, &mut self.registry, &self.labels, host);
        self.note(published, host);
        let (tenants, most) = self.labels.tenants.occupancy();
        let label_sets = self.registry.label_sets();
        if let Some(users) = &mut self.users {
            for (tenant, count) in users.count(tenants, now, host) {
                let series = Series::PerTenant(Metric::TenantActiveUsers, tenant);
                self.registry.set(series, count, &self.labels, host);
            }
        }
        for (limit, values, most) in self.labels.rules.occupancy() {
            self.registry.set(Series::LabelValues(limit), values.into(), &self.labels, host);
            self.registry.set(Series::LabelValuesMax(limit), most.into(), &self.labels, host);
        }
        let seconds = host.unix_seconds();
        for (series, value) in [
            (Series::LabelSets, label_sets.into()),
            (Series::LabelValues(Limit::Tenant), tenants.into()),
            (Series::LabelValuesMax(Limit::Tenant), most.into()),
            (Series::LastPublish, seconds),
        ] {
            self.registry.set(series, value, &self.labels, host);
        }
    }

    fn settle(&mut self, now: u64, host: &mut impl Host) -> Result<(), HostStatus> {
        let gone = self.fleet.gone(now, host)?;
        self.in_progress.settle_all(&gone, host)
    }
}
