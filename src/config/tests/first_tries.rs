//! What people write at first, and what they are told.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn told(document: Value) -> String {
    mistakes(&document).join("\n")
}

#[test]
fn what_would_count_nothing_or_all_by_mistake_is_refused_with_its_path_and_the_way_out() {
    let slo = |more: Value| {
        let mut slo = json!({"name": "a", "objective": 99, "sli": {"availability": {}}});
        slo.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"service": "s", "slos": [slo]})
    };
    let metric = |more: Value| {
        let mut metric = json!({"name": "m"});
        metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"service": "s", "metrics": [metric]})
    };
    let all_values = "expected 1, duration, request_bytes, response_bytes, or an object such as {server_timing: db} \
                      with request_header, response_header, server_timing, orca or rate_limit";
    for (document, expected) in [
        (
            slo(json!({"where": {"tenant": ["acme"]}})),
            "$.slos[0].where.tenant: [\"acme\"]: no request has a tenant without tenant.sources",
        ),
        (
            slo(json!({"where": {"endpoint": []}})),
            "$.slos[0].where.endpoint: []: an empty list; leave it out to admit all",
        ),
        (
            slo(json!({"where": {"method": []}})),
            "$.slos[0].where.method: []: an empty list; leave it out to admit all",
        ),
        (
            slo(json!({"where": {"tenant": []}})),
            "$.slos[0].where.tenant: []: an empty list; leave it out to admit all",
        ),
        (
            slo(json!({"sli": {"availability": null}})),
            "$.slos[0].sli: {\"availability\":null}: expected exactly one of availability, latency, such as {availability: {}}",
        ),
        (
            metric(json!({"type": "gauge"})),
            "$.metrics[0]: a gauge needs `value`: without it, it would always be 1",
        ),
        (
            metric(json!({"type": "counter", "when": {"status": []}})),
            "$.metrics[0].when.status: []: an empty list; leave it out to admit all",
        ),
        (
            metric(json!({"type": "counter", "value": "latency"})),
            &format!("$.metrics[0].value: \"latency\": {all_values}"),
        ),
        (metric(json!({"type": "counter", "value": 2})), &format!("$.metrics[0].value: 2: {all_values}")),
    ] {
        assert_eq!(told(document), expected);
    }
}

#[test]
fn what_is_meant_is_read() {
    let document = json!({"service": "s", "tenant": {"sources": [{"header": "x-tenant"}]},
    "slos": [{"name": "a", "objective": 99, "sli": {"availability": {}}, "where": {"tenant": ["acme"]}}],
    "metrics": [
        {"name": "up_ones", "type": "gauge", "value": 1},
        {"name": "c_total", "type": "counter"},
    ]});
    let config = Config::from_value(&document).unwrap();
    assert_eq!(config.slos[0].filter.tenant, ["acme"]);
    assert_eq!(config.metrics.len(), 2);
}
