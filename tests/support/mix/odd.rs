//! What no well-behaved client sends; streams of which Envoy knows little.

use super::super::raw;
use super::{EACH, Sent};
use std::net::SocketAddr;

/// What Envoy's codec refuses has no headers, hence no kind.
const REFUSED: &str = "";

/// One connection's bytes, and what becomes of them.
struct Odd {
    kind: &'static str,
    protocol: &'static str,
    streams: usize,
    bytes: Vec<u8>,
}

fn odd(kind: &'static str, line: &[u8], headers: &[&[u8]]) -> Odd {
    let protocol = if line.ends_with(b"1.0") { "HTTP/1.0" } else { "HTTP/1.1" };
    let kind_header = [b"x-kind: ", kind.as_bytes()].concat();
    let lines = [&[line, &kind_header], headers, &[b"", b""]].concat();
    Odd { kind, protocol, streams: 1, bytes: lines.join(&b"\r\n"[..]) }
}

fn kinds() -> [Odd; 12] {
    const HOST: &[u8] = b"host: a";
    const CLOSE: &[u8] = b"connection: close";
    let long = [b"x-long: ", &[b'x'; 100_000][..]].concat();
    let mut expects = odd(
        "expects 100",
        b"POST /x HTTP/1.1",
        &[HOST, CLOSE, b"expect: 100-continue", b"content-length: 7"],
    );
    expects.bytes.extend_from_slice(b"1234567");
    let mut pipelined = odd("pipelined", b"GET /x HTTP/1.1", &[HOST, b"x-do: size=7"]);
    pipelined.bytes = pipelined.bytes.repeat(2);
    pipelined.bytes.extend(odd("pipelined", b"GET /x HTTP/1.1", &[HOST, CLOSE]).bytes);
    pipelined.streams = 3;
    [
        odd("old", b"GET /x HTTP/1.0", &[HOST, b"x-tenant-id: acme", b"x-do: size=53"]),
        odd("old without host", b"GET /x HTTP/1.0", &[]),
        odd("no host", b"GET /x HTTP/1.1", &[CLOSE]),
        odd("query", b"QUERY /x HTTP/1.1", &[HOST, CLOSE, b"content-type: text/plain"]),
        odd("query of no type", b"QUERY /x HTTP/1.1", &[HOST, CLOSE]),
        odd("asterisk", b"OPTIONS * HTTP/1.1", &[HOST, CLOSE]),
        odd("tenant that is no text", b"GET /x HTTP/1.1", &[HOST, CLOSE, b"x-tenant-id: \xff\xfe\x80"]),
        odd(REFUSED, b"FROB /x HTTP/1.1", &[HOST, CLOSE]),
        odd(REFUSED, b"GET /\xff\xfe HTTP/1.1", &[HOST, CLOSE]),
        odd(REFUSED, b"GET /x HTTP/1.1", &[HOST, &long]),
        expects,
        pipelined,
    ]
}

/// Sends them all.
pub fn send(address: SocketAddr, sent: &mut Sent) {
    // Envoy waits a second before it closes on a client that it refused.
    std::thread::scope(|scope| {
        for Odd { kind, protocol, streams, bytes } in kinds() {
            sent.add(kind, protocol, streams * EACH);
            for _ in 0..EACH {
                let bytes = bytes.clone();
                scope.spawn(move || raw::exchange(address, &bytes));
            }
        }
    });
}
