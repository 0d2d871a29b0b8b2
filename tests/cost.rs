//! What a request costs, as far as it can be counted: ways into the VM, allocations, memory. Times are in
//! docs/performance.md.

mod support;

use host_harness::abi::Plugin;
use host_harness::headers::HeaderMap;
use host_harness::stats::Value;
use host_harness::stream::{Completion, Request, Response};
use host_harness::workers::StreamId;
use host_harness::{Filter, Gateway, GatewayConfig};

const SECOND: u64 = 1_000_000_000;

/// RED, sizes, in-flight, tenants, and one SLO of each kind: what the benchmark calls the default configuration.
const DEFAULT: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", "/api/v1/models/{id}/predict"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}]},
    "slos": [{"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
             {"name": "latency", "objective": 99, "sli": {"latency": {"threshold": "300ms"}}}]}"#;

fn gateway(wasm: &[u8], configuration: &str) -> Gateway {
    let filter = Filter::compile(wasm).expect("a filter");
    let plugin = Plugin { configuration: configuration.as_bytes().to_vec(), ..Plugin::default() };
    let config =
        GatewayConfig { plugin, workers: 1, start_ns: 1_767_225_600 * SECOND, ..GatewayConfig::default() };
    Gateway::start(&filter, config).expect("it starts")
}

fn shipped() -> Vec<u8> {
    std::fs::read(support::wasm()).expect("make wasm")
}

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    HeaderMap::new(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

/// Sends the headers of a request, with `end_of_stream` all of it.
fn open(gateway: &mut Gateway, method: &str, path: &str, end_of_stream: bool) -> StreamId {
    let headers = map(&[
        (":authority", "api.example.com"),
        (":path", path),
        (":method", method),
        (":scheme", "https"),
        ("user-agent", "test/1.0"),
        ("accept", "*/*"),
        ("x-tenant-id", "acme"),
        ("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11"),
    ]);
    let time_ns = gateway.now_ns();
    gateway
        .open(Request { headers: Some(headers), time_ns, protocol: None, end_of_stream })
        .expect("it opens")
}

/// Answers, and ends the stream.
fn finish(gateway: &mut Gateway, stream: StreamId, request_bytes: u64) {
    let headers = map(&[(":status", "200"), ("content-type", "application/json"), ("content-length", "512")]);
    gateway.respond(stream, Response { headers, code: 200, end_of_stream: false }).expect("it is answered");
    let end = Completion {
        code: Some(200),
        duration_ns: Some(12_345_678),
        request_bytes,
        response_bytes: 512,
        ..Completion::default()
    };
    gateway.finish(stream, end).expect("it ends");
}

fn get(gateway: &mut Gateway, path: &str) {
    let stream = open(gateway, "GET", path, true);
    finish(gateway, stream, 0);
}

/// How often the VM is entered for what `act` does.
fn entries(gateway: &mut Gateway, act: impl FnOnce(&mut Gateway)) -> u64 {
    let before = gateway.vm_entries();
    act(gateway);
    gateway.vm_entries() - before
}

#[test]
fn a_body_never_enters_the_vm() {
    let mut gateway = gateway(&shipped(), DEFAULT);
    let mut upload = |chunks: u64| {
        entries(&mut gateway, |gateway| {
            let stream = open(gateway, "POST", "/api/v1/models", false);
            for n in 0..chunks {
                gateway.request_body(stream, &[0; 65_536], n + 1 == chunks).expect("it takes it");
            }
            finish(gateway, stream, chunks * 65_536);
        })
    };
    // The first of a kind makes its series. 100 MB are 1,526 chunks of 64 KB.
    upload(0);
    assert_eq!(upload(1_526), upload(0));
    let mut download = |chunks: u64| {
        entries(&mut gateway, |gateway| {
            let stream = open(gateway, "GET", "/api/v1/models", true);
            let headers = map(&[(":status", "200")]);
            let response = Response { headers, code: 200, end_of_stream: false };
            gateway.respond(stream, response).expect("it is answered");
            for n in 0..chunks {
                gateway.response_body(stream, &[0; 65_536], n + 1 == chunks).expect("it takes it");
            }
            let end =
                Completion { code: Some(200), response_bytes: chunks * 65_536, ..Completion::default() };
            gateway.finish(stream, end).expect("it ends");
        })
    };
    download(0);
    assert_eq!(download(1_526), download(0));
}

#[test]
fn the_filter_enters_the_vm_as_often_as_the_floor_that_it_is_measured_against() {
    let mut ours = gateway(&shipped(), DEFAULT);
    let source = std::fs::read(support::root().join("benches/modules/floor.wat")).expect("its source");
    let mut floor = gateway(&wat::parse_bytes(&source).expect("a module"), "");
    // Created, headers of request and response, logged, deleted; the request's headers and four properties.
    let expected = 5 + 1 + 4;
    for gateway in [&mut ours, &mut floor] {
        get(gateway, "/api/v1/models/42");
        assert_eq!(entries(gateway, |gateway| get(gateway, "/api/v1/models/42")), expected);
    }
}

/// Allocations of all VMs so far. What they say of themselves they say on tick.
fn allocations(gateway: &mut Gateway) -> u64 {
    let next = gateway.now_ns() + 10 * SECOND;
    gateway.advance_to(next).expect("it ticks");
    let snapshot = gateway.stats().snapshot();
    let found = snapshot.iter().find(|sample| sample.name.contains("redline_fault_allocations_total"));
    match found.map(|sample| &sample.value) {
        Some(Value::Counter(count)) => *count,
        other => panic!("no counter of allocations: {other:?}"),
    }
}

#[test]
fn a_request_that_is_like_others_before_allocates_nothing() {
    let wasm = std::fs::read(support::faulty_wasm()).expect("make faulty-wasm");
    let mut gateway = gateway(&wasm, DEFAULT);
    // A tick allocates: it is the same without requests, once nothing is left to be said.
    let mut ticks = Vec::new();
    for _ in 0..2 {
        (0..50).for_each(|_| get(&mut gateway, "/api/v1/models/42?page=3"));
        allocations(&mut gateway);
    }
    for requests in [1_000, 1_000, 3_000, 3_000, 10_000] {
        let before = allocations(&mut gateway);
        (0..requests).for_each(|_| get(&mut gateway, "/api/v1/models/42?page=3"));
        ticks.push(allocations(&mut gateway) - before);
    }
    let (least, most) = (ticks.iter().min(), ticks.iter().max());
    let spread = most.zip(least).map(|(most, least)| most - least);
    // Ticks differ by what they have to say; had a request one allocation, it would be thousands.
    assert!(spread.is_some_and(|spread| spread < 500), "allocations of a tick with its requests: {ticks:?}");
    assert!(most.is_some_and(|most| *most < 900), "allocations of a tick with its requests: {ticks:?}");
}

#[test]
fn a_million_requests_leave_a_worker_with_less_than_a_megabyte() {
    let mut gateway = gateway(&shipped(), DEFAULT);
    for n in 0..1_000_000_u32 {
        get(&mut gateway, ["/api/v1/models/42?page=3", "/api/v1/models", "/favicon.ico"][n as usize % 3]);
        if n.is_multiple_of(10_000) {
            let next = gateway.now_ns() + 10 * SECOND;
            gateway.advance_to(next).expect("it ticks");
        }
    }
    let bytes = gateway.vm_memory_bytes();
    assert!(bytes <= 1_000_000, "{bytes} bytes");
}
