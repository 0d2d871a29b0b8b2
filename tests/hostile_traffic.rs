//! Random bytes, broken requests and random HTTP/2 frames through a real Envoy: the filter never fails, and still
//! counts every stream that Envoy itself logs.
//!
//! `REDLINE_FUZZ_SECONDS` says for how long: 15 without it, half a minute in CI.

mod support;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::gateway::{Listener, bootstrap};
use support::metrics::Metrics;
use support::random::Random;
use support::{World, eventually, native, raw};

const CONFIGURATION: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/api/v1/models/{id}", "/files/{rest*}"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 50}, "limits": {"max_series": 300}}"#;

const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "FROB", "CONNECT", "", "\u{1}"];
const PATHS: [&str; 9] = [
    "/",
    "/api/v1/models/7",
    "/files/../a",
    "/%zz",
    "*",
    "",
    "http://h/x",
    "/a;.;status=.=200;.;",
    "/\u{e9}",
];
const NAMES: [&str; 8] = [
    "x-tenant-id",
    "content-type",
    "host",
    "content-length",
    "transfer-encoding",
    "te",
    "x-envoy-attempt-count",
    ":path",
];

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => random.bytes(300),
        1 => b"application/grpc".to_vec(),
        2 => vec![b'a' + random.below(26) as u8; random.below(20_000)],
        3 => {
            random.pick(&["chunked", "5", "-1", "_other", "a;.;b=.=c;.;", "\"", "\\", ""]).as_bytes().to_vec()
        }
        _ => random.below(1000).to_string().into_bytes(),
    }
}

/// A request that begins well and is then damaged here and there.
fn http1(random: &mut Random) -> Vec<u8> {
    let (method, path) = (random.pick(&METHODS), random.pick(&PATHS));
    let mut bytes = format!("{method} {path} HTTP/1.{}\r\nhost: a\r\n", random.below(3)).into_bytes();
    let most = if random.below(10) == 0 { 300 } else { 6 };
    for _ in 0..random.below(most) {
        bytes.extend_from_slice(random.pick(&NAMES).as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend(value(random));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend(random.bytes(200));
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len());
        bytes[at] = random.next() as u8;
    }
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literals without indexing (RFC 7541 6.2.2) with names and values of at most 126 bytes.
fn header_block(random: &mut Random) -> Vec<u8> {
    let mut block = Vec::new();
    let mut literal = |name: &[u8], value: &[u8]| {
        block.push(0);
        for text in [name, value] {
            let text = &text[..text.len().min(126)];
            block.push(text.len() as u8);
            block.extend_from_slice(text);
        }
    };
    for (name, value) in [
        (":method", random.pick(&METHODS)),
        (":path", random.pick(&PATHS)),
        (":scheme", "http"),
        (":authority", "a"),
    ] {
        if random.below(12) != 0 {
            literal(name.as_bytes(), value.as_bytes());
        }
    }
    for _ in 0..random.below(5) {
        let name =
            if random.below(3) == 0 { random.bytes(20) } else { random.pick(&NAMES).as_bytes().to_vec() };
        literal(&name, &value(random));
    }
    block
}

/// Some streams that are opened, fed, reset and prioritised at random, among frames of any kind.
fn http2(random: &mut Random) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    let mut opened = 1;
    for _ in 0..random.below(30) {
        let stream = 1 + 2 * random.below(opened as usize) as u32;
        bytes.extend(match random.below(8) {
            0..=3 => {
                let new = 2 * opened - 1;
                opened += 1;
                let flags = random.pick(&[&4_u8, &5, &5, &0]);
                frame(1, *flags, new, &header_block(random))
            }
            4 => frame(0, random.below(2) as u8, stream, &random.bytes(500)),
            5 => frame(3, 0, stream, &[0, 0, 0, 8]),
            6 => frame(9, 4, stream, &header_block(random)),
            _ => frame(random.next() as u8, random.next() as u8, stream, &random.bytes(60)),
        });
    }
    bytes
}

/// Sends bytes and reads what comes within a moment.
fn throw(address: SocketAddr, bytes: &[u8], answer_within: Duration) {
    let mut stream = raw::connect(address);
    stream.set_read_timeout(Some(answer_within)).expect("a timeout");
    let _refused_half_way = stream.write_all(bytes);
    let mut answer = [0; 1024];
    let _nothing_is_an_answer_too = stream.read(&mut answer);
}

#[test]
fn no_bytes_from_a_client_make_the_filter_fail_or_miscount() {
    let seconds = std::env::var("REDLINE_FUZZ_SECONDS").ok().map_or(15, |s| s.parse().expect("seconds"));
    let world = World::with_bootstrap(2, |upstream| {
        let listener =
            Listener { name: "ingress", configuration: CONFIGURATION, client_values: false, quic: None };
        bootstrap(&[listener], &support::wasm().display().to_string(), upstream)
    });
    let world = world.expect("Envoy starts");
    let address = world.envoy.listener("ingress").expect("the listener");
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let thrown: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|seed| {
                scope.spawn(move || {
                    let mut random = Random(seed);
                    let mut thrown = 0;
                    while Instant::now() < deadline {
                        let bytes = match seed % 4 {
                            0 => random.bytes(2000),
                            1 => http1(&mut random),
                            _ => http2(&mut random),
                        };
                        throw(address, &bytes, Duration::from_millis(5));
                        thrown += 1;
                    }
                    thrown
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    let (counted, text) = eventually("every stream's end", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let metrics = Metrics::parse(&text);
        let in_progress = metrics.only(|name| name == "http_requests_in_progress");
        // A header block that Envoy's HTTP/2 codec refuses is logged, but no filter is ever made for its stream.
        let rows = native::logged(&world.envoy, &text, "ingress");
        let reached_filters = rows.iter().filter(|row| row.status != 0 || !row.method.is_empty());
        let logged: u64 = reached_filters.map(|row| row.streams).sum();
        let counted = metrics.total("http_requests_total");
        let quiet = in_progress.0.values().all(|value| *value == 0);
        (quiet && logged == counted).then_some((counted, text))
    });
    eprintln!("{thrown} connections, {counted} streams in {seconds} s");
    assert!(counted > 20 * seconds, "{counted} streams of {thrown} connections");
    assert!(text.contains("envoy_wasm_redline_vm_reload_success{} 0"), "a VM was replaced");
    let log = world.envoy.log();
    let failures: Vec<&str> =
        log.lines().filter(|line| line.contains("wasm") || line.contains("proxy_on")).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let metrics = Metrics::parse(&text);
    assert_eq!(metrics.total("redline_dropped_total"), 0);
    let tenants: u64 = metrics.total("tenant_requests_total");
    assert_eq!(tenants, counted, "every request belongs to one tenant");
}
