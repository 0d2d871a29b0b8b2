//! Clients that leave: before the answer, in its middle, in the middle of their own upload.

use super::super::http2::Connection;
use super::super::{World, eventually, raw};
use super::{EACH, Sent};
use hyper::Request;
use std::net::SocketAddr;

const PATH: &str = "/api/v1/models/9";
const PART: [u8; 5000] = [b'x'; 5000];

/// Sends them all; over HTTP/1 the connection goes, over HTTP/2 only the stream is reset.
pub fn send(world: &World, address: SocketAddr, sent: &mut Sent) {
    for _ in 0..EACH {
        http1(world, address);
    }
    let mut connection = Connection::open(&world.runtime, address);
    for _ in 0..EACH {
        http2(world, &mut connection);
        grpc(world, &mut connection);
    }
    for protocol in ["HTTP/1.1", "HTTP/2"] {
        for kind in KINDS {
            sent.add(kind, protocol, EACH);
        }
    }
    for kind in RPCS {
        sent.add(kind, "HTTP/2", EACH);
    }
}

const KINDS: [&str; 3] = ["left before headers", "left in the response", "left in the upload"];
const RPCS: [&str; 3] = ["grpc both ways", "grpc left in the response", "grpc left before headers"];

/// Runs `act`, and waits until so much more has reached the upstream.
fn reaching<T>(world: &World, requests: u64, body_bytes: u64, act: impl FnOnce() -> T) -> T {
    let upstream = &world.upstream;
    let (requests, body_bytes) = (upstream.requests() + requests, upstream.body_bytes() + body_bytes);
    let result = act();
    eventually("what was sent, at the upstream", || {
        (upstream.requests() >= requests && upstream.body_bytes() >= body_bytes).then_some(())
    });
    result
}

fn http1(world: &World, address: SocketAddr) {
    let open = |kind: &str, method: &str, more: &str| {
        let mut stream = raw::connect(address);
        let head = format!(
            "{method} {PATH} HTTP/1.1\r\nhost: a\r\nx-tenant-id: acme\r\nx-kind: {kind}\r\n{more}\r\n"
        );
        raw::send(&mut stream, head.as_bytes());
        stream
    };
    drop(reaching(world, 1, 0, || open("left before headers", "GET", "x-do: hang\r\n")));

    let mut stream = open("left in the response", "GET", "x-do: stall size=6300\r\n");
    raw::read_until(&mut stream, &[b'x'; 3150], 1);
    drop(stream);

    let upload = || {
        let mut stream = open("left in the upload", "POST", "content-length: 1000000\r\n");
        raw::send(&mut stream, &PART);
        stream
    };
    drop(reaching(world, 1, 5000, upload));
}

fn request(kind: &str, method: &str, script: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://test.example{PATH}"));
    let request = request.header("x-tenant-id", "acme").header("x-kind", kind).header("x-do", script);
    request.body(()).expect("a request")
}

fn http2(world: &World, connection: &mut Connection<'_>) {
    let hang = request("left before headers", "GET", "hang");
    reaching(world, 1, 0, || connection.send(hang, true)).reset();

    let mut stream = connection.send(request("left in the response", "GET", "stall size=6300"), true);
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.receive(3150), 3150);
    stream.reset();

    let upload = || {
        let mut stream = connection.send(request("left in the upload", "POST", "status=200"), false);
        stream.send(&PART);
        stream
    };
    reaching(world, 1, 5000, upload).reset();
}

fn rpc(kind: &str, script: &str) -> Request<()> {
    let mut request = request(kind, "POST", script);
    *request.uri_mut() = "http://test.example/hello.Greeter/Chat".parse().expect("a path");
    request.headers_mut().insert("content-type", "application/grpc".parse().expect("a value"));
    request
}

fn grpc(world: &World, connection: &mut Connection<'_>) {
    let mut stream = connection.send(rpc("grpc both ways", "mirror trailer=grpc-status:0"), false);
    assert_eq!(stream.status(), 200);
    for message in [b"hello", b"again"] {
        stream.send(message);
        assert_eq!(stream.receive(5), 5);
    }
    stream.end();
    assert_eq!(stream.receive(1), 0);

    let mut stream = connection.send(rpc("grpc left in the response", "stall size=6300"), true);
    assert_eq!(stream.status(), 200);
    assert_eq!(stream.receive(3150), 3150);
    stream.reset();

    let hang = rpc("grpc left before headers", "hang");
    reaching(world, 1, 0, || connection.send(hang, true)).reset();
}
