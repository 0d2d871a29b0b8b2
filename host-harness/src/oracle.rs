//! Records in, the metrics of Redline's contract out, counted natively on the `prometheus` crate: what a replay is
//! checked against.
//!
//! Written from the contract's text and apart from the filter: of `redline` it knows the configuration and how a
//! client's value is escaped. It must see records in the order in which a replay opens and ends them
//! ([`replay_observed`](crate::replay::replay_observed)): under a cap who comes first is counted by name.
//!
//! Envoy keeps two significant digits of a histogram's values. The oracle's buckets follow that rule exactly; its
//! sums are exact, so that [`diff`] lets Envoy's differ by 5 %.

mod admitted;
mod custom;
mod diff;
mod endpoint;
mod facts;
mod json;
mod ledger;
mod slo;
mod source;
mod streams;

pub use diff::{Difference, What, diff};
pub use ledger::OracleError;

use crate::replay::{self, Event};
use crate::stats::Sample;
use crate::stream::ResponseFlags;
use crate::traffic::Record;
use admitted::Admitted;
use custom::CustomMetrics;
use endpoint::Endpoints;
use facts::{NONE, OTHER};
use ledger::{Ledger, Metric};
use redline::config::{Config, Exclude};
use redline::stat_name;
use std::collections::HashMap;
use streams::{Counted, Open};

/// Counts records as the contract says.
#[derive(Debug)]
pub struct Oracle {
    config: Config,
    endpoints: Endpoints,
    tenants: Admitted,
    custom: CustomMetrics,
    /// The latest time that was seen, seconds.
    now_s: u64,
    ledger: Ledger,
    /// What was found out when a stream opened, for its end, by its number.
    open: HashMap<u64, Open>,
}

impl Oracle {
    /// An oracle that has counted nothing, for a filter of this version of Redline.
    pub fn new(config: &Config) -> Result<Self, OracleError> {
        let mut ledger = Ledger::new(config)?;
        ledger.add(&Metric::BUILD_INFO, &[redline::VERSION], 1);
        for slo in &config.slos {
            ledger.add(&Metric::SLO_EVENTS, &[&slo.name], 0);
            ledger.add(&Metric::SLO_BAD_EVENTS, &[&slo.name], 0);
        }
        Ok(Self {
            endpoints: Endpoints::new(&config.endpoints),
            config: config.clone(),
            tenants: Admitted::new(config.tenant.max as usize),
            custom: CustomMetrics::new(config),
            now_s: 0,
            ledger,
            open: HashMap::new(),
        })
    }

    /// Takes what a replay tells.
    pub fn observe(&mut self, event: Event<'_>) {
        match event.what {
            replay::What::Opened => self.opened(event.stream, event.record),
            replay::What::Finished => {
                if let Some(mut open) = self.open.remove(&event.stream) {
                    let ended_ns = event.record.time_ns.saturating_add(event.record.duration_ns.unwrap_or(0));
                    self.now_s = self.now_s.max(ended_ns / 1_000_000_000);
                    let served = open.is_served(event.record);
                    let asked = open.tenant.clone();
                    open.tenant = self.named(open.tenant, open.candidate, served);
                    open.violates = open.violates.map(|(claimed, candidate)| match claimed == asked {
                        true => (open.tenant.clone(), false),
                        false => (self.named(claimed, candidate, served), false),
                    });
                    let of = Counted { record: event.record, open: &open, served, now_s: self.now_s };
                    self.count(event.record, &open);
                    self.custom.count(&of, &self.endpoints, &mut self.ledger);
                }
            }
        }
    }

    /// Every series, as the replay's snapshot has them.
    pub fn snapshot(&self) -> Vec<Sample> {
        self.ledger.snapshot()
    }

    /// Whether the oracle counts this series.
    ///
    /// Of what Redline says of itself it counts `redline_build_info`, `redline_series_overflow_total` and what traffic
    /// makes of `redline_dropped_total`. It does not count `tenant_active_users`, which is an estimate, nor the gauges
    /// of SLOs, which follow from their counters and the time.
    pub fn covers(&self, sample: &Sample) -> bool {
        let says = |label: &str, values: &[&str]| {
            sample.labels.get(label).is_some_and(|value| values.contains(&value.as_str()))
        };
        // Gauges of estimates, of which the oracle knows nothing, may meet this limit too.
        let estimated = !self.config.user.sources.is_empty();
        match self.ledger.plain_name(&sample.name) {
            None => false,
            Some("redline_series_overflow_total") => !(estimated && says("label", &["max_series"])),
            Some("redline_dropped_total") => says("reason", &["malformed_header", "value_range"]),
            Some(_) => true,
        }
    }

    /// The differences between a replay's stats and these, for the series that the oracle covers.
    pub fn check(&self, replayed: &[Sample]) -> Vec<Difference> {
        let covered = |samples: &[Sample]| -> Vec<Sample> {
            samples.iter().filter(|sample| self.covers(sample)).cloned().collect()
        };
        diff(&covered(replayed), &covered(&self.snapshot()))
    }

    fn opened(&mut self, stream: u64, record: &Record) {
        let Some(open) = self.begin(record) else { return };
        if open.seen {
            self.ledger.add(&Metric::IN_PROGRESS, &[open.method, &open.endpoint], 1);
        }
        self.open.insert(stream, open);
    }

    /// The labels; `None` where the request is counted nowhere.
    fn begin(&mut self, record: &Record) -> Option<Open> {
        let seen = record.has_request();
        let has = |name: &str| seen && record.request_headers.iter().any(|(key, _)| key == name.as_bytes());
        let by_header = |exclude: &Exclude| matches!(exclude, Exclude::Header(name) if has(name));
        let path = record.path.as_deref();
        if self.config.endpoints.exclude.iter().any(by_header) || self.endpoints.excludes(path) {
            return None;
        }
        let value = source::first(&self.config.tenant.sources, record, &self.endpoints);
        let violation = self.violation(record);
        let (tenant, candidate) = value.as_ref().map_or((NONE.to_owned(), false), |value| self.tenant(value));
        let violates = violation.map(|claimed| self.tenant(&claimed));
        let method = facts::method(record.method.as_deref());
        Some(Open {
            method,
            endpoint: self.endpoints.find(path),
            tenant,
            candidate,
            violates,
            raw_tenant: value,
            seen,
        })
    }

    /// Who the caller claims to be, where both that and whose resource it asks for are known, and differ.
    fn violation(&self, record: &Record) -> Option<Vec<u8>> {
        let isolation = self.config.tenant.isolation.as_ref()?;
        let [claim, resource] =
            [&isolation.claim, &isolation.resource].map(|side| source::value(side, record, &self.endpoints));
        claim.zip(resource).filter(|(claim, resource)| claim != resource).map(|(claim, _)| claim)
    }

    /// The name of a tenant, and whether it has yet to be admitted.
    fn tenant(&mut self, value: &[u8]) -> (String, bool) {
        let tenant = &self.config.tenant;
        let listed = tenant.allow.iter().any(|name| name.as_bytes() == value);
        let other = (OTHER.to_owned(), false);
        if !tenant.allow.is_empty() && !listed {
            return other;
        }
        match stat_name::escape(value, self.config.limits.max_label_bytes) {
            Some(name) => {
                let named = self.tenants.asks(&name, listed);
                (name, !named)
            }
            None => other,
        }
    }

    /// What a tenant is called now that it has been answered.
    fn named(&mut self, name: String, candidate: bool, served: bool) -> String {
        if candidate && !self.tenants.answered(&name, served, self.now_s) {
            self.ledger.add(&Metric::OVERFLOW, &["tenant"], 1);
            return OTHER.to_owned();
        }
        name
    }

    /// The observations of one exchange. Their order matters to the one exchange that meets `limits.max_series`.
    fn count(&mut self, record: &Record, open: &Open) {
        let grpc_code = (open.seen && facts::is_grpc(record)).then(|| facts::grpc_code(record));
        for slo in &self.config.slos {
            let subject = slo::Subject {
                method: open.method,
                endpoint: &open.endpoint,
                tenant: open.raw_tenant.as_deref(),
                grpc_code,
            };
            if let Some(bad) = slo::judge(slo, record, &subject) {
                self.ledger.add(&Metric::SLO_EVENTS, &[&slo.name], 1);
                self.ledger.add(&Metric::SLO_BAD_EVENTS, &[&slo.name], i64::from(bad));
            }
        }
        let ledger = &mut self.ledger;
        let (method, endpoint, tenant) = (open.method, open.endpoint.as_str(), open.tenant.as_str());
        if open.seen {
            ledger.add(&Metric::IN_PROGRESS, &[method, endpoint], -1);
        }
        let status = record.status.unwrap_or(0);
        ledger.add(&Metric::REQUESTS, &[method, endpoint, &status.to_string()], 1);
        if let Some(duration_ns) = record.duration_ns.filter(|_| !facts::is_tunnel(method, status)) {
            let unit = ledger.unit_ns();
            ledger.observe(&Metric::DURATION, &[method, endpoint], duration_ns / unit);
        }
        ledger.observe(&Metric::REQUEST_SIZE, &[method, endpoint], record.request_bytes);
        ledger.add(&Metric::TENANT_REQUEST_BYTES, &[tenant], record.request_bytes as i64);
        ledger.observe(&Metric::RESPONSE_SIZE, &[method, endpoint], record.response_bytes);
        ledger.add(&Metric::TENANT_RESPONSE_BYTES, &[tenant], record.response_bytes as i64);
        ledger.add(&Metric::TENANT_REQUESTS, &[tenant, facts::code_class(status)], 1);
        if let Some(reason) = facts::failure(record.flags) {
            ledger.add(&Metric::FAILURES, &[endpoint, reason], 1);
        }
        if status == 429 || record.flags.intersects(ResponseFlags::RATE_LIMITED) {
            ledger.add(&Metric::TENANT_RATE_LIMITED, &[tenant], 1);
        }
        if let Some((claimed, _)) = &open.violates {
            ledger.add(&Metric::TENANT_VIOLATIONS, &[claimed], 1);
        }
        match status {
            401 => ledger.add(&Metric::AUTH_FAILURES, &[endpoint], 1),
            403 => ledger.add(&Metric::ACCESS_DENIED, &[endpoint], 1),
            _ => {}
        }
        if !open.seen {
            return;
        }
        if facts::is_grpc(record) {
            ledger.add(&Metric::GRPC_REQUESTS, &[endpoint, facts::grpc_code(record)], 1);
        }
        // A tunnel's is none, and an answer cannot take longer than the whole exchange.
        let most_ns = record.duration_ns.unwrap_or(u64::MAX);
        if let Some(milliseconds) = facts::response_number(record, b"x-envoy-upstream-service-time")
            .filter(|_| !facts::is_tunnel(method, status))
        {
            let ns = milliseconds.saturating_mul(1_000_000);
            match ns <= most_ns {
                true => ledger.observe(&Metric::UPSTREAM_DURATION, &[endpoint], ns / ledger.unit_ns()),
                false => ledger.add(&Metric::DROPPED, &["value_range"], 1),
            }
        }
        match facts::response_number(record, b"x-envoy-attempt-count") {
            Some(attempts @ 1..=1001) => ledger.add(&Metric::RETRIES, &[endpoint], attempts as i64 - 1),
            Some(1002..) => ledger.add(&Metric::DROPPED, &["value_range"], 1),
            Some(0) | None => {}
        }
    }
}

#[cfg(test)]
mod tests;
