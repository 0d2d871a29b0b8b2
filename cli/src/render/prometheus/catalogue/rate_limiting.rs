//! Who is turned away.

use super::super::tiers::Severity::{Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::RateLimiting, RATIO};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "HighRateLimitHitRate",
        category: RateLimiting,
        severity: Warning,
        hold: "10m",
        expr: r#"sum by (service) (rate($http_requests_total{$S,status="429"}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.05"#,
        summary: "{{ $labels.service }} turns many requests away",
        description: "% of the requests are answered 429. Either a client runs wild, which the tenants' panel shows, or the limits are too low for the load.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,status=\"429\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+940x60"),
            ],
            over: "60",
            under: "49",
            fires: "11m",
            labels: &[],
            value: "6%",
        },
    },
    Alert {
        name: "TenantRateLimitExceeded",
        category: RateLimiting,
        severity: Info,
        hold: "10m",
        expr: r#"sum by (service, tenant) (rate($tenant_rate_limited_total{$S}[5m]))
  / sum by (service, tenant) (rate($tenant_requests_total{$S}[5m])) > 0.1"#,
        summary: "{{ $labels.tenant }} exceeds its rate limit on {{ $labels.service }}",
        description: "% of this tenant's requests are turned away. Ask whether it needs more, or whether its client retries without waiting.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$tenant_rate_limited_total{$S,tenant=\"acme\"}", "0+@x60"),
                ("$tenant_requests_total{$S,tenant=\"acme\",code_class=\"4xx\"}", "0+500x60"),
                ("$tenant_requests_total{$S,tenant=\"acme\",code_class=\"2xx\"}", "0+500x60"),
            ],
            over: "110",
            under: "99",
            fires: "11m",
            labels: &[("tenant", "acme")],
            value: "11%",
        },
    },
    Alert {
        name: "RateLimitServiceErrors",
        category: RateLimiting,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (increase($http_failures_total{$S,reason="rate_limit_service_error"}[5m])) > 10"#,
        summary: "The rate limit service does not answer {{ $labels.service }}",
        description: "Envoy could not ask the rate limit service % times in five minutes. As it is configured, Envoy lets these requests pass or refuses them: neither is what the limits say.",
        format: COUNT,
        case: Case::Series {
            series: &[("$http_failures_total{$S,reason=\"rate_limit_service_error\"}", "0+@x60")],
            over: "3",
            under: "2",
            fires: "9m",
            labels: &[],
            value: "15",
        },
    },
    Alert {
        name: "UpstreamRateLimitHits",
        category: RateLimiting,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (increase($rate_limit_hits_total{$S}[5m])) > 100"#,
        summary: "{{ $labels.service }} reports many rate limit hits",
        description: "% hits of a rate limit in five minutes, as the application counts them. See which limit it is in the application's log.",
        format: COUNT,
        case: Case::Series {
            series: &[("$rate_limit_hits_total{$S}", "0+@x60")],
            over: "26",
            under: "20",
            fires: "9m",
            labels: &[],
            value: "130",
        },
    },
    Alert {
        name: "RateLimitExhausted",
        category: RateLimiting,
        severity: Info,
        hold: "5m",
        expr: r#"min by (service) ($rate_limit_remaining{$S} <= 0 $LIMIT_ASKED)"#,
        summary: "A rate limit of {{ $labels.service }} is used up",
        description: "The last reports say that % requests are left of a limit. What comes next is turned away until the limit's window ends.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$rate_limit_remaining{$S,tenant=\"acme\"}", "@x60"),
                ("$LIMIT_REQUESTS{$S,tenant=\"acme\"}", "0+10x60"),
            ],
            over: "0",
            under: "1",
            fires: "6m",
            labels: &[],
            value: "0",
        },
    },
];
