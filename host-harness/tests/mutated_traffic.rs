//! Damaged files of every format: each gives records, or errors that name a line, and a replay through the filter gives a
//! result or one such error; never a panic, never a hang.
//!
//! The filter is `$REDLINE_WASM`, else `dist/redline.wasm` of this checkout (`make wasm`).

use host_harness::replay::{Options, ReplayError, replay};
use host_harness::traffic::{self, Format};
use host_harness::{Filter, Gateway, GatewayConfig, abi};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const MUTANTS: u64 = 1000;
/// Of each format: a thousand HAR files and logs in all.
const REPLAYED: u64 = 250;

const HAR: &str = r#"{"log":{"version":"1.2","creator":{"name":"t","version":"1"},"entries":[
{"startedDateTime":"2026-01-01T00:00:00.000Z","time":12.5,"request":{"method":"GET","url":"https://a.example/x?y=1",
"httpVersion":"h2","headers":[{"name":"x-a","value":"1"}],"bodySize":-1},"response":{"status":200,"httpVersion":"h2",
"headers":[],"bodySize":17,"content":{"size":17}}},
{"startedDateTime":"2026-01-01T00:00:01.000Z","time":-1,"request":{"method":"POST","url":"http://a.example/",
"headers":[],"bodySize":3,"postData":{"text":"abc"}},"response":{"status":0,"headers":[],"content":{"size":0}}}]}}"#;
const ENVOY: &str = r#"{"start_time":"2026-01-01T00:00:00.250Z","method":"GET","path":"/a?x=1","protocol":"HTTP/2","response_code":503,"response_flags":"UF,URX","bytes_received":"7","bytes_sent":91,"duration":12,"x-tenant-id":"acme","authority":"a"}
{"start_time":"2026-01-01T00:00:00.100Z","method":null,"path":null,"response_code":0,"response_flags":"DC","duration":3}
"#;
const COMBINED: &str = r#"10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl/8 \"x\"" 0.042
::1 - bob [17/May/2015:10:05:04 +0200] "POST http://h/p HTTP/1.0" 404 - "r" "u"
"#;
const EXCHANGES: &str = r#"{"time":"2026-01-01T00:00:00Z","method":"GET","path":"/a","host":"h","request_headers":{"x":"1"},"status":200,"duration_ms":12.5}
{"time":"2026-01-01T00:00:01Z","path":"/b","status":0,"flags":"DC","request_bytes":7}
"#;
const SCENARIO: &str = "duration: 10s\nrate: [{at: 0s, per_second: 5}, {at: 5s, per_second: 9}]\n\
tenants: {count: 5, zipf: 1.1, header: x-t, prefix: t-}\n\
requests: [{path: '/a/{id}', latency: {p50: 1ms, p99: 9ms}, status: {200: 1, 500: 1}}]\n\
episodes: [{from: 1s, to: 2s, latency: 3, errors: {share: 0.5, status: 503}}]\n";

/// Files of real traffic that are not part of the project, cut to a size that a test can read a thousand times.
fn recorded(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("REDLINE_DATA")
        .map_or(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let Ok(mut bytes) = std::fs::read(folder.join(name)) else {
        eprintln!("NOT CHECKED: {name} is not in {}", folder.display());
        return None;
    };
    bytes.truncate(60_000);
    Some(bytes)
}

/// One to six changes: bytes flipped, cut out, doubled, moved, or put in that mean something somewhere.
fn mutate(original: &[u8], random: &mut StdRng) -> Vec<u8> {
    const WORDS: [&[u8]; 16] = [
        b"\0",
        b"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\n",
        b"\xff\xfe",
        b"-1",
        b"1e308",
        b"99999999999999999999",
        b"null",
        b"\\u0000",
        b"\x1f\x8b",
        b"\xf0\x9f\x92\xa9",
    ];
    let mut bytes = original.to_vec();
    for _ in 0..random.random_range(1..=6) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..40)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.random_range(0..8)),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => bytes.truncate(at),
            4 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..end, word.iter().copied());
            }
            _ => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
    bytes
}

/// No file that a person would wait for longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Redline's filter with most of what it can do.
struct Redline(Filter);

impl Redline {
    fn compile() -> Self {
        let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dist/redline.wasm");
        let path = std::env::var_os("REDLINE_WASM").map_or(default, PathBuf::from);
        let wasm = std::fs::read(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; `make wasm` builds the filter", path.display()));
        Self(Filter::compile(&wasm).unwrap())
    }

    fn gateway(&self, start_ns: u64) -> Gateway {
        let configuration =
            br#"{"service": "s", "endpoints": {"templates": ["/", "/a/{id}", "/blog/{rest*}"]},
            "tenant": {"sources": [{"header": "x-tenant-id"}, {"header": "x-a"}], "max": 5},
            "user": {"sources": [{"header": "user-agent"}]},
            "slos": [{"name": "a", "objective": 99.9, "sli": {"availability": {}}},
                     {"name": "l", "objective": 99, "sli": {"latency": {"threshold": "10ms"}}}],
            "metrics": [{"name": "c_total", "type": "counter", "labels": {"host": "host"}}]}"#;
        let plugin = abi::Plugin { configuration: configuration.to_vec(), ..abi::Plugin::default() };
        let config = GatewayConfig { plugin, start_ns, workers: 2, ..GatewayConfig::default() };
        Gateway::start(&self.0, config).unwrap()
    }
}

/// Replays damaged copies, every other one past its bad lines; how many gave results and how many errors.
fn replayed(redline: &Redline, name: &str, original: &[u8], format: Format) -> (u64, u64) {
    let mut random = StdRng::seed_from_u64(original.len() as u64);
    let (mut results, mut errors) = (0, 0);
    for mutant in 0..REPLAYED {
        let bytes = mutate(original, &mut random);
        let began = Instant::now();
        let mut records = traffic::read(name, bytes.as_slice(), format);
        let mut gateway = redline.gateway(records.first_time_ns().unwrap_or(0));
        let options = Options { skip_bad: mutant % 2 == 0 };
        match replay(&mut gateway, records.take(20_000), options) {
            Ok(summary) => {
                results += 1;
                assert!(gateway.stats().snapshot().len() > 10, "{name}: {summary:?}");
            }
            Err(ReplayError::Bad(bad)) => {
                errors += 1;
                assert!(!bad.reason.is_empty() && bad.file == name && !options.skip_bad, "{bad}");
            }
            Err(ReplayError::Host(error)) => panic!("mutant {mutant} of {name}: {error}"),
        }
        assert!(began.elapsed() < LIMIT, "mutant {mutant} of {name} took {:?}", began.elapsed());
    }
    (results, errors)
}

/// Reads a thousand damaged copies, told and untold what they are.
fn damaged(name: &str, original: &[u8], format: Format) {
    let mut random = StdRng::seed_from_u64(original.len() as u64);
    let (mut records, mut errors) = (0u64, 0u64);
    for mutant in 0..MUTANTS {
        let bytes = mutate(original, &mut random);
        let format = if mutant % 2 == 0 { format } else { Format::Auto };
        let began = Instant::now();
        // A mutant of a scenario may be one of ten years.
        for read in traffic::read(name, bytes.as_slice(), format).take(100_000) {
            match read {
                Ok(_) => records += 1,
                Err(bad) => {
                    assert!(!bad.reason.is_empty() && bad.file == name, "{bad}");
                    errors += 1;
                }
            }
        }
        assert!(began.elapsed() < LIMIT, "mutant {mutant} of {name} took {:?}", began.elapsed());
    }
    assert!(records > 0 && errors > 0, "{name}: {records} records, {errors} errors");
}

#[test]
fn a_thousand_damaged_files_of_each_format_give_records_or_clear_errors() {
    for (name, text, format) in [
        ("har", HAR, Format::Har),
        ("envoy-json", ENVOY, Format::EnvoyJson),
        ("combined", COMBINED, Format::Combined),
        ("exchanges", EXCHANGES, Format::Exchanges),
        ("scenario", SCENARIO, Format::Scenario),
    ] {
        damaged(name, text.as_bytes(), format);
    }
}

#[test]
fn a_thousand_damaged_recordings_give_records_or_clear_errors() {
    for (name, format) in
        [("firefox_www.nghttp2.org.har", Format::Har), ("apache_access.log", Format::Combined)]
    {
        if let Some(bytes) = recorded(name) {
            damaged(name, &bytes, format);
        }
    }
}

#[test]
fn a_thousand_damaged_files_are_replayed_to_a_result_or_one_clear_error() {
    let redline = Redline::compile();
    for (name, text, format) in [
        ("har", HAR, Format::Har),
        ("envoy-json", ENVOY, Format::EnvoyJson),
        ("combined", COMBINED, Format::Combined),
        ("exchanges", EXCHANGES, Format::Exchanges),
    ] {
        let (results, errors) = replayed(&redline, name, text.as_bytes(), format);
        assert!(results > 0 && errors > 0, "{name}: {results} results, {errors} errors");
    }
}
