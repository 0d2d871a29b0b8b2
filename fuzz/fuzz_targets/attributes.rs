//! A host's bytes into the decoders: what comes out lies inside what went in, and in its order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redline::attributes::{
    HeaderSlot, Property, RequestInterests, UpstreamInterests, grpc_status, header_pairs, number,
    request_body_bytes, upstream_facts,
};
use redline::config::Config;
use redline::exchange::{GrpcCode, Method, decimal};
use redline::memory_host::{MemoryHost, encode_pairs};
use std::sync::LazyLock;

const DOCUMENT: &[u8] = br#"{"service":"s","endpoints":{"exclude":[{"header":"x-no"}]}}"#;

static INTERESTS: LazyLock<RequestInterests> =
    LazyLock::new(|| RequestInterests::new(&Config::from_json(DOCUMENT).expect("valid"), &WANTED));

static UPSTREAM: LazyLock<UpstreamInterests> =
    LazyLock::new(|| UpstreamInterests::new(&Config::from_json(DOCUMENT).expect("valid")));

static WANTED: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| vec![b"x-a".to_vec(), b"x-b".to_vec()]);

const NAMES: [&[u8]; 10] = [
    b":method",
    b":path",
    b"content-type",
    b"x-a",
    b"x-b",
    b"x-no",
    b"grpc-status",
    b"x-envoy-upstream-service-time",
    b"x-envoy-attempt-count",
    b"",
];

/// The encoding's definition again, by offsets: every pair that is whole, up to the first that is not.
fn reference(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let number =
        |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().expect("4")) as usize);
    let text =
        |at: usize, length: usize| bytes.get(at..at + length).filter(|_| bytes.get(at + length) == Some(&0));
    let mut pairs = Vec::new();
    let count = number(0).unwrap_or(0);
    let mut at = 4 + count * 8;
    if at > bytes.len() {
        return pairs;
    }
    for pair in 0..count {
        let lengths = 4 + pair * 8;
        let (Some(name), Some(value)) = (number(lengths), number(lengths + 4)) else { break };
        let (Some(n), Some(v)) = (text(at, name), text(at + name + 1, value)) else { break };
        pairs.push((n.to_vec(), v.to_vec()));
        at += name + value + 2;
    }
    pairs
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // The same bytes as headers that matter: each line a name's number and a value.
    let line = |line: &[u8]| {
        let (first, value) = line.split_first()?;
        Some((NAMES[usize::from(*first) % NAMES.len()].to_vec(), value.to_vec()))
    };
    let pairs: Vec<_> = bytes.split(|b| *b == b'\n').filter_map(line).collect();
    let encoded = encode_pairs(&pairs);
    assert_eq!(reference(&encoded), pairs);
    check(&encoded);
});

fn check(bytes: &[u8]) {
    let whole = bytes.as_ptr_range();
    let mut end = whole.start;
    let mut pairs = Vec::new();
    for (name, value) in header_pairs(bytes) {
        for part in [name, value].map(<[u8]>::as_ptr_range) {
            assert!(end <= part.start && part.end < whole.end, "each with its NUL after the one before");
            end = part.end;
        }
        pairs.push((name.to_vec(), value.to_vec()));
    }
    assert_eq!(pairs, reference(bytes));

    let head = INTERESTS.read(bytes);
    let filled =
        |wanted: &[u8]| pairs.iter().find(|(n, v)| n == wanted && !v.is_empty()).map(|(_, v)| &v[..]);
    assert_eq!(head.path, filled(b":path"));
    assert_eq!(head.method, filled(b":method").map_or(Method::Other, Method::from_bytes));
    let looked_for = [0, 1].map(|slot| head.values.get(HeaderSlot(slot)));
    assert_eq!(looked_for, [filled(b"x-a"), filled(b"x-b")]);
    assert_eq!(head.values.get(HeaderSlot(2)), None);
    assert_eq!(head.excluded, pairs.iter().any(|(name, _)| name == b"x-no"));
    assert!(!head.grpc || filled(b"content-type").is_some_and(|v| v.starts_with(b"application/grpc")));
    for part in head.path.into_iter().chain(looked_for.into_iter().flatten()).map(<[u8]>::as_ptr_range) {
        assert!(whole.start <= part.start && part.end <= whole.end);
    }

    let facts = upstream_facts(bytes, |_| {});
    assert_eq!(facts.service_time_ms, filled(b"x-envoy-upstream-service-time").and_then(decimal));
    assert_eq!(facts.attempts, filled(b"x-envoy-attempt-count").and_then(decimal));
    let status = pairs.iter().find(|(name, _)| name == b"grpc-status");
    assert_eq!(grpc_status(bytes), status.map(|(_, value)| GrpcCode::from_header(value)));

    // One by one, as the whole map says it.
    let mut host = MemoryHost::default();
    host.response_headers = Some(pairs.clone());
    let read = UPSTREAM.read(true, &mut Vec::new(), &mut host);
    assert_eq!(read, Ok((facts, grpc_status(bytes))));

    // The same bytes as a property.
    let decoded = bytes.try_into().ok().map(i64::from_le_bytes);
    let mut host = MemoryHost::default();
    host.request_headers = Some(pairs.clone());
    host.properties.push((Property::RequestTotalSize, bytes.to_vec()));
    match number(&mut host, Property::RequestTotalSize) {
        Ok(n) => assert_eq!(n, decoded.and_then(|n| u64::try_from(n).ok())),
        Err(_) => assert_eq!(decoded, None),
    }
    if let Ok(Some(body)) = request_body_bytes(&mut host, &mut Vec::new()) {
        assert!(decoded.is_some_and(|total| i128::from(body) <= i128::from(total)));
    }
    if let Some(n) = decimal(bytes) {
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(text.parse(), Ok(n), "{text}");
    }
    let _known = (Method::from_bytes(bytes), GrpcCode::from_header(bytes));
}
