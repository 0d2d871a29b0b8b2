//! What SLOs and custom metrics cost in the module that is shipped, in wasmtime, hostcalls and all: a request, and a
//! tick of the VM that publishes. `dist/redline.wasm` comes from `make wasm`.

use criterion::{Criterion, criterion_group, criterion_main};
use host_harness::abi::Plugin;
use host_harness::headers::HeaderMap;
use host_harness::stream::{Completion, Request, Response};
use host_harness::{Filter, Gateway, GatewayConfig};
use std::time::{Duration, Instant};

const WASM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/redline.wasm");
const SECOND: u64 = 1_000_000_000;
const TICK: u64 = 10 * SECOND;
const SLOS: usize = 50;

/// Every tenth counts endpoint 0, and of those five two are of latency; the others have an endpoint of their own.
fn slo(n: usize) -> serde_json::Value {
    let sli = match n % 20 {
        10 => serde_json::json!({"latency": {"threshold": "300ms"}}),
        _ => serde_json::json!({"availability": {}}),
    };
    let endpoint = if n.is_multiple_of(10) { 0 } else { n };
    serde_json::json!({"name": format!("slo_{n}"), "objective": 99.9, "sli": sli,
        "where": {"endpoint": [format!("/api/v1/resource-{endpoint}/{{id}}")], "method": ["GET"]}})
}

fn filter() -> Filter {
    let wasm = std::fs::read(WASM).expect("dist/redline.wasm: make wasm");
    Filter::compile(&wasm).expect("a filter")
}

/// A mix of what people ask upstreams, caches and routes for.
fn rules() -> Vec<serde_json::Value> {
    let histogram = |name: &str, value: serde_json::Value| serde_json::json!({"name": name, "type": "histogram", "buckets": [5, 25, 100, 500, 2500], "value": value});
    let mut rules = vec![
        histogram("db_took_ms", serde_json::json!({"server_timing": "db"})),
        histogram("app_took_ms", serde_json::json!({"server_timing": "app"})),
        histogram("render_took_ms", serde_json::json!({"server_timing": "render"})),
        histogram("queue_depth", serde_json::json!({"orca": "named_metrics.queue"})),
        histogram("items", serde_json::json!({"response_header": "x-items"})),
    ];
    for (name, path) in
        [("pool_size", "named_metrics.pool"), ("cpu_ppm", "cpu_utilization"), ("eps_milli", "eps")]
    {
        rules
            .push(serde_json::json!({"name": name, "type": "gauge", "value": {"orca": path}, "scale": 1000}));
    }
    for outcome in ["hit", "miss"] {
        let name = format!("cache_{outcome}_total");
        rules.push(serde_json::json!({"name": name, "type": "counter", "when": {"cache": outcome}}));
    }
    for (name, header) in [("cost_total", "x-cost"), ("tokens_total", "x-tokens")] {
        rules.push(serde_json::json!({"name": name, "type": "counter", "value": {"response_header": header}, "labels": {"tenant": "tenant"}}));
    }
    // Of routes: one of these eight is the benchmark's.
    for route in 0..8 {
        rules.push(serde_json::json!({"name": format!("made_{route}_total"), "type": "counter",
            "when": {"method": ["GET"], "endpoint": [format!("/api/v1/resource-{route}/{{id}}")], "status": ["2xx"]}}));
    }
    rules
}

fn gateway(filter: &Filter, slos: usize) -> Gateway {
    let slos: Vec<_> = (0..slos).map(slo).collect();
    gateway_with(filter, serde_json::json!({"slos": slos}))
}

fn gateway_with(filter: &Filter, more: serde_json::Value) -> Gateway {
    let templates: Vec<_> = (0..SLOS).map(|n| format!("/api/v1/resource-{n}/{{id}}")).collect();
    let mut configuration = serde_json::json!({"service": "shop", "endpoints": {"templates": templates},
        "tenant": {"sources": [{"header": "x-tenant-id"}]}});
    let members = configuration.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    let plugin = Plugin { configuration: configuration.to_string().into_bytes(), ..Plugin::default() };
    let config = GatewayConfig { plugin, start_ns: 1_767_225_600 * SECOND, ..GatewayConfig::default() };
    Gateway::start(filter, config).expect("it starts")
}

/// A request to an API behind a gateway, and its answer.
#[derive(Clone)]
struct Exchange {
    request: HeaderMap,
    response: HeaderMap,
    code: u16,
}

impl Exchange {
    fn new(resource: usize, code: u16) -> Self {
        let pairs = |pairs: &[(&str, &str)]| {
            HeaderMap::new(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
        };
        let request = pairs(&[
            (":authority", "api.example.com"),
            (":path", &format!("/api/v1/resource-{resource}/42?page=3")),
            (":method", "GET"),
            (":scheme", "https"),
            ("user-agent", "bench/1.0"),
            ("accept", "*/*"),
            ("x-tenant-id", "acme"),
            ("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11"),
        ]);
        let response = pairs(&[
            (":status", &code.to_string()),
            ("content-type", "application/json"),
            ("content-length", "512"),
            ("x-envoy-upstream-service-time", "11"),
            ("server", "envoy"),
        ]);
        Self { request, response, code }
    }

    /// The same, with more headers in the response.
    fn answering(self, more: &[(&str, &str)]) -> Self {
        let more = more.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Self { response: HeaderMap::new(self.response.iter().chain(more)), ..self }
    }

    /// Passes through all its callbacks.
    fn pass(self, gateway: &mut Gateway) {
        let Self { request, response, code } = self;
        let time_ns = gateway.now_ns();
        let request = Request { headers: Some(request), time_ns, protocol: None, end_of_stream: true };
        let stream = gateway.open(request).expect("it opens");
        let response = Response { headers: response, code, end_of_stream: false };
        gateway.respond(stream, response).expect("it is answered");
        let end = Completion {
            code: Some(code),
            duration_ns: Some(12_345_678),
            response_bytes: 512,
            ..Completion::default()
        };
        gateway.finish(stream, end).expect("it ends");
    }
}

fn request(c: &mut Criterion) {
    let filter = filter();
    for (name, slos) in [("no SLO", 0), ("50 SLOs, 5 match", SLOS)] {
        let mut gateway = gateway(&filter, slos);
        let exchange = Exchange::new(0, 200);
        c.bench_function(&format!("wasm/request, {name}"), |b| {
            b.iter_batched(
                || exchange.clone(),
                |exchange| exchange.pass(&mut gateway),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// The same request, whatever else is known.
fn scale(c: &mut Criterion) {
    let filter = filter();
    let exchange = Exchange::new(0, 200);
    for templates in [10, 1_000] {
        let templates: Vec<_> = (0..templates).map(|n| format!("/api/v1/resource-{n}/{{id}}")).collect();
        let mut gateway = gateway_with(&filter, serde_json::json!({"endpoints": {"templates": templates}}));
        c.bench_function(&format!("wasm/request, {} templates", templates.len()), |b| {
            b.iter_batched(
                || exchange.clone(),
                |exchange| exchange.pass(&mut gateway),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    for label_sets in [10, 1_000, 10_000] {
        let mut gateway = gateway_with(&filter, serde_json::json!({"limits": {"max_series": 20_000}}));
        // A status of its own each, of each endpoint.
        for n in 0..label_sets {
            Exchange::new(n / 500, 100 + (n % 500) as u16).pass(&mut gateway);
        }
        c.bench_function(&format!("wasm/request, {label_sets} label sets"), |b| {
            b.iter_batched(
                || exchange.clone(),
                |exchange| exchange.pass(&mut gateway),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// What a worker waits for when it gets the filter: compiled once a process, instantiated and configured for each VM.
fn load(c: &mut Criterion) {
    let wasm = std::fs::read(WASM).expect("dist/redline.wasm: make wasm");
    let mut group = c.benchmark_group("wasm/load");
    group.sample_size(10);
    group.bench_function("compile", |b| b.iter(|| Filter::compile(&wasm).expect("a filter")));
    let filter = filter();
    group.bench_function("three VMs, configured", |b| b.iter(|| gateway(&filter, SLOS)));
    group.finish();
}

/// Headers that upstreams and gateways send, and that no rule reads.
const PLAIN: [(&str, &str); 7] = [
    ("date", "Mon, 23 Nov 2026 04:00:00 GMT"),
    ("vary", "accept-encoding"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("strict-transport-security", "max-age=31536000"),
    ("x-request-id", "3f0e5c2e-6d53-4b5c-b8bb-3d2f4c7f9b11"),
    ("content-encoding", "gzip"),
];

/// Headers that twelve of the rules read.
const SIGNALS: [(&str, &str); 6] = [
    ("server-timing", r#"db;dur=12.5;desc="select", app;dur=47.2, render;dur=3"#),
    ("endpoint-load-metrics", "TEXT cpu_utilization=0.31,eps=2,named_metrics.pool=12,named_metrics.queue=3"),
    ("cache-status", "edge; fwd=miss; stored, origin; hit"),
    ("x-items", "42"),
    ("x-cost", "0.29"),
    ("x-tokens", "1200"),
];

fn custom_metrics(c: &mut Criterion) {
    let filter = filter();
    let plain = Exchange::new(0, 200).answering(&PLAIN);
    let cases = [
        ("no custom metric", Vec::new(), plain.clone()),
        ("20 custom metrics, no header of theirs", rules(), plain.clone()),
        ("no custom metric, headers", Vec::new(), plain.clone().answering(&SIGNALS)),
        ("20 custom metrics, headers for 12", rules(), plain.answering(&SIGNALS)),
    ];
    for (name, metrics, exchange) in cases {
        let mut gateway = gateway_with(&filter, serde_json::json!({"metrics": metrics}));
        c.bench_function(&format!("wasm/request, {name}"), |b| {
            b.iter_batched(
                || exchange.clone(),
                |exchange| exchange.pass(&mut gateway),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

/// Traffic of one tick: every SLO has events, and with `errors` another ratio than before.
fn traffic(gateway: &mut Gateway, round: usize, errors: bool) {
    for resource in (0..SLOS).filter(|n| *n == 0 || !n.is_multiple_of(10)) {
        for n in 0..3 {
            let fails = errors && n == 0 && (round + resource).is_multiple_of(2);
            Exchange::new(resource, if fails { 503 } else { 200 }).pass(gateway);
        }
    }
}

/// All that ticks at one instant: the main thread's VM, which publishes, and the one worker's.
fn tick(gateway: &mut Gateway) -> Duration {
    let next = gateway.now_ns() + TICK;
    let begin = Instant::now();
    gateway.advance_to(next).expect("it ticks");
    begin.elapsed()
}

fn ticks(c: &mut Criterion) {
    let filter = filter();
    let mut group = c.benchmark_group("wasm/tick");
    // While the shortest window fills, every gauge of every window has another value after each tick.
    for (name, slos) in [("no SLO", 0), ("50 SLOs, every gauge changes", SLOS)] {
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                let mut total = Duration::ZERO;
                let mut started = None;
                for round in 0..count as usize {
                    if round % 25 == 0 {
                        let mut anew = gateway(&filter, slos);
                        (0..4).for_each(|round| {
                            traffic(&mut anew, round, true);
                            tick(&mut anew);
                        });
                        started = Some(anew);
                    }
                    let Some(gateway) = &mut started else { break };
                    traffic(gateway, round, true);
                    total += tick(gateway);
                }
                total
            });
        });
    }
    let mut after_two_hours = gateway(&filter, SLOS);
    (0..720).for_each(|round| {
        traffic(&mut after_two_hours, round, round % 60 == 0);
        tick(&mut after_two_hours);
    });
    for (name, errors) in [("50 SLOs, after two hours", false), ("50 SLOs, after two hours, errors", true)] {
        group.bench_function(name, |b| {
            b.iter_custom(|count| {
                (0..count as usize)
                    .map(|round| {
                        traffic(&mut after_two_hours, round, errors);
                        tick(&mut after_two_hours)
                    })
                    .sum()
            });
        });
    }
    // Slots of every length close, and their pages are written.
    group.sample_size(10);
    group.bench_function("50 SLOs, at the top of an hour", |b| {
        b.iter_custom(|count| {
            let mut gateway = gateway(&filter, SLOS);
            let mut total = Duration::ZERO;
            for _ in 0..count {
                for round in 0..359 {
                    if round % 30 == 0 {
                        traffic(&mut gateway, round, true);
                    }
                    tick(&mut gateway);
                }
                traffic(&mut gateway, 0, true);
                total += tick(&mut gateway);
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, load, request, scale, custom_metrics, ticks);
criterion_main!(benches);
