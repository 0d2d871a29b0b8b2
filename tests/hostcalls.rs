//! Every hostcall asked of a real Envoy, in every callback: it answers as the table says that the harness keeps to.
//!
//! The table is host-harness/src/abi/conformance.txt; the harness's unit tests run it there. BLESS=1 writes down what
//! this Envoy answers.

mod support;
#[path = "../host-harness/src/testing.rs"]
#[allow(dead_code, unreachable_pub, reason = "the harness's own tests use the rest")]
mod testing;

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{World, raw};
use testing::probes::{Probe, ordered, probes, written};

const TABLE: &str = "host-harness/src/abi/conformance.txt";

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

fn listener(name: &str, wasm: &Path) -> Value {
    let text =
        |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    let vm = json!({"vm_id": name, "runtime": "envoy.wasm.runtime.v8", "configuration": text("VMC"),
        "environment_variables": {"key_values": {"A": "b"}},
        "code": {"local": {"filename": wasm.display().to_string()}}});
    let hcm = json!({
        "@type": HCM, "stat_prefix": name,
        "http_protocol_options": {"enable_trailers": true},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}}]}]},
        "http_filters": [
            {"name": "wasm", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {"name": name, "root_id": "root", "vm_config": vm, "configuration": text("CFG")}}},
            {"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
        ],
    });
    json!({"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]})
}

fn bootstrap(listeners: &[Value], upstream: SocketAddr) -> String {
    let upstream = json!({"address": upstream.ip().to_string(), "port_value": upstream.port()});
    json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": listeners, "clusters": [{
            "name": "upstream", "type": "STATIC", "connect_timeout": "5s",
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}}},
            "load_assignment": {"cluster_name": "upstream", "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": {"socket_address": upstream}}}]}]},
        }]},
    })
    .to_string()
}

/// What a program has logged.
fn lines(world: &World, probe: &Probe) -> Vec<String> {
    let from = format!(" {}: ", probe.name);
    let log = world.envoy.log();
    let own = log.lines().filter(|line| line.contains("wasm log"));
    ordered(probe, own.filter_map(|line| line.split_once(&from)).map(|(_, text)| written(text)).collect())
}

/// Polls until what was logged satisfies; gives up after a while. What was logged then.
fn waited(world: &World, probe: &Probe, done: impl Fn(&[String]) -> bool) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let lines = lines(world, probe);
        if done(&lines) || Instant::now() > deadline {
            return lines;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends the stream that the table is about, its body in two parts.
fn send(world: &World, probe: &Probe) {
    let begin = b"POST /a?b=1 HTTP/1.1\r\nhost: test.example\r\nx-multi: 1\r\nx-multi: 2\r\nx-empty:\r\nte: trailers\r\n\
                  x-do: status=404 size=1 chunked trailer=t:1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let mut stream = raw::connect(world.envoy.listener(&probe.name).expect("the listener"));
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    raw::send(&mut stream, begin);
    if probe.expected.iter().any(|line| line == "  request_body") {
        waited(world, probe, |lines| lines.iter().any(|line| line == "  request_body"));
    }
    // A stream that is closed, or answered at once, may not be read any more.
    let _sent = std::io::Write::write_all(&mut stream, b"6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n");
    let _answer = raw::read_until(&mut stream, b"\r\nt: 1\r\n", 1);
}

/// The table with what was seen in the place of what was expected.
fn blessed(seen: &[(Probe, Vec<String>)]) -> String {
    let table = std::fs::read_to_string(support::root().join(TABLE)).expect("the table");
    let mut text = String::new();
    let mut at = None;
    for line in table.lines().filter(|line| line.starts_with(['#', '=', '?'])) {
        if line.starts_with("== ") {
            let name = line.trim_start_matches("== ").trim_end_matches(" unordered");
            text.extend(
                at.iter().flat_map(|(_, lines): &&(Probe, Vec<String>)| lines).map(|l| format!("{l}\n")),
            );
            at = seen.iter().find(|(probe, _)| probe.name == name);
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    text.extend(at.iter().flat_map(|(_, lines)| lines).map(|l| format!("{l}\n")));
    text
}

#[test]
fn a_real_envoy_answers_every_hostcall_as_the_table_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let probes = probes();
    let listeners: Vec<Value> = probes
        .iter()
        .map(|probe| {
            let file = folder.path().join(format!("{}.wasm", probe.name));
            std::fs::write(&file, probe.guest.wasm()).expect("a file");
            listener(&probe.name, &file)
        })
        .collect();
    let world = World::launch(
        |upstream| bootstrap(&listeners, upstream.scripted),
        |launch| launch.workers(1).argument("--component-log-level").argument("wasm:info"),
    )
    .expect("Envoy starts");
    let bless = std::env::var_os("BLESS").is_some();
    let mut seen = Vec::new();
    for probe in probes {
        send(&world, &probe);
        let lines = waited(&world, &probe, |lines| !bless && lines == probe.expected);
        seen.push((probe, lines));
    }
    if bless {
        std::fs::write(support::root().join(TABLE), blessed(&seen)).expect("the table");
    }
    // How streams end and what WASI answers is that of 1.40.
    if support::envoy_minor() < 40 {
        return;
    }
    for (probe, lines) in seen {
        assert!(
            bless || lines == probe.expected,
            "{}: {lines:#?}\nand not {:#?}",
            probe.name,
            probe.expected
        );
    }
}
