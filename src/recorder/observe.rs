//! An exchange in, its observations out.

use super::{Labels, Recorder};
use crate::config::EndpointSource;
use crate::exchange::{Exchange, Status, UpstreamFacts};
use crate::metric::{Kind, Metric};
use crate::registry::{DropReason, Series, StatusLabel};
use crate::rules::{Messages, Observation};
use crate::shared::Host;
use crate::slo::TenantGroup;

/// Most retries of one request that are believed.
const MOST_RETRIES: u64 = 1000;

impl Recorder {
    /// Records the observations of one exchange.
    pub(super) fn record(&mut self, exchange: &Exchange, sink: &mut impl Host) {
        let Exchange { method, endpoint, tenant, status, flags, .. } = *exchange;
        let (registry, labels) = (&mut self.registry, &self.labels);
        registry.count(Series::Requests(method, endpoint, StatusLabel::Code(status)), labels, sink);
        if let Some(nanos) = exchange.duration_ns.filter(|_| !exchange.is_tunnel()) {
            let series = Series::PerMethod(Metric::HttpRequestDuration, method, endpoint);
            registry.observe(series, self.unit.of_nanos(nanos), labels, sink);
        }
        let sizes = [
            (exchange.request_bytes, Metric::HttpRequestSize, Metric::TenantRequestBytes),
            (exchange.response_bytes, Metric::HttpResponseSize, Metric::TenantResponseBytes),
        ];
        for (bytes, histogram, counter) in sizes {
            let Some(bytes) = bytes else { continue };
            registry.observe(Series::PerMethod(histogram, method, endpoint), bytes, labels, sink);
            registry.add(Series::PerTenant(counter, tenant), bytes, labels, sink);
        }
        registry.count(Series::TenantRequests(tenant, status.class()), labels, sink);

        if let Some(reason) = flags.failure() {
            registry.count(Series::Failures(endpoint, reason), labels, sink);
        }
        if status == Status(429) || flags.is_rate_limited() {
            registry.count(Series::PerTenant(Metric::TenantRateLimited, tenant), labels, sink);
        }
        if let Some(claimed) = exchange.violates {
            registry.count(Series::PerTenant(Metric::TenantIsolationViolations, claimed), labels, sink);
        }
        match status {
            Status(401) => registry.count(Series::PerEndpoint(Metric::AuthFailures, endpoint), labels, sink),
            Status(403) => registry.count(Series::PerEndpoint(Metric::AccessDenied, endpoint), labels, sink),
            _ => {}
        }
        if let Some(code) = exchange.grpc {
            registry.count(Series::GrpcRequests(endpoint, code), labels, sink);
        }
        let UpstreamFacts { service_time_ms, attempts } = exchange.upstream;
        if let Some(ms) = service_time_ms.filter(|_| !exchange.is_tunnel()) {
            let nanos = ms.saturating_mul(1_000_000);
            // Where Envoy does not set the header, it lets the upstream's pass: an answer cannot take longer than
            // the exchange.
            if exchange.duration_ns.is_none_or(|whole| nanos <= whole) {
                let series = Series::PerEndpoint(Metric::HttpUpstreamDuration, endpoint);
                registry.observe(series, self.unit.of_nanos(nanos), labels, sink);
            } else {
                registry.drop_one(DropReason::ValueRange, labels, sink);
            }
        }
        match attempts.and_then(|n| n.checked_sub(1)) {
            Some(retries @ 0..=MOST_RETRIES) => {
                registry.add(Series::PerEndpoint(Metric::HttpRetries, endpoint), retries, labels, sink);
            }
            // No retry policy does that: it is the upstream's own header, which Envoy lets pass.
            Some(_) => registry.drop_one(DropReason::ValueRange, labels, sink),
            None => {}
        }
    }

    /// Records what custom metrics make of an exchange.
    pub(super) fn apply_rules(&mut self, exchange: &Exchange, messages: &Messages, host: &mut impl Host) {
        let Labels { rules, templates, routes, source, .. } = &mut self.labels;
        let endpoint = match source {
            EndpointSource::Template => templates.label(exchange.endpoint),
            EndpointSource::RouteName => routes.label(exchange.endpoint),
        };
        let effects = rules.apply(exchange, messages, (endpoint, templates), host);
        let (registry, labels) = (&mut self.registry, &self.labels);
        for Observation { series, kind, value } in &effects.observations {
            let series = Series::Custom(*series);
            match kind {
                Kind::Counter => registry.add(series, *value, labels, host),
                Kind::Gauge => registry.set(series, *value, labels, host),
                Kind::Histogram => registry.observe(series, *value, labels, host),
            }
        }
        for limit in &effects.overflows {
            registry.count(Series::Overflow(*limit), labels, host);
        }
        for reason in &effects.drops {
            registry.drop_one(*reason, labels, host);
        }
        self.labels.rules.recycle(effects);
    }

    /// Counts an exchange for each SLO that it is an event of; the event first, so that no bad one is seen before.
    pub(super) fn count_events(&mut self, exchange: &Exchange, tenant: TenantGroup, host: &mut impl Host) {
        let (registry, labels) = (&mut self.registry, &self.labels);
        self.objectives.count(exchange, tenant, |slo, bad| {
            registry.count(Series::Slo(Metric::SloEvents, slo), labels, host);
            if bad {
                registry.count(Series::Slo(Metric::SloBadEvents, slo), labels, host);
            }
        });
    }
}
