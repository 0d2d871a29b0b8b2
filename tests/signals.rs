//! Signals in response headers through a real Envoy: which way of hiding them from clients leaves them to the filter,
//! and what a bucket of Envoy's counts.

mod support;

use redline_cli::document::Document;
use redline_cli::envoy::Envoy;
use serde_json::{Value, json};
use support::client::{Call, send_all};
use support::gateway::{Listener, bootstrap};
use support::{World, eventually, raw};

const REQUESTS: usize = 7;
const HIDDEN: [&str; 2] = ["server-timing", "endpoint-load-metrics-bin"];

fn configuration(service: &str) -> String {
    json!({"service": service, "metrics": [
        {"name": "db_queries_total", "type": "counter", "labels": {"operation": {"server_timing": "db"}}},
        {"name": "cpu_percent", "type": "gauge", "value": {"orca": "cpu_utilization"}, "scale": 100},
    ]})
    .to_string()
}

/// Where each listener hides the two headers, and the trailer.
const PLACES: [&str; 6] =
    ["nowhere", "in-route", "in-virtual-host", "in-route-configuration", "before-redline", "after-redline"];

fn hide(whole: &mut Value, place: usize) {
    let hcm =
        &mut whole["static_resources"]["listeners"][place]["filter_chains"][0]["filters"][0]["typed_config"];
    let configuration = &mut hcm["route_config"];
    match PLACES[place] {
        "in-route" => {
            let routes = configuration["virtual_hosts"][0]["routes"].as_array_mut().expect("routes");
            routes.iter_mut().for_each(|route| route["response_headers_to_remove"] = json!(HIDDEN));
        }
        "in-virtual-host" => configuration["virtual_hosts"][0]["response_headers_to_remove"] = json!(HIDDEN),
        "in-route-configuration" => configuration["response_headers_to_remove"] = json!(HIDDEN),
        _ => {}
    }
    let remove = HIDDEN.map(|name| json!({"remove": name}));
    let filter = json!({"name": "hide", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {"response_mutations": remove, "response_trailers_mutations": remove},
    }});
    let filters = hcm["http_filters"].as_array_mut().expect("filters");
    let redline = filters.iter().position(|filter| filter["name"] == "redline").expect("ours");
    match PLACES[place] {
        "before-redline" => filters.insert(0, filter),
        "after-redline" => filters.insert(redline + 1, filter),
        _ => {}
    }
}

/// Everything that a client gets, trailers too.
fn answer(envoy: &Envoy, place: &str) -> String {
    let address = envoy.listener(place).expect("the listener");
    let request = "GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close, te\r\nx-do: size=7 \
                   header=server-timing:db;dur=3;desc=select \
                   header=endpoint-load-metrics-bin:CQAAAAAAAOA/ \
                   trailer=server-timing:db;dur=1;desc=commit\r\n\r\n";
    String::from_utf8_lossy(&raw::exchange(address, request.as_bytes())).to_ascii_lowercase()
}

#[test]
fn a_filter_in_front_of_redline_hides_signals_from_clients_alone_and_a_route_hides_them_from_redline_too() {
    let configurations = PLACES.map(configuration);
    let listeners: Vec<Listener<'_>> = PLACES
        .iter()
        .zip(&configurations)
        .map(|(name, configuration)| Listener { name, configuration, client_values: false, quic: None })
        .collect();
    let world = World::with_bootstrap(2, |upstream| {
        let text = bootstrap(&listeners, &support::wasm().display().to_string(), upstream);
        let mut whole: Value = serde_json::from_str(&text).expect("our own JSON");
        (0..PLACES.len()).for_each(|place| hide(&mut whole, place));
        whole.to_string()
    })
    .expect("Envoy starts");
    // Of the headers, whether each reaches the client and is counted; and of the trailer.
    let outcomes = [
        ("nowhere", (true, true), (true, true)),
        ("in-route", (false, false), (true, true)),
        ("in-virtual-host", (false, false), (true, true)),
        ("in-route-configuration", (false, false), (true, true)),
        ("before-redline", (false, true), (false, true)),
        ("after-redline", (false, false), (false, false)),
    ];
    for (place, headers, trailer) in outcomes {
        for _ in 0..REQUESTS {
            let answer = answer(&world.envoy, place);
            let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
            assert!(head.starts_with("http/1.1 200"), "{place}: {head}");
            let lines = HIDDEN.map(|name| head.contains(&format!("\r\n{name}: ")));
            assert_eq!(lines, [headers.0; 2], "{place}: {head}");
            assert_eq!(body.contains("server-timing: db;dur=1;desc=commit"), trailer.0, "{place}: {body}");
        }
        let metrics = eventually("the last stream's end", || {
            let metrics = world.scrape();
            let labels = [("service", place), ("tenant", "_none"), ("code_class", "2xx")];
            (metrics.get("tenant_requests_total", &labels) == REQUESTS as u64).then_some(metrics)
        });
        let queries =
            |operation| metrics.get("db_queries_total", &[("service", place), ("operation", operation)]);
        let counted = |so: bool| if so { REQUESTS as u64 } else { 0 };
        assert_eq!(
            [queries("select"), queries("commit")],
            [counted(headers.1), counted(trailer.1)],
            "{place}"
        );
        let cpu = metrics.get("cpu_percent", &[("service", place)]);
        assert_eq!(cpu, if headers.1 { 50 } else { 0 }, "{place}");
    }
}

#[test]
fn every_configuration_in_docs_signals_is_right() {
    let text = std::fs::read_to_string(support::root().join("docs/signals.md")).expect("the page");
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let metrics: Vec<&str> = blocks.filter(|block| block.starts_with("metrics:")).collect();
    assert_eq!(metrics.len(), 2);
    for block in metrics {
        let read = Document::from_text("docs/signals.md", &format!("service: shop\n{block}"));
        assert!(read.is_ok(), "{}\n{block}", read.err().map(|e| e.to_string()).unwrap_or_default());
    }
}

/// Bounds, and the last whole number that Envoy counts under each: since 1.38, and before.
const LAST: [(u64, u64, u64); 6] =
    [(1, 1, 0), (5, 5, 4), (75, 75, 74), (100, 109, 99), (250, 259, 249), (1000, 1099, 999)];

#[test]
fn a_bucket_counts_its_bound_and_what_has_the_same_two_digits_and_before_envoy_1_38_only_what_is_below() {
    let since = support::envoy_minor() >= 38;
    let last = LAST.map(|(bound, since_1_38, before)| (bound, if since { since_1_38 } else { before }));
    let bounds = last.map(|(bound, _)| bound);
    let configuration = json!({"service": "shop", "metrics": [
        {"name": "n", "type": "histogram", "buckets": bounds, "value": {"response_header": "x-n"}}]});
    let world = World::start(&configuration.to_string(), 1);
    let address = world.envoy.listener("ingress").expect("the listener");
    let sent: Vec<u64> = last.iter().flat_map(|(_, last)| [*last, last + 1]).collect();
    let calls: Vec<Call> =
        sent.iter().map(|n| Call::get("/").header("x-do", &format!("header=x-n:{n}"))).collect();
    world.runtime.block_on(send_all(address, 1, &calls));
    let counted = world.scrape_when_merged(calls.len() as u64);
    for (bound, last) in last {
        let labels = [("service", "shop"), ("le", &*bound.to_string())];
        let expected = sent.iter().filter(|n| **n <= last).count() as u64;
        assert_eq!(counted.get("n_bucket", &labels), expected, "{bound}");
    }
}
