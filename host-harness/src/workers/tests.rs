use super::*;
use crate::stats::Value;
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
    gateway.advance_to_before(40 * MS).unwrap();
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
fn an_absurd_gap_is_jumped_and_each_timer_fires_once() {
    let mut gateway = counting().start(GatewayConfig::default()).unwrap();
    let later = (MAX_IDLE_TICKS + 2) * 10 * MS + 3;
    gateway.advance_to(later).unwrap();
    assert_eq!((counter(&gateway, "ticks"), gateway.jumps(), gateway.now_ns()), (2, 1, later));
    gateway.advance_to(later + 10 * MS).unwrap();
    assert_eq!(counter(&gateway, "ticks"), 4);
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
