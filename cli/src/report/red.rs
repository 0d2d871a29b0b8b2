//! A scrape in, rate, errors and duration per endpoint and the use per tenant out.

use super::numbers;
use super::quantile::quantile;
use super::table::{self, Align};
use crate::scrape::{Sample, Scrape};
use redline::config::Config;
use redline::metric::{DurationUnit, Metric};
use std::collections::BTreeMap;

/// What one proxy has counted for one service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Red {
    /// By endpoint.
    pub endpoints: BTreeMap<String, EndpointRow>,
    /// By tenant.
    pub tenants: BTreeMap<String, TenantRow>,
}

/// One endpoint, all methods together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointRow {
    /// Requests that ended.
    pub requests: f64,
    /// Of those, answered with a 5xx or not at all.
    pub errors: f64,
    /// Upper bound, in the configured unit, and cumulative count.
    pub durations: Vec<(f64, f64)>,
    /// Requests whose duration has reached the histogram.
    pub timed: f64,
    /// Requests that have begun and not ended.
    pub in_flight: f64,
}

/// One tenant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantRow {
    /// Requests that ended.
    pub requests: f64,
    /// Of those, answered with a 5xx or not at all.
    pub errors: f64,
    /// Request body bytes.
    pub bytes_in: f64,
    /// Response body bytes.
    pub bytes_out: f64,
}

impl Red {
    /// Picks out what `config`'s service has counted.
    pub fn of(config: &Config, scrape: &Scrape) -> Self {
        let mut red = Self::default();
        let endpoint = |red: &mut Self, sample: &Sample, add: &dyn Fn(&mut EndpointRow)| {
            add(red.endpoints.entry(sample.label("endpoint").to_owned()).or_default());
        };
        let tenant = |red: &mut Self, sample: &Sample, add: &dyn Fn(&mut TenantRow)| {
            add(red.tenants.entry(sample.label("tenant").to_owned()).or_default());
        };
        let samples = |metric: Metric, ending: &str| {
            let name = format!("{}{ending}", config.metric_name(metric));
            let ours = move |s: &&Sample| s.name == name && s.label("service") == config.service;
            scrape.samples.iter().filter(ours)
        };
        for s in samples(Metric::HttpRequests, "") {
            let failed = if is_error(s.label("status")) { s.value } else { 0.0 };
            endpoint(&mut red, s, &|row| {
                row.requests += s.value;
                row.errors += failed;
            });
        }
        for s in samples(Metric::HttpRequestDuration, "_bucket") {
            let bound = s.label("le").parse().unwrap_or(f64::INFINITY);
            endpoint(&mut red, s, &|row| match row.durations.iter_mut().find(|(b, _)| *b == bound) {
                Some((_, count)) => *count += s.value,
                None => row.durations.push((bound, s.value)),
            });
        }
        for s in samples(Metric::HttpRequestDuration, "_count") {
            endpoint(&mut red, s, &|row| row.timed += s.value);
        }
        for s in samples(Metric::HttpRequestsInProgress, "") {
            endpoint(&mut red, s, &|row| row.in_flight += s.value);
        }
        for s in samples(Metric::TenantRequests, "") {
            let failed = if is_error(s.label("code_class")) { s.value } else { 0.0 };
            tenant(&mut red, s, &|row| {
                row.requests += s.value;
                row.errors += failed;
            });
        }
        for s in samples(Metric::TenantRequestBytes, "") {
            tenant(&mut red, s, &|row| row.bytes_in += s.value);
        }
        for s in samples(Metric::TenantResponseBytes, "") {
            tenant(&mut red, s, &|row| row.bytes_out += s.value);
        }
        red
    }

    /// Requests that ended, over all endpoints.
    pub fn requests(&self) -> f64 {
        self.endpoints.values().map(|row| row.requests).sum()
    }

    /// Requests whose duration has reached the histogram, over all endpoints.
    pub fn timed(&self) -> f64 {
        self.endpoints.values().map(|row| row.timed).sum()
    }

    /// Requests that have begun and not ended, over all endpoints.
    pub fn in_flight(&self) -> f64 {
        self.endpoints.values().map(|row| row.in_flight).sum()
    }

    /// The table of endpoints, and of all together, over `seconds` of traffic; with `peaks` also what was in flight.
    pub fn endpoint_table(&self, unit: DurationUnit, seconds: f64, peaks: Option<&Peaks>) -> String {
        let per_ms = numbers::per_millisecond(unit);
        let row = |name: &str, row: &EndpointRow, peak: Option<f64>| {
            let time = |q| numbers::quantile_of_durations(quantile(q, &row.durations), per_ms);
            let mut cells = vec![
                name.to_owned(),
                numbers::whole(row.requests),
                numbers::rate(row.requests, seconds),
                numbers::percent(row.errors, row.requests),
                time(0.5),
                time(0.99),
            ];
            if let Some(peak) = peak {
                cells.push(numbers::whole(peak.max(row.in_flight)));
                cells.push(numbers::whole(row.in_flight));
            }
            cells
        };
        let mut rows: Vec<Vec<String>> =
            self.endpoints.iter().map(|(name, r)| row(name, r, peaks.map(|p| p.endpoint(name)))).collect();
        rows.push(row("all", &self.total(), peaks.map(|p| p.all)));
        let right = |title| (title, Align::Right);
        let mut columns = vec![
            ("ENDPOINT", Align::Left),
            right("REQUESTS"),
            right("RATE"),
            right("ERRORS"),
            right("P50"),
            right("P99"),
        ];
        if peaks.is_some() {
            columns.extend([right("IN FLIGHT, MOST"), right("NOW")]);
        }
        table::render(&columns, &rows)
    }

    /// Whether a tenant with a name of its own has made a request.
    pub fn names_a_tenant(&self) -> bool {
        self.tenants.iter().any(|(name, row)| !name.starts_with('_') && row.requests > 0.0)
    }

    /// The table of tenants.
    pub fn tenant_table(&self) -> String {
        let row = |(name, row): (&String, &TenantRow)| {
            vec![
                name.clone(),
                numbers::whole(row.requests),
                numbers::percent(row.errors, row.requests),
                numbers::bytes(row.bytes_in),
                numbers::bytes(row.bytes_out),
            ]
        };
        let rows: Vec<Vec<String>> = self.tenants.iter().map(row).collect();
        let right = |title| (title, Align::Right);
        let columns = [
            ("TENANT", Align::Left),
            right("REQUESTS"),
            right("ERRORS"),
            right("BYTES IN"),
            right("BYTES OUT"),
        ];
        table::render(&columns, &rows)
    }

    /// All endpoints together.
    pub fn total(&self) -> EndpointRow {
        let mut total = EndpointRow::default();
        for EndpointRow { requests, errors, durations, timed, in_flight } in self.endpoints.values() {
            total.requests += requests;
            total.errors += errors;
            total.timed += timed;
            total.in_flight += in_flight;
            for (bound, count) in durations {
                match total.durations.iter_mut().find(|(b, _)| b == bound) {
                    Some((_, sum)) => *sum += count,
                    None => total.durations.push((*bound, *count)),
                }
            }
        }
        total
    }
}

/// The highest in-flight gauges of several scrapes: one scrape at the end would show nothing in flight.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peaks {
    endpoints: BTreeMap<String, f64>,
    all: f64,
}

impl Peaks {
    /// Keeps what is higher than before.
    pub fn look(&mut self, red: &Red) {
        for (name, row) in &red.endpoints {
            let peak = self.endpoints.entry(name.clone()).or_default();
            *peak = peak.max(row.in_flight);
        }
        self.all = self.all.max(red.in_flight());
    }

    /// The most that was seen in flight at one time, over all endpoints.
    pub fn all(&self) -> f64 {
        self.all
    }

    /// Whether anything was ever seen in flight.
    pub fn any(&self) -> bool {
        self.all > 0.0
    }

    fn endpoint(&self, name: &str) -> f64 {
        self.endpoints.get(name).copied().unwrap_or_default()
    }
}

/// A status, or a class of them: a 5xx, or no answer at all.
pub(crate) fn is_error(status: &str) -> bool {
    status.starts_with('5') || status == "0" || status == "none"
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: &str = r#"
http_requests_total{service="shop",method="GET",endpoint="/a/{id}",status="200"} 90
http_requests_total{service="shop",method="POST",endpoint="/a/{id}",status="503"} 9
http_requests_total{service="shop",method="GET",endpoint="/a/{id}",status="0"} 1
http_requests_total{service="shop",method="GET",endpoint="_other",status="404"} 10
http_requests_total{service="other",method="GET",endpoint="/a/{id}",status="200"} 1000
http_request_duration_milliseconds_bucket{service="shop",method="GET",endpoint="/a/{id}",le="10"} 50
http_request_duration_milliseconds_bucket{service="shop",method="GET",endpoint="/a/{id}",le="+Inf"} 91
http_request_duration_milliseconds_bucket{service="shop",method="POST",endpoint="/a/{id}",le="10"} 9
http_request_duration_milliseconds_bucket{service="shop",method="POST",endpoint="/a/{id}",le="+Inf"} 9
http_request_duration_milliseconds_count{service="shop",method="GET",endpoint="/a/{id}"} 91
http_request_duration_milliseconds_count{service="shop",method="POST",endpoint="/a/{id}"} 9
http_requests_in_progress{service="shop",method="GET",endpoint="/a/{id}"} 2
tenant_requests_total{service="shop",tenant="acme",code_class="2xx"} 75
tenant_requests_total{service="shop",tenant="acme",code_class="none"} 25
tenant_request_bytes_total{service="shop",tenant="acme"} 1500
tenant_response_bytes_total{service="shop",tenant="acme"} 2500000
"#;

    fn config() -> Config {
        Config::from_json(br#"{"service":"shop"}"#).unwrap()
    }

    #[test]
    fn methods_and_statuses_of_one_service_are_summed_per_endpoint() {
        let red = Red::of(&config(), &Scrape::parse(SCRAPE).unwrap());
        let row = &red.endpoints["/a/{id}"];
        assert_eq!((row.requests, row.errors, row.timed, row.in_flight), (100.0, 10.0, 100.0, 2.0));
        assert_eq!(row.durations, [(10.0, 59.0), (f64::INFINITY, 100.0)]);
        assert_eq!((red.requests(), red.timed(), red.in_flight()), (110.0, 100.0, 2.0));
        let acme = TenantRow { requests: 100.0, errors: 25.0, bytes_in: 1500.0, bytes_out: 2_500_000.0 };
        assert_eq!(red.tenants["acme"], acme);
    }

    #[test]
    fn the_tables_show_each_row_and_the_total() {
        let red = Red::of(&config(), &Scrape::parse(SCRAPE).unwrap());
        let mut peaks = Peaks::default();
        peaks.look(&red);
        peaks.look(&Red::default());
        let table = red.endpoint_table(DurationUnit::Milliseconds, 10.0, Some(&peaks));
        let expected = "\
ENDPOINT  REQUESTS    RATE   ERRORS     P50        P99  IN FLIGHT, MOST  NOW
/a/{id}        100  10.0/s  10.00 %  8.5 ms  > 10.0 ms                2    2
_other          10   1.0/s      0 %       -          -                0    0
all            110  11.0/s   9.09 %  8.5 ms  > 10.0 ms                2    2
";
        assert_eq!(table, expected);
        let expected = "\
TENANT  REQUESTS   ERRORS  BYTES IN  BYTES OUT
acme         100  25.00 %    1.5 kB     2.5 MB
";
        assert_eq!(red.tenant_table(), expected);
    }
}
