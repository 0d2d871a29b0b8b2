//! Whether requests are answered.

use super::super::tiers::Severity::{Critical, Info, Warning};
use super::alert::{Alert, Case, Category::Availability, RATIO};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "ServiceDown",
        category: Availability,
        severity: Critical,
        hold: "2m",
        expr: r#"sum by (service) (rate($http_requests_total{$S,status=~"5.."}[2m]))
  / sum by (service) (rate($http_requests_total{$S,status!="0"}[2m])) > 0.9
and
sum by (service) (increase($http_requests_total{$S,status=~"5.."}[2m])) >= $MIN$OR_BROKEN_OFF$OR_CALLS_FAIL"#,
        summary: "{{ $labels.service }} is down",
        description: "% of the requests whose clients waited got a 5xx, no whole answer, or a gRPC error. Look whether the upstream runs and what was deployed last; roll back first, ask later.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,status=\"503\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+90000000x60"),
            ],
            over: "910000000",
            under: "800000000",
            fires: "3m",
            labels: &[],
            value: "91%",
        },
    },
    Alert {
        name: "HighErrorRate",
        category: Availability,
        severity: Critical,
        hold: "5m",
        expr: r#"sum by (service) (rate($http_requests_total{$S,status=~"5.."}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.01
and
sum by (service) (increase($http_requests_total{$S,status=~"5.."}[5m])) >= $MIN"#,
        summary: "More than 1 % of the requests of {{ $labels.service }} are errors",
        description: "% of the answers of the last five minutes were 5xx. Find the endpoint in the overview's errors by status, and the deployment or dependency that changed.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,status=\"500\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+989000000x60"),
            ],
            over: "11000000",
            under: "9800000",
            fires: "6m",
            labels: &[],
            value: "1.1%",
        },
    },
    Alert {
        name: "LowAvailability",
        category: Availability,
        severity: Warning,
        hold: "5m",
        expr: r#"1 - sum by (service) (increase($http_requests_total{$S,status=~"5.."}[1h]))
  / sum by (service) (increase($http_requests_total{$S}[1h])) < 0.99
and
sum by (service) (increase($http_requests_total{$S,status=~"5.."}[1h])) >= $MIN"#,
        summary: "{{ $labels.service }} answered fewer than 99 % of an hour's requests",
        description: "% of the requests of the last hour were answered without a 5xx. It may be over by now, but it was long: see when it began, and what else began then.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,status=\"500\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+989000000x60"),
            ],
            over: "11000000",
            under: "9800000",
            fires: "6m",
            labels: &[],
            value: "98.9%",
        },
    },
    Alert {
        name: "EndpointErrorRateHigh",
        category: Availability,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service, endpoint) (rate($http_requests_total{$S,status=~"5.."}[5m]))
  / sum by (service, endpoint) (rate($http_requests_total{$S}[5m])) > 0.05
and
sum by (service, endpoint) (increase($http_requests_total{$S,status=~"5.."}[5m])) >= $MIN"#,
        summary: "{{ $labels.endpoint }} of {{ $labels.service }} fails",
        description: "% of this endpoint's answers were 5xx. One endpoint alone points at its own code or at a dependency that only it has.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,endpoint=\"/a\",status=\"500\"}", "0+@x60"),
                ("$http_requests_total{$S,endpoint=\"/a\",status=\"200\"}", "0+940000000x60"),
                ("$http_requests_total{$S,endpoint=\"/b\",status=\"200\"}", "0+940000000x60"),
            ],
            over: "60000000",
            under: "49000000",
            fires: "6m",
            labels: &[("endpoint", "/a")],
            value: "6%",
        },
    },
    Alert {
        name: "UpstreamFailuresHigh",
        category: Availability,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($http_failures_total{$S,$UPSTREAM_REASONS}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.01
and
sum by (service) (increase($http_failures_total{$S,$UPSTREAM_REASONS}[5m])) >= $MIN"#,
        summary: "Envoy cannot reach the upstream of {{ $labels.service }} well",
        description: "Envoy failed % of the requests itself: no healthy upstream, timeouts, broken connections. http_failures_total says by reason which; look at the upstream's instances and the network.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_failures_total{$S,reason=\"no_healthy_upstream\"}", "0+@x60"),
                ("$http_failures_total{$S,reason=\"downstream_remote_reset\"}", "0+500000000x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+1000000000x60"),
            ],
            over: "11000000",
            under: "9900000",
            fires: "6m",
            labels: &[],
            value: "1.1%",
        },
    },
    Alert {
        name: "GrpcErrorRateHigh",
        category: Availability,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($grpc_requests_total{$S,grpc_code=~"2|4|12|13|14|15"}[5m]))
  / sum by (service) (rate($grpc_requests_total{$S}[5m])) > 0.01
and
sum by (service) (increase($grpc_requests_total{$S,grpc_code=~"2|4|12|13|14|15"}[5m])) >= $MIN"#,
        summary: "More than 1 % of the gRPC calls of {{ $labels.service }} fail",
        description: "% of the calls ended as UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE or DATA_LOSS, most of them with HTTP status 200. grpc_requests_total says which by endpoint.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$grpc_requests_total{$S,grpc_code=\"14\"}", "0+@x60"),
                ("$grpc_requests_total{$S,grpc_code=\"0\"}", "0+979000000x60"),
                ("$grpc_requests_total{$S,grpc_code=\"5\"}", "0+10000000x60"),
            ],
            over: "11000000",
            under: "9900000",
            fires: "6m",
            labels: &[],
            value: "1.1%",
        },
    },
    Alert {
        name: "RetriesHigh",
        category: Availability,
        severity: Info,
        hold: "10m",
        expr: r#"sum by (service) (rate($http_retries_total{$S}[10m]))
  / sum by (service) (rate($http_requests_total{$S}[10m])) > 0.1"#,
        summary: "Envoy retries many requests of {{ $labels.service }}",
        description: "There are % as many retries as requests. Clients do not see it yet, but the upstream carries the load: see which instance fails, before a retry budget runs out.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_retries_total{$S,endpoint=\"/a\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+1000x60"),
            ],
            over: "110",
            under: "99",
            fires: "11m",
            labels: &[],
            value: "11%",
        },
    },
    Alert {
        name: "RequestRateDropped",
        category: Availability,
        severity: Warning,
        hold: "5m",
        expr: r#"(sum by (service) (increase($http_requests_total{$S}[10m])) or 0 * sum by (service) (increase($http_requests_total{$S}[10m] offset 1h)))
  / sum by (service) (increase($http_requests_total{$S}[10m] offset 1h)) < 0.3
and
sum by (service) (increase($http_requests_total{$S}[10m] offset 1h)) > 600"#,
        summary: "Requests to {{ $labels.service }} dropped",
        description: "Only % of the requests of an hour ago still arrive. When users cannot reach a gateway there are no errors to count: check DNS, load balancers, certificates and clients' releases.",
        format: RATIO,
        case: Case::Series {
            series: &[("$http_requests_total{$S,status=\"200\"}", "0+1000x60 60000+@x60")],
            over: "200",
            under: "320",
            fires: "74m",
            labels: &[],
            value: "20%",
        },
    },
];
