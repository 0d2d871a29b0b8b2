//! An HTTP/1 upstream that answers as hyper would not, one request on each connection.
//!
//! The header `x-do` of the request says what: `informational` (100, 103, and then 200), `part` (headers and 7 of 100
//! bytes, and then the connection is reset), or `garbage` (what is no HTTP).

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const INFORMATIONAL: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
                               HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 7\r\n\r\n1234567";
const PART: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n1234567";

/// Starts it on a free port of the loopback; it ends with the runtime.
pub async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    address
}

async fn answer(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {
            return;
        }
    }
    let request = String::from_utf8_lossy(&request);
    let answers = [("informational", INFORMATIONAL), ("part", PART), ("garbage", b"garbage\r\n")];
    let answer = answers.into_iter().find(|(word, _)| request.contains(&format!("x-do: {word}\r\n")));
    let (word, bytes) = answer.expect("a word that this upstream knows");
    stream.write_all(bytes).await.expect("Envoy reads");
    if word == "part" {
        stream.set_zero_linger().expect("every socket can");
    }
}
