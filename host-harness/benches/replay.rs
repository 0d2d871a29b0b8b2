//! How fast recorded traffic goes through the filter: exchanges a second on one worker, and a month with all its ticks.
//!
//! `cargo bench --package host-harness`. The filter is `$REDLINE_WASM`, else `dist/redline.wasm` (`make wasm`).

use host_harness::replay::{Options, replay};
use host_harness::traffic::{self, Format, Record};
use host_harness::{Filter, Gateway, GatewayConfig, abi};
use std::error::Error;
use std::time::{Duration, Instant};

const EXCHANGES: u64 = 500_000;
const RUNS: usize = 5;

/// A million requests in thirty days.
const MONTH: &str = r#"
duration: 30d
rate: 0.3858
tenants: {count: 50, zipf: 1.1, header: x-tenant-id, prefix: tenant-}
requests:
  - {path: "/api/v1/models/{id}", weight: 9, latency: {p50: 12ms, p99: 180ms}, response_bytes: {p50: 2000, p99: 40000}}
  - {path: /api/v1/models, method: POST, latency: {p50: 40ms, p99: 900ms}, status: {201: 99, 503: 1}}
"#;

fn gateway(filter: &Filter, workers: usize, start_ns: u64) -> Result<Gateway, Box<dyn Error>> {
    let configuration = br#"{"service":"bench"}"#.to_vec();
    let plugin = abi::Plugin { configuration, ..abi::Plugin::default() };
    Ok(Gateway::start(filter, GatewayConfig { workers, plugin, start_ns, ..GatewayConfig::default() })?)
}

fn record(number: u64) -> Record {
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    Record {
        time_ns: number * 1_000_000,
        method: Some(b"GET".to_vec()),
        path: Some(format!("/api/v1/models/{}?page=3", number % 1000).into_bytes()),
        host: b"api.example.com".to_vec(),
        request_headers: vec![
            header("user-agent", "bench"),
            header("accept", "*/*"),
            header("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11"),
        ],
        response_headers: vec![header("content-type", "application/json"), header("server", "envoy")],
        status: Some(200),
        response_bytes: 512,
        duration_ns: Some(12_500_000),
        ..Record::default()
    }
}

/// The most memory that this process has had, in MiB, where the system tells.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/redline.wasm");
    let wasm = std::env::var_os("REDLINE_WASM").unwrap_or_else(|| default.into());
    let filter = Filter::compile(&std::fs::read(wasm)?)?;

    let mut times = Vec::new();
    for _ in 0..RUNS {
        let mut gateway = gateway(&filter, 1, 0)?;
        let began = Instant::now();
        replay(&mut gateway, (0..EXCHANGES).map(|number| Ok(record(number))), Options::default())?;
        times.push(began.elapsed());
    }
    times.sort();
    let median = times.get(RUNS / 2).copied().unwrap_or(Duration::MAX);
    println!("one worker, default configuration: {:.0} exchanges/s", EXCHANGES as f64 / median.as_secs_f64());

    let mut records = traffic::read("month", MONTH.as_bytes(), Format::Scenario);
    let mut gateway = gateway(&filter, 2, records.first_time_ns().unwrap_or_default())?;
    let began = Instant::now();
    let summary = replay(&mut gateway, records, Options::default())?;
    let took = began.elapsed().as_secs_f64();
    let peak = peak_mib().map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    println!(
        "30 days with {} requests and all ticks, two workers: {took:.1} s; most memory: {peak}",
        summary.exchanges
    );
    Ok(())
}
