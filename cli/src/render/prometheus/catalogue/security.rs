//! Who should not be there.

use super::super::tiers::Severity::{Critical, Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::Security, RATIO};

pub(in super::super) const ALERTS: &[Alert] = &[
    // A series begins with its first violation, of which increase() sees nothing; hence the second half. It holds only
    // on proxies that were there before, so that a Prometheus that starts does not page.
    Alert {
        name: "TenantIsolationViolation",
        category: Security,
        severity: Critical,
        hold: "",
        expr: r#"sum by (service, tenant) (increase($tenant_isolation_violations_total{$S}[5m])) > 0
or
sum by (service, tenant) (
  ($tenant_isolation_violations_total{$S} unless $tenant_isolation_violations_total{$S} offset 5m)
  and on (job, instance) $redline_build_info{$S} offset 5m
) > 0"#,
        summary: "{{ $labels.tenant }} asked {{ $labels.service }} for another tenant's resource",
        description: "About % requests in five minutes claimed this tenant and named another's resource. Check that they were refused; then whether it is a client's mistake, a token that leaked, or somebody trying.",
        format: COUNT,
        case: Case::Series {
            series: &[
                (
                    "$tenant_isolation_violations_total{$S,tenant=\"acme\",job=\"redline\",instance=\"a\"}",
                    "_x9 @x60",
                ),
                ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
            ],
            over: "1",
            under: "0",
            fires: "9m",
            labels: &[("tenant", "acme")],
            value: "1",
        },
    },
    Alert {
        name: "UnauthorizedAccessAttempts",
        category: Security,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($access_denied_total{$S}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.05
and
sum by (service) (increase($access_denied_total{$S}[5m])) > 20"#,
        summary: "Many requests to {{ $labels.service }} are denied",
        description: "% of the requests are answered 403. A permission that was changed does this, and so does somebody who tries one resource after the other: the endpoints tell them apart.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$access_denied_total{$S,endpoint=\"/a\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+1000x60"),
            ],
            over: "60",
            under: "49",
            fires: "6m",
            labels: &[],
            value: "6%",
        },
    },
    Alert {
        name: "AuthenticationFailures",
        category: Security,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($auth_failures_total{$S}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.1
and
sum by (service) (increase($auth_failures_total{$S}[5m])) > 20"#,
        summary: "Many requests to {{ $labels.service }} are not authenticated",
        description: "% of the requests are answered 401. Tokens may have expired all at once, or the identity provider's keys changed; if neither, somebody guesses.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$auth_failures_total{$S,endpoint=\"/a\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+1000x60"),
            ],
            over: "110",
            under: "99",
            fires: "6m",
            labels: &[],
            value: "11%",
        },
    },
    Alert {
        name: "AuthenticationFailuresSpike",
        category: Security,
        severity: Critical,
        hold: "2m",
        expr: r#"sum by (service) (increase($auth_failures_total{$S}[5m]))
  > 10 * (sum by (service) (increase($auth_failures_total{$S}[5m] offset 1h)) or 0 * sum by (service) (increase($auth_failures_total{$S}[5m])))
and
sum by (service) (increase($auth_failures_total{$S}[5m])) > 500
and
count by (service) ($http_requests_total{$S} offset 1h) > 0"#,
        summary: "Authentication failures on {{ $labels.service }} shot up",
        description: "% in five minutes, more than ten times as many as an hour ago. Treat it as an attack until it is known to be an expired key: slow the sources down, and look for one 200 among them.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$auth_failures_total{$S,endpoint=\"/a\"}", "0+20x64 1280+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x120"),
            ],
            over: "400",
            under: "190",
            fires: "70m",
            labels: &[],
            value: "2000",
        },
    },
    Alert {
        name: "UnknownPathsScanned",
        category: Security,
        severity: Info,
        hold: "10m",
        expr: r#"sum by (service) (rate($http_requests_total{$S,endpoint="_other",status="404"}[5m]))
  / sum by (service) (rate($http_requests_total{$S}[5m])) > 0.2"#,
        summary: "Somebody tries paths that {{ $labels.service }} does not have",
        description: "% of the requests are for paths of no template and answered 404. Scanners do that all day; so does a client of which a release asks for a path that is gone.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$http_requests_total{$S,endpoint=\"_other\",status=\"404\"}", "0+@x60"),
                ("$http_requests_total{$S,endpoint=\"/a\",status=\"200\"}", "0+79x60"),
            ],
            over: "21",
            under: "19",
            fires: "11m",
            labels: &[],
            value: "21%",
        },
    },
];
