//! A configuration in; the names and words that its rules are written with out.

use super::reasons;
use crate::render::promql::{self, Vocabulary};
use redline::config::{Attribute, Config, CustomMetric};
use std::collections::BTreeSet;

/// Fewest failures in a window for an alert, where the configuration says nothing.
const MIN_FAILURES: u64 = 10;
/// Gauges that were published longer ago are stale, in seconds; six ticks where that is longer.
const STALE_S: u64 = 60;

/// The vocabulary with the words that rules use.
pub(super) fn of(config: &Config, scale: u64) -> Vocabulary {
    let stale = STALE_S.max(config.tick.as_secs().saturating_mul(6));
    // When the test of stale gauges looks, in seconds after 1970, and a million seconds: the gauge in it is that old.
    let age = 1_000_000.0 + 300.0 / (scale.max(1) as f64);
    let periods: BTreeSet<String> = config.slos.iter().map(|slo| slo.period.to_string()).collect();
    let periods: Vec<String> = periods.into_iter().collect();
    let failed_jobs = promql::values_of(config, "queue_jobs_total", "outcome", "(?i:fail|error).*", "failed");
    let active = promql::values_of(config, "db_connections", "state", "active", "active");
    let vocabulary = Vocabulary::of(config, scale)
        .with_word("S", format!("service={}", promql::literal(&config.service)))
        .with_word("SERVICE", config.service.clone())
        .with_word("MIN", min_failures(config).to_string())
        .with_word("MAX_SERIES", config.limits.max_series.to_string())
        .with_word("STALE", stale.to_string())
        .with_word("AGE", format!("{age:.0}"))
        .with_word("PERIOD", promql::one_of("window", &periods).unwrap_or_default())
        .with_failures(
            ["PREDICTIONS_FAILED", "A_FAILED_PREDICTION"],
            promql::failures_of(config, "predictions_total"),
        )
        .with_failures(["JOBS_FAILED", "A_FAILED_JOB"], failed_jobs)
        .with_failures(["DB_ACTIVE", "AN_ACTIVE_CONNECTION"], active)
        .with_word("UPSTREAM_REASONS", reasons::of_upstream())
        .with_word("CLIENT_LEFT", reasons::of_clients_that_left())
        .with_word("POOL", pool(config))
        .with_word("MESH_RELOADED", in_mesh(config, "success"))
        .with_word("MESH_RELOAD_FAILED", in_mesh(config, "failure"))
        .with_word(
            "ISTIOS_RELOADED",
            format!("envoy_wasm_istio_system_redline_{}_vm_reload_success", plain(config)),
        );
    let broken_off = vocabulary.expand(OR_BROKEN_OFF).unwrap_or_default();
    let calls_fail = vocabulary.expand(OR_CALLS_FAIL).unwrap_or_default();
    let vocabulary = vocabulary.with_word("OR_BROKEN_OFF", broken_off).with_word("OR_CALLS_FAIL", calls_fail);
    let (by, requests) = limited(config);
    let asked =
        vocabulary.expand(&format!("and on ({by}) sum by ({by}) (increase({requests}{{$S}}[5m])) > 0"));
    let requests = vocabulary.expand(requests).unwrap_or_else(|| "http_requests_total".to_owned());
    vocabulary.with_word("LIMIT_ASKED", asked.unwrap_or_default()).with_word("LIMIT_REQUESTS", requests)
}

/// The second part of ServiceDown, where the filter counts failures: those who left are not asked.
const OR_BROKEN_OFF: &str = r#"
or
sum by (service) (rate($http_failures_total{$S,$UPSTREAM_REASONS}[2m]))
  / (sum by (service) (rate($http_requests_total{$S}[2m]))
    - (sum by (service) (rate($http_failures_total{$S,$CLIENT_LEFT}[2m])) or 0 * sum by (service) (rate($http_requests_total{$S}[2m])))) > 0.9
and
sum by (service) (increase($http_failures_total{$S,$UPSTREAM_REASONS}[2m])) >= $MIN"#;

/// The third, where gRPC calls are counted: most that fail have the HTTP status 200.
const OR_CALLS_FAIL: &str = r#"
or
sum by (service) (rate($grpc_requests_total{$S,grpc_code=~"2|4|12|13|14|15"}[2m]))
  / sum by (service) (rate($http_requests_total{$S}[2m])) > 0.9
and
sum by (service) (increase($grpc_requests_total{$S,grpc_code=~"2|4|12|13|14|15"}[2m])) >= $MIN"#;

/// What Envoy says of new VMs where a mesh has given the plugin a longer name: Istio `NAMESPACE.redline-SERVICE`, Envoy
/// Gateway `…/redline-SERVICE/wasm/0`. One plugin of a service a proxy, or the sum would add up equal label sets.
fn in_mesh(config: &Config, outcome: &str) -> String {
    format!("{{__name__=~\"envoy_wasm_(.*_)?redline_{}(_wasm_[0-9]+)?_vm_reload_{outcome}\"}}", plain(config))
}

/// The service as it stands in the name of a metric.
fn plain(config: &Config) -> String {
    config.service.replace('-', "_")
}

/// Where one pool of connections ends and the next begins: each upstream has its own, if both of its figures say so.
fn pool(config: &Config) -> &'static str {
    let per_upstream = |name: &str| {
        config.metrics.iter().filter(|metric| metric.name == name).all(|metric| metric.per_upstream)
    };
    match per_upstream("db_connections") == per_upstream("db_pool_size") {
        true => "service, upstream",
        false => "service",
    }
}

/// By which labels a rate limit is told from another, and the requests that it limits.
fn limited(config: &Config) -> (&'static str, &'static str) {
    let mut limits = config.metrics.iter().filter(|metric| metric.name == "rate_limit_remaining");
    let of_tenants = |metric: &CustomMetric| {
        metric.labels.iter().any(|(name, from)| name == "tenant" && matches!(from, Attribute::Tenant))
    };
    match limits.all(of_tenants) && !config.tenant.sources.is_empty() {
        true => ("service, tenant", "$tenant_requests_total"),
        false => ("service", "$http_requests_total"),
    }
}

/// Fewest failures in a window for an alert.
pub(super) fn min_failures(config: &Config) -> u64 {
    config.alerting.min_failures.unwrap_or(MIN_FAILURES)
}
