//! Filters that are written with the proxy-wasm Rust SDK, and know nothing of this project, run in the harness.
//!
//! Their sources are in tests/filters, a package of its own that is built here for Wasm.

use host_harness::headers::HeaderMap;
use host_harness::stats::Value;
use host_harness::stream::{Completion, Request, Response, Side};
use host_harness::upstream::CallAnswer;
use host_harness::workers::StreamId;
use host_harness::{Filter, Gateway, GatewayConfig, HostError, abi};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Builds the filters once; the folder that they are in.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filters");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filters");
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--locked",
                "--release",
                "--examples",
                "--target",
                "wasm32-wasip1",
                "--manifest-path",
            ])
            .arg(package.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        target.join("wasm32-wasip1/release/examples")
    })
}

fn start(name: &str, config: GatewayConfig) -> Result<Gateway, HostError> {
    let wasm = std::fs::read(folder().join(format!("{name}.wasm"))).unwrap();
    Gateway::start(&Filter::compile(&wasm)?, config)
}

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    HeaderMap::new(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
}

fn get(gateway: &mut Gateway, path: &str) -> StreamId {
    let headers = [(":authority", "test.example"), (":path", path), (":method", "GET"), (":scheme", "http")];
    let request = Request { headers: Some(map(&headers)), time_ns: 0, protocol: None, end_of_stream: true };
    gateway.open(request).unwrap()
}

/// The upstream's answer: 200, in two parts.
fn answered(gateway: &mut Gateway, stream: StreamId, parts: [&str; 2]) {
    let length = parts.concat().len().to_string();
    let headers = map(&[(":status", "200"), ("server", "upstream"), ("content-length", &length)]);
    gateway.respond(stream, Response { headers, code: 200, end_of_stream: false }).unwrap();
    gateway.response_body(stream, parts[0].as_bytes(), false).unwrap();
    gateway.response_body(stream, parts[1].as_bytes(), true).unwrap();
}

fn header(gateway: &Gateway, stream: StreamId, side: Side, name: &str) -> Option<String> {
    let value = gateway.headers(stream, side)?.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn logged(gateway: &Gateway) -> Vec<String> {
    gateway.log().take().into_iter().map(|line| line.text).collect()
}

#[test]
fn a_filter_adds_and_removes_headers_and_answers_itself() {
    let mut gateway = start("add_headers", GatewayConfig::default()).unwrap();
    let stream = get(&mut gateway, "/");
    answered(&mut gateway, stream, ["bo", "dy"]);
    assert_eq!(header(&gateway, stream, Side::Request, "x-filter").as_deref(), Some("request"));
    assert_eq!(header(&gateway, stream, Side::Response, "x-filter").as_deref(), Some("response"));
    assert_eq!(header(&gateway, stream, Side::Response, "server"), None);
    assert_eq!(gateway.take_body(stream, Side::Response), b"body");
    gateway.finish(stream, Completion { code: Some(200), ..Completion::default() }).unwrap();
    let lines = logged(&gateway);
    assert_eq!((lines[1].as_str(), lines.last().unwrap().as_str()), ("#2 -> :path: /", "#2 completed"));

    let stream = get(&mut gateway, "/hello");
    answered(&mut gateway, stream, ["never", "seen"]);
    assert_eq!(gateway.local_reply(stream).unwrap().code, 200);
    assert_eq!(header(&gateway, stream, Side::Response, "hello").as_deref(), Some("world"));
    assert_eq!(header(&gateway, stream, Side::Response, "x-filter").as_deref(), Some("response"));
    assert_eq!(gateway.take_body(stream, Side::Response), b"Hello!\n");
    gateway.finish(stream, Completion::default()).unwrap();
}

#[test]
fn a_filter_holds_a_request_back_until_another_service_has_answered() {
    let config = || GatewayConfig { upstreams: vec!["numbers".to_owned()], ..GatewayConfig::default() };
    let mut gateway = start("auth_random", config()).unwrap();
    let ask = |gateway: &mut Gateway, answer: CallAnswer| {
        let stream = get(gateway, "/");
        assert!(gateway.is_paused(stream, Side::Request));
        let (call, asked) = gateway.calls().pop().map(|(id, call)| (id, call.clone())).unwrap();
        assert_eq!(
            (asked.upstream.as_str(), asked.headers.get(b":path")),
            ("numbers", Some(&b"/bytes/1"[..]))
        );
        assert!(gateway.answer(call, answer.clone()).unwrap());
        assert!(!gateway.answer(call, answer).unwrap(), "an answer comes once");
        stream
    };
    let stream = ask(&mut gateway, CallAnswer::new(200, &[42]));
    assert!(!gateway.is_paused(stream, Side::Request));
    answered(&mut gateway, stream, ["bo", "dy"]);
    assert_eq!(gateway.local_reply(stream), None);
    assert_eq!(header(&gateway, stream, Side::Response, "powered-by").as_deref(), Some("proxy-wasm"));
    gateway.finish(stream, Completion::default()).unwrap();

    for refused in [CallAnswer::new(200, &[41]), CallAnswer::new(500, &[42])] {
        let stream = ask(&mut gateway, refused);
        assert_eq!(gateway.local_reply(stream).unwrap().code, 403);
        assert_eq!(gateway.take_body(stream, Side::Response), b"Access forbidden.\n");
        gateway.finish(stream, Completion::default()).unwrap();
    }
    let stream = get(&mut gateway, "/");
    gateway.advance_to(1_000_000_000).unwrap();
    assert_eq!(gateway.local_reply(stream).unwrap().code, 403, "nobody answered in time");
    assert!(gateway.calls().is_empty());

    let mut alone = start("auth_random", GatewayConfig::default()).unwrap();
    let stream = get(&mut alone, "/");
    assert_eq!(alone.local_reply(stream).unwrap().code, 500, "there is nobody to ask");
    assert_eq!(logged(&alone), ["cannot ask: BadArgument"]);
}

#[test]
fn a_filter_rewrites_a_body_that_comes_in_parts() {
    let mut gateway = start("body_rewrite", GatewayConfig::default()).unwrap();
    for (parts, passed) in
        [(["a sec", "ret"], "Original message of 8 bytes redacted.\n"), (["not", "hing"], "nothing")]
    {
        let stream = get(&mut gateway, "/");
        answered(&mut gateway, stream, parts);
        assert_eq!(gateway.take_body(stream, Side::Response), passed.as_bytes());
        assert_eq!(header(&gateway, stream, Side::Response, "content-length"), None);
        gateway.finish(stream, Completion::default()).unwrap();
    }
}

#[test]
fn a_filter_reads_its_configuration_and_ticks() {
    let config = |text: &str| GatewayConfig {
        plugin: abi::Plugin { configuration: text.as_bytes().to_vec(), ..abi::Plugin::default() },
        ..GatewayConfig::default()
    };
    let error = start("config", config("")).unwrap_err();
    assert!(error.to_string().contains("a header's value is wanted"), "{error}");
    let mut gateway = start("config", config("from the configuration")).unwrap();
    let stream = get(&mut gateway, "/");
    answered(&mut gateway, stream, ["bo", "dy"]);
    assert_eq!(
        header(&gateway, stream, Side::Response, "custom-header").as_deref(),
        Some("from the configuration")
    );
    gateway.advance_to(60_000_000_000).unwrap();
    // The main VM's and the worker's, which share what they count in.
    assert_eq!(logged(&gateway).last().unwrap(), "tick 24, true");
    let ticks = gateway.stats().snapshot().into_iter().find(|sample| sample.name == "config_ticks").unwrap();
    assert_eq!(ticks.value, Value::Counter(24));
}
