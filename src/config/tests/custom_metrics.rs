//! Custom metrics.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_contracts_custom_metrics_are_read() {
    let document = json!([
        {"name": "models_created_total", "type": "counter",
         "when": {"method": ["POST"], "endpoint": ["/api/v1/models"], "status": ["2xx", 404]}, "labels": {"tenant": "tenant"}},
        {"name": "prediction_latency_milliseconds", "type": "histogram", "buckets": [5, 10], "value": "duration"},
        {"name": "db_query_duration_milliseconds", "type": "histogram", "value": {"server_timing": "db"}},
        {"name": "db_pool_size", "type": "gauge", "value": {"orca": "named_metrics.db_pool_size"}, "per_upstream": true},
        {"name": "cache_hits_total", "type": "counter", "when": {"cache": "hit"}, "value": 1, "scale": 0.5, "max": 9},
    ]);
    let mut errors = ConfigErrors::default();
    let templates = json!({"templates": ["/api/v1/models"]});
    let endpoints = Endpoints::read(Some(Node::root(&templates)), &mut errors);
    let limits = Limits::read(None, &mut errors);
    let buckets = Buckets::read(None, crate::metric::DurationUnit::Milliseconds, &mut errors);
    let metrics = custom::read_all(Some(Node::root(&document)), (&endpoints, limits, &buckets), &mut errors);
    assert_eq!(errors.to_string(), "");
    assert_eq!(metrics.len(), 5);
    assert_eq!(metrics[2].buckets, buckets.duration, "as no others are given");
    assert_eq!(metrics[0].labels, [("tenant".to_owned(), Attribute::Tenant)]);
    assert_eq!(metrics[2].value, MetricValue::ServerTiming("db".to_owned()));
    assert_eq!((metrics[4].max, metrics[4].scale, metrics[4].when.cache), (9, 0.5, Some(CacheOutcome::Hit)));
}

#[test]
fn every_mistake_in_a_custom_metric_is_named_where_it_stands() {
    let counter = |name: &str, extra: serde_json::Value| {
        let mut metric = json!({"name": name, "type": "counter"});
        metric.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        metric
    };
    let labels = |names: &[&str]| {
        let all = names.iter().map(|name| ((*name).to_owned(), json!("method")));
        json!({"labels": all.collect::<serde_json::Map<_, _>>()})
    };
    let histogram = json!({"name": "h", "type": "histogram", "buckets": [1]});
    let document = json!({"service": "s", "metrics": [
        histogram,
        counter("h_sum", json!({})),
        counter("http_requests_total", json!({})),
        counter("a_total", json!({"value": {"orca": "named_metrics."}})),
        counter("b_total", json!({"value": {"rate_limit": "left"}})),
        counter("c_total", labels(&["a1", "b1", "c1", "d1", "e1", "f1"])),
        counter("d_total", labels(&["db_operation"])),
        counter("e_total", labels(&["operation"])),
        counter("f_total", labels(&["upstream"])),
        counter("g_total", json!({"value": {"orca": "eps", "rate_limit": "limit"}})),
        counter("i_total", json!({"buckets": [1]})),
        counter("j_total", json!({"scale": 0})),
        counter("k_total", json!({"labels": {"state": {"constant": "a"}}})),
        counter("k_total", json!({"labels": {"state": {"constant": "b"}}})),
        counter("k_total", json!({"labels": {"outcome": {"constant": "_other"}}})),
        counter("k_total", json!({})),
    ]});
    let got = mistakes(&document);
    let expected = [
        ("$.metrics[1]", "h_sum: this name is built in, another metric's or part of"),
        ("$.metrics[2]", "http_requests_total: this name is built in"),
        ("$.metrics[3].value.orca", "expected a field of the ORCA load report"),
        ("$.metrics[4].value.rate_limit", "expected one of limit, remaining, reset"),
        ("$.metrics[5]", "at most 5 labels"),
        ("$.metrics[7]", "the label operation and the label db_operation: one is the ending of the other"),
        ("$.metrics[8].labels.upstream", "expected a label name"),
        ("$.metrics[9].value", "expected exactly one of"),
        ("$.metrics[10].buckets", "only a histogram has buckets"),
        ("$.metrics[11].scale", "expected a number from 1e-12"),
        ("$.metrics[14].labels.outcome.constant", "no reserved word"),
        ("$.metrics[14]", "another metric has this name, but not its"),
        ("$.metrics[15]", "another metric has this name, but not its"),
    ];
    for (path, reason) in expected {
        let found = got.iter().any(|line| line.starts_with(&format!("{path}: ")) && line.contains(reason));
        assert!(found, "{path}: {reason} in\n{}", got.join("\n"));
    }
    assert_eq!(got.len(), expected.len(), "{}", got.join("\n"));
}

#[test]
fn envoy_is_told_of_the_labels_and_buckets_of_custom_metrics() {
    let config = Config::from_value(&json!({"service": "s", "metric_prefix": "edge_", "metrics": [
        {"name": "db_ms", "type": "histogram", "buckets": [1, 25], "value": {"server_timing": "db"},
         "labels": {"operation": {"server_timing": "db"}}, "per_upstream": true},
    ]}));
    let config = config.unwrap();
    let buckets = config.histogram_buckets();
    assert!(buckets.contains(&("wasmcustom.edge_db_ms.".to_owned(), vec![1, 25])), "{buckets:?}");
    let tags = config.stat_tags();
    for label in ["operation", "upstream", "tenant"] {
        assert_eq!(tags.iter().filter(|(name, _)| name == label).count(), 1, "{label}");
    }
}
