//! Requests that hang, each on a connection of its own, and the worker that each has.
//!
//! Envoy counts the connections of every listener by worker: a listener that nobody else uses tells where a new
//! connection went.

use super::native::Row;
use super::{World, eventually, raw};
use redline_cli::envoy::Envoy;
use std::net::TcpStream;

/// The path that they ask for.
pub const PATH: &str = "/hang/7";
/// Its endpoint.
pub const ENDPOINT: &str = "/hang/{id}";

/// The endpoint of a row, in the tests that have hanging requests beside those for models.
pub fn endpoint(row: &Row) -> &'static str {
    match row.path.as_str() {
        "/api/v1/models" => "/api/v1/models",
        p if p.starts_with("/api/v1/models/") => "/api/v1/models/{id}",
        p if p.starts_with("/hang/") => ENDPOINT,
        _ => "_other",
    }
}

/// A request that hangs until it is dropped, or the upstream releases it.
pub struct Hanging {
    pub worker: usize,
    pub stream: TcpStream,
}

/// Sends one through a listener that is used by nobody else.
pub fn hang(world: &World, listener: &str, script: &str) -> Hanging {
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: a\r\nx-do: {script}\r\n\r\n");
    let (worker, stream) = send(world, listener, &request);
    Hanging { worker, stream }
}

/// So many, until each of `workers` has at least two.
pub fn hang_on_all(world: &World, listener: &str, workers: usize) -> Vec<Hanging> {
    let mut hanging: Vec<Hanging> = Vec::new();
    let full = |hanging: &[Hanging]| (0..workers).all(|w| on(hanging, w) >= 2);
    while !full(&hanging) {
        assert!(hanging.len() < 200, "the connections do not reach every worker");
        hanging.push(hang(world, listener, "hang"));
    }
    hanging
}

/// How many of them a worker has.
pub fn on(hanging: &[Hanging], worker: usize) -> usize {
    hanging.iter().filter(|h| h.worker == worker).count()
}

/// Sends bytes on a new connection; the worker that got it, and the connection.
pub fn send(world: &World, listener: &str, request: &str) -> (usize, TcpStream) {
    let address = world.envoy.listener(listener).expect("the listener");
    let before = connections(&world.envoy, listener);
    let mut stream = raw::connect(address);
    raw::send(&mut stream, request.as_bytes());
    let worker = eventually("the connection", || {
        let now = connections(&world.envoy, listener);
        now.iter().zip(&before).position(|(now, before)| now > before)
    });
    (worker, stream)
}

/// Connections that each worker has had of a listener.
pub fn connections(envoy: &Envoy, listener: &str) -> Vec<u64> {
    let filter = format!("/stats?filter=^listener\\.{listener}\\.worker_\\d%2B\\.downstream_cx_total");
    let text = envoy.admin_get(&filter).expect("Envoy answers");
    let mut counts: Vec<(&str, u64)> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, count)| (name, count.trim().parse().expect("a count")))
        .collect();
    counts.sort_unstable();
    assert!(!counts.is_empty(), "{filter} shows nothing");
    counts.into_iter().map(|(_, count)| count).collect()
}

/// What the gauge says of them.
pub fn gauge(world: &World, service: &str) -> u64 {
    let labels = [("service", service), ("method", "GET"), ("endpoint", ENDPOINT)];
    world.scrape().get("http_requests_in_progress", &labels)
}
