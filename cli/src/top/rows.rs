//! A reading and the growth of its counters in; a row for each endpoint, tenant and SLO, and the totals, out.

use super::history::Growth;
use super::reading::{Bound, Count, Gauges, Reading, Route, SloGauges, WindowGauges};
use crate::report::quantile::{Quantile, quantile};
use crate::report::red::is_error;
use std::collections::BTreeMap;

/// Everything that is shown, in no particular order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Over how many seconds rates, shares and percentiles are; none before the second reading.
    pub seconds: Option<f64>,
    /// One for each method and endpoint of each service.
    pub endpoints: Vec<EndpointRow>,
    /// One for each tenant of each service.
    pub tenants: Vec<TenantRow>,
    /// One for each SLO of each service.
    pub slos: Vec<SloRow>,
    /// All endpoints together.
    pub all: Traffic,
    /// Requests in flight, of all endpoints.
    pub in_flight: f64,
    /// Service to what is said of it.
    pub services: BTreeMap<String, Own>,
}

/// Requests and their durations, over the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// Requests that ended.
    pub requests: f64,
    /// Of those, answered with a 5xx or not at all.
    pub errors: f64,
    /// Of those, answered with a 4xx.
    pub refused: f64,
    /// Upper bound to those that took at most so long.
    pub buckets: BTreeMap<Bound, f64>,
}

/// One method of one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointRow {
    /// The label `service`.
    pub service: String,
    /// Endpoint and method.
    pub route: Route,
    /// Requests since Envoy's start.
    pub total: f64,
    /// Over the window.
    pub traffic: Traffic,
    /// Requests that have begun and not ended.
    pub in_flight: f64,
}

/// One tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRow {
    /// The label `service`.
    pub service: String,
    /// The label `tenant`.
    pub tenant: String,
    /// Requests since Envoy's start.
    pub total: f64,
    /// Over the window, without durations.
    pub traffic: Traffic,
    /// Requests that were rate limited.
    pub limited: f64,
    /// Request body bytes.
    pub bytes_in: f64,
    /// Response body bytes.
    pub bytes_out: f64,
    /// Active users, where users are configured.
    pub users: Option<f64>,
}

/// One SLO.
#[derive(Debug, Clone, PartialEq)]
pub struct SloRow {
    /// The label `service`.
    pub service: String,
    /// The label `slo`.
    pub slo: String,
    /// As the proxy says it.
    pub gauges: SloGauges,
}

/// What the filter says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// Gauges of the service; those of endpoints, tenants and SLOs are in the rows.
    pub gauges: Gauges,
    /// Label to observations that its limit sent elsewhere, since Envoy's start.
    pub overflow: BTreeMap<String, f64>,
    /// Reason to what could not be recorded, since Envoy's start.
    pub dropped: BTreeMap<String, f64>,
}

impl Traffic {
    /// The `q`-quantile of the durations, in milliseconds.
    pub fn duration(&self, q: f64) -> Quantile {
        // After a change of the unit there are buckets of both, and only one of them grows.
        let of_unit = |micro: bool| -> Vec<(f64, f64)> {
            let ours = self.buckets.iter().filter(|(bound, _)| bound.micro == micro);
            ours.map(|(bound, count)| (bound.ms(), *count)).collect()
        };
        match quantile(q, &of_unit(false)) {
            Quantile::None => quantile(q, &of_unit(true)),
            found => found,
        }
    }

    fn count(&mut self, status: &str, by: f64) {
        self.requests += by;
        if is_error(status) {
            self.errors += by;
        } else if status.starts_with('4') {
            self.refused += by;
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.refused += other.refused;
        for (bound, count) in &other.buckets {
            *self.buckets.entry(*bound).or_default() += count;
        }
    }
}

impl SloRow {
    /// What is left of the error budget in percent, below 0 where it is overspent.
    pub fn left_percent(&self) -> Option<f64> {
        let left = self.gauges.remaining_ppm? - self.gauges.overspent_ppm.unwrap_or(0.0);
        Some(left / 10_000.0)
    }

    /// The label of the period's window.
    pub fn period(&self) -> Option<&str> {
        self.gauges.windows.keys().map(String::as_str).find(|name| !WINDOWS.contains(name))
    }

    /// One of the windows that every SLO has, or its period where `name` is none.
    pub fn window(&self, name: Option<&str>) -> Option<&WindowGauges> {
        self.gauges.windows.get(name.or_else(|| self.period())?)
    }
}

/// The windows beside the period, as the label has them.
pub const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

type Endpoints<'r> = BTreeMap<(&'r str, &'r Route), EndpointRow>;
type Tenants<'r> = BTreeMap<(&'r str, &'r str), TenantRow>;

impl Rows {
    /// Everything that was ever counted, and is in flight.
    pub fn of(reading: &Reading, growth: &Growth<'_>) -> Self {
        let mut rows = Self { seconds: growth.seconds, ..Self::default() };
        let (mut endpoints, mut tenants) = (Endpoints::new(), Tenants::new());
        for (key, total) in &reading.counters {
            let service = key.service.as_str();
            match &key.count {
                Count::Requests(route, _) => endpoint(&mut endpoints, service, route).total += total,
                Count::TenantRequests(name, _) => tenant(&mut tenants, service, name).total += total,
                Count::Overflow(label) => {
                    *rows.own(service).overflow.entry(label.clone()).or_default() += total;
                }
                Count::Dropped(reason) => {
                    *rows.own(service).dropped.entry(reason.clone()).or_default() += total;
                }
                _ => {}
            }
        }
        // What Envoy no longer has goes at once.
        for (key, by) in growth.of.iter().filter(|(key, _)| reading.counters.contains_key(key)) {
            let service = key.service.as_str();
            match &key.count {
                Count::Requests(route, status) => {
                    endpoint(&mut endpoints, service, route).traffic.count(status, *by);
                }
                Count::Durations(route, bound) => {
                    let traffic = &mut endpoint(&mut endpoints, service, route).traffic;
                    *traffic.buckets.entry(*bound).or_default() += by;
                }
                Count::TenantRequests(name, class) => {
                    tenant(&mut tenants, service, name).traffic.count(class, *by);
                }
                Count::TenantBytesIn(name) => tenant(&mut tenants, service, name).bytes_in += by,
                Count::TenantBytesOut(name) => tenant(&mut tenants, service, name).bytes_out += by,
                Count::TenantLimited(name) => tenant(&mut tenants, service, name).limited += by,
                Count::Overflow(_) | Count::Dropped(_) => {}
            }
        }
        for (service, gauges) in &reading.services {
            for (route, in_flight) in &gauges.in_flight {
                endpoint(&mut endpoints, service, route).in_flight += in_flight;
            }
            for (name, users) in &gauges.users {
                tenant(&mut tenants, service, name).users = Some(*users);
            }
            rows.slos.extend(gauges.slos.iter().map(|(slo, gauges)| SloRow {
                service: service.clone(),
                slo: slo.clone(),
                gauges: gauges.clone(),
            }));
            rows.own(service).gauges = gauges.clone();
        }
        rows.endpoints = endpoints.into_values().collect();
        rows.tenants = tenants.into_values().collect();
        for row in &rows.endpoints {
            rows.all.add(&row.traffic);
            rows.in_flight += row.in_flight;
        }
        rows
    }

    fn own(&mut self, service: &str) -> &mut Own {
        self.services.entry(service.to_owned()).or_default()
    }
}

fn endpoint<'m, 'r>(rows: &'m mut Endpoints<'r>, service: &'r str, route: &'r Route) -> &'m mut EndpointRow {
    rows.entry((service, route)).or_insert_with(|| EndpointRow {
        service: service.to_owned(),
        route: route.clone(),
        total: 0.0,
        traffic: Traffic::default(),
        in_flight: 0.0,
    })
}

fn tenant<'m, 'r>(rows: &'m mut Tenants<'r>, service: &'r str, name: &'r str) -> &'m mut TenantRow {
    rows.entry((service, name)).or_insert_with(|| TenantRow {
        service: service.to_owned(),
        tenant: name.to_owned(),
        total: 0.0,
        traffic: Traffic::default(),
        limited: 0.0,
        bytes_in: 0.0,
        bytes_out: 0.0,
        users: None,
    })
}

#[cfg(test)]
mod tests;
