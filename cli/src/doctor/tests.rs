//! What no Envoy of the tests says: dumps as Istio and Envoy Gateway have them, and answers that are not as expected.

use super::*;
use serde_json::json;

const PLUGIN: &str =
    r#"{"service": "shop", "tenant": {"sources": [{"jwt": {"header": "authorization", "claim": "t"}}]}}"#;

fn document() -> Document {
    Document::from_text("test.json", PLUGIN).unwrap()
}

fn stats_config() -> Value {
    let text = crate::render::envoy_stats::stats_config(&document().config);
    serde_saphyr::from_str::<Value>(&text).unwrap()["stats_config"].clone()
}

fn wasm(configuration: Value) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"name": "istio-system.redline-shop", "root_id": "redline", "failure_policy": "FAIL_RELOAD",
                   "vm_config": {"code": {"local": {"filename": "/x.wasm"}}}, "configuration": configuration},
    })
}

fn text(configuration: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration})
}

fn manager(http_filters: &Value) -> Value {
    json!({"filter_chains": [{"filters": [{"typed_config": {"http_filters": http_filters}}]}]})
}

fn live(http_filters: &Value, discovered: &Value) -> Live {
    let mut listener = manager(http_filters);
    listener["name"] = json!("0.0.0.0_8080");
    Live {
        config_dump: json!({"configs": [
            {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
             "bootstrap": {"stats_config": stats_config()}},
            {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
             "dynamic_listeners": [{"name": "0.0.0.0_8080", "active_state": {"listener": listener}}]},
            {"@type": "type.googleapis.com/envoy.admin.v3.EcdsConfigDump", "ecds_filters": discovered},
        ]}),
        stats: String::new(),
        server_info: json!({"version": "abc/1.38.2/Clean/RELEASE/BoringSSL"}),
    }
}

fn faults(live: &Live) -> Vec<&'static str> {
    let expected = Expected { document: None, version: redline::VERSION, now_s: 1000 };
    examine(live, expected).iter().map(|finding| finding.fault.name()).collect()
}

fn jwt() -> Value {
    json!({"name": "jwt", "typed_config": {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", "value": {}}})
}

#[test]
fn a_filter_that_istio_hands_over_by_discovery_is_found_by_its_name() {
    let chain =
        json!([jwt(), {"name": "plugin", "config_discovery": {"type_urls": ["Wasm"]}}, {"name": "router"}]);
    let ecds = json!([{"ecds_filter": {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "plugin", "typed_config": wasm(text(PLUGIN))}}]);
    assert_eq!(faults(&live(&chain, &ecds)), [""; 0]);
    // Without what is behind the name there is no filter.
    assert_eq!(faults(&live(&chain, &json!([]))), ["no-filter"]);
    let unverified = json!([{"name": "plugin", "config_discovery": {}}]);
    assert_eq!(faults(&live(&unverified, &ecds)), ["filter-order"]);
}

#[test]
fn a_configuration_is_read_out_of_a_struct_too_and_other_wasm_is_let_alone() {
    let plugin: Value = serde_json::from_str(PLUGIN).unwrap();
    let structured = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": plugin});
    let filter = |config: Value| json!({"name": "w", "typed_config": config});
    assert_eq!(faults(&live(&json!([jwt(), filter(wasm(structured))]), &json!([]))), [""; 0]);
    let mut other = wasm(text("key: value"));
    other["config"]["name"] = json!("other");
    other["config"]["root_id"] = json!("other");
    let chain = json!([filter(other), jwt(), filter(wasm(text(PLUGIN)))]);
    assert_eq!(faults(&live(&chain, &json!([]))), [""; 0]);
}

#[test]
fn a_filter_of_ours_with_a_configuration_from_elsewhere_is_named_with_its_mistake() {
    let chain = json!([{"name": "w", "typed_config": wasm(text(r#"{"service": "shop", "new_key": 1}"#))}]);
    let live = live(&chain, &json!([]));
    assert_eq!(faults(&live), ["unreadable-configuration"]);
    let expected = Expected { document: None, version: redline::VERSION, now_s: 0 };
    let findings = examine(&live, expected);
    assert!(findings[0].what.contains("new_key"), "{findings:?}");
}

#[test]
fn fail_open_is_no_fault_and_fail_closed_by_its_name_is() {
    for (key, value, expected) in [
        ("failure_policy", json!("FAIL_OPEN"), &[][..]),
        ("failure_policy", json!("FAIL_CLOSED"), &["failure-policy"]),
        ("failure_policy", json!("UNSPECIFIED"), &["failure-policy"]),
        ("fail_open", json!(true), &[]),
    ] {
        let mut filter = wasm(text(PLUGIN));
        filter["config"].as_object_mut().unwrap().remove("failure_policy");
        filter["config"][key] = value.clone();
        let chain = json!([jwt(), {"name": "w", "typed_config": filter}]);
        assert_eq!(faults(&live(&chain, &json!([]))), expected, "{key} {value}");
    }
}

#[test]
fn what_is_published_is_judged_by_the_services_own_limits() {
    let chain = json!([jwt(), {"name": "w", "typed_config": wasm(text(PLUGIN))}]);
    let with = |stats: &str| {
        let stats = stats.to_owned();
        faults(&Live { stats, ..live(&chain, &json!([])) })
    };
    let stat = |metric: &str, labels: &str, value: u64| format!("wasmcustom.{metric}.{labels}: {value}\n");
    let shop = "service=.=shop;.;";
    assert_eq!(with(&stat("redline_last_publish_timestamp_seconds", shop, 940)), [""; 0]);
    assert_eq!(with(&stat("redline_last_publish_timestamp_seconds", shop, 939)), ["stale"]);
    let of_tenant = format!("{shop}label=.=tenant;.;");
    let values =
        |n| stat("redline_label_values", &of_tenant, n) + &stat("redline_label_values_max", &of_tenant, 100);
    assert_eq!(with(&values(89)), [""; 0]);
    assert_eq!(with(&values(90)), ["near-limit"]);
    let overflow = stat("redline_series_overflow_total", &of_tenant, 1);
    assert_eq!(with(&(values(100) + &overflow)), ["overflow"]);
    assert_eq!(
        with(&stat("redline_build_info", &format!("{shop}version=.=9.9.9;.;"), 1)),
        ["filter-version"]
    );
    assert_eq!(with(&stat("redline_dropped_total", &format!("{shop}reason=.=hostcall;.;"), 1)), ["dropped"]);
    assert_eq!(with("wasm.istio-system.redline-shop.vm_reload_failure: 1\n"), ["crashed"]);
    // Another service's, and what is no stat of ours.
    let other = "service=.=other;.;";
    assert_eq!(with(&stat("redline_dropped_total", &format!("{other}reason=.=hostcall;.;"), 1)), [""; 0]);
    assert_eq!(with("wasmcustom.x: 1\nnothing\nwasmcustom.h.a=.=b;.;: P0(1,1)\n"), [""; 0]);
}

#[test]
fn nothing_that_is_answered_is_too_odd_to_examine() {
    for dump in [json!(null), json!([]), json!({"configs": 1}), json!({"configs": [1, {"@type": 5}, {}]})] {
        let live = Live { config_dump: dump, stats: "\u{0}: : 1".to_owned(), server_info: json!(null) };
        assert_eq!(faults(&live), ["envoy-version", "no-filter"]);
        assert_eq!(live.filters(), []);
    }
}
