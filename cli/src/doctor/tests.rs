//! What no Envoy of the tests says: dumps as Istio and Envoy Gateway have them, and answers that are not as expected.

use super::*;
use serde_json::json;

const PLUGIN: &str =
    r#"{"service": "shop", "tenant": {"sources": [{"jwt": {"header": "authorization", "claim": "t"}}]}}"#;

/// What a VM says at its start.
const RUNS: &str = concat!(
    "wasmcustom.redline_build_info.service=.=shop;.;version=.=",
    env!("CARGO_PKG_VERSION"),
    ";.;: 1\n"
);

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
        stats: RUNS.to_owned(),
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
        "type_url": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "value": {"providers": {"p": {}}, "rules": [{"requires": {"provider_name": "p"}}]}}})
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
        let stats = format!("{RUNS}{stats}");
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
    // During a hot restart every gauge is the sum of two.
    let two = stat("redline_last_publish_timestamp_seconds", shop, 87_401);
    assert_eq!(with(&(two + &stat("redline_series", shop, 9000))), [""; 0]);
    assert_eq!(with(&stat("redline_series", shop, 9000)), ["near-limit"]);
    let two = format!("wasmcustom.redline_build_info.{shop}version=.={};.;: 2\n", redline::VERSION);
    assert_eq!(with(&(two + &stat("redline_series", shop, 9000))), [""; 0]);
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

fn chain(filters: &[Value]) -> Value {
    let mut all = vec![jwt()];
    all.extend_from_slice(filters);
    Value::from(all)
}

fn ours() -> Value {
    json!({"name": "w", "typed_config": wasm(text(PLUGIN))})
}

#[test]
fn a_filter_that_gives_no_sign_of_life_is_found_whatever_keeps_it_out() {
    let quiet = |stats: &str| Live { stats: stats.to_owned(), ..live(&chain(&[ours()]), &json!([])) };
    assert_eq!(faults(&quiet("")), ["not-running"]);
    assert_eq!(faults(&quiet("wasm.remote_load_fetch_failures: 0\n")), ["not-running"]);
    assert_eq!(faults(&quiet("wasm.remote_load_fetch_failures: 3\n")), ["not-loaded", "not-running"]);
    assert_eq!(faults(&quiet(&format!("{RUNS}wasm.remote_load_fetch_failures: 1\n"))), ["not-loaded"]);
    assert_eq!(faults(&quiet(&RUNS.replace("shop", "other"))), ["not-running"]);
    // With a prefix the stats have other names; where both metrics are disabled, or thrown away, silence says nothing.
    let with = |key: &str| {
        let told = PLUGIN.replacen('{', &format!("{{{key}, "), 1);
        let filter = json!({"name": "w", "typed_config": wasm(text(&told))});
        live(&chain(&[filter]), &json!([]))
    };
    let names = |live: &Live| {
        let found = faults(live);
        found.into_iter().filter(|fault| *fault == "not-running").count()
    };
    assert_eq!(names(&with(r#""metric_prefix": "edge_""#)), 1);
    let prefixed = RUNS.replace("redline_build_info", "edge_redline_build_info");
    assert_eq!(names(&Live { stats: prefixed, ..with(r#""metric_prefix": "edge_""#) }), 0);
    let off = r#""disable": ["redline_build_info", "redline_last_publish_timestamp_seconds"]"#;
    assert_eq!(names(&Live { stats: String::new(), ..with(off) }), 0);
    let mut thrown_away = quiet("");
    thrown_away.config_dump["configs"][0]["bootstrap"]["stats_config"]["stats_matcher"] =
        json!({"exclusion_list": {"patterns": [{"prefix": "wasmcustom."}]}});
    assert_eq!(faults(&thrown_away), ["stats-matcher"]);
}

#[test]
fn what_envoy_refused_is_said_with_its_reason() {
    let mut refused = live(&chain(&[ours()]), &json!([]));
    let error = json!({"details": "Unable to create Wasm HTTP filter\nmore"});
    refused.config_dump["configs"][1]["dynamic_listeners"][0]["error_state"] = error.clone();
    assert_eq!(faults(&refused), ["rejected"]);
    let found = examine(&refused, Expected { document: None, version: redline::VERSION, now_s: 0 });
    assert!(found[0].what.contains("0.0.0.0_8080") && found[0].what.ends_with("HTTP filter"), "{found:?}");
    // A listener that was never right has nothing else.
    refused.config_dump["configs"][1]["dynamic_listeners"] = json!([{"name": "new", "error_state": error}]);
    assert_eq!(faults(&refused), ["no-filter", "rejected"]);
    let ecds =
        json!([{"ecds_filter": {"name": "plugin", "typed_config": wasm(text(PLUGIN))}, "error_state": {}}]);
    assert_eq!(
        faults(&live(&chain(&[json!({"name": "plugin", "config_discovery": {}})]), &ecds)),
        ["rejected"]
    );
}

#[test]
fn one_refused_change_is_one_finding_and_a_plugin_of_ours_has_its_reason_in_the_log() {
    let with = |details: [&str; 2], names: [&str; 2]| {
        let mut refused = live(&chain(&[ours()]), &json!([]));
        let listeners = refused.config_dump["configs"][1]["dynamic_listeners"].as_array_mut().unwrap();
        listeners.extend(names.iter().zip(details).map(|(name, details)| match *name {
            "" => json!({"error_state": {"details": details}}),
            name => json!({"name": name, "error_state": {"details": details}}),
        }));
        examine(&refused, Expected { document: None, version: redline::VERSION, now_s: 0 })
    };
    let plugin = "Unable to create Wasm plugin redline";
    for names in [["", "in"], ["in", ""], ["in", "in"]] {
        let found = with([plugin, plugin], names);
        assert!(matches!(found.as_slice(), [one] if one.what.contains("change of in,")), "{found:?}");
    }
    assert_eq!(with([plugin, plugin], ["in", "out"]).len(), 2);
    assert_eq!(with([plugin, "another"], ["in", ""]).len(), 2);
    assert!(
        matches!(with([plugin, plugin], ["", ""]).as_slice(), [one] if one.what.contains("without a name"))
    );
    for (why, in_the_log) in [
        (plugin, true),
        ("Unable to create Wasm HTTP filter istio-system.redline-shop", true),
        ("Unable to create Wasm plugin other", false),
        ("error adding listener 'redline': bad address", false),
    ] {
        let found = with([why, why], ["in", ""]);
        assert_eq!(found[0].mend.contains("configuration refused: "), in_the_log, "{found:?}");
        assert_eq!(found[0].mend.contains("correct what Envoy names"), !in_the_log, "{found:?}");
    }
}

#[test]
fn a_filter_that_is_off_counts_where_a_route_switches_it_on() {
    let mut off = ours();
    off["disabled"] = json!(true);
    let enabled = |filters: &[Value], config: Value| {
        let mut live = live(&chain(filters), &json!([]));
        let route = json!({"virtual_hosts": [{"routes": [{"typed_per_filter_config": {"w": config}}]}]});
        live.config_dump["configs"].as_array_mut().unwrap().push(json!({
            "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
            "dynamic_route_configs": [{"route_config": route}]}));
        faults(&live)
    };
    assert_eq!(faults(&live(&chain(&[off.clone()]), &json!([]))), ["disabled"]);
    let config = json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}});
    assert_eq!(enabled(&[off.clone()], config.clone()), [""; 0]);
    assert_eq!(enabled(&[off.clone()], json!({"disabled": true})), ["disabled"]);
    assert_eq!(enabled(&[off.clone(), off.clone()], config.clone()), [""; 0]);
    assert_eq!(enabled(&[off.clone(), ours()], config), ["twice"]);
}

#[test]
fn authentication_that_is_off_or_has_no_rules_verifies_nothing() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut jwt = jwt();
        change(&mut jwt);
        faults(&live(&json!([jwt, ours()]), &json!([])))
    };
    assert_eq!(with(&|_| ()), [""; 0]);
    assert_eq!(with(&|jwt| jwt["disabled"] = json!(true)), ["filter-order"]);
    assert_eq!(with(&|jwt| jwt["typed_config"]["value"]["providers"] = json!({})), ["filter-order"]);
    assert_eq!(with(&|jwt| jwt["typed_config"]["value"]["rules"] = json!([])), ["filter-order"]);
    assert_eq!(with(&|jwt| jwt["typed_config"] = jwt["typed_config"]["value"].clone()), ["filter-order"]);
}

#[test]
fn a_filter_inside_a_matcher_is_found() {
    let wrapped = json!({"name": "w", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        "extension_config": {"name": "w", "typed_config": wasm(text(PLUGIN))}}});
    assert_eq!(faults(&live(&chain(&[wrapped]), &json!([]))), [""; 0]);
}

#[test]
fn a_plugin_without_a_name_has_stats_without_one() {
    let mut filter = ours();
    filter["typed_config"]["config"].as_object_mut().unwrap().remove("name");
    let with = |stat: &str| {
        let stats = format!("{RUNS}{stat}: 1\n");
        faults(&Live { stats, ..live(&chain(&[filter.clone()]), &json!([])) })
    };
    assert_eq!(with("wasm.vm_reload_success"), ["plugin-name", "crashed"]);
    assert_eq!(with("wasm.other.vm_reload_success"), ["plugin-name"]);
}

#[test]
fn a_name_that_no_alert_reads_is_found_and_a_meshs_names_are_not() {
    let called = |name: &str, policy: &str| {
        let mut filter = ours();
        filter["typed_config"]["config"]["name"] = json!(name);
        filter["typed_config"]["config"]["failure_policy"] = json!(policy);
        faults(&live(&chain(&[filter]), &json!([])))
    };
    for (name, found) in [
        ("redline", false),
        ("redline-shop", false),
        ("edge_redline_shop", false),
        ("istio-system.redline-shop", false),
        ("istio-system.metrics", false),
        ("envoyextensionpolicy/shop/redline-shop/wasm/0", false),
        ("metrics", true),
        ("Redline", true),
        ("my-redline", true),
        ("redline-stock", true),
        ("", true),
    ] {
        assert_eq!(called(name, "FAIL_RELOAD") == ["plugin-name"], found, "{name}");
        assert_eq!(called(name, "FAIL_RELOAD").is_empty(), !found, "{name}");
        // Nothing is started again there, so that nothing is to be read.
        assert_eq!(called(name, "FAIL_OPEN"), [""; 0], "{name}");
    }
}

#[test]
fn a_rule_that_takes_what_is_ours_is_named() {
    let with = |rule: Value, first: bool| {
        let mut live = live(&chain(&[ours()]), &json!([]));
        let tags = &mut live.config_dump["configs"][0]["bootstrap"]["stats_config"]["stats_tags"];
        let tags = tags.as_array_mut().unwrap();
        let place = if first { 0 } else { tags.len() };
        tags.insert(place, rule);
        let found = examine(&live, Expected { document: None, version: redline::VERSION, now_s: 0 });
        found.into_iter().map(|finding| (finding.fault, finding.what)).collect::<Vec<_>>()
    };
    for (rule, word) in [
        (json!({"tag_name": "service", "fixed_value": "edge"}), "service with the fixed value edge"),
        (json!({"tag_name": "all", "regex": r"^(wasmcustom\.)"}), r"all with the regex ^(wasmcustom\.)"),
        (json!({"tag_name": "what", "regex": "((requests)_)"}), "what with the regex ((requests)_)"),
    ] {
        for first in [true, false] {
            let found = with(rule.clone(), first);
            assert!(
                matches!(found.as_slice(), [(Fault::StatsTag, what)] if what.contains(word)),
                "{rule}: {found:?}"
            );
        }
    }
    // The first rule of a tag decides: behind ours it does nothing.
    let greedy = json!({"tag_name": "service", "regex": r"^wasmcustom\.(?:.*?)(service=\.=(.*);\.;)"});
    assert!(with(greedy.clone(), true)[0].1.contains("service with the regex"));
    assert_eq!(with(greedy, false), []);
    let cuts = json!({"tag_name": "service", "regex": r"^wasmcustom\.(.*?service=\.=(.*?);\.;)"});
    assert!(with(cuts, true)[0].1.contains("make the name"));
    // What touches none of our names, or adds a label of its own to all, is nobody's fault.
    for rule in [
        json!({"tag_name": "cluster", "regex": r"^cluster\.((.*?)\.)"}),
        json!({"tag_name": "region", "fixed_value": "eu"}),
        json!({"tag_name": "copy", "regex": r"(service=\.=(.*?);\.;)"}),
        json!({"tag_name": "odd", "regex": "(?=x)"}),
        json!({"tag_name": "envoy.response_code"}),
    ] {
        assert_eq!(with(rule, true), []);
    }
}
