//! WebSockets and CONNECT tunnels: bytes in both directions, and either side closes.

use super::super::http2::Connection;
use super::super::{World, raw};
use super::{EACH, Sent};
use h2::ext::Protocol;
use hyper::{Method, Request};
use std::net::{SocketAddr, TcpStream};

const KINDS: [&str; 4] =
    ["websocket closed by the client", "websocket closed by the upstream", "connect", "connect to nowhere"];

/// A request within a tunnel, which ends at an upstream.
const INSIDE: &[u8] = b"GET /inside HTTP/1.1\r\nhost: a\r\nx-do: size=420\r\n\r\n";

/// Sends them all.
pub fn send(world: &World, address: SocketAddr, sent: &mut Sent) {
    // Envoy waits a second before it closes on a client.
    std::thread::scope(|scope| {
        for _ in 0..EACH {
            scope.spawn(move || http1(address));
        }
    });
    let mut connection = Connection::open(&world.runtime, address);
    for _ in 0..EACH {
        http2(&mut connection);
    }
    for protocol in ["HTTP/1.1", "HTTP/2"] {
        for kind in KINDS {
            sent.add(kind, protocol, EACH);
        }
    }
}

fn http1(address: SocketAddr) {
    let open = |kind: &str, line: &str, more: &str, status: &str| {
        let mut stream = raw::connect(address);
        let head = format!("{line} HTTP/1.1\r\nhost: a\r\nx-tenant-id: acme\r\nx-kind: {kind}\r\n{more}\r\n");
        raw::send(&mut stream, head.as_bytes());
        let answer = raw::read_until(&mut stream, b"\r\n\r\n", 1);
        assert!(answer.starts_with(status.as_bytes()), "{}", String::from_utf8_lossy(&answer));
        stream
    };
    let websocket = |kind: &str, limit: usize| {
        let more = format!(
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGVzdA==\r\nx-do: upgrade={limit}\r\n"
        );
        open(kind, "GET /chat", &more, "HTTP/1.1 101")
    };
    let say = |stream: &mut TcpStream, word: &[u8]| {
        raw::send(stream, word);
        assert_eq!(raw::read_until(stream, word, 1), word);
    };
    let mut stream = websocket("websocket closed by the client", 1000);
    say(&mut stream, b"hello");
    say(&mut stream, b"again");
    drop(stream);

    let mut stream = websocket("websocket closed by the upstream", 10);
    say(&mut stream, b"hello");
    say(&mut stream, b"again");
    assert!(raw::read_until(&mut stream, b"more", 1).is_empty());

    let mut stream = open("connect", "CONNECT a:80", "", "HTTP/1.1 200");
    raw::send(&mut stream, INSIDE);
    raw::read_until(&mut stream, &[b'x'; 420], 1);
    drop(stream);

    open("connect to nowhere", "CONNECT a:80", "x-nowhere: 1\r\n", "HTTP/1.1 503");
}

fn http2(connection: &mut Connection<'_>) {
    let request = |kind: &str, method: Method, uri: &str| {
        let request = Request::builder().method(method).uri(uri);
        request.header("x-tenant-id", "acme").header("x-kind", kind)
    };
    let mut websocket = |kind: &str, limit: usize| {
        let websocket = request(kind, Method::CONNECT, "http://test.example/chat")
            .header("sec-websocket-version", "13")
            .header("x-do", format!("upgrade={limit}"))
            .extension(Protocol::from_static("websocket"));
        let mut stream = connection.send(websocket.body(()).expect("a request"), false);
        assert_eq!(stream.status(), 200);
        for word in [b"hello", b"again"] {
            stream.send(word);
            assert_eq!(stream.receive(5), 5);
        }
        stream
    };
    websocket("websocket closed by the client", 1000).reset();
    assert_eq!(websocket("websocket closed by the upstream", 10).receive(1), 0);

    let connect = request("connect", Method::CONNECT, "test.example:80").body(()).expect("a request");
    let mut stream = connection.send(connect, false);
    assert_eq!(stream.status(), 200);
    stream.send(INSIDE);
    assert!(stream.receive(420) >= 420);
    stream.reset();

    let nowhere = request("connect to nowhere", Method::CONNECT, "test.example:80").header("x-nowhere", "1");
    let mut stream = connection.send(nowhere.body(()).expect("a request"), false);
    assert_eq!(stream.status(), 503);
}
