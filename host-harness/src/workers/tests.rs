mod gaps;

use super::*;
use crate::headers::HeaderMap;
use crate::stats::Value;
use crate::stream::{Completion, Request, Response, Side};
use crate::testing::Guest;

const MS: u64 = 1_000_000;

fn request() -> Request {
    let headers = HeaderMap::new([(&b":path"[..], &b"/"[..])].into_iter());
    Request { headers: Some(headers), time_ns: 0, protocol: None, end_of_stream: true }
}

fn counter(gateway: &Gateway, name: &str) -> u64 {
    let sample = gateway.stats().snapshot().into_iter().find(|sample| sample.name == name);
    match sample.unwrap().value {
        Value::Counter(value) | Value::Gauge(value) => value,
        Value::Histogram { count, .. } => count,
    }
}

fn counting() -> Guest {
    Guest::default()
        .on(
            "proxy_on_configure",
            &[
                "define_metric 0 'configured' OUT",
                "increment_metric 4 1:i64",
                "define_metric 0 'ticks' OUT",
                "define_metric 0 'logs' OUT",
                "set_tick_period_milliseconds 10",
            ],
        )
        .on("proxy_on_tick", &["increment_metric 8 1:i64"])
        .on("proxy_on_log", &["increment_metric 12 1:i64"])
}

#[test]
fn the_canary_the_main_and_every_worker_vm_are_configured_over_one_store() {
    let config = GatewayConfig { workers: 3, ..GatewayConfig::default() };
    assert_eq!(counter(&counting().start(config).unwrap(), "configured"), 5);
}

#[test]
fn timers_fire_in_the_main_and_every_worker_vm_as_time_passes() {
    let mut gateway = counting().start(GatewayConfig { workers: 2, ..GatewayConfig::default() }).unwrap();
    gateway.advance_to(35 * MS).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 3 * 3);
    gateway.advance_to(20 * MS).unwrap();
    assert_eq!((counter(&gateway, "ticks"), gateway.now_ns()), (9, 35 * MS));
    gateway.advance_sampled_before(40 * MS, &mut |_, _| {}).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 9);
    gateway.advance_to(40 * MS).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 12);
}

#[test]
fn a_filter_can_change_and_stop_its_timer() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["define_metric 0 'ticks' OUT", "set_tick_period_milliseconds 10"])
        .on("proxy_on_tick", &["increment_metric 4 1:i64", "set_tick_period_milliseconds 100"])
        .on("proxy_on_log", &["set_tick_period_milliseconds 0"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    gateway.advance_to(215 * MS).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 2 * 3, "at 10, 110 and 210 ms");
    let stream = gateway.open(request()).unwrap();
    gateway.finish(stream, Completion::default()).unwrap();
    gateway.advance_to(315 * MS).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 7, "the worker's has stopped");
}

#[test]
fn streams_go_to_the_workers_in_turn() {
    let guest = Guest::default().on("proxy_on_log", &[]);
    let mut gateway = guest.start(GatewayConfig { workers: 2, ..GatewayConfig::default() }).unwrap();
    for _ in 0..4 {
        let stream = gateway.open(request()).unwrap();
        gateway.finish(stream, Completion::default()).unwrap();
    }
    let by: Vec<_> = gateway.log().take().into_iter().map(|line| line.vm).collect();
    assert_eq!(by, [0, 1, 0, 1].map(VmRole::Worker));
}

#[test]
fn callbacks_come_in_envoys_order_and_only_where_exported() {
    let callbacks = [
        "proxy_on_context_create",
        "proxy_on_request_headers",
        "proxy_on_response_headers",
        "proxy_on_response_trailers",
        "proxy_on_log",
        "proxy_on_done",
        "proxy_on_delete",
    ];
    let guest = callbacks
        .iter()
        .fold(Guest::default(), |guest, callback| guest.on(callback, &[&format!("log 2 '{callback}'")]));
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    gateway.log().take();
    let seen = |gateway: &Gateway| -> Vec<String> {
        gateway
            .log()
            .take()
            .into_iter()
            .map(|line| line.text)
            .filter(|text| text.starts_with("proxy_"))
            .collect()
    };
    let stream = gateway.open(request()).unwrap();
    let response = Response { headers: HeaderMap::default(), code: 200, end_of_stream: true };
    gateway.respond(stream, response).unwrap();
    gateway.trailers(stream, HeaderMap::default()).unwrap();
    gateway.finish(stream, Completion::default()).unwrap();
    assert_eq!(seen(&gateway), callbacks);

    let refused = gateway.open(Request { headers: None, ..request() }).unwrap();
    gateway
        .respond(refused, Response { headers: HeaderMap::default(), code: 400, end_of_stream: true })
        .unwrap();
    gateway.finish(refused, Completion::default()).unwrap();
    let only_the_end = [callbacks[0], callbacks[4], callbacks[5], callbacks[6]];
    assert_eq!(seen(&gateway), only_the_end, "a request that was refused before the filter saw it");
}

#[test]
fn a_trap_is_an_error_with_its_place_and_fails_that_vm_alone() {
    let guest = Guest::default().on("proxy_on_log", &["log 4 'about to fall'", "trap"]);
    let mut gateway = guest.start(GatewayConfig { workers: 2, ..GatewayConfig::default() }).unwrap();
    let (first, second) = (gateway.open(request()).unwrap(), gateway.open(request()).unwrap());
    let error = gateway.finish(first, Completion::default()).unwrap_err();
    assert!(matches!(&error, HostError::Trap { vm: VmRole::Worker(0), callback: "proxy_on_log", .. }));
    let text = error.to_string();
    assert!(
        text.contains("unreachable") && text.contains("wasm backtrace") && text.contains("about to fall"),
        "{text}"
    );
    assert!(gateway.finish(first, Completion::default()).is_ok(), "later callbacks are skipped");
    assert!(matches!(gateway.open(request()), Err(HostError::Failed { vm: VmRole::Worker(0) })));
    assert!(matches!(
        gateway.finish(second, Completion::default()),
        Err(HostError::Trap { vm: VmRole::Worker(1), .. })
    ));
}

#[test]
fn a_refused_configuration_carries_what_the_filter_logged() {
    let guest = Guest::default().with(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $proxy_log (i32.const 4) (i32.const 2048) (i32.const 3))) (i32.const 0))
        (data (i32.const 2048) "no!")"#,
    );
    let error = guest.start(GatewayConfig::default()).unwrap_err();
    let HostError::Refused { vm: VmRole::Canary, callback: "proxy_on_configure", log } = &error else {
        panic!("{error}")
    };
    assert_eq!(log[0].text, "no!");
    assert!(error.to_string().ends_with("\n  [error] [canary] no!"), "{error}");
}

#[test]
fn a_callback_that_never_ends_is_stopped_and_named() {
    let guest = Guest::default()
        .with(r#"(func (export "proxy_on_log") (param i32) (loop $ever (br $ever)))"#)
        .on("proxy_on_configure", &["log 3 'ready'"]);
    let config =
        GatewayConfig { callback_limit: std::time::Duration::from_millis(500), ..Default::default() };
    let mut gateway = guest.start(config).unwrap();
    let stream = gateway.open(request()).unwrap();
    let error = gateway.finish(stream, Completion::default()).unwrap_err();
    assert!(matches!(&error, HostError::Runaway { callback: "proxy_on_log", .. }) && error.is_crash());
    let text = error.to_string();
    assert!(
        text.starts_with("the filter did not come back from proxy_on_log (worker 0 VM) within 500ms"),
        "{text}"
    );
    assert!(text.contains("ready"), "{text}");
    let endless = r#"(func $start (loop $ever (br $ever))) (start $start)"#;
    let config =
        GatewayConfig { callback_limit: std::time::Duration::from_millis(500), ..Default::default() };
    let error = Guest::default().with(endless).start(config).unwrap_err();
    assert!(matches!(error, HostError::Runaway { callback: "_initialize", .. }), "{error}");
}

#[test]
fn a_filter_that_traps_for_want_of_memory_is_told_from_others() {
    let guest = Guest::default().with(
        r#"(func (export "proxy_on_log") (param i32)
            (if (i32.eq (i32.const -1) (memory.grow (i32.const 100))) (then unreachable)))"#,
    );
    let config = GatewayConfig { max_memory_bytes: 1 << 20, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    let stream = gateway.open(request()).unwrap();
    let error = gateway.finish(stream, Completion::default()).unwrap_err();
    assert!(matches!(&error, HostError::OutOfMemory { wanted: 6_619_136, limit: 1_048_576, .. }), "{error}");
    assert!(error.to_string().contains("ran out of memory in proxy_on_log"), "{error}");
    let large = Filter::compile(
        &wat::parse_str(
            r#"(module (memory (export "memory") 100) (func (export "proxy_abi_version_0_2_1")))"#,
        )
        .unwrap(),
    );
    let config = GatewayConfig { max_memory_bytes: 1 << 20, ..GatewayConfig::default() };
    let error = Gateway::start(&large.unwrap(), config).unwrap_err();
    assert!(matches!(error, HostError::OutOfMemory { callback: "_initialize", .. }), "{error}");
}

#[test]
fn endless_recursion_is_a_trap() {
    let guest = Guest::default()
        .with(r#"(func $down (call $down)) (func (export "proxy_on_log") (param i32) (call $down))"#);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let stream = gateway.open(request()).unwrap();
    let error = gateway.finish(stream, Completion::default()).unwrap_err();
    assert!(error.to_string().contains("call stack exhausted"), "{error}");
}

#[test]
fn a_queue_that_feeds_itself_is_stopped() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["register_shared_queue 'q' OUT"])
        .on("proxy_on_request_headers", &["enqueue_shared_queue 1 'x'"])
        .on("proxy_on_queue_ready", &["enqueue_shared_queue 1 'x'"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    assert!(matches!(gateway.open(request()), Err(HostError::QueueStorm { .. })));
}

#[test]
fn under_fail_reload_the_next_stream_gets_a_new_vm_and_counters_go_on() {
    let guest = counting().on("proxy_on_response_headers", &["trap"]);
    let config = GatewayConfig { failure_policy: FailurePolicy::FailReload, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    gateway.advance_to(2000 * MS).unwrap();
    let (first, other) = (gateway.open(request()).unwrap(), gateway.open(request()).unwrap());
    gateway.finish(other, Completion::default()).unwrap();
    assert_eq!(counter(&gateway, "logs"), 1);
    let response = || Response { headers: HeaderMap::default(), code: 200, end_of_stream: true };
    assert!(gateway.respond(first, response()).unwrap_err().is_crash());
    let second = gateway.open(request()).unwrap();
    assert_eq!((gateway.reloads(), counter(&gateway, "configured")), (1, 4));
    gateway.finish(first, Completion::default()).unwrap();
    assert_eq!(counter(&gateway, "logs"), 1, "the dead VM's streams are nobody's");
    gateway.finish(second, Completion::default()).unwrap();
    assert_eq!(counter(&gateway, "logs"), 2);
    let third = gateway.open(request()).unwrap();
    assert!(gateway.respond(third, response()).unwrap_err().is_crash());
    assert!(
        matches!(gateway.open(request()), Err(HostError::Failed { .. })),
        "within a second of the last one"
    );
    gateway.advance_to(3000 * MS).unwrap();
    assert!(gateway.open(request()).is_ok());
    assert_eq!(gateway.reloads(), 2);
}

#[test]
fn under_fail_open_streams_pass_without_the_filter() {
    let guest = counting().on("proxy_on_request_headers", &["trap"]);
    let config = GatewayConfig { failure_policy: FailurePolicy::FailOpen, ..GatewayConfig::default() };
    let mut gateway = guest.start(config).unwrap();
    assert!(gateway.open(request()).unwrap_err().is_crash());
    let stream = gateway.open(request()).unwrap();
    gateway.finish(stream, Completion::default()).unwrap();
    assert_eq!(counter(&gateway, "logs"), 0);
}

#[test]
fn an_http3_stream_is_logged_only_where_it_is_reset() {
    let all = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];
    let guest =
        all.iter().fold(Guest::default(), |guest, name| guest.on(name, &[&format!("log 2 '{name}'")]));
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let mut seen = |headers: bool, flags: &str| {
        let mut request = Request { protocol: Some(crate::stream::Protocol::Http3), ..request() };
        request.headers = request.headers.filter(|_| headers);
        let stream = gateway.open(request).unwrap();
        let flags = crate::stream::ResponseFlags::parse(flags).unwrap();
        gateway.finish(stream, Completion { flags, ..Completion::default() }).unwrap();
        let lines = gateway.log().take();
        lines.into_iter().map(|line| line.text).filter(|text| text.starts_with("proxy_")).collect::<Vec<_>>()
    };
    assert_eq!(seen(true, ""), all[1..]);
    assert_eq!(seen(true, "DR"), all);
    assert_eq!(seen(false, ""), [""; 0], "of a stream that was refused before, nothing tells the filter");
}

#[test]
fn what_the_filter_made_of_a_stream_can_be_read() {
    let guest = Guest::default()
        .on("proxy_on_request_headers", &["add_header_map_value 0 'x-a' '1'"])
        .on("proxy_on_response_headers", &["replace_header_map_value 2 ':status' '201'"])
        .on("proxy_on_response_body", &["set_buffer_bytes 1 0 100 'new'"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let stream = gateway.open(request()).unwrap();
    let header = |gateway: &Gateway, side, name: &[u8]| {
        gateway.headers(stream, side).and_then(|headers| headers.get(name)).map(<[u8]>::to_vec)
    };
    assert_eq!(header(&gateway, Side::Request, b"x-a"), Some(b"1".to_vec()));
    assert_eq!(header(&gateway, Side::Response, b":status"), None);
    gateway.request_body(stream, b"up", true).unwrap();
    let headers = HeaderMap::new([(&b":status"[..], &b"200"[..])].into_iter());
    gateway.respond(stream, Response { headers, code: 200, end_of_stream: false }).unwrap();
    gateway.response_body(stream, b"old", true).unwrap();
    assert_eq!(header(&gateway, Side::Response, b":status"), Some(b"201".to_vec()));
    assert_eq!(gateway.take_body(stream, Side::Request), b"up");
    assert_eq!(gateway.take_body(stream, Side::Response), b"new");
    assert_eq!(gateway.take_body(stream, Side::Response), b"");
    assert_eq!((gateway.local_reply(stream), gateway.is_closed(stream)), (None, false));
    assert!(gateway.wants_body(Side::Response) && !gateway.wants_body(Side::Request));
}

#[test]
fn a_filter_that_answers_itself_keeps_the_upstreams_answer_away() {
    let guest = Guest::default()
        .on("proxy_on_request_headers", &["send_local_response 403 'd e' 'no' '' -1"])
        .answering("proxy_on_request_headers", 1)
        .on("proxy_on_log", &["get_property 'response|code' OUT LEN", "show"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let stream = gateway.open(request()).unwrap();
    let local = gateway.local_reply(stream).unwrap();
    assert_eq!((local.code, local.body.as_slice(), local.details.as_str()), (403, &b"no"[..], "d_e"));
    assert!(!gateway.is_paused(stream, Side::Request));
    gateway
        .respond(stream, Response { headers: HeaderMap::default(), code: 200, end_of_stream: true })
        .unwrap();
    assert_eq!(gateway.take_body(stream, Side::Response), b"no");
    gateway.finish(stream, Completion { code: Some(200), ..Completion::default() }).unwrap();
    let texts: Vec<String> = gateway.log().take().into_iter().map(|line| line.text).collect();
    assert!(texts.contains(&String::from_utf8_lossy(&403u64.to_le_bytes()).into_owned()), "{texts:?}");
}

#[test]
fn a_grpc_client_gets_a_local_reply_in_headers() {
    let guest = Guest::default().on("proxy_on_request_headers", &["send_local_response 403 '' 'no' '' -1"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let headers = HeaderMap::new([(&b"content-type"[..], &b"application/grpc+proto"[..])].into_iter());
    let stream = gateway.open(Request { headers: Some(headers), ..request() }).unwrap();
    let headers = gateway.headers(stream, Side::Response).unwrap();
    let shown = [&b":status"[..], b"grpc-status", b"grpc-message"].map(|name| headers.get(name).unwrap());
    assert_eq!(shown, [&b"200"[..], b"7", b"no"]);
}

#[test]
fn memory_is_limited() {
    let guest = Guest::default().with(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (i32.ne (i32.const -1) (memory.grow (i32.const 100))))"#,
    );
    let config = GatewayConfig { max_memory_bytes: 1 << 20, ..GatewayConfig::default() };
    assert!(matches!(guest.start(config), Err(HostError::Refused { .. })));
    assert!(guest.start(GatewayConfig::default()).is_ok());
}

#[test]
fn random_numbers_are_the_same_in_every_run_and_differ_between_vms() {
    let run = || {
        let import =
            r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
        let guest = Guest::default().import(import).with(
            r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
                (drop (call $random (i32.const 0) (i32.const 8)))
                (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 8))) (i32.const 1))"#,
        );
        let gateway = guest.start(GatewayConfig::default()).unwrap();
        gateway.log().take().into_iter().map(|line| line.text).collect::<Vec<_>>()
    };
    let numbers = run();
    assert_eq!(numbers, run());
    assert_ne!(numbers[0], numbers[1]);
}
