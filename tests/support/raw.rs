//! Bytes on a socket, for what no well-behaved client sends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection on which nothing has been sent.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("Envoy listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

/// Sends bytes.
pub fn send(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("Envoy reads");
}

/// Reads until `marker` has come `times` times, or the connection is closed; what was read.
pub fn read_until(stream: &mut TcpStream, marker: &[u8], times: usize) -> Vec<u8> {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    while read.windows(marker.len()).filter(|window| *window == marker).count() < times {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(n) => read.extend_from_slice(&chunk[..n]),
        }
    }
    read
}

/// Sends bytes on a connection of their own and reads until the other side closes it.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // A peer that refuses may close before it has read everything.
    let _sent = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
    answer
}
