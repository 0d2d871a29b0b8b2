//! What a well-behaved client asks for, and everything that Envoy and the upstream make of it.

use super::super::client::{Body, Call, Version};
use super::super::gateway::route;
use super::{EACH, Sent, protocol};

/// Name, method, path, what the upstream is to do, body.
type Kind = (&'static str, &'static str, &'static str, &'static str, Body);

/// Well-behaved requests whose answers come from everywhere.
const POLITE: [Kind; 18] = [
    ("get", "GET", "/api/v1/models", "size=53", Body::None),
    ("get chunked", "GET", "/api/v1/models/7", "size=6300 chunked", Body::None),
    ("post", "POST", "/api/v1/models", "status=201 size=7", Body::Sized(420)),
    ("post chunked", "POST", "/api/v1/models", "status=201", Body::Chunked(6300)),
    ("put", "PUT", "/api/v1/models/7", "status=204", Body::Sized(53)),
    ("head", "HEAD", "/api/v1/models/7", "size=6300", Body::None),
    ("delete", "DELETE", "/api/v1/models/7", "status=404 size=7", Body::None),
    ("not modified", "GET", "/x", "status=304", Body::None),
    ("unauthorized", "GET", "/x", "status=401", Body::None),
    ("forbidden", "GET", "/x", "status=403", Body::None),
    ("too many", "GET", "/x", "status=429", Body::None),
    ("error", "GET", "/x", "status=500 size=53", Body::None),
    ("no healthy upstream", "GET", route::NO_HEALTHY_UPSTREAM, "", Body::None),
    ("no route", "GET", route::NO_ROUTE, "", Body::None),
    ("direct response", "POST", route::DIRECT, "", Body::Sized(53)),
    ("denied", "GET", route::DENIED, "", Body::None),
    ("limited", "GET", route::LIMITED, "", Body::None),
    ("reset before headers", "GET", "/x", "reset", Body::None),
];

/// What takes its time, or its connection, over HTTP/1 and HTTP/2.
const MESSY: [Kind; 20] = [
    ("timeout", "GET", route::TIMEOUT, "hang", Body::None),
    ("idle before headers", "GET", route::IDLE, "hang", Body::None),
    ("idle after headers", "GET", route::IDLE, "stall size=6300", Body::None),
    ("slow", "GET", "/api/v1/models", "wait=40 size=7", Body::None),
    ("retries used up", "GET", route::RETRY, "status=503", Body::None),
    ("retries of garbage", "GET", route::RAW_RETRY, "garbage", Body::None),
    ("retries reset", "GET", route::RETRY, "reset", Body::None),
    ("retry that succeeds", "GET", route::RETRY, "first=503 size=7", Body::None),
    ("shed", "GET", route::SHED, "", Body::None),
    ("cut after headers", "GET", "/x", "cut size=6300", Body::None),
    ("early answer", "POST", "/x", "early status=413", Body::Sized(64_000)),
    ("reset after headers", "GET", route::RAW, "part", Body::None),
    ("informational", "GET", route::RAW, "informational", Body::None),
    ("upload to an error", "POST", "/x", "status=500", Body::Sized(6300)),
    ("trailers", "POST", "/api/v1/models", "mirror header=trailer:x-sum", Body::Trailed(420)),
    ("http2 trailers", "POST", route::HTTP2, "mirror header=trailer:x-sum", Body::Trailed(420)),
    ("http2 reset before headers", "GET", route::HTTP2, "reset", Body::None),
    ("http2 reset after headers", "GET", route::HTTP2, "cut size=400000", Body::None),
    ("health", "GET", "/healthz", "", Body::None),
    // Envoy ends the first stream and makes a second of it: both are logged, and both are counted.
    ("redirect", "GET", route::REDIRECT, "status=302 header=location:http://a/api/v1/models", Body::None),
];

const GRPC: &str = "/hello.Greeter/Say";

/// gRPC calls.
const RPCS: [Kind; 9] = [
    ("grpc", "POST", GRPC, "trailer=grpc-status:0 size=53", Body::Sized(53)),
    ("grpc server streaming", "POST", GRPC, "trailer=grpc-status:0 size=6300", Body::Sized(53)),
    ("grpc error", "POST", GRPC, "trailer=grpc-status:13 size=7", Body::Chunked(420)),
    ("grpc trailers-only", "POST", GRPC, "header=grpc-status:5", Body::Sized(7)),
    ("grpc unknown code", "POST", GRPC, "trailer=grpc-status:99", Body::Sized(7)),
    ("grpc no code", "POST", GRPC, "size=7", Body::Sized(7)),
    ("grpc no code and an error", "POST", GRPC, "status=503", Body::Sized(7)),
    ("grpc cut", "POST", GRPC, "cut size=400000", Body::Sized(7)),
    ("grpc denied", "POST", route::DENIED, "", Body::None),
];

fn call(kind: Kind, version: Version) -> Call {
    let (name, method, path, script, body) = kind;
    let mut call = Call::get(path).header("x-kind", name).header("x-tenant-id", "acme");
    (call.version, call.method, call.body) = (version, method.to_owned(), body);
    if script.is_empty() { call } else { call.header("x-do", script) }
}

/// So many polite requests.
pub fn polite(count: usize, sent: &mut Sent) -> Vec<Call> {
    (0..count)
        .map(|i| {
            let kind = POLITE[i % POLITE.len()];
            let version = if (i / POLITE.len()).is_multiple_of(3) { Version::H2 } else { Version::H1 };
            sent.add(kind.0, protocol(version), 1);
            let mut call = call(kind, version);
            // What ends in a reset may take its connection with it.
            call.alone = i % 7 == 0 || kind.0.starts_with("reset");
            call
        })
        .collect()
}

/// The other kinds, [`EACH`] of each.
pub fn messy(sent: &mut Sent) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |kind: Kind, version: Version, more: &[(&str, &str)]| {
        // A redirect is two.
        let streams = if kind.0 == "redirect" { 2 } else { 1 };
        sent.add(kind.0, protocol(version), streams * EACH);
        let call = more.iter().fold(call(kind, version), |call, (name, value)| call.header(name, value));
        calls.extend(vec![call; EACH]);
    };
    for kind in MESSY {
        add(kind, Version::H1, &[]);
        add(kind, Version::H2, &[]);
    }
    for kind in RPCS {
        add(kind, Version::H2, &[("content-type", "application/grpc"), ("te", "trailers")]);
    }
    let models = "/api/v1/models";
    add(("health by header", "GET", models, "", Body::None), Version::H1, &[("x-health-check", "1")]);
    // Over HTTP/1 Envoy's codec refuses a method that it does not know.
    add(("odd method", "FROB", "/x", "", Body::None), Version::H2, &[]);
    calls
}
