//! examples/grpc behind a real Envoy: a real client's calls arrive as the codes that it saw, and what the server says in its
//! trailers as orders, units and queries.

mod support;

use redline_cli::address::{HostPort, Upstream};
use redline_cli::document::Document;
use redline_cli::envoy::Envoy;
use redline_cli::render::envoy::Bootstrap;
use serde::Deserialize;
use std::process::{Command, Stdio};
use support::application::Application;
use support::metrics::Metrics;
use support::{eventually, root};

const ROUNDS: u64 = 20;
/// Orders in client.py's long stream.
const LONG: u64 = 60;
/// Timings that redline_signals.py says of one call.
const TIMED: u64 = 50;

/// A line of what client.py prints.
#[derive(Debug, Deserialize)]
struct Ended {
    method: String,
    code: u8,
    calls: u64,
}

/// Calls everything behind `address` in `rounds`; returns what the client saw.
fn call(address: &str, rounds: u64) -> Vec<Ended> {
    let output = Command::new(root().join(".tools/bin/python-grpc"))
        .args(["examples/grpc/client.py", address, &rounds.to_string()])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .expect("the Python that `make setup` installs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("ASCII");
    lines.lines().map(|line| serde_json::from_str(line).expect("a line for each code")).collect()
}

#[test]
fn every_call_is_counted_with_the_code_that_its_client_saw_and_trailers_with_what_the_server_says() {
    let server = Application::start("python-grpc", &["examples/grpc/server.py", "0"], "listening on ");
    let text = std::fs::read_to_string(root().join("examples/grpc/redline.yaml")).expect("the example");
    let document = Document::from_text("redline.yaml", &text).expect("it is right");
    let bootstrap = Bootstrap {
        document: &document,
        upstream: Upstream { address: HostPort::from(server.address), http2: true },
        listen: HostPort::loopback(),
        admin: HostPort::loopback(),
        wasm: support::wasm().display().to_string(),
        flush_seconds: Some(1),
    };
    // A machine that is busy with tests may need longer than that between the client's clock and Envoy's.
    let (rendered, patient) = ("grpc_timeout_header_offset: 0.02s", "grpc_timeout_header_offset: 0.2s");
    let yaml = bootstrap.yaml();
    assert!(yaml.contains(rendered), "{yaml}");
    let yaml = yaml.replace(rendered, patient);
    let envoy = Envoy::start(&support::launch(yaml).workers(2)).expect("Envoy starts");
    let address = envoy.listener("ingress").expect("the listener").to_string();
    let mut ended = call(&address, ROUNDS);
    // A single order: of calls at one time, nobody could say which report of the stock came last.
    ended.extend(call(&address, 0));

    let calls: u64 = ended.iter().map(|ended| ended.calls).sum();
    assert_eq!(calls, 2 + 13 * ROUNDS, "{ended:?}");
    let scrape = eventually("the histograms' merge", || {
        let metrics = Metrics::parse(&envoy.scrape().expect("Envoy answers"));
        (metrics.total("http_request_duration_milliseconds_count") == calls).then_some(metrics)
    });

    let service = ("service", "shop-orders");
    let mut codes = Metrics::default();
    for Ended { method, code, calls } in &ended {
        let endpoint = match method.as_str() {
            "Refund" => "_other".to_owned(),
            method => format!("/shop.v1.Orders/{method}"),
        };
        let code = code.to_string();
        codes.add("grpc_requests_total", &[service, ("endpoint", &endpoint), ("grpc_code", &code)], *calls);
    }
    scrape.only(|name| name == "grpc_requests_total").assert_equals(&codes);
    assert_eq!(scrape.total("http_requests_total"), calls);

    let of = |method: &str, codes: &[u8]| {
        let counted = ended.iter().filter(|e| e.method == method && codes.contains(&e.code));
        counted.map(|ended| ended.calls).sum::<u64>()
    };
    // Unary, both kinds of streams, and failures of each were among them, as client.py has them.
    let placed = of("Place", &[0]);
    let failures = [("Place", 2), ("Place", 8), ("Get", 4), ("Watch", 5), ("Import", 3), ("Refund", 12)];
    let failures = failures.map(|(method, code)| of(method, &[code]));
    assert_eq!((placed, failures), (2 + ROUNDS, [ROUNDS; 6]), "{ended:?}");

    // One order in each run's first call; in each round one of two units, imports of 1 and 3 and of 60 times 1, and one that
    // fails at its second order.
    let units = 2 + (7 + LONG) * ROUNDS;
    assert_eq!(scrape.total("orders_placed_total"), placed + (3 + LONG) * ROUNDS);
    assert_eq!(scrape.total("units_sold_total"), units);
    assert_eq!(scrape.get("stock", &[service]), 100_000 - units);
    let queries =
        |operation| scrape.get("db_query_duration_milliseconds_count", &[service, ("operation", operation)]);
    let (placing, importing, finding) =
        (of("Place", &[0, 8]), (3 + TIMED) * ROUNDS, of("Get", &[0, 5]) + of("Watch", &[0, 5]));
    assert_eq!((queries("insert"), queries("select")), (placing + importing, finding));

    for (slo, events, bad) in [("calls", calls, 3 * ROUNDS), ("placing", 2 + 7 * ROUNDS, 2 * ROUNDS)] {
        let of_slo = |name: &str| scrape.get(name, &[service, ("slo", slo)]);
        assert_eq!((of_slo("slo_events_total"), of_slo("slo_bad_events_total")), (events, bad), "{slo}");
    }
    assert_eq!(scrape.total("tenant_requests_total"), calls);
    assert_eq!(scrape.total("http_requests_in_progress"), 0);
    for lost in ["redline_dropped_total", "redline_series_overflow_total"] {
        assert_eq!(scrape.total(lost), 0, "{lost}");
    }
}
