//! The database and the cache behind the service, as it reports them.

use super::super::tiers::Severity::{Critical, Info, Warning};
use super::alert::Category::{Cache, Database};
use super::alert::{Alert, COUNT, Case, RATIO, SECONDS};

pub(in super::super) const ALERTS: &[Alert] = &[
    Alert {
        name: "DatabaseConnectionPoolExhausted",
        category: Database,
        severity: Critical,
        hold: "5m",
        expr: r#"max by (service) (
  sum by ($POOL) (max by (service, upstream) ($live($db_connections{$S,$DB_ACTIVE})))
  / sum by ($POOL) (max by (service, upstream) ($db_pool_size{$S}))
) > 0.9"#,
        summary: "The database pool of {{ $labels.service }} is nearly exhausted",
        description: "% of the connections of the fullest pool are in use; the next requests will wait for one. Look for long transactions and leaked connections before making the pool larger.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$db_connections{$S,$AN_ACTIVE_CONNECTION}", "_x5 @x60"),
                ("$db_pool_size{$S}", "100x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "91",
            under: "90",
            fires: "10m",
            labels: &[],
            value: "91%",
        },
    },
    Alert {
        name: "DatabasePoolOverflow",
        category: Database,
        severity: Warning,
        hold: "10m",
        expr: r#"sum by (service) (max by (service, upstream) ($live($db_pool_overflow{$S}))) > 0"#,
        summary: "The database pool of {{ $labels.service }} overflows",
        description: "% connections are open beyond the pool's size. It holds for now; each costs the database more than one of the pool.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$db_pool_overflow{$S}", "_x5 @x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "1",
            under: "0",
            fires: "15m",
            labels: &[],
            value: "1",
        },
    },
    Alert {
        name: "DatabaseConnectionErrors",
        category: Database,
        severity: Critical,
        hold: "2m",
        expr: r#"sum by (service) (increase($db_connection_errors_total{$S}[5m])) > 10"#,
        summary: "{{ $labels.service }} cannot connect to its database",
        description: "% connections failed in five minutes. Check that the database is up, reachable, and not out of connections; a failover shows like this too.",
        format: COUNT,
        case: Case::Series {
            series: &[("$db_connection_errors_total{$S}", "0+@x60")],
            over: "3",
            under: "2",
            fires: "6m",
            labels: &[],
            value: "15",
        },
    },
    Alert {
        name: "HighDatabaseQueryErrorRate",
        category: Database,
        severity: Warning,
        hold: "5m",
        expr: r#"sum by (service) (rate($db_connection_errors_total{$S}[5m]))
  / (sum by (service) (rate($db_connection_errors_total{$S}[5m]))
    + (sum by (service) (rate($db_queries_total{$S}[5m])) or 0 * sum by (service) (rate($db_connection_errors_total{$S}[5m])))) > 0.01"#,
        summary: "Database queries of {{ $labels.service }} fail",
        description: "% of the queries did not get through. The application's log has the database's words for it.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$db_connection_errors_total{$S}", "0+@x60"),
                ("$db_queries_total{$S,operation=\"select\"}", "0+1000x60"),
            ],
            over: "11",
            under: "10",
            fires: "6m",
            labels: &[],
            value: "1.088%",
        },
    },
    Alert {
        name: "DatabaseQueriesPerRequestHigh",
        category: Database,
        severity: Info,
        hold: "15m",
        expr: r#"sum by (service) (rate($db_queries_total{$S}[15m]))
  / sum by (service) (rate($http_requests_total{$S}[15m])) > 50"#,
        summary: "{{ $labels.service }} asks its database too often",
        description: "% queries for each request. Mostly this is a loop that asks for one row at a time; it gets worse as data grows.",
        format: COUNT,
        case: Case::Series {
            series: &[
                ("$db_queries_total{$S,operation=\"select\"}", "0+@x60"),
                ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
            ],
            over: "5200",
            under: "4900",
            fires: "16m",
            labels: &[],
            value: "52",
        },
    },
    Alert {
        name: "CacheHitRateLow",
        category: Cache,
        severity: Warning,
        hold: "15m",
        expr: r#"(sum by (service) (rate($cache_hits_total{$S}[10m])) or 0 * sum by (service) (rate($cache_misses_total{$S}[10m])))
  / ((sum by (service) (rate($cache_hits_total{$S}[10m])) or 0 * sum by (service) (rate($cache_misses_total{$S}[10m])))
    + sum by (service) (rate($cache_misses_total{$S}[10m]))) < 0.8"#,
        summary: "The cache of {{ $labels.service }} misses too often",
        description: "Only % of the look-ups hit. After a deployment or a flush it recovers by itself; otherwise keys changed, or the cache is too small. The database feels it first.",
        format: RATIO,
        case: Case::Series {
            series: &[("$cache_hits_total{$S}", "0+@x60"), ("$cache_misses_total{$S}", "0+21x60")],
            over: "79",
            under: "85",
            fires: "16m",
            labels: &[],
            value: "79%",
        },
    },
    Alert {
        name: "CacheEvictionsHigh",
        category: Cache,
        severity: Info,
        hold: "15m",
        expr: r#"sum by (service) (rate($cache_evictions_total{$S}[10m]))
  / ((sum by (service) (rate($cache_hits_total{$S}[10m])) or 0 * sum by (service) (rate($cache_evictions_total{$S}[10m])))
    + (sum by (service) (rate($cache_misses_total{$S}[10m])) or 0 * sum by (service) (rate($cache_evictions_total{$S}[10m]))) > 0) > 0.1"#,
        summary: "The cache of {{ $labels.service }} is too small",
        description: "There are % as many evictions as look-ups: entries go before they are used again. Give it more memory, or keep less in it.",
        format: RATIO,
        case: Case::Series {
            series: &[
                ("$cache_evictions_total{$S}", "0+@x60"),
                ("$cache_hits_total{$S}", "0+900x60"),
                ("$cache_misses_total{$S}", "0+100x60"),
            ],
            over: "110",
            under: "99",
            fires: "16m",
            labels: &[],
            value: "11%",
        },
    },
    Alert {
        name: "CacheOperationsSlow",
        category: Cache,
        severity: Warning,
        hold: "10m",
        expr: r#"histogram_quantile(0.95, sum by (service, le) (rate($cache_operations_duration_seconds_bucket{$S}[5m]))) > 0.1"#,
        summary: "The cache of {{ $labels.service }} is slow",
        description: "One operation in twenty takes more than % s, which is what a cache should save. Look at its network, its CPU and the size of its values.",
        format: SECONDS,
        case: Case::Quantile {
            histogram: "cache_operations_duration_milliseconds",
            labels: &[],
            kept: 0,
            quantile: 95,
            threshold_ms: 100,
        },
    },
    Alert {
        name: "CacheEmptied",
        category: Cache,
        severity: Info,
        hold: "",
        expr: r#"min by (service) (
  max by (service, upstream) ($cache_size_bytes{$S})
  / max by (service, upstream) (max_over_time($cache_size_bytes{$S}[30m]))
) < 0.5"#,
        summary: "A cache of {{ $labels.service }} lost half of what it held",
        description: "It holds % of its size half an hour ago: it was flushed, restarted, or lost a node. Expect misses, and more load on the database, until it is warm.",
        format: RATIO,
        case: Case::Series {
            series: &[("$cache_size_bytes{$S}", "1000000x30 @x30")],
            over: "490000",
            under: "510000",
            fires: "31m",
            labels: &[],
            value: "49%",
        },
    },
];
