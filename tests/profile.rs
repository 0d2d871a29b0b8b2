//! The profile ml-platform on a real Envoy, with an upstream that sends its signals: every metric of it appears, counters
//! and gauges exactly as they were sent, histograms by count and bucket.

mod support;

use redline_cli::demo::signals::{Signals, signals};
use redline_cli::demo::{Upstream, mix};
use redline_cli::document::Document;
use redline_cli::envoy::Envoy;
use redline_cli::render::envoy::{Bootstrap, LISTENER};
use std::collections::{BTreeMap, BTreeSet};
use support::client::{Call, send_all};
use support::metrics::{Metrics, series};
use support::{eventually, launch, root, wasm};

const PROFILE: &str = "envoy/profiles/ml-platform.yaml";
const REQUESTS: u64 = 900;

/// What the upstream sent, series by series; nothing of it is read from the filter's code.
#[derive(Default)]
struct Expected {
    numbers: BTreeMap<String, u64>,
    /// Series to samples.
    samples: BTreeMap<String, Vec<u64>>,
}

/// The bounds of the histograms, as the profile's comments promise them.
const BOUNDS: [(&str, &[u64]); 5] = [
    (
        "model_training_duration_milliseconds",
        &[100, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000],
    ),
    ("deployment_duration_milliseconds", &[100, 500, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000]),
    ("db_query_duration_milliseconds", &[1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000]),
    ("cache_operations_duration_milliseconds", &[1, 2, 5, 10, 25, 50, 100, 250, 500]),
    ("queue_wait_duration_milliseconds", &[1, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 60_000]),
];

impl Expected {
    fn count(&mut self, name: &str, labels: &[(&str, &str)], n: u64) {
        *self.numbers.entry(key(name, labels)).or_default() += n;
    }

    fn set(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.numbers.insert(key(name, labels), value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], micros: u64) {
        self.samples.entry(key(name, labels)).or_default().push(micros / 1000);
    }

    fn add(&mut self, method: &str, path: &str, tenant: &str, status: u16, sent: &Signals, upstream: &str) {
        let class = format!("{}xx", status / 100);
        let by_tenant = [("tenant", tenant)];
        let path = path.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let well = class == "2xx";
        match (method, segments.as_slice()) {
            ("POST", ["api", "v1", "models"]) if well => self.count("models_created_total", &by_tenant, 1),
            ("DELETE", ["api", "v1", "models", _]) if well => {
                self.count("models_deleted_total", &by_tenant, 1);
            }
            ("POST", ["api", "v1", "experiments"]) if well => {
                self.count("experiments_created_total", &by_tenant, 1);
            }
            ("POST", ["api", "v1", "deployments"]) => {
                self.count("deployments_total", &[("tenant", tenant), ("code_class", &class)], 1);
            }
            ("POST", ["api", "v1", "models", model, "predict"]) => {
                let labels = [("tenant", tenant), ("model", model), ("code_class", &class)];
                self.count("predictions_total", &labels, 1);
            }
            _ => {}
        }
        if status == 429 {
            self.count("rate_limit_hits_total", &by_tenant, 1);
        }
        for timing in &sent.timings {
            let label = |name| [(name, timing.description.unwrap_or("_none"))];
            match timing.name {
                "db" => {
                    self.count("db_queries_total", &label("operation"), 1);
                    self.sample(
                        "db_query_duration_milliseconds",
                        &label("operation"),
                        timing.micros.unwrap(),
                    );
                }
                "cache" => {
                    let micros = timing.micros.unwrap();
                    self.sample("cache_operations_duration_milliseconds", &label("operation"), micros);
                }
                "db-error" => self.count("db_connection_errors_total", &label("reason"), 1),
                "job" => self.count("queue_jobs_total", &label("outcome"), 1),
                "queue" => self.sample("queue_wait_duration_milliseconds", &[], timing.micros.unwrap()),
                "training" => {
                    let micros = timing.micros.unwrap();
                    self.sample("model_training_duration_milliseconds", &label("outcome"), micros);
                }
                "deployment" => {
                    let micros = timing.micros.unwrap();
                    self.sample("deployment_duration_milliseconds", &label("outcome"), micros);
                }
                other => panic!("{other} is no timing of the profile"),
            }
        }
        for (name, value) in &sent.load {
            match *name {
                "db_connections_active" => {
                    self.set("db_connections", &[("state", "active"), ("upstream", upstream)], *value);
                }
                "db_connections_idle" => {
                    self.set("db_connections", &[("state", "idle"), ("upstream", upstream)], *value);
                }
                "db_pool_size" | "db_pool_overflow" | "cache_size_bytes" => {
                    self.set(name, &[("upstream", upstream)], *value);
                }
                "tenant_storage_bytes" => self.set(name, &by_tenant, *value),
                name => self.set(name, &[], *value),
            }
        }
        let endpoint = match segments.as_slice() {
            ["api", "v1", "models"] => "/api/v1/models",
            ["api", "v1", "models", _] => "/api/v1/models/{id}",
            _ => "/api/v1/models/{id}/predict",
        };
        match sent.cache_hit {
            Some(true) => self.count("cache_hits_total", &[("endpoint", endpoint)], 1),
            Some(false) => self.count("cache_misses_total", &[("endpoint", endpoint)], 1),
            None => {}
        }
        if let Some(evictions) = sent.evictions {
            self.count("cache_evictions_total", &[], evictions);
        }
        if let Some(remaining) = sent.remaining {
            self.set("rate_limit_remaining", &by_tenant, remaining);
        }
    }

    /// Every series of a histogram that Envoy should show, but the sums.
    fn histograms(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (key, samples) in &self.samples {
            let (name, labels) = key.split_once('{').unwrap();
            let (_, bounds) = BOUNDS.iter().find(|(known, _)| *known == name).unwrap();
            let len = samples.len() as u64;
            all.insert(format!("{name}_count{{{labels}"), len);
            let bucket = |bound: &str| {
                let labels = labels.trim_end_matches('}');
                let mut labels: Vec<String> = split_labels(labels);
                labels.push(format!("le={bound:?}"));
                labels.sort();
                format!("{name}_bucket{{{}}}", labels.join(","))
            };
            for bound in *bounds {
                let below = samples.iter().filter(|sample| bin(**sample) <= *bound).count() as u64;
                all.insert(bucket(&bound.to_string()), below);
            }
            all.insert(bucket("+Inf"), len);
        }
        all
    }
}

/// Envoy keeps two significant digits: 109 is where 100 is.
fn bin(sample: u64) -> u64 {
    let mut unit = 1;
    while sample / unit >= 100 {
        unit *= 10;
    }
    sample / unit * unit
}

fn split_labels(labels: &str) -> Vec<String> {
    labels.split(',').filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

fn key(name: &str, labels: &[(&str, &str)]) -> String {
    series(name, &[labels, &[("service", "ml-platform")]].concat())
}

#[test]
fn every_metric_of_the_profile_is_what_the_upstream_sent() {
    let text = std::fs::read_to_string(root().join(PROFILE)).expect("the profile");
    let document = Document::from_text(PROFILE, &text).expect("it is valid");
    let upstream = Upstream::start().expect("the demo's upstream");
    let bootstrap = Bootstrap {
        document: &document,
        upstream: upstream.address().into(),
        listen: "127.0.0.1:0".parse().expect("an address"),
        admin: "127.0.0.1:0".parse().expect("an address"),
        wasm: wasm().display().to_string(),
        flush_seconds: Some(1),
    };
    let envoy = Envoy::start(&launch(bootstrap.yaml()).workers(2)).expect("Envoy starts");
    let gateway = envoy.listener(LISTENER).expect("the listener");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

    // One after another: the upstream's answer with number n is to the request with number n, and the last report is
    // the last one sent.
    let mut expected = Expected::default();
    let address = upstream.address().to_string().replace('.', "_");
    let mut calls = Vec::new();
    let mut predictions = 0;
    let mut n = 0;
    while calls.len() < REQUESTS as usize {
        let request = mix::request(calls.len() as u64);
        let reply = mix::reply(n, request.method, &request.path);
        // Those that take a second show nothing more.
        let slow = reply.delay_ms > 300;
        let path = if slow { "/healthz" } else { &request.path };
        let mut call = Call { method: request.method.to_owned(), ..Call::get(path) };
        if let Some(tenant) = request.tenant {
            call = call.header("x-tenant-id", tenant);
        }
        calls.push(call);
        if !slow {
            let tenant = request.tenant.unwrap_or("");
            let sent = signals(n, request.method, &request.path, tenant, reply.status, reply.delay_ms);
            let of_path = request.path.strip_prefix("/t/").and_then(|rest| rest.split('/').next());
            let label = request.tenant.or(of_path).unwrap_or("_none");
            expected.add(request.method, &request.path, label, reply.status, &sent, &address);
            let predicted = request.path.ends_with("/predict") && reply.status == 200;
            predictions += u64::from(predicted);
        }
        n += 1;
    }
    runtime.block_on(send_all(gateway, 1, &calls));

    let histograms = expected.histograms();
    let metrics = eventually("the histograms' merge", || {
        let metrics = Metrics::parse(&envoy.scrape().expect("Envoy answers"));
        let merged = |(key, value): (&String, &u64)| metrics.0.get(key).copied().unwrap_or(0) == *value;
        let mut counts = histograms.iter().filter(|(key, _)| key.contains("_count{"));
        (counts.all(merged) && metrics.total("prediction_latency_milliseconds_count") == predictions)
            .then_some(metrics)
    });
    for (key, value) in expected.numbers.iter().chain(&histograms) {
        assert_eq!(metrics.0.get(key), Some(value), "{key}");
    }

    // Nothing else is there, and nothing is missing.
    let names: BTreeSet<&str> = document.config.metrics.iter().map(|m| m.name.as_str()).collect();
    let base = |key: &str| {
        let name = key.split('{').next().unwrap_or_default().to_owned();
        let histogram =
            |ending| name.strip_suffix(ending).filter(|name| names.contains(name)).map(str::to_owned);
        ["_bucket", "_count"].into_iter().find_map(histogram).unwrap_or(name)
    };
    let of_profile = metrics.0.keys().filter(|key| names.contains(base(key).as_str()));
    let unexpected: Vec<&String> = of_profile
        .filter(|key| !expected.numbers.contains_key(*key) && !histograms.contains_key(*key))
        .filter(|key| base(key) != "prediction_latency_milliseconds")
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    let seen: BTreeSet<String> = metrics.0.keys().map(|key| base(key)).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(metrics.total("redline_dropped_total"), 0);
    assert_eq!(metrics.total("redline_series_overflow_total"), 0);
}
