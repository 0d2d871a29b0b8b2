//! Custom metrics in the filter's module against the oracle, which was written apart from it: thousands of generated
//! exchanges, whose headers are valid, odd and broken, and no series that differs.

mod support;

use host_harness::abi::Plugin;
use host_harness::oracle::Oracle;
use host_harness::replay::{Options, replay_observed};
use host_harness::stats::{Sample, StatConfig, Value as Stat};
use host_harness::traffic::Record;
use host_harness::{Filter, Gateway, GatewayConfig};
use redline::config::Config;
use serde_json::{Value, json};
use std::sync::OnceLock;
use support::signals::exchanges;

/// Every value, every attribute, every condition, every kind; labels that overflow and labels that do not.
fn metrics() -> Value {
    let histogram = |name: &str, value: Value, more: Value| {
        let mut metric = json!({"name": name, "type": "histogram", "buckets": [1, 5, 25, 100, 1000, 50000], "value": value});
        metric.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        metric
    };
    json!([
        {"name": "made_total", "type": "counter", "when": {"method": ["POST", "PUT"], "endpoint": ["/m", "/m/{id}"], "status": ["2xx", 409]}, "labels": {"tenant": "tenant"}, "max": 3},
        {"name": "class_total", "type": "counter", "labels": {"family": "code_class", "via": "method"}, "max": 4},
        {"name": "status_total", "type": "counter", "labels": {"sent": "status"}, "max": 6},
        {"name": "place_total", "type": "counter", "labels": {"place": "endpoint", "verb": "method"}, "max": 3},
        {"name": "unmatched_total", "type": "counter", "when": {"endpoint": ["_other"]}, "labels": {"place": "endpoint"}},
        {"name": "model_total", "type": "counter", "labels": {"model": {"param": "id"}, "file": {"param": "rest"}}, "max": 30},
        {"name": "site_total", "type": "counter", "labels": {"site": "host", "app": {"request_header": "x-client"}}, "max": 12},
        {"name": "outcome_total", "type": "counter", "labels": {"outcome": {"response_header": "x-outcome"}}, "max": 8},
        {"name": "asked_total", "type": "counter", "value": {"request_header": "x-count"}, "labels": {"family": "code_class"}},
        {"name": "price_cents_total", "type": "counter", "value": {"response_header": "x-price"}, "scale": 100},
        {"name": "tiny_total", "type": "counter", "value": {"response_header": "x-price"}, "scale": 1e-7},
        {"name": "price", "type": "gauge", "value": {"response_header": "x-price"}, "per_upstream": true, "max": 3},
        histogram("took", json!("duration"), json!({"when": {"status": ["1xx", "2xx"]}, "labels": {"verb": "method"}})),
        histogram("took_tenths", json!("duration"), json!({"scale": 10})),
        histogram("up_bytes", json!("request_bytes"), json!({"scale": 0.15})),
        histogram("down_bytes", json!("response_bytes"), json!({"labels": {"tenant": "tenant"}})),
        histogram("db_took", json!({"server_timing": "db"}), json!({"labels": {"operation": {"server_timing": "db"}, "layer": {"server_timing": "app"}}, "max": 3})),
        {"name": "db_took_total", "type": "counter", "value": {"server_timing": "db"}, "labels": {"place": "endpoint"}},
        histogram("app_took_micro", json!({"server_timing": "app"}), json!({"scale": 1000, "when": {"cache": "miss"}})),
        {"name": "db_calls_total", "type": "counter", "labels": {"operation": {"server_timing": "db"}, "app": {"request_header": "x-client"}}},
        {"name": "db_size_total", "type": "counter", "value": {"response_header": "x-price"}, "labels": {"operation": {"server_timing": "db"}}},
        {"name": "pool_size", "type": "gauge", "value": {"orca": "named_metrics.pool"}, "per_upstream": true},
        {"name": "cpu_ppm", "type": "gauge", "value": {"orca": "cpu_utilization"}, "scale": 1e6, "labels": {"tenant": "tenant"}},
        histogram("cost", json!({"orca": "request_cost.db"}), json!({})),
        {"name": "rps_total", "type": "counter", "value": {"orca": "rps"}},
        {"name": "eps_total", "type": "counter", "value": {"orca": "eps"}, "scale": 1000, "when": {"status": ["2xx"]}},
        {"name": "hits_total", "type": "counter", "when": {"cache": "hit"}, "labels": {"place": "endpoint"}},
        {"name": "misses_total", "type": "counter", "when": {"cache": "miss", "method": ["GET"]}},
        {"name": "quota_limit", "type": "gauge", "value": {"rate_limit": "limit"}, "per_upstream": true},
        {"name": "quota_left", "type": "gauge", "value": {"rate_limit": "remaining"}, "when": {"status": ["2xx", "4xx"]}},
        histogram("quota_reset", json!({"rate_limit": "reset"}), json!({})),
        {"name": "connections", "type": "gauge", "value": {"orca": "named_metrics.pool"}, "labels": {"state": {"constant": "active"}}},
        {"name": "connections", "type": "gauge", "value": {"orca": "eps"}, "labels": {"state": {"constant": "idle"}}},
        {"name": "outcomes_total", "type": "counter", "when": {"status": ["2xx"]}, "labels": {"verb": "method", "end": {"constant": "well"}}},
        {"name": "outcomes_total", "type": "counter", "when": {"status": ["5xx"]}, "labels": {"verb": "method", "end": {"constant": "badly"}}},
    ])
}

fn config(more: Value) -> Value {
    let mut document = json!({
        "service": "shop",
        "endpoints": {"templates": ["/m", "/m/{id}", "/m/{id}/predict", "/files/{rest*}", "/f"], "exclude": ["/healthz"]},
        "tenant": {"sources": [{"header": "x-tenant-id"}, {"query": "tenant"}], "max": 7},
        "metrics": metrics(),
    });
    document.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    document
}

fn filter() -> &'static Filter {
    static FILTER: OnceLock<Filter> = OnceLock::new();
    FILTER.get_or_init(|| {
        let wasm = std::fs::read(support::wasm()).expect("the module");
        Filter::compile(&wasm).expect("a filter")
    })
}

/// Replays records through the module; what it counted, where the oracle differs.
fn differences(document: &Value, records: &[Record], workers: usize) -> (Vec<Sample>, Vec<String>) {
    let config = Config::from_value(document).unwrap_or_else(|errors| panic!("{errors}"));
    let plugin = Plugin { configuration: document.to_string().into_bytes(), ..Plugin::default() };
    let stats = StatConfig { tags: config.stat_tags(), buckets: config.histogram_buckets() };
    let start_ns = records.first().map_or(0, |record| record.time_ns);
    let gateway = GatewayConfig { workers, plugin, stats, start_ns, ..GatewayConfig::default() };
    let mut gateway = Gateway::start(filter(), gateway).expect("it starts");
    let mut oracle = Oracle::new(&config).expect("an oracle");
    let records = records.iter().cloned().map(Ok);
    replay_observed(&mut gateway, records, Options { skip_bad: false }, |event| oracle.observe(event))
        .expect("it replays");
    let samples = gateway.stats().snapshot();
    let differences = oracle.check(&samples).iter().map(ToString::to_string).collect();
    (samples, differences)
}

/// The sum of a metric's counters, or of the values that its histograms have.
fn total(samples: &[Sample], name: &str, label: &str) -> u64 {
    let own = samples.iter().filter(|sample| sample.name == name);
    let labelled =
        own.filter(|sample| label.is_empty() || sample.labels.values().any(|value| value == label));
    labelled
        .map(|sample| match &sample.value {
            Stat::Counter(value) | Stat::Gauge(value) => *value,
            Stat::Histogram { count, .. } => *count,
        })
        .fold(0, u64::wrapping_add)
}

#[test]
fn generated_exchanges_are_counted_by_the_filter_and_by_the_oracle_alike() {
    for (seed, more) in [(1, json!({})), (2, json!({"duration_unit": "us", "metric_prefix": "edge_"}))] {
        let document = config(more);
        let prefix = document["metric_prefix"].as_str().unwrap_or("");
        let records = exchanges(seed, 2000);
        for workers in [1, 2, 4] {
            let (samples, differences) = differences(&document, &records, workers);
            assert!(differences.is_empty(), "seed {seed}, {workers} workers:\n{}", differences.join("\n"));
            // And it was worth comparing.
            for metric in document["metrics"].as_array().expect("metrics") {
                let name = format!("{prefix}{}", metric["name"].as_str().expect("a name"));
                assert!(samples.iter().any(|sample| sample.name == name), "{name}");
            }
            for reason in ["malformed_header", "value_range"] {
                assert!(total(&samples, &format!("{prefix}redline_dropped_total"), reason) > 100, "{reason}");
            }
            for label in [
                "made_total/tenant",
                "class_total/family",
                "status_total/sent",
                "place_total/verb",
                "model_total/model",
                "site_total/site",
                "site_total/app",
                "outcome_total/outcome",
                "price/upstream",
                "db_took/operation",
                "place_total/place",
            ] {
                let overflow = format!("{prefix}redline_series_overflow_total");
                assert!(total(&samples, &overflow, &format!("{prefix}{label}")) > 0, "{label}");
            }
        }
    }
}

#[test]
fn past_max_series_the_overflow_rows_of_custom_metrics_are_the_same() {
    let document = config(json!({"limits": {"max_series": 120, "max_label_bytes": 8}}));
    let records = exchanges(3, 1500);
    for workers in [1, 2, 4] {
        let (samples, differences) = differences(&document, &records, workers);
        assert!(differences.is_empty(), "{workers} workers:\n{}", differences.join("\n"));
        assert!(total(&samples, "redline_series_overflow_total", "max_series") > 1000);
        assert!(total(&samples, "site_total", "_other") > 100);
    }
}
