//! Traffic in which a series is missing, stands still or is somebody else's: what an alert says then.
//!
//! A counter begins with its first event, a gauge of what is gone keeps its last value, and one Prometheus scrapes many.

/// One such test: series with a sample a minute, and what the alert says at a time.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Trap {
    pub(in super::super) alert: &'static str,
    /// After the alert's name.
    pub(in super::super) what: &'static str,
    pub(in super::super) series: &'static [(&'static str, &'static str)],
    pub(in super::super) at: &'static str,
    /// Labels beside those of every alert and the value as the description shows it, where it fires.
    pub(in super::super) fires: Option<Firing>,
}

/// Labels and their values, and the alert's value.
type Firing = (&'static [(&'static str, &'static str)], &'static str);
type Series = &'static [(&'static str, &'static str)];

const fn fires(
    alert: &'static str,
    what: &'static str,
    series: Series,
    at: &'static str,
    value: &'static str,
) -> Trap {
    fires_with(alert, what, series, at, (&[], value))
}

const fn fires_with(
    alert: &'static str,
    what: &'static str,
    series: Series,
    at: &'static str,
    firing: Firing,
) -> Trap {
    Trap { alert, what, series, at, fires: Some(firing) }
}

const fn silent(alert: &'static str, what: &'static str, series: Series, at: &'static str) -> Trap {
    Trap { alert, what, series, at, fires: None }
}

pub(in super::super) const TRAPS: &[Trap] = &[
    silent(
        "ServiceDown",
        "is silent where clients leave",
        &[
            ("$http_requests_total{$S,status=\"0\"}", "0+950000000x60"),
            ("$http_requests_total{$S,status=\"200\"}", "0+50000000x60"),
            ("$http_failures_total{$S,reason=\"downstream_remote_reset\"}", "0+950000000x60"),
        ],
        "5m",
    ),
    fires(
        "ServiceDown",
        "fires where gRPC calls fail behind a 200",
        &[
            ("$http_requests_total{$S,status=\"200\"}", "0+100000000x60"),
            ("$grpc_requests_total{$S,grpc_code=\"14\"}", "0+95000000x60"),
            ("$grpc_requests_total{$S,grpc_code=\"0\"}", "0+5000000x60"),
        ],
        "5m",
        "95%",
    ),
    fires(
        "ServiceDown",
        "fires where those who do not leave get errors",
        &[
            ("$http_requests_total{$S,status=\"0\"}", "0+900000000x60"),
            ("$http_requests_total{$S,status=\"503\"}", "0+95000000x60"),
            ("$http_requests_total{$S,status=\"200\"}", "0+5000000x60"),
            ("$http_failures_total{$S,reason=\"downstream_remote_reset\"}", "0+900000000x60"),
        ],
        "3m",
        "95%",
    ),
    fires(
        "ServiceDown",
        "fires where the upstream breaks its answers off",
        &[
            ("$http_requests_total{$S,status=\"200\"}", "0+1000000000x60"),
            ("$http_failures_total{$S,reason=\"upstream_remote_reset\"}", "0+950000000x60"),
        ],
        "3m",
        "95%",
    ),
    silent(
        "UpstreamFailuresHigh",
        "is silent where requests are not allowed",
        &[
            ("$http_failures_total{$S,reason=\"unauthorized_external_service\"}", "0+500000000x60"),
            ("$http_requests_total{$S,status=\"403\"}", "0+1000000000x60"),
        ],
        "20m",
    ),
    fires(
        "RequestRateDropped",
        "fires where not even the series are left",
        &[("$http_requests_total{$S,status=\"200\"}", "0+1000x60 stale")],
        "80m",
        "0%",
    ),
    fires(
        "HighDatabaseQueryErrorRate",
        "fires where no query gets through",
        &[("$db_connection_errors_total{$S}", "0+100x60")],
        "6m",
        "100%",
    ),
    silent(
        "DatabaseConnectionPoolExhausted",
        "is silent about an upstream that is gone",
        &[("$db_connections{$S,$AN_ACTIVE_CONNECTION}", "95x90"), ("$db_pool_size{$S}", "100x90")],
        "75m",
    ),
    silent(
        "DatabasePoolOverflow",
        "is silent about an upstream that is gone",
        &[("$db_pool_overflow{$S}", "5x90")],
        "75m",
    ),
    fires(
        "CacheHitRateLow",
        "fires where nothing ever hit",
        &[("$cache_misses_total{$S}", "0+100x60")],
        "16m",
        "0%",
    ),
    silent(
        "CacheHitRateLow",
        "is silent where nothing ever missed",
        &[("$cache_hits_total{$S}", "0+100x60")],
        "30m",
    ),
    fires(
        "CacheEvictionsHigh",
        "fires where nothing ever hit",
        &[("$cache_evictions_total{$S}", "0+50x60"), ("$cache_misses_total{$S}", "0+100x60")],
        "16m",
        "50%",
    ),
    fires(
        "CacheEvictionsHigh",
        "fires where nothing ever missed",
        &[("$cache_evictions_total{$S}", "0+50x60"), ("$cache_hits_total{$S}", "0+100x60")],
        "16m",
        "50%",
    ),
    fires(
        "CacheEmptied",
        "fires where one of several upstreams is empty",
        &[
            ("$cache_size_bytes{$S,upstream=\"1\"}", "1000000x30 400000x30"),
            ("$cache_size_bytes{$S,upstream=\"2\"}", "9000000x60"),
        ],
        "31m",
        "40%",
    ),
    fires(
        "NoModelsCreated",
        "fires where every creation fails",
        &[("$http_requests_total{$S,status=\"500\"}", "0+100x60")],
        "36m",
        "0",
    ),
    silent(
        "NoModelsCreated",
        "is silent where the first models were just created",
        &[
            ("$models_created_total{$S,tenant=\"acme\"}", "_x19 1x40"),
            ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
        ],
        "45m",
    ),
    silent(
        "NoModelsCreated",
        "is silent before half an hour was seen",
        &[("$http_requests_total{$S,status=\"200\"}", "0+100x60")],
        "34m",
    ),
    fires(
        "NoPredictions",
        "fires where not even the series are left",
        &[("$predictions_total{$S,tenant=\"acme\"}", "0+10x60 stale")],
        "86m",
        "0",
    ),
    silent(
        "NoPredictions",
        "is silent where another model makes its first",
        &[
            ("$predictions_total{$S,tenant=\"acme\"}", "0+10x60 600x60"),
            ("$predictions_total{$S,tenant=\"globex\"}", "_x79 1x40"),
        ],
        "90m",
    ),
    fires(
        "ModelsDeletedMany",
        "fires where none was ever created",
        &[("$models_deleted_total{$S,tenant=\"acme\"}", "0+6x60")],
        "9m",
        "54",
    ),
    fires(
        "QueueStalled",
        "fires where no job ever ended",
        &[("$queue_depth{$S}", "5x60"), ("$http_requests_total{$S,status=\"200\"}", "0+100x60")],
        "15m",
        "5",
    ),
    silent(
        "QueueStalled",
        "is silent where nobody asks and so nothing is reported",
        &[
            ("$queue_depth{$S}", "5x60"),
            ("$queue_jobs_total{$S,outcome=\"done\"}", "0+10x10 100x50"),
            ("$http_requests_total{$S,status=\"200\"}", "0+100x10 1000x50"),
        ],
        "50m",
    ),
    silent(
        "QueueStalled",
        "is silent where the first job just ended",
        &[
            ("$queue_depth{$S}", "5x60"),
            ("$queue_jobs_total{$S,outcome=\"done\"}", "_x9 1x40"),
            ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
        ],
        "18m",
    ),
    silent(
        "QueueBacklogHigh",
        "is silent about what is reported no more",
        &[("$queue_depth{$S}", "5000x90")],
        "75m",
    ),
    silent(
        "RateLimitExhausted",
        "is silent where nobody asks any more",
        &[
            ("$rate_limit_remaining{$S,tenant=\"acme\"}", "0x60"),
            ("$tenant_requests_total{$S,tenant=\"acme\"}", "0+10x10 100x50"),
            ("$http_requests_total{$S,status=\"200\"}", "0+10x10 100x50"),
        ],
        "30m",
    ),
    fires(
        "AuthenticationFailuresSpike",
        "fires where there were none before",
        &[
            ("$auth_failures_total{$S,endpoint=\"/a\"}", "_x64 0+400x60"),
            ("$http_requests_total{$S,status=\"200\"}", "0+100x120"),
        ],
        "73m",
        "2000",
    ),
    silent(
        "AuthenticationFailuresSpike",
        "is silent before an hour was seen",
        &[
            ("$auth_failures_total{$S,endpoint=\"/a\"}", "0+400x60"),
            ("$http_requests_total{$S,status=\"200\"}", "0+100x60"),
        ],
        "40m",
    ),
    fires_with(
        "TenantTrafficSpike",
        "fires where a tenant is new",
        &[
            ("$tenant_requests_total{$S,tenant=\"acme\",code_class=\"2xx\"}", "_x64 0+400x60"),
            ("$tenant_requests_total{$S,tenant=\"globex\",code_class=\"2xx\"}", "0+10x120"),
        ],
        "76m",
        (&[("tenant", "acme")], "2000"),
    ),
    fires_with(
        "RedlineGaugesStale",
        "names the one proxy of two",
        &[
            ("$redline_last_publish_timestamp_seconds{$S,job=\"redline\",instance=\"a\"}", "-1000000x60"),
            ("$redline_last_publish_timestamp_seconds{$S,job=\"redline\",instance=\"b\"}", "100000+60x60"),
        ],
        "5m",
        (&[("instance", "a"), ("job", "redline")], "$AGE"),
    ),
    fires_with(
        "RedlineVMReloaded",
        "fires in a mesh, where the plugin has a longer name",
        &[
            ("$ISTIOS_RELOADED{job=\"redline\",instance=\"a\"}", "0x9 1x60"),
            ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
        ],
        "10m",
        (&[("instance", "a"), ("job", "redline")], "1"),
    ),
    silent(
        "RedlineVMReloaded",
        "is silent about another service's proxy",
        &[
            ("$envoy_wasm_redline_vm_reload_success{job=\"redline\",instance=\"a\"}", "0x9 1x60"),
            ("$redline_build_info{service=\"another\",version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
            ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"b\"}", "1x60"),
        ],
        "10m",
    ),
    silent(
        "RedlineVMReloadFailed",
        "is silent about another service's proxy",
        &[
            ("$envoy_wasm_redline_vm_reload_failure{job=\"redline\",instance=\"a\"}", "0x9 1x60"),
            ("$redline_build_info{service=\"another\",version=\"1\",job=\"redline\",instance=\"a\"}", "1x60"),
            ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"b\"}", "1x60"),
        ],
        "10m",
    ),
    silent(
        "RedlineTargetDown",
        "is silent about what is no proxy of this service",
        &[
            ("up{job=\"redline\",instance=\"a\"}", "1x5 0x60"),
            (
                "$redline_build_info{service=\"another\",version=\"1\",job=\"redline\",instance=\"a\"}",
                "1x5 stale",
            ),
            ("up{job=\"node\",instance=\"b\"}", "0x60"),
        ],
        "30m",
    ),
    fires_with(
        "RedlineTargetDown",
        "fires where the job has another name",
        &[
            ("up{job=\"edge/envoy\",instance=\"a\"}", "1x5 0x60"),
            ("$redline_build_info{$S,version=\"1\",job=\"edge/envoy\",instance=\"a\"}", "1x5 stale"),
        ],
        "12m",
        (&[("instance", "a"), ("job", "edge/envoy")], "0"),
    ),
    silent(
        "RedlineVersionsDiffer",
        "is silent where a proxy got its new version without a restart",
        &[
            ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x120"),
            ("$redline_build_info{$S,version=\"2\",job=\"redline\",instance=\"a\"}", "_x4 1x115"),
            ("$redline_build_info{$S,version=\"2\",job=\"redline\",instance=\"b\"}", "1x120"),
        ],
        "80m",
    ),
    fires_with(
        "RedlineObservationsDropped",
        "fires at the first loss",
        &[
            ("$redline_dropped_total{$S,reason=\"hostcall\",job=\"redline\",instance=\"a\"}", "_x29 3x60"),
            ("$redline_build_info{$S,version=\"1\",job=\"redline\",instance=\"a\"}", "1x90"),
        ],
        "36m",
        (&[("reason", "hostcall")], "3"),
    ),
];
