use super::*;
use serde_json::json;

fn estimate(document: serde_json::Value) -> Estimate {
    Estimate::of(&Config::from_value(&document).unwrap())
}

fn metric<'e>(estimate: &'e Estimate, name: &str) -> &'e MetricEstimate {
    estimate.metrics.iter().find(|m| m.name == name).unwrap()
}

#[test]
fn a_service_alone_has_one_endpoint_and_one_tenant() {
    let estimate = estimate(json!({"service": "x"}));
    assert_eq!(metric(&estimate, "http_requests_total").label_sets, 11 * 63);
    assert_eq!(metric(&estimate, "http_requests_in_progress").series, 11);
    assert_eq!(metric(&estimate, "tenant_requests_total").label_sets, 7);
    assert_eq!(metric(&estimate, "http_failures_total").label_sets, 28);
    assert_eq!(metric(&estimate, "redline_build_info").series, 1);
    assert_eq!(estimate.overflow(), None);
}

#[test]
fn an_slo_has_its_counters_and_gauges_and_none_counts_towards_the_limit() {
    let slo = |name: &str, sli: serde_json::Value| json!({"name": name, "objective": 99, "sli": sli});
    let slos = [slo("a", json!({"availability": {}})), slo("b", json!({"latency": {"threshold": "1s"}}))];
    let with = estimate(json!({"service": "x", "slos": slos}));
    let of_slos: Vec<_> = with.metrics.iter().filter(|m| m.name.starts_with("slo_")).collect();
    // Two counters, five gauges a window, five more; and p99 where there is a threshold.
    assert_eq!(of_slos.iter().map(|m| m.label_sets).sum::<u64>(), 2 * (2 + 5 * 8 + 5) + 1);
    assert!(of_slos.iter().all(|m| !m.capped));
}

#[test]
fn memory_is_that_of_the_dearest_label_sets_that_the_limit_admits() {
    let disabled = Metric::ALL.map(|m| m.name(redline::metric::DurationUnit::Milliseconds));
    let keep = ["http_request_duration_milliseconds", "http_requests_in_progress"];
    let disable: Vec<&str> = disabled.into_iter().filter(|name| !keep.contains(name)).collect();
    let mut document = json!({"service": "x", "disable": disable});
    let free = estimate(document.clone()).memory();
    assert_eq!(free, Memory { once: 11 * 250 + 11 * 3200, per_worker: 11 * 3200 });
    document["endpoints"] = json!({"templates": ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i"]});
    document["limits"] = json!({"max_series": 115});
    document["tenant"] = json!({"max": 1});
    let tight = estimate(document).memory();
    assert_eq!(tight, Memory { once: 5 * 250 + 110 * 3200, per_worker: 110 * 3200 });
}

#[test]
fn a_custom_metrics_labels_are_bounded_by_its_max() {
    let estimate = estimate(json!({
        "service": "x", "metric_prefix": "edge_",
        "endpoints": {"templates": ["/m/{id}"]},
        "tenant": {"sources": [{"header": "t"}], "max": 100},
        "metrics": [
            {"name": "a_total", "type": "counter", "max": 10,
             "labels": {"model": {"param": "id"}, "tenant": "tenant", "code_class": "code_class"}},
            {"name": "b_ms", "type": "histogram", "buckets": [1, 2], "per_upstream": true,
             "labels": {"endpoint": "endpoint"}},
        ],
    }));
    assert_eq!(metric(&estimate, "edge_a_total").label_sets, 12 * 12 * 7);
    assert_eq!(metric(&estimate, "edge_b_ms").series, 2 * 52 * 5);
    assert!(metric(&estimate, "edge_b_ms").capped);
    assert_eq!(metric(&estimate, "edge_redline_label_values").label_sets, 6);
}

#[test]
fn a_histogram_is_a_series_per_bound_and_three_more() {
    let estimate = estimate(json!({
        "service": "x", "endpoints": {"templates": ["/a", "/b"]}, "buckets": {"duration": [1, 2, 5]}
    }));
    let duration = metric(&estimate, "http_request_duration_milliseconds");
    assert_eq!(duration.label_sets, 11 * 3);
    assert_eq!(duration.series, 11 * 3 * 6);
}

#[test]
fn tenants_are_their_maximum_and_the_two_reserved_words() {
    let sources = json!([{"header": "x-tenant-id"}]);
    let open = estimate(json!({"service": "x", "tenant": {"sources": sources, "max": 5}}));
    assert_eq!(metric(&open, "tenant_request_bytes_total").label_sets, 7);
    let listed = estimate(json!({"service": "x", "tenant": {"sources": sources, "allow": ["a", "b"]}}));
    assert_eq!(metric(&listed, "tenant_request_bytes_total").label_sets, 4);
}

#[test]
fn violations_are_listed_where_isolation_is_configured_and_always_name_somebody() {
    let isolation = json!({"claim": {"header": "a"}, "resource": {"header": "b"}});
    let with = estimate(json!({"service": "x", "tenant": {"max": 5, "isolation": isolation}}));
    assert_eq!(metric(&with, "tenant_isolation_violations_total").label_sets, 6);
    assert_eq!(metric(&with, "tenant_request_bytes_total").label_sets, 1);
    let without = estimate(json!({"service": "x"}));
    assert!(without.metrics.iter().all(|m| m.name != "tenant_isolation_violations_total"));
}

#[test]
fn the_label_that_the_configuration_makes_longest_is_named() {
    let templates: Vec<String> = (0..20).map(|i| format!("/{i}")).collect();
    let many = estimate(json!({"service": "x", "endpoints": {"templates": templates}}));
    let overflow = many.overflow().unwrap();
    assert_eq!((overflow.metric.as_str(), overflow.label.name.as_str()), ("http_requests_total", "endpoint"));
    assert_eq!(overflow.label.values, 21);
    let sources = json!([{"header": "x-tenant-id"}]);
    let many = estimate(json!({"service": "x", "tenant": {"sources": sources, "max": 5000}}));
    let overflow = many.overflow().unwrap();
    assert_eq!((overflow.metric.as_str(), overflow.label.name.as_str()), ("tenant_requests_total", "tenant"));
}

#[test]
fn route_names_are_bounded_by_the_limit_alone() {
    let estimate = estimate(json!({"service": "x", "endpoints": {"source": "route_name"}}));
    let requests = metric(&estimate, "http_requests_total");
    assert_eq!(requests.labels.iter().find(|l| l.name == "endpoint").unwrap().values, 5000);
    assert_eq!(estimate.overflow().unwrap().label.name, "endpoint");
}

#[test]
fn disabled_metrics_are_not_counted() {
    let estimate = estimate(json!({"service": "x", "disable": ["http_requests_total"]}));
    assert!(estimate.metrics.iter().all(|m| m.name != "http_requests_total"));
    assert!(estimate.label_sets() < 63 * 11);
}
