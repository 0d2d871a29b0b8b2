//! Where labels come from, and what bounds them.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn labels_come_from_the_request_the_response_and_the_upstream() {
    let mut world = World::new(json!([
        {"name": "a_total", "type": "counter", "when": {"endpoint": ["/m/{id}/predict"]},
         "labels": {"method": "method", "endpoint": "endpoint", "status": "status", "code_class": "code_class", "tenant": "tenant"}},
        {"name": "b_total", "type": "counter", "when": {"endpoint": ["/m/{id}/predict"]}, "per_upstream": true,
         "labels": {"model": {"param": "id"}, "site": "host", "client": {"request_header": "x-client"}, "outcome": {"response_header": "x-outcome"}}},
    ]));
    world.host.properties.push((Property::UpstreamAddress, b"10.0.0.7:8080".to_vec()));
    let request = [("x-tenant-id", "acme"), ("x-client", "ios 17.2")];
    world.exchange("POST /m/gpt%2D4/predict?x", &request, 200, &[("x-outcome", "approved")], &[]);
    let labels = [
        ("method", "POST"),
        ("endpoint", "/m/{id}/predict"),
        ("status", "200"),
        ("code_class", "2xx"),
        ("tenant", "acme"),
    ];
    // In the document's order: of JSON objects, the alphabet's.
    let sorted = |mut labels: Vec<(&'static str, &'static str)>| {
        labels.sort_unstable();
        labels
    };
    assert_eq!(world.value("a_total", &sorted(labels.to_vec())), Some(1));
    let mut labels = sorted(vec![
        ("model", "gpt-4"),
        ("site", "shop_example_com"),
        ("client", "ios_17_2"),
        ("outcome", "approved"),
    ]);
    labels.push(("upstream", "10_0_0_7:8080"));
    assert_eq!(world.value("b_total", &labels), Some(1));
    world.host.properties.clear();
    world.exchange("POST /m/7/predict", &[], 200, &[], &[]);
    let none = [
        ("client", "_none"),
        ("model", "7"),
        ("outcome", "_none"),
        ("site", "shop_example_com"),
        ("upstream", "_none"),
    ];
    assert_eq!(world.value("b_total", &none), Some(1));
}

#[test]
fn metrics_with_one_name_are_told_apart_by_a_constant() {
    let state = |state: &str| {
        json!({"name": "db_connections", "type": "gauge", "labels": {"state": {"constant": state}},
               "value": {"orca": format!("named_metrics.{state}")}})
    };
    let mut world = World::new(json!([state("active"), state("idle")]));
    world.get("/m", &[("endpoint-load-metrics", "TEXT named_metrics.active=7,named_metrics.idle=13")]);
    assert_eq!(world.value("db_connections", &[("state", "active")]), Some(7));
    assert_eq!(world.value("db_connections", &[("state", "idle")]), Some(13));
}

#[test]
fn past_its_max_a_label_is_other_and_counts_an_overflow_of_the_metric_and_label() {
    let mut world = World::new(json!([
        {"name": "a_total", "type": "counter", "labels": {"model": {"param": "id"}}, "max": 4},
        {"name": "b_total", "type": "counter", "labels": {"outcome": {"response_header": "x-outcome"}}, "max": 2},
        {"name": "c_total", "type": "counter", "labels": {"tenant": "tenant"}, "max": 1},
    ]));
    // Half of the places at sight, the others at the third success; what an upstream says need not wait.
    for (place, id) in ["a", "b", "c", "c", "c", "d"].into_iter().enumerate() {
        let outcome = place.to_string();
        let tenant = ("x-tenant-id", if place == 5 { "late" } else { "early" });
        world.exchange(&format!("GET /m/{id}"), &[tenant], 200, &[("x-outcome", &outcome)], &[]);
    }
    world.exchange("GET /m", &[], 200, &[], &[]);
    let models = |model| world.value("a_total", &[("model", model)]);
    assert_eq!([models("a"), models("b"), models("c"), models("d")], [Some(1), Some(1), Some(1), None]);
    assert_eq!((models("_other"), models("_none")), (Some(3), Some(1)));
    assert_eq!(world.value("b_total", &[("outcome", "1")]), Some(1));
    assert_eq!(world.value("b_total", &[("outcome", "_other")]), Some(4));
    let tenants = ["early", "late", "_other", "_none"].map(|t| world.value("c_total", &[("tenant", t)]));
    assert_eq!(tenants, [Some(5), None, Some(1), Some(1)]);
    let overflows = ["a_total/model", "b_total/outcome", "c_total/tenant"].map(|l| world.overflowed(l));
    assert_eq!(overflows, [3, 4, 1]);
    world.recorder.tick(&mut world.host);
    assert_eq!(world.value("redline_label_values", &[("label", "a_total/model")]), Some(3));
    assert_eq!(world.value("redline_label_values_max", &[("label", "a_total/model")]), Some(4));
}

#[test]
fn reserved_words_take_no_place_and_every_code_does() {
    let mut world = World::new(json!([
        {"name": "a_total", "type": "counter", "labels": {"place": "endpoint", "verb": "method"}, "max": 1},
        {"name": "b_total", "type": "counter", "labels": {"sent": "status"}, "max": 100},
    ]));
    for status in 400..600 {
        world.exchange("BREW /elsewhere", &[], status, &[], &[]);
    }
    world.exchange("GET /m", &[], 599, &[], &[]);
    world.exchange("PUT /m/7", &[], 599, &[], &[]);
    assert_eq!(world.value("a_total", &[("place", "_other"), ("verb", "_OTHER")]), Some(200));
    assert_eq!(world.value("a_total", &[("place", "/m"), ("verb", "GET")]), Some(1));
    assert_eq!(world.value("a_total", &[("place", "_other"), ("verb", "_other")]), Some(1));
    assert_eq!((world.overflowed("a_total/place"), world.overflowed("a_total/verb")), (1, 1));
    assert_eq!(world.value("b_total", &[("sent", "499")]), Some(1));
    assert_eq!(world.value("b_total", &[("sent", "_other")]), Some(102));
    assert_eq!(world.overflowed("b_total/sent"), 102);
}

#[test]
fn past_max_series_all_labels_are_those_of_the_overflow_row() {
    let mut world = World::with(json!({
        "limits": {"max_series": 100},
        "metrics": [{"name": "a_total", "type": "counter", "max": 100, "labels": {"method": "method", "model": {"response_header": "x-model"}, "status": "status"}}],
    }));
    for n in 0..120 {
        world.get("/m", &[("x-model", &n.to_string())]);
    }
    let row = [("method", "_OTHER"), ("model", "_other"), ("status", "2xx")];
    let over = world.value("a_total", &row).unwrap();
    assert!((20..40).contains(&over), "{over}");
    assert!(world.overflowed("max_series") >= over);
}

#[test]
fn a_response_with_several_entries_is_one_answer_for_a_value_of_the_client() {
    let mut world = World::new(json!([
        {"name": "db_total", "type": "counter", "value": {"server_timing": "db"}, "max": 2,
            "labels": {"caller": {"request_header": "x-caller"}}},
    ]));
    let timings = [("server-timing", "db;dur=1, db;dur=1, db;dur=1, db;dur=1")];
    let mut ask = |caller| world.exchange("GET /m", &[("x-caller", caller)], 200, &timings, &[]);
    ["first", "late", "late"].into_iter().for_each(&mut ask);
    assert_eq!(world.value("db_total", &[("caller", "late")]), None, "two answers");
    assert_eq!(world.value("db_total", &[("caller", "_other")]), Some(8));
    assert_eq!(world.overflowed("db_total/caller"), 8, "each observation counts");
    world.exchange("GET /m", &[("x-caller", "late")], 200, &timings, &[]);
    assert_eq!(world.value("db_total", &[("caller", "late")]), Some(4));
}

#[test]
fn a_label_of_numbers_and_of_texts_in_metrics_of_one_name_keep_apart() {
    let metric = |method: &str, who: Value| json!({"name": "q_total", "type": "counter", "when": {"method": [method]}, "max": 3, "labels": {"who": who}});
    let mut world = World::new(json!([
        metric("GET", json!("tenant")),
        metric("PUT", json!({"response_header": "x-who"})),
    ]));
    for n in ["1", "2", "3"] {
        world.exchange("PUT /m", &[], 200, &[("x-who", &format!("text-{n}"))], &[]);
        world.exchange("GET /m", &[("x-tenant-id", &format!("tenant-{n}"))], 200, &[], &[]);
    }
    assert_eq!(world.overflowed("q_total/who"), 0);
}
