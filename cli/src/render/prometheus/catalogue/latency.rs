//! How long answers take.

use super::super::tiers::Severity::{Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::Latency, SECONDS};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "HighLatencyP99",
        category: Latency,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.99, sum by (service, le) (rate($http_request_duration_seconds_bucket{$S}[5m]))) > 1"#,
        summary: "One in a hundred requests of {{ $labels.service }} takes more than a second",
        description: "The 99th percentile is % s. Compare with the upstream's own time: if that is as high, the upstream is slow; if not, it is the gateway or slow clients.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "http_request_duration_milliseconds",
            labels: &[("method", "GET"), ("endpoint", "/a")],
            kept: 0,
            quantile: 99,
            threshold_ms: 1000,
        },
    },
    Alert {
        name: "HighLatencyP95",
        category: Latency,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($http_request_duration_seconds_bucket{$S}[5m]))) > 0.5"#,
        summary: "One in twenty requests of {{ $labels.service }} takes more than half a second",
        description: "The 95th percentile is % s. This many slow requests are felt by everybody: see which endpoint it is, and whether the load or the database changed.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "http_request_duration_milliseconds",
            labels: &[("method", "GET"), ("endpoint", "/a")],
            kept: 0,
            quantile: 95,
            threshold_ms: 500,
        },
    },
    Alert {
        name: "EndpointLatencyHigh",
        category: Latency,
        severity: Info,
        hold: "15m",
        expr: r#"histogram_quantile(0.99, sum by (endpoint, service, le) (rate($http_request_duration_seconds_bucket{$S}[5m]))) > 2.5"#,
        summary: "{{ $labels.endpoint }} of {{ $labels.service }} is slow",
        description: "The 99th percentile of this endpoint is % s. Where that is its nature, give it an SLO of its own and leave this alert out for the service.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "http_request_duration_milliseconds",
            labels: &[("endpoint", "/a"), ("method", "GET")],
            kept: 1,
            quantile: 99,
            threshold_ms: 2500,
        },
    },
    Alert {
        name: "UpstreamLatencyHigh",
        category: Latency,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.99, sum by (service, le) (rate($http_upstream_duration_seconds_bucket{$S}[5m]))) > 1"#,
        summary: "The upstream of {{ $labels.service }} is slow",
        description: "Envoy waits % s for one answer in a hundred. The gateway is not to blame: look at the upstream's CPU, locks and dependencies.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "http_upstream_duration_milliseconds",
            labels: &[("endpoint", "/a")],
            kept: 0,
            quantile: 99,
            threshold_ms: 1000,
        },
    },
    Alert {
        name: "SlowDatabaseQueries",
        category: Latency,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($db_query_duration_seconds_bucket{$S}[5m]))) > 1"#,
        summary: "The database queries of {{ $labels.service }} are slow",
        description: "One query in twenty takes more than % s. Look for locks, missing indexes and a plan that changed; the panel by operation says which queries.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "db_query_duration_milliseconds",
            labels: &[("operation", "select")],
            kept: 0,
            quantile: 95,
            threshold_ms: 1000,
        },
    },
    Alert {
        name: "RequestsPilingUp",
        category: Latency,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) ($http_requests_in_progress{$S})
  > 3 * avg_over_time(sum by (service) ($http_requests_in_progress{$S})[1h:1m])
and
sum by (service) ($http_requests_in_progress{$S}) > 100"#,
        summary: "Requests pile up in {{ $labels.service }}",
        description: "% requests are open, three times as many as in the last hour. Something they wait for has stopped: a lock, a pool, a dependency. It ends in timeouts unless it is found first.",
        format: COUNT,
        case: Case::Series {
            series: &[("$http_requests_in_progress{$S,method=\"GET\",endpoint=\"/a\"}", "50x59 @x60")],
            over: "250",
            under: "140",
            fires: "65m",
            labels: &[],
            value: "250",
        },
    },
];
