//! Very many requests, over a few HTTP/1.1 connections at once, to an Envoy that answers by itself.

use super::metrics::Metrics;
use super::{eventually, raw};
use redline_cli::document::Document;
use redline_cli::envoy::{Envoy, Launch};
use redline_cli::render::{envoy, envoy_stats};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A path that is answered 200, and one that is answered 404.
pub const SERVED: &str = "/ok";
pub const UNKNOWN: &str = "/";

/// An Envoy whose routes answer directly: everything under `/ok` and `/t/` 200, the rest 404.
/// `change` may alter the bootstrap.
pub fn envoy(configuration: &str, workers: u32, change: impl FnOnce(&mut Value)) -> Envoy {
    let document = Document::from_text("test", configuration).expect("the test's configuration is right");
    let filter = envoy::http_filter(&document, &super::wasm().display().to_string());
    let filter: Value = serde_saphyr::from_str(&filter).expect("YAML");
    let stats: Value = serde_saphyr::from_str(&envoy_stats::stats_config(&document.config)).expect("YAML");
    let direct = |prefix: &str, status: u16| json!({"match": {"prefix": prefix}, "direct_response": {"status": status, "body": {"inline_string": "x"}}});
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    let hcm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            direct(SERVED, 200), direct("/t/", 200), direct(UNKNOWN, 404)]}]},
        "http_filters": [filter[0], {"name": "router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
    });
    let mut bootstrap = json!({
        "stats_flush_interval": "1s",
        "admin": {"address": address},
        "static_resources": {"listeners": [{"name": "ingress", "address": address,
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]}]},
        "stats_config": stats["stats_config"],
    });
    change(&mut bootstrap);
    Envoy::start(&Launch::new(bootstrap.to_string()).workers(workers)).expect("Envoy starts")
}

/// Sends the requests that `next` writes (whole, without bodies; false and nothing at the end) over 50 connections
/// in turn, and reads an answer to each; how many were sent.
pub fn send(address: SocketAddr, mut next: impl FnMut(&mut Vec<u8>) -> bool) -> u64 {
    let mut streams: Vec<TcpStream> = (0..50).map(|_| raw::connect(address)).collect();
    let (mut request, mut answer, mut sent) = (Vec::new(), vec![0; 4096], 0);
    loop {
        let mut asked = 0;
        for stream in &mut streams {
            request.clear();
            if !next(&mut request) {
                break;
            }
            stream.write_all(&request).expect("Envoy reads");
            asked += 1;
        }
        for stream in &mut streams[..asked] {
            let read = stream.read(&mut answer).expect("Envoy answers");
            // So short an answer comes in one piece.
            let whole = answer[..read].starts_with(b"HTTP/1.1 ") && answer[..read].ends_with(b"\r\n\r\nx");
            assert!(whole, "{}", String::from_utf8_lossy(&answer[..read]));
        }
        sent += asked as u64;
        if asked < streams.len() {
            return sent;
        }
    }
}

/// The metrics once they have so many requests.
pub fn scraped(envoy: &Envoy, requests: u64) -> Metrics {
    eventually("every request in the metrics", || {
        let metrics = Metrics::parse(&envoy.scrape().expect("Envoy answers"));
        (metrics.total("http_requests_total") == requests).then_some(metrics)
    })
}

/// Resident memory of a process, bytes.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Envoy runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
