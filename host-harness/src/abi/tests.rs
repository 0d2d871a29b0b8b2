//! What a probe filter saw on Envoy 1.40.0, asked of this host.

use super::HOSTCALLS;
use crate::headers::HeaderMap;
use crate::stream::{Completion, Protocol, Request, Response, ResponseFlags};
use crate::testing::{Guest, statuses};
use crate::workers::GatewayConfig;
use crate::{Filter, HostError};

const PHASES: [&str; 7] = [
    "proxy_on_configure",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_log",
    "proxy_on_done",
    "proxy_on_delete",
];

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    HeaderMap::new(pairs.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes())))
}

fn config() -> GatewayConfig {
    let plugin = super::Plugin {
        name: "plug".to_owned(),
        root_id: String::new(),
        vm_id: "vm".to_owned(),
        configuration: b"CFG".to_vec(),
        vm_configuration: b"VMC".to_vec(),
    };
    GatewayConfig { plugin, start_ns: 1_000_000_000, ..GatewayConfig::default() }
}

/// Sends one request through a guest that makes these calls in this callback; the lines that it logs there.
fn lines(phase: &str, calls: &[&str]) -> Vec<String> {
    let mut gateway = Guest::default().on(phase, calls).start(config()).unwrap();
    if phase == "proxy_on_configure" {
        return texts(&gateway);
    }
    let request =
        [(":path", "/a?b=1"), (":method", "GET"), ("x-multi", "1"), ("x-multi", "2"), ("x-empty", "")];
    let request = Request {
        headers: Some(map(&request)),
        time_ns: 7,
        protocol: Some(Protocol::Http2),
        end_of_stream: true,
    };
    let stream = gateway.open(request).unwrap();
    let response =
        Response { headers: map(&[(":status", "404"), ("x-r", "1")]), code: 404, end_of_stream: true };
    gateway.respond(stream, response).unwrap();
    gateway.trailers(stream, map(&[("t", "1")])).unwrap();
    let end = Completion {
        code: Some(404),
        flags: ResponseFlags::parse("NR").unwrap(),
        duration_ns: Some(99),
        request_bytes: 1000,
        response_bytes: 2000,
        upstream: Some(b"10.0.0.7:8080".to_vec()),
    };
    gateway.finish(stream, end).unwrap();
    texts(&gateway)
}

/// The last VM's lines: configure runs in the canary, the main VM and the worker.
fn texts(gateway: &crate::Gateway) -> Vec<String> {
    gateway.log().of(crate::log::VmRole::Worker(0)).into_iter().map(|line| line.text).collect()
}

/// The statuses of calls in a callback.
fn ask(phase: &str, calls: &[&str]) -> Vec<u8> {
    statuses(lines(phase, calls).last().unwrap())
}

#[test]
fn a_module_that_imports_all_39_hostcalls_links() {
    assert_eq!(HOSTCALLS.len(), 39);
    assert!(Guest::default().start(GatewayConfig::default()).is_ok());
}

#[test]
fn headers_are_there_in_their_phase_and_in_the_log_only() {
    let calls = [
        "get_header_map_value 0 'X-Multi' OUT LEN",
        "get_header_map_value 0 'nope' OUT LEN",
        "get_header_map_pairs 0 OUT LEN",
        "get_header_map_size 0 OUT",
        "add_header_map_value 0 'x-a' '1'",
        "replace_header_map_value 0 'x-a' '1'",
        "remove_header_map_value 0 'x-none'",
        "get_header_map_value 2 ':status' OUT LEN",
        "get_header_map_value 3 't' OUT LEN",
        "get_header_map_value 1 'x' OUT LEN",
        "get_header_map_value 7 'x' OUT LEN",
        "get_header_map_value 8 'x' OUT LEN",
        "get_header_map_pairs 1 OUT LEN",
        "get_header_map_pairs 8 OUT LEN",
        "get_header_map_size 2 OUT",
    ];
    let want = [
        [2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2],
        [0, 1, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 0, 2, 2],
        [2, 2, 0, 2, 2, 2, 2, 0, 2, 2, 2, 2, 0, 2, 0],
        [2, 2, 0, 2, 2, 2, 2, 2, 0, 2, 2, 2, 0, 2, 2],
        [0, 1, 0, 2, 2, 2, 2, 0, 0, 1, 1, 2, 0, 2, 2],
        [2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2],
        [2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2],
    ];
    for (phase, want) in PHASES.iter().zip(want) {
        assert_eq!(ask(phase, &calls), want, "{phase}");
    }
}

#[test]
fn a_header_map_has_its_first_values_and_its_byte_size() {
    let calls = ["get_header_map_value 0 'x-multi' OUT LEN", "show", "get_header_map_size 0 OUT", "raw 4"];
    assert_eq!(lines("proxy_on_request_headers", &calls)[..2], ["1".to_owned(), ",\0\0\0".to_owned()]);
    let calls = ["get_header_map_value 0 'x-empty' OUT LEN", "raw 8"];
    assert_eq!(lines("proxy_on_log", &calls)[0], "\0\0\0\0\0\0\0\0");
}

#[test]
fn a_filter_can_change_headers_in_their_phase() {
    let calls = [
        "add_header_map_value 0 'X-A' '1'",
        "replace_header_map_value 0 'x-multi' '3'",
        "get_header_map_value 0 'x-a' OUT LEN",
        "show",
        "get_header_map_value 0 'x-multi' OUT LEN",
        "show",
        "set_header_map_pairs 0 'xx'",
        "get_header_map_pairs 0 OUT LEN",
        "raw 8",
    ];
    assert_eq!(lines("proxy_on_request_headers", &calls)[..3], ["1", "3", "\0\0\0\0\0\0\0\0"]);
}

#[test]
fn pointers_outside_the_memory_are_refused() {
    let calls = [
        "log 2 BAD 1",
        "get_log_level BAD",
        "get_current_time_nanoseconds BAD",
        "get_header_map_value 0 BAD 7 OUT LEN",
        "get_header_map_value 0 ':path' BAD LEN",
        "get_header_map_pairs 0 BAD LEN",
        "get_header_map_size 0 BAD",
        "add_header_map_value 0 BAD 1 '1'",
        "get_property BAD 5 OUT LEN",
        "get_property 'plugin_name' BAD LEN",
        "set_property BAD 1 'v'",
        "define_metric 0 BAD 4 OUT",
        "define_metric 0 'm' BAD",
        "get_shared_data BAD 2 OUT LEN CAS",
        "get_buffer_bytes 6 0 5 BAD LEN",
        "get_header_map_value 8 BAD 7 OUT LEN",
    ];
    assert_eq!(ask("proxy_on_request_headers", &calls), [6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 2]);
}

#[test]
fn configurations_are_buffers() {
    let calls = [
        "get_buffer_bytes 7 0 100 OUT LEN",
        "show",
        "get_buffer_bytes 7 1 1 OUT LEN",
        "show",
        "get_buffer_bytes 7 1000 10 OUT LEN",
        "raw 8",
        "get_buffer_bytes 6 0 100 OUT LEN",
        "show",
        "get_buffer_bytes 0 0 100 OUT LEN",
        "get_buffer_bytes 4 0 100 OUT LEN",
        "get_buffer_bytes 9 0 100 OUT LEN",
        "get_buffer_status 7 OUT LEN",
        "set_buffer_bytes 7 0 1 'x'",
    ];
    let got = lines("proxy_on_configure", &calls);
    assert_eq!(got[..4], ["CFG", "F", "\0\0\0\0\0\0\0\0", "VMC"]);
    let asked = [0, 2, 4, 6, 8, 9, 10, 11, 12]
        .map(|at: usize| statuses(got.last().unwrap().get(at..=at).unwrap())[0]);
    assert_eq!(asked, [0, 0, 0, 0, 0, 1, 2, 0, 2]);
    let later =
        ["get_buffer_bytes 7 0 5 OUT LEN", "get_buffer_status 7 OUT LEN", "get_buffer_bytes 6 0 5 OUT LEN"];
    assert_eq!(ask("proxy_on_log", &later), [1, 1, 0]);
}

#[test]
fn properties_are_there_when_envoy_has_them() {
    let calls = [
        "get_property 'plugin_name' OUT LEN",
        "get_property 'plugin_name|x' OUT LEN",
        "get_property '' OUT LEN",
        "get_property 'nope' OUT LEN",
        "get_property 'request' OUT LEN",
        "get_property 'request|headers' OUT LEN",
        "get_property 'request|path' OUT LEN",
        "get_property 'request|duration' OUT LEN",
        "get_property 'request|time' OUT LEN",
        "get_property 'response|code' OUT LEN",
        "get_property 'response|flags' OUT LEN",
        "get_property 'response|trailers|t' OUT LEN",
        "get_property 'connection_id' OUT LEN",
        "get_property 'abc' OUT LEN",
        "set_property 'abc' 'v'",
        "get_property 'abc' OUT LEN",
        "get_property 'filter_state|wasm.abc' OUT LEN",
    ];
    let want = [
        [0, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [0, 1, 3, 1, 3, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0],
        [0, 1, 3, 1, 3, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0],
        [0, 1, 3, 1, 3, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0, 1, 3, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0, 1, 3, 1, 3, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0],
        [0, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ];
    for (phase, want) in PHASES.iter().zip(want) {
        assert_eq!(ask(phase, &calls), want, "{phase}");
    }
}

#[test]
fn properties_have_envoys_encodings() {
    // Header bytes: request 44, response 13, trailers 2; body bytes 1000 and 2000.
    let number = |n: u64| String::from_utf8_lossy(&n.to_le_bytes()).into_owned();
    let table = [
        ("proxy_on_request_headers", "request|total_size", number(44)),
        ("proxy_on_log", "request|total_size", number(1044)),
        ("proxy_on_done", "request|total_size", number(1000)),
        ("proxy_on_log", "request|size", number(1000)),
        ("proxy_on_log", "request|headers_bytes", number(44)),
        ("proxy_on_done", "request|headers_bytes", number(0)),
        ("proxy_on_log", "request|duration", number(99)),
        ("proxy_on_log", "request|time", number(7)),
        ("proxy_on_log", "request|protocol", "HTTP/2".to_owned()),
        ("proxy_on_log", "request|url_path", "/a".to_owned()),
        ("proxy_on_log", "request|query", "b=1".to_owned()),
        ("proxy_on_log", "request|headers|x-multi", "1,2".to_owned()),
        ("proxy_on_log", "response|code", number(404)),
        ("proxy_on_log", "upstream|address", "10.0.0.7:8080".to_owned()),
        ("proxy_on_log", "response|flags", number(1 << 8)),
        ("proxy_on_log", "response|size", number(2000)),
        ("proxy_on_log", "response|total_size", number(2015)),
        ("proxy_on_done", "response|total_size", number(2000)),
        ("proxy_on_log", "response|grpc_status", number(12)),
        ("proxy_on_log", "response|trailers|t", "1".to_owned()),
        ("proxy_on_log", "plugin_vm_id", "vm".to_owned()),
    ];
    for (phase, path, want) in table {
        let got = lines(phase, &[&format!("get_property '{path}' OUT LEN"), "show"]);
        assert_eq!(got[0], want, "{path} in {phase}");
    }
}

#[test]
fn metrics_answer_as_the_table_of_ids_says() {
    let calls = [
        "define_metric 3 'x' OUT",
        "define_metric 0 'c' OUT",
        "increment_metric 4 1:i64",
        "increment_metric 4 0:i64",
        "record_metric 4 5:i64",
        "get_metric 4 OUT",
        "raw 8",
        "get_metric 4 BAD",
        "get_metric 8 BAD",
        "increment_metric 6 1:i64",
        "record_metric 7 1:i64",
    ];
    let got = lines("proxy_on_log", &calls);
    assert_eq!(got[0], "\u{6}\0\0\0\0\0\0\0");
    assert_eq!(got[1], "CAACAA.GBCB");
}

#[test]
fn what_nobody_serves_answers_as_for_unknown_names() {
    let calls = [
        "register_shared_queue 'q' OUT",
        "resolve_shared_queue 'v' 'q' OUT",
        "dequeue_shared_queue 9 OUT LEN",
        "enqueue_shared_queue 9 'x'",
        "http_call 'c' '' '' '' 100 OUT",
        "grpc_call 'c' 's' 'm' '' '' 100 OUT",
        "grpc_stream 'c' 's' 'm' '' OUT",
        "grpc_send 1 '' 1",
        "grpc_send 2 '' 1",
        "grpc_cancel 1",
        "grpc_close 3",
        "call_foreign_function 'nope' '' OUT LEN",
        "get_status OUT LEN CAS",
        "continue_stream 0",
        "continue_stream 3",
        "continue_stream 4",
        "close_stream 5",
        "send_local_response 200 '' '' '' 0",
        "set_effective_context 999",
        "set_effective_context 1",
        "done",
        "log 6 'x'",
    ];
    let want = [12, 1, 1, 1, 2, 4, 4, 2, 1, 1, 2, 1, 0, 0, 12, 2, 2, 12, 2, 0, 1, 2];
    assert_eq!(ask("proxy_on_request_headers", &calls), want);
}

#[test]
fn shared_data_is_compared_and_swapped() {
    let calls = [
        "get_shared_data 'k' OUT LEN CAS",
        "set_shared_data 'k' 'v' 77",
        "set_shared_data 'k' 'w' 77",
        "get_shared_data 'k' OUT LEN CAS",
        "show",
        "set_shared_data 'k' 'x' 1",
        "get_shared_data 'k' BAD LEN CAS",
    ];
    assert_eq!(lines("proxy_on_log", &calls), ["v", "BAIA.AG"]);
}

#[test]
fn wasi_writes_to_the_log_and_reads_the_virtual_clock() {
    let imports = r#"
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))"#;
    // "hi\n" for standard error; then five error numbers as letters.
    let body = r#"(func (export "proxy_on_tick") (param i32)
        (i32.store (i32.const 100) (i32.const 200)) (i32.store (i32.const 104) (i32.const 3))
        (i32.store (i32.const 200) (i32.const 0x0a6968))
        (drop (call $fd_write (i32.const 2) (i32.const 100) (i32.const 1) (i32.const 108)))
        (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 300)))
        (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 308)))
        (drop (call $proxy_log (i32.const 2) (i32.const 300) (i32.const 16)))
        (i32.store8 (i32.const 400) (i32.add (i32.const 48) (call $clock (i32.const 2) (i64.const 0) (i32.const 300))))
        (i32.store8 (i32.const 401) (i32.add (i32.const 48) (call $random (i32.const 500) (i32.const 65537))))
        (i32.store8 (i32.const 402) (i32.add (i32.const 48) (call $random (i32.const 65530) (i32.const 100))))
        (i32.store8 (i32.const 403) (i32.add (i32.const 48) (call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0))))
        (i32.store8 (i32.const 404) (i32.add (i32.const 48) (call $fd_write (i32.const 7) (i32.const 100) (i32.const 1) (i32.const 108))))
        (drop (call $proxy_log (i32.const 2) (i32.const 400) (i32.const 5))))"#;
    let guest = Guest::default()
        .import(imports)
        .with(body)
        .on("proxy_on_configure", &["set_tick_period_milliseconds 1"]);
    let mut gateway = guest.start(GatewayConfig { start_ns: 2_000_000, ..GatewayConfig::default() }).unwrap();
    gateway.advance_to(3_000_000).unwrap();
    let text = texts(&gateway);
    let clocks: Vec<u8> = [3_000_000u64.to_le_bytes(), 1_000_000u64.to_le_bytes()].concat();
    let errors: String = [58u8, 28, 21, 52, 8].iter().map(|n| char::from(48 + n)).collect();
    assert_eq!(text[1..], ["hi".to_owned(), String::from_utf8_lossy(&clocks).into_owned(), errors]);
}

#[test]
fn hostcalls_are_restricted_while_a_module_initialises() {
    let guest = |call: &str| {
        let body = format!(r#"(func (export "_start") {call})"#);
        let wasm = wat::parse_str(format!(
            r#"(module (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
            (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")) {body})"#
        ));
        crate::Gateway::start(&Filter::compile(&wasm.unwrap()).unwrap(), GatewayConfig::default())
    };
    assert!(guest("(drop (call $log (i32.const 2) (i32.const 0) (i32.const 0)))").is_ok());
    let error = guest("(drop (call $time (i32.const 0)))").unwrap_err();
    assert!(matches!(error, HostError::Trap { callback: "_initialize", .. }), "{error}");
    assert!(error.to_string().contains("restricted_callback"), "{error}");
}

#[test]
fn what_is_no_filter_is_refused_with_the_reason() {
    let refuse = |wat: &str| {
        let filter = Filter::compile(&wat::parse_str(wat).unwrap());
        filter.and_then(|filter| crate::Gateway::start(&filter, GatewayConfig::default())).unwrap_err()
    };
    assert!(matches!(Filter::compile(b"\0asm nonsense"), Err(HostError::Compile { .. })));
    assert!(matches!(refuse("(module)"), HostError::AbiVersion));
    let marker = r#"(func (export "proxy_abi_version_0_2_1"))"#;
    let unknown = refuse(&format!(r#"(module (import "env" "proxy_nope" (func)) {marker})"#));
    assert!(matches!(&unknown, HostError::Import { name, .. } if name == "proxy_nope"), "{unknown}");
    let shape = refuse(&format!(r#"(module (import "env" "proxy_log" (func (param i32))) {marker})"#));
    assert!(matches!(&shape, HostError::Signature { .. }), "{shape}");
    let export = refuse(&format!(r#"(module {marker} (func (export "proxy_on_log")))"#));
    assert!(
        matches!(&export, HostError::Signature { reason } if reason.contains("proxy_on_log")),
        "{export}"
    );
}
