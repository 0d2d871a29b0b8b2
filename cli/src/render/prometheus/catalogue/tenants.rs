//! Whom the service serves.

use super::super::tiers::Severity::{Info, Warning};
use super::alert::{Alert, COUNT, Case, Category::Tenants, RATIO};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "TenantErrorRateHigh",
        category: Tenants,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service, tenant) (rate($tenant_requests_total{$S,code_class="5xx"}[5m]))
  / sum by (service, tenant) (rate($tenant_requests_total{$S}[5m])) > 0.05
and
sum by (service, tenant) (increase($tenant_requests_total{$S,code_class="5xx"}[5m])) >= $MIN"#,
        summary: "{{ $labels.tenant }} gets errors from {{ $labels.service }}",
        description: "% of this tenant's requests are answered 5xx. If the service as a whole is well, it is this tenant's data, shard or configuration.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$tenant_requests_total{$S,tenant=\"acme\",code_class=\"5xx\"}", "0+@x60"),
                ("$tenant_requests_total{$S,tenant=\"acme\",code_class=\"2xx\"}", "0+940000000x60"),
                ("$tenant_requests_total{$S,tenant=\"globex\",code_class=\"2xx\"}", "0+940000000x60"),
            ],
            over: "60000000",
            under: "49000000",
            fires: "6m",
            labels: &[("tenant", "acme")],
            value: "6%",
        },
    },
    Alert {
        name: "TenantTrafficSpike",
        category: Tenants,
        severity: Info,
        hold: "5m",
        expr: r#"sum by (service, tenant) (increase($tenant_requests_total{$S,tenant!~"_other|_none"}[5m]))
  > 5 * (sum by (service, tenant) (increase($tenant_requests_total{$S,tenant!~"_other|_none"}[5m] offset 1h))
    or 0 * sum by (service, tenant) (increase($tenant_requests_total{$S,tenant!~"_other|_none"}[5m])))
and
sum by (service, tenant) (increase($tenant_requests_total{$S,tenant!~"_other|_none"}[5m])) > 1000
and on (service)
count by (service) ($tenant_requests_total{$S} offset 1h) > 0"#,
        summary: "{{ $labels.tenant }} sends many more requests to {{ $labels.service }}",
        description: "% in five minutes, more than five times as many as an hour ago. Look whether its neighbours feel it, and tell the tenant: it may not know.",
        format: COUNT,
        case: Case::Series {
            series: &[(
                "$tenant_requests_total{$S,tenant=\"acme\",code_class=\"2xx\"}",
                "0+1000x65 65000+@x60",
            )],
            over: "6000",
            under: "4900",
            fires: "76m",
            labels: &[("tenant", "acme")],
            value: "30000",
        },
    },
    Alert {
        name: "TenantPlacesNearlyUsed",
        category: Tenants,
        severity: Warning,
        hold: "15m",
        expr: r#"max by (service) ($redline_label_values{$S,label="tenant"} / $redline_label_values_max{$S,label="tenant"}) > 0.9"#,
        summary: "{{ $labels.service }} has nearly as many tenants as it may tell apart",
        description: "% of tenant.max is in use; who comes after that is counted as _other. Raise tenant.max, or name the tenants that matter in tenant.allow.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$redline_label_values{$S,label=\"tenant\"}", "@x60"),
                ("$redline_label_values_max{$S,label=\"tenant\"}", "100x60"),
            ],
            over: "91",
            under: "90",
            fires: "15m",
            labels: &[],
            value: "91%",
        },
    },
    Alert {
        name: "TenantStorageGrowing",
        category: Tenants,
        severity: Info,
        hold: "",
        expr: r#"max by (service, tenant) ($tenant_storage_bytes{$S,tenant!~"_other|_none"})
  / max by (service, tenant) ($tenant_storage_bytes{$S,tenant!~"_other|_none"} offset 1h) > 1.5
and
max by (service, tenant) ($tenant_storage_bytes{$S,tenant!~"_other|_none"}) > 1e9"#,
        summary: "{{ $labels.tenant }} stores much more in {{ $labels.service }}",
        description: "Its storage is % of what it was an hour ago. An import is fine; a loop that writes is not, and the bill comes later.",
        format: RATIO,
        case: Case::Series {
            series: &[("$tenant_storage_bytes{$S,tenant=\"acme\"}", "2000000000x60 @x60")],
            over: "3200000000",
            under: "2900000000",
            fires: "61m",
            labels: &[("tenant", "acme")],
            value: "160%",
        },
    },
];
