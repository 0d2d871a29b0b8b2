//! The table of `abi/conformance.txt` in: programs for guests, and what each logs on Envoy; run here, what each logs out.

use super::Guest;
use host_harness::GatewayConfig;
use host_harness::abi::Plugin;
use host_harness::headers::HeaderMap;
use host_harness::stream::{Completion, Protocol, Request, Response};
use host_harness::upstream::CallAnswer;

/// One program of `abi/conformance.txt`, and what it logs.
pub(crate) struct Probe {
    pub(crate) name: String,
    /// Several VMs log at once.
    pub(crate) unordered: bool,
    pub(crate) guest: Guest,
    pub(crate) expected: Vec<String>,
}

/// The callbacks of a stream.
const OF_A_STREAM: [&str; 9] = [
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "log",
    "done",
    "delete",
];

/// The programs of the table; each callback says its name first.
pub(crate) fn probes() -> Vec<Probe> {
    let mut probes: Vec<Probe> = Vec::new();
    for line in include_str!("../abi/conformance.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("== ") {
            let (name, unordered) =
                name.strip_suffix(" unordered").map_or((name, false), |name| (name, true));
            let (name, guest) = (name.to_owned(), Guest::default());
            probes.push(Probe { name, unordered, guest, expected: Vec::new() });
            continue;
        }
        let Some(probe) = probes.last_mut() else { continue };
        let Some(program) = line.strip_prefix("? ") else {
            probe.expected.extend((!line.is_empty()).then(|| line.to_owned()));
            continue;
        };
        let guest = std::mem::take(&mut probe.guest);
        probe.guest = if let Some((callback, answer)) = program.split_once(" => ") {
            guest.answering(&format!("proxy_on_{callback}"), answer.parse().unwrap())
        } else {
            let (callback, calls) = program.split_once(": ").unwrap();
            let callbacks = if callback == "each" { OF_A_STREAM.to_vec() } else { vec![callback] };
            callbacks.into_iter().fold(guest, |guest, callback| {
                let name = format!("log 2 '{callback}'");
                let calls: Vec<&str> = std::iter::once(name.as_str()).chain(calls.split("; ")).collect();
                guest.on(&format!("proxy_on_{callback}"), &calls)
            })
        };
    }
    probes
}

/// A logged line as the table writes it.
pub(crate) fn written(line: &str) -> String {
    let text: String = line.chars().flat_map(char::escape_default).collect();
    if text.is_empty() { "  (empty)".to_owned() } else { format!("  {text}") }
}

/// Runs a program in this host, on the traffic that the test against Envoy sends; what it logs.
pub(crate) fn run(probe: &Probe) -> Vec<String> {
    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        HeaderMap::new(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    let plugin = Plugin {
        name: probe.name.clone(),
        root_id: "root".to_owned(),
        vm_id: probe.name.clone(),
        configuration: b"CFG".to_vec(),
        vm_configuration: b"VMC".to_vec(),
        environment: vec![("A".to_owned(), "b".to_owned())],
    };
    let config = GatewayConfig { plugin, upstreams: vec!["upstream".to_owned()], ..GatewayConfig::default() };
    let mut gateway = probe.guest.start(config).unwrap();
    let headers = [
        (":authority", "test.example"),
        (":path", "/a?b=1"),
        (":method", "POST"),
        (":scheme", "http"),
        ("x-multi", "1"),
        ("x-multi", "2"),
        ("x-empty", ""),
    ];
    let stream = gateway
        .open(Request {
            headers: Some(map(&headers)),
            time_ns: 7,
            protocol: Some(Protocol::Http11),
            end_of_stream: false,
        })
        .unwrap();
    gateway.request_body(stream, b"hello", false).unwrap();
    gateway.request_body(stream, b" world", false).unwrap();
    gateway.request_trailers(stream, map(&[("x-sum", "1")])).unwrap();
    let open: Vec<_> = gateway.calls().into_iter().map(|(call, _)| call).collect();
    for call in open {
        gateway.answer(call, CallAnswer::new(201, b"x")).unwrap();
    }
    let response =
        Response { headers: map(&[(":status", "404"), ("x-r", "1")]), code: 404, end_of_stream: false };
    gateway.respond(stream, response).unwrap();
    gateway.response_body(stream, b"x", false).unwrap();
    gateway.trailers(stream, map(&[("t", "1")])).unwrap();
    let end = Completion {
        code: Some(404),
        duration_ns: Some(99),
        request_bytes: 11,
        response_bytes: 1,
        ..Completion::default()
    };
    gateway.finish(stream, end).unwrap();
    gateway.advance_to(1_000_000_000).unwrap();
    ordered(probe, gateway.log().take().iter().map(|line| written(&line.text)).collect())
}

/// Lines whose order means nothing, in that of the alphabet.
pub(crate) fn ordered(probe: &Probe, mut lines: Vec<String>) -> Vec<String> {
    if probe.unordered {
        lines.sort();
    }
    lines
}
