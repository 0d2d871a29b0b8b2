//! Every stream once, as Envoy itself counts it: the filter against Envoy's own stats access logger, on messy traffic.

mod support;

use support::client::{Call, send_all};
use support::gateway::{Listener, bootstrap, route};
use support::metrics::Metrics;
use support::mix::{self, EACH, Sent};
use support::native::{self, Row, comparable};
use support::{World, eventually, json_log};

const CONFIGURATION: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", "/retry", "/hello.Greeter/{method}"],
                  "exclude": ["/healthz", {"header": "x-health-check"}]},
    "tenant": {"sources": [{"header": "x-tenant-id"}]},
    "slos": [{"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
             {"name": "models", "objective": 99, "sli": {"availability": {}},
              "where": {"endpoint": ["/api/v1/models/{id}"], "tenant": ["acme"]}},
             {"name": "latency", "objective": 99, "sli": {"latency": {"threshold": "1m"}}}],
    "buckets": {"size": [10, 100, 1000, 10000, 100000]}}"#;

fn endpoint(row: &Row) -> &'static str {
    match row.path.as_str() {
        // The path that Envoy logs is the new one; the stream that ended was for the old.
        _ if row.details == "internal_redirect" => "_other",
        "/api/v1/models" => "/api/v1/models",
        "/retry" => "/retry",
        p if p.starts_with("/api/v1/models/") => "/api/v1/models/{id}",
        p if p.starts_with("/hello.Greeter/") => "/hello.Greeter/{method}",
        _ => "_other",
    }
}

/// Answered before our filter's turn: by the filter in front of it, or by Envoy's connection manager.
fn refused(row: &Row) -> bool {
    row.details.starts_with("rbac_access_denied") || row.method.is_empty()
}

fn start(workers: u32, listeners: &[Listener<'_>]) -> World {
    let world = World::with_bootstrap(workers, |upstream| {
        bootstrap(listeners, &support::wasm().display().to_string(), upstream)
    });
    world.expect("Envoy starts")
}

fn ingress() -> Listener<'static> {
    Listener { name: "ingress", configuration: CONFIGURATION, client_values: true, quic: None }
}

/// Waits until Envoy has logged every stream; its rows, and what the filter says.
fn settled(world: &World, name: &str, streams: u64) -> (Vec<Row>, Metrics, String) {
    eventually("the last stream's end and the histograms' merge", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let (rows, metrics) = (native::logged(&world.envoy, &text, name), Metrics::parse(&text));
        let logged: u64 = rows.iter().map(|row| row.streams).sum();
        assert!(logged <= streams, "{logged} streams were logged, {streams} were sent: {rows:#?}");
        let counted = metrics.total("http_requests_total");
        let merged = metrics.total("http_request_size_bytes_count") == counted;
        (logged == streams && merged).then_some((rows, metrics, text))
    })
}

fn excluded(row: &Row) -> bool {
    row.path == "/healthz" || row.health_check
}

fn sum_of(scrape: &str, name: &str) -> f64 {
    let sum = format!("{name}_sum");
    let scrape = redline_cli::scrape::Scrape::parse(scrape).expect("Envoy's own scrape");
    scrape.samples.iter().filter(|s| s.name == sum).map(|s| s.value).sum()
}

/// Sends the whole mix with so many workers, and compares.
fn count_the_mix(workers: u32, polite_requests: usize) {
    let world = start(workers, &[ingress()]);
    let address = world.envoy.listener("ingress").expect("the listener");
    let sent = mix::send(&world, address, polite_requests);
    let (rows, metrics, text) = settled(&world, "ingress", sent.streams());
    sent.assert_ended(&rows);
    assert_bytes_arrived(&rows);

    let (out, counted): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(excluded);
    assert_eq!(out.iter().map(|row| row.streams).sum::<u64>(), 3 * EACH as u64, "{out:#?}");
    comparable(&metrics).assert_equals(&native::expected("shop", &counted, endpoint, refused));

    assert_slos(&metrics, &counted);
    assert_sums(&text, &counted);
    assert_nothing_in_progress(&metrics);
    assert_no_wasm_failure(&world);
}

/// Of what was cut off, or never was a request and a response, as much is counted as passed.
fn assert_bytes_arrived(rows: &[Row]) {
    let each = EACH as u64;
    for (kind, received, sent) in [
        ("left in the upload", 5000, 0),
        ("left in the response", 0, 3150),
        ("websocket closed by the client", 10, 10),
        ("websocket closed by the upstream", 10, 10),
    ] {
        for row in rows.iter().filter(|row| row.kind == kind) {
            let bytes = (row.bytes_received, row.bytes_sent);
            assert_eq!(bytes, (each * received, each * sent), "{kind} over {}", row.protocol);
        }
    }
}

/// Every SLO's events and bad ones are those that Envoy's own log has, by the contract's rules.
fn assert_slos(metrics: &Metrics, rows: &[Row]) {
    let count = |keep: &dyn Fn(&Row) -> bool| -> u64 {
        rows.iter().filter(|row| keep(row)).map(|row| row.streams).sum()
    };
    let models = |row: &Row| endpoint(row) == "/api/v1/models/{id}" && row.tenant == "acme" && !refused(row);
    let whole = |row: &Row| row.available() == Some(true) && !row.tunnel() && row.method != "CONNECT";
    let expected = [
        (
            "availability",
            count(&|row| row.available().is_some()),
            count(&|row| row.available() == Some(false)),
        ),
        (
            "models",
            count(&|row| models(row) && row.available().is_some()),
            count(&|row| models(row) && row.available() == Some(false)),
        ),
        // Nothing takes a minute here.
        ("latency", count(&whole), 0),
    ];
    for (slo, events, bad) in expected {
        let labels = [("service", "shop"), ("slo", slo)];
        let counted = ["slo_events_total", "slo_bad_events_total"].map(|name| metrics.get(name, &labels));
        assert_eq!(counted, [events, bad], "{slo}");
        assert!(events > 0 && (bad > 0 || slo != "availability"), "{slo}");
    }
}

/// Envoy approximates sums; those of the same times are equal, those of bytes are near.
fn assert_sums(scrape: &str, rows: &[Row]) {
    let all = |value: fn(&Row) -> f64| -> f64 { rows.iter().map(value).sum() };
    let timed = |value: fn(&Row) -> f64| -> f64 { rows.iter().filter(|row| !row.tunnel()).map(value).sum() };
    // A log's times are exact, and not from a histogram of the same values.
    let times = if json_log::needed() { 0.05 } else { 1e-6 };
    for (name, expected, tolerance) in [
        ("http_request_size_bytes", all(|row| row.bytes_received as f64), 0.05),
        ("http_response_size_bytes", all(|row| row.bytes_sent as f64), 0.05),
        ("http_request_duration_milliseconds", timed(|row| row.lasted_ms), times),
        ("http_upstream_duration_milliseconds", timed(|row| row.served_ms), times),
    ] {
        let sum = sum_of(scrape, name);
        assert!((sum / expected - 1.0).abs() < tolerance, "{name}: {sum} of {expected}");
    }
}

fn assert_nothing_in_progress(metrics: &Metrics) {
    let in_progress = metrics.only(|name| name == "http_requests_in_progress");
    assert!(!in_progress.0.is_empty());
    assert!(in_progress.0.values().all(|value| *value == 0), "{in_progress:?}");
}

fn assert_no_wasm_failure(world: &World) {
    let log = world.envoy.log();
    assert!(!log.contains("proxy_on") && !log.contains("Wasm"), "{log}");
}

#[test]
fn every_stream_is_counted_once_as_envoys_own_logger_counts_it() {
    count_the_mix(2, 20_000);
}

#[test]
fn the_mix_is_counted_by_one_worker_and_by_eight() {
    count_the_mix(1, 1000);
    count_the_mix(8, 1000);
}

#[test]
fn one_worker_and_eight_count_the_same() {
    // A reset races with what is sent, and how a limit's tokens fall is up to the workers.
    let races = |call: &Call| {
        call.path == route::LIMITED || call.headers.contains(&("x-do".to_owned(), "reset".to_owned()))
    };
    let mut calls = mix::polite(2000, &mut Sent::default());
    calls.retain(|call| !races(call));
    let [one, eight] = [1, 8].map(|workers| {
        let world = start(workers, &[ingress()]);
        let address = world.envoy.listener("ingress").expect("the listener");
        world.runtime.block_on(send_all(address, 8, &calls));
        let (_, metrics, _) = settled(&world, "ingress", calls.len() as u64);
        comparable(&metrics)
    });
    eight.assert_equals(&one);
}

#[test]
fn every_http3_stream_is_counted_though_envoy_never_logs_it_to_a_filter() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (file("cert.pem"), file("key.pem"));
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(&certificate, issued.cert.pem()).expect("a file");
    std::fs::write(&key, issued.signing_key.serialize_pem()).expect("a file");
    let quic = Listener {
        name: "quic",
        configuration: CONFIGURATION,
        client_values: true,
        quic: Some((&certificate, &key)),
    };
    let world = start(2, &[quic]);
    let port = world.envoy.port("quic").expect("the listener");
    let client = std::process::Command::new(support::root().join(".tools/bin/python-http3"))
        .arg(support::root().join("tests/support/http3_client.py"))
        .args([port.to_string(), EACH.to_string()])
        .output()
        .expect("the HTTP/3 client that `make setup` installs");
    assert!(client.status.success(), "{}", String::from_utf8_lossy(&client.stderr));
    let mut sent = Sent::default();
    for kind in String::from_utf8_lossy(&client.stdout).lines() {
        sent.add(kind, "HTTP/3", EACH);
    }
    // A stream that another filter answers before our turn is the one kind that no callback tells of on HTTP/3.
    let unseen = EACH as u64;
    let (rows, metrics, text) = settled(&world, "quic", sent.streams());
    sent.assert_ended(&rows);
    let (lost, seen): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(refused);
    assert_eq!(lost.iter().map(|row| row.streams).sum::<u64>(), unseen, "{lost:#?}");
    comparable(&metrics).assert_equals(&native::expected("shop", &seen, endpoint, refused));
    assert_sums(&text, &seen);
    assert_nothing_in_progress(&metrics);
    assert_no_wasm_failure(&world);
}

#[test]
fn two_services_do_not_mix_and_one_on_two_listeners_is_one() {
    let other = CONFIGURATION.replace("\"shop\"", "\"bakery\"");
    let second = Listener { name: "second", configuration: CONFIGURATION, client_values: true, quic: None };
    let third = Listener { name: "third", configuration: &other, client_values: true, quic: None };
    let world = start(2, &[ingress(), second, third]);
    let calls =
        vec![Call::get("/api/v1/models/7").header("x-tenant-id", "acme").header("x-do", "size=7"); 100];
    for (name, count) in [("ingress", 100), ("second", 70), ("third", 40)] {
        let address = world.envoy.listener(name).expect("the listener");
        world.runtime.block_on(send_all(address, 4, &calls[..count]));
    }
    let metrics = eventually("the last stream's end", || {
        let metrics = world.scrape();
        (metrics.total("http_requests_total") == 210).then_some(metrics)
    });
    let count = |service: &str| {
        let labels =
            [("service", service), ("method", "GET"), ("endpoint", "/api/v1/models/{id}"), ("status", "200")];
        metrics.get("http_requests_total", &labels)
    };
    assert_eq!((count("shop"), count("bakery")), (170, 40));
    let bytes = |service: &str| {
        metrics.get("tenant_response_bytes_total", &[("service", service), ("tenant", "acme")])
    };
    assert_eq!((bytes("shop"), bytes("bakery")), (170 * 7, 40 * 7));
}
