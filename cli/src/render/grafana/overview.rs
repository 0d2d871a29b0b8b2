//! The overview's five rows: SLOs, requests, business, infrastructure, tenants.

use super::both;
use super::objectives::Objectives;
use super::panel::{Look, Panel, Row};
use super::thresholds::Thresholds;
use redline::config::Config;

pub(super) fn rows(config: &Config) -> Vec<Row> {
    let objectives = Objectives::of(config);
    vec![slos(&objectives), requests(&objectives), business(), infrastructure(), tenants()]
}

fn errors() -> Thresholds {
    Thresholds::rising(&[("green", None), ("red", Some(0.01))])
}

/// A quantile of a histogram in seconds.
fn quantile(q: &str, name: &str, selector: &str) -> String {
    format!("histogram_quantile({q}, sum by (le) (rate(${name}_bucket{{{selector}}}[$R])))")
}

fn slos(objectives: &Objectives<'_>) -> Row {
    let panels = vec![
        both::availability(objectives),
        both::budget_left(),
        Panel::new(
            "Latency, 99th percentile",
            Look::Number,
            "s",
            quantile("0.99", "http_request_duration_seconds", "$S"),
            "p99",
        )
        .coloured(objectives.of_latency())
        .runbook("HighLatencyP99"),
        Panel::new(
            "Burn rate, last hour",
            Look::Number,
            "short",
            "$slo_burn_rate{$S,window=\"1h\"}",
            "{{slo}}",
        )
        .says("1 uses up the budget in just the period.")
        .coloured_by_slo(objectives.of_tier(0))
        .runbook("SLOBurnRateFast"),
        Panel::new(
            "Success rate, last hour",
            Look::Number,
            "percentunit",
            "$slo_http_request_success_rate{$S}",
            "{{slo}}",
        )
        .coloured_by_slo(objectives.of_good_share()),
    ];
    Row { title: "SLOs", panels }
}

fn requests(objectives: &Objectives<'_>) -> Row {
    let all = "$http_requests_total{$S,$EP}";
    let panels = vec![
        Panel::new("Requests by method", Look::Stacked, "reqps", format!("sum by (method) (rate({all}[$R]))"), "{{method}}")
            .runbook("RequestRateDropped"),
        Panel::new(
            "Errors by status",
            Look::Stacked,
            "reqps",
            "sum by (status) (rate($http_requests_total{$S,$EP,status=~\"4..|5..|0\"}[$R]))",
            "{{status}}",
        )
        .says("0: no response was sent.")
        .runbook("HighErrorRate"),
        Panel::new(
            "Share of errors",
            Look::Lines,
            "percentunit",
            format!("(sum(rate($http_requests_total{{$S,$EP,status=~\"5..\"}}[$R])) or 0 * sum(rate({all}[$R]))) / sum(rate({all}[$R]))"),
            "5xx",
        )
        .coloured(errors())
        .runbook("HighErrorRate"),
        Panel::new("Duration", Look::Lines, "s", quantile("0.5", "http_request_duration_seconds", "$S,$EP"), "p50")
            .and(quantile("0.95", "http_request_duration_seconds", "$S,$EP"), "p95")
            .and(quantile("0.99", "http_request_duration_seconds", "$S,$EP"), "p99")
            .coloured(objectives.of_latency())
            .runbook("HighLatencyP95"),
        Panel::new(
            "Upstream's own time, 99th percentile",
            Look::Lines,
            "s",
            "histogram_quantile(0.99, sum by (endpoint, le) (rate($http_upstream_duration_seconds_bucket{$S,$EP}[$R])))",
            "{{endpoint}}",
        )
        .runbook("UpstreamLatencyHigh"),
        Panel::new("In progress", Look::Stacked, "short", "sum by (endpoint) ($http_requests_in_progress{$S,$EP})", "{{endpoint}}")
            .runbook("RequestsPilingUp"),
        Panel::new("Failures by reason", Look::Stacked, "reqps", "sum by (reason) (rate($http_failures_total{$S,$EP}[$R]))", "{{reason}}")
            .says("What Envoy failed, or what was cut off.")
            .runbook("UpstreamFailuresHigh"),
        Panel::new("Body bytes", Look::Lines, "Bps", "sum(rate($http_request_size_bytes_sum{$S,$EP}[$R]))", "received")
            .and("sum(rate($http_response_size_bytes_sum{$S,$EP}[$R]))", "sent")
            .says("Approximate: within 5 %."),
        Panel::new("gRPC calls by code", Look::Stacked, "reqps", "sum by (grpc_code) (rate($grpc_requests_total{$S,$EP}[$R]))", "{{grpc_code}}")
            .runbook("GrpcErrorRateHigh"),
    ];
    Row { title: "Requests", panels }
}

fn business() -> Row {
    let hourly = |counter: &str| format!("sum(increase(${counter}{{$S}}[1h]))");
    let panels = vec![
        Panel::new("Models", Look::Number, "short", "max by (service) ($models_total{$S})", "models").wide(6),
        Panel::new(
            "Models created and deleted, an hour",
            Look::Lines,
            "short",
            hourly("models_created_total"),
            "created",
        )
        .and(hourly("models_deleted_total"), "deleted")
        .runbook("NoModelsCreated")
        .wide(9),
        Panel::new(
            "Experiments created, an hour",
            Look::Lines,
            "short",
            hourly("experiments_created_total"),
            "created",
        )
        .wide(9),
        Panel::new("Predictions", Look::Lines, "reqps", "sum(rate($predictions_total{$S}[$R]))", "all")
            .and("sum(rate($predictions_total{$S,$PREDICTIONS_FAILED}[$R]))", "failed")
            .runbook("HighModelFailureRate"),
        Panel::new(
            "Prediction latency",
            Look::Lines,
            "s",
            quantile("0.5", "prediction_latency_seconds", "$S"),
            "p50",
        )
        .and(quantile("0.95", "prediction_latency_seconds", "$S"), "p95")
        .coloured(Thresholds::rising(&[("green", None), ("red", Some(0.1))]))
        .runbook("PredictionLatencyHigh"),
        Panel::new(
            "Training and deploying, 95th percentile",
            Look::Lines,
            "s",
            quantile("0.95", "model_training_duration_seconds", "$S"),
            "training",
        )
        .and(quantile("0.95", "deployment_duration_seconds", "$S"), "deployment")
        .runbook("ModelTrainingSlow"),
    ];
    Row { title: "Business", panels }
}

fn infrastructure() -> Row {
    let panels = vec![
        Panel::new("Database connections", Look::Lines, "short", "sum by (state) (max by (state, upstream) ($db_connections{$S}))", "{{state}}")
            .and("sum(max by (upstream) ($db_pool_size{$S}))", "pool size")
            .and("sum(max by (upstream) ($db_pool_overflow{$S}))", "overflow")
            .runbook("DatabaseConnectionPoolExhausted"),
        Panel::new(
            "Database queries, 95th percentile",
            Look::Lines,
            "s",
            "histogram_quantile(0.95, sum by (operation, le) (rate($db_query_duration_seconds_bucket{$S}[$R])))",
            "{{operation}}",
        )
        .runbook("SlowDatabaseQueries"),
        Panel::new("Database queries", Look::Stacked, "ops", "sum by (operation) (rate($db_queries_total{$S}[$R]))", "{{operation}}")
            .and("sum(rate($db_connection_errors_total{$S}[$R]))", "connection errors")
            .runbook("DatabaseConnectionErrors"),
        Panel::new(
            "Cache hits",
            Look::Lines,
            "percentunit",
            "sum(rate($cache_hits_total{$S}[$R])) / (sum(rate($cache_hits_total{$S}[$R])) + sum(rate($cache_misses_total{$S}[$R])))",
            "share",
        )
        .coloured(Thresholds::rising(&[("red", None), ("green", Some(0.8))]))
        .between(0.0, 1.0)
        .runbook("CacheHitRateLow"),
        Panel::new("Cache size", Look::Lines, "bytes", "sum(max by (upstream) ($cache_size_bytes{$S}))", "size").runbook("CacheEmptied"),
        Panel::new("Cache evictions", Look::Lines, "ops", "sum(rate($cache_evictions_total{$S}[$R]))", "evictions")
            .runbook("CacheEvictionsHigh"),
        Panel::new("Queue", Look::Lines, "short", "sum(max by (upstream) ($queue_depth{$S}))", "waiting").runbook("QueueBacklogHigh"),
        Panel::new("Jobs by outcome", Look::Stacked, "ops", "sum by (outcome) (rate($queue_jobs_total{$S}[$R]))", "{{outcome}}")
            .runbook("QueueJobsFailing"),
        Panel::new("Turned away", Look::Lines, "reqps", "sum(rate($http_requests_total{$S,$EP,status=\"429\"}[$R]))", "429")
            .and("sum(rate($rate_limit_hits_total{$S}[$R]))", "the application's limits")
            .runbook("HighRateLimitHitRate"),
        Panel::new("Redline's series", Look::Lines, "short", "max by (service) ($redline_series{$S})", "in use")
            .and("sum by (label) (increase($redline_series_overflow_total{$S}[$R]))", "overflow: {{label}}")
            .runbook("RedlineSeriesOverflow"),
        Panel::new("Proxies by version", Look::Bars, "short", "count by (version) ($redline_build_info{$S})", "{{version}}")
            .runbook("RedlineVersionsDiffer"),
        Panel::new("Dropped observations", Look::Lines, "short", "sum by (reason) (increase($redline_dropped_total{$S}[$R]))", "{{reason}}")
            .runbook("RedlineObservationsDropped"),
    ];
    Row { title: "Infrastructure", panels }
}

fn tenants() -> Row {
    let panels = vec![
        Panel::new("Requests by tenant", Look::Stacked, "reqps", "topk(10, sum by (tenant) (rate($tenant_requests_total{$S,$TN}[$R])))", "{{tenant}}")
            .runbook("TenantTrafficSpike"),
        Panel::new(
            "Errors by tenant",
            Look::Lines,
            "percentunit",
            "topk(10, (sum by (tenant) (rate($tenant_requests_total{$S,$TN,code_class=\"5xx\"}[$R])) or 0 * sum by (tenant) (rate($tenant_requests_total{$S,$TN}[$R]))) / sum by (tenant) (rate($tenant_requests_total{$S,$TN}[$R])))",
            "{{tenant}}",
        )
        .coloured(Thresholds::rising(&[("green", None), ("red", Some(0.05))]))
        .runbook("TenantErrorRateHigh"),
        Panel::new("Active users", Look::Bars, "short", "topk(10, max by (tenant) ($tenant_active_users{$S,$TN}))", "{{tenant}}")
            .says("Of the proxy that has most: a user of two proxies is one."),
        Panel::new("Storage", Look::Bars, "bytes", "topk(10, max by (tenant) ($tenant_storage_bytes{$S,$TN}))", "{{tenant}}")
            .runbook("TenantStorageGrowing"),
        Panel::new("Bytes sent", Look::Stacked, "Bps", "topk(10, sum by (tenant) (rate($tenant_response_bytes_total{$S,$TN}[$R])))", "{{tenant}}"),
        Panel::new("Turned away by tenant", Look::Stacked, "reqps", "topk(10, sum by (tenant) (rate($tenant_rate_limited_total{$S,$TN}[$R])))", "{{tenant}}")
            .runbook("TenantRateLimitExceeded"),
        Panel::new("Denied", Look::Lines, "reqps", "sum(rate($auth_failures_total{$S,$EP}[$R]))", "401")
            .and("sum(rate($access_denied_total{$S,$EP}[$R]))", "403")
            .runbook("AuthenticationFailures")
            .wide(12),
        Panel::new(
            "Isolation violations, a day",
            Look::Table,
            "short",
            "sum by (tenant) (increase($tenant_isolation_violations_total{$S,$TN}[1d])) > 0",
            "{{tenant}}",
        )
        .runbook("TenantIsolationViolation"),
    ];
    Row { title: "Tenants", panels }
}
