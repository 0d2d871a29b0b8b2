use crate::attributes::Property;
use crate::config::Config;
use crate::memory_host::{MemoryHost, owned_pairs};
use crate::recorder::{Recorder, Stream};
use crate::stat_name;
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod labels;

/// One exchange after another, on one host.
struct World {
    recorder: Recorder,
    host: MemoryHost,
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

impl World {
    fn new(metrics: Value) -> Self {
        Self::with(json!({"metrics": metrics}))
    }

    fn with(extra: Value) -> Self {
        let mut document = json!({
            "service": "shop",
            "endpoints": {"templates": ["/m", "/m/{id}", "/m/{id}/predict"]},
            "tenant": {"sources": [{"header": "x-tenant-id"}]},
        });
        document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let config = Config::from_value(&document).unwrap_or_else(|errors| panic!("{errors}"));
        let mut world = Self { recorder: Recorder::new(&config), host: MemoryHost::default() };
        world.recorder.start(1, &mut world.host);
        world
    }

    /// `GET /m` and the like, 12.9 ms long, with 100 bytes there and 512 back.
    fn exchange(
        &mut self,
        request: &str,
        more: Pairs<'_>,
        status: i64,
        response: Pairs<'_>,
        trailers: Pairs<'_>,
    ) {
        let (method, path) = request.split_once(' ').unwrap();
        let headers: Vec<(&str, &str)> =
            [(":method", method), (":path", path), (":authority", "Shop.example.com:443")]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
        let Self { recorder, host } = self;
        host.request_headers = Some(owned_pairs(&headers));
        host.response_headers = Some(owned_pairs(response));
        host.response_trailers = Some(owned_pairs(trailers));
        let mut stream = Stream::New;
        recorder.begin(&mut stream, false, host);
        recorder.response_headers(&mut stream, host);
        if !trailers.is_empty() {
            recorder.response_trailers(&mut stream, host);
        }
        host.set_number(Property::ResponseCode, status);
        host.set_number(Property::RequestDuration, 12_999_999);
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        host.set_number(Property::RequestTotalSize, i64::try_from(size).unwrap() + 100);
        host.set_number(Property::ResponseSize, 512);
        recorder.finish(&mut stream, host);
    }

    fn get(&mut self, path: &str, response: Pairs<'_>) {
        self.exchange(&format!("GET {path}"), &[], 200, response, &[]);
    }

    fn value(&self, metric: &str, labels: Pairs<'_>) -> Option<u64> {
        self.host.value(&name(metric, labels))
    }

    fn samples(&self, metric: &str, labels: Pairs<'_>) -> Vec<u64> {
        self.host.samples(&name(metric, labels)).unwrap_or_default().to_vec()
    }

    fn dropped(&self, reason: &str) -> u64 {
        self.value("redline_dropped_total", &[("reason", reason)]).unwrap_or(0)
    }

    fn overflowed(&self, label: &str) -> u64 {
        self.value("redline_series_overflow_total", &[("label", label)]).unwrap_or(0)
    }
}

fn name(metric: &str, labels: Pairs<'_>) -> String {
    stat_name::encode(metric, [("service", "shop")].into_iter().chain(labels.iter().copied()))
}

#[test]
fn a_metric_sees_the_methods_endpoints_and_statuses_that_it_asks_for() {
    let mut world = World::new(json!([
        {"name": "made_total", "type": "counter", "when": {"method": ["POST"], "endpoint": ["/m"], "status": ["2xx", 409]}},
        {"name": "all_total", "type": "counter"},
    ]));
    for (request, status) in
        [("POST /m", 201), ("POST /m", 409), ("POST /m", 404), ("GET /m", 200), ("POST /m/7", 201)]
    {
        world.exchange(request, &[], status, &[], &[]);
    }
    assert_eq!(world.value("made_total", &[]), Some(2));
    assert_eq!(world.value("all_total", &[]), Some(5));
}

#[test]
fn every_value_of_traffic_is_measured_in_its_unit() {
    let histogram = |name: &str, value: Value, scale: f64| json!({"name": name, "type": "histogram", "buckets": [10], "value": value, "scale": scale});
    let mut world = World::with(json!({"duration_unit": "us", "metrics": [
        histogram("took_us", json!("duration"), 1.0),
        histogram("took_ms", json!("duration"), 0.001),
        histogram("up", json!("request_bytes"), 1.0),
        histogram("down", json!("response_bytes"), 0.01),
        histogram("asked", json!({"request_header": "x-count"}), 1.0),
        histogram("answered", json!({"response_header": "X-Ratio"}), 1000.0),
    ]}));
    world.exchange("GET /m", &[("x-count", " 41.5 ")], 200, &[("x-ratio", "0.29")], &[]);
    let samples = |name| world.samples(name, &[]);
    assert_eq!(samples("took_us"), [12_999], "durations are rounded down");
    assert_eq!(samples("took_ms"), [12]);
    assert_eq!((samples("up"), samples("down")), (vec![100], vec![5]));
    assert_eq!(samples("asked"), [42], "all else half up");
    assert_eq!(samples("answered"), [290]);
}

#[test]
fn a_gauge_keeps_the_last_report() {
    let mut world = World::new(json!([
        {"name": "db_pool_size", "type": "gauge", "value": {"orca": "named_metrics.db_pool_size"}},
        {"name": "cpu_ppm", "type": "gauge", "value": {"orca": "cpu_utilization"}, "scale": 1e6},
    ]));
    let load = "endpoint-load-metrics";
    world.get("/m", &[(load, "TEXT cpu_utilization=0.25,named_metrics.db_pool_size=20")]);
    world.get("/m", &[(load, r#"JSON {"named_metrics": {"db_pool_size": 12}}"#)]);
    world.get("/m", &[]);
    assert_eq!(world.value("db_pool_size", &[]), Some(12));
    assert_eq!(world.value("cpu_ppm", &[]), Some(250_000));
    // Base64 wins over words, and trailers over headers.
    world.get("/m", &[(load, "TEXT cpu_utilization=1"), ("endpoint-load-metrics-bin", "CQAAAAAAAOA/")]);
    assert_eq!(world.value("cpu_ppm", &[]), Some(500_000));
    let (early, late) = ([(load, "TEXT cpu_utilization=1")], [(load, "TEXT cpu_utilization:0.75")]);
    world.exchange("GET /m", &[], 200, &early, &late);
    assert_eq!(world.value("cpu_ppm", &[]), Some(750_000));
    assert_eq!(world.dropped("malformed_header"), 0);
}

#[test]
fn each_entry_of_server_timing_is_an_observation_with_its_own_description() {
    let operation = json!({"operation": {"server_timing": "db"}});
    let mut world = World::new(json!([
        {"name": "db_ms", "type": "histogram", "buckets": [10], "value": {"server_timing": "db"}, "labels": operation},
        {"name": "db_total", "type": "counter", "labels": operation},
        {"name": "app_ms", "type": "histogram", "buckets": [10], "value": {"server_timing": "app"}},
    ]));
    let lines = [
        ("server-timing", r#"db;dur=53.9;desc="select", app;dur=9, db;dur=2;desc=insert"#),
        ("server-timing", "db;dur=1;desc=select, DB;dur=7"),
    ];
    world.exchange("GET /m", &[], 200, &lines, &[("server-timing", "db")]);
    assert_eq!(world.samples("db_ms", &[("operation", "select")]), [53, 1]);
    assert_eq!(world.samples("db_ms", &[("operation", "insert")]), [2]);
    assert_eq!(world.samples("app_ms", &[]), [9]);
    assert_eq!(world.value("db_total", &[("operation", "select")]), Some(2));
    assert_eq!(world.value("db_total", &[("operation", "_none")]), Some(1), "of the trailers, without dur");
    world.get("/m", &[("x-other", "1")]);
    assert_eq!(world.value("db_total", &[("operation", "_none")]), Some(1));
}

#[test]
fn caches_and_quotas_are_read_from_the_headers_that_say_most() {
    let mut world = World::new(json!([
        {"name": "cache_hits_total", "type": "counter", "when": {"cache": "hit"}},
        {"name": "cache_misses_total", "type": "counter", "when": {"cache": "miss"}},
        {"name": "rate_limit_remaining", "type": "gauge", "value": {"rate_limit": "remaining"}},
    ]));
    for headers in [
        &[("cache-status", "Origin; hit"), ("x-cache", "MISS")][..],
        &[("x-cache", "MISS"), ("age", "7")],
        &[("age", "7")],
        &[("age", "0")],
        &[],
    ] {
        world.get("/m", headers);
    }
    assert_eq!(world.value("cache_hits_total", &[]), Some(2));
    assert_eq!(world.value("cache_misses_total", &[]), Some(1));
    world.get(
        "/m",
        &[("ratelimit", r#""default";r=50;t=30, "burst";r=7;t=1"#), ("x-ratelimit-remaining", "3")],
    );
    assert_eq!(world.value("rate_limit_remaining", &[]), Some(7));
    world.get("/m", &[("x-ratelimit-remaining", "3")]);
    assert_eq!(world.value("rate_limit_remaining", &[]), Some(3));
}

#[test]
fn a_malformed_header_is_counted_once_an_exchange_and_changes_nothing_else() {
    let mut world = World::new(json!([
        {"name": "db_ms", "type": "histogram", "buckets": [10], "value": {"server_timing": "db"}},
        {"name": "cpu", "type": "gauge", "value": {"orca": "cpu_utilization"}},
        {"name": "mem", "type": "gauge", "value": {"orca": "mem_utilization"}},
        {"name": "n_total", "type": "counter", "value": {"response_header": "x-n"}},
        {"name": "hits_total", "type": "counter", "when": {"cache": "hit"}},
        {"name": "left", "type": "gauge", "value": {"rate_limit": "remaining"}},
    ]));
    let bad = [
        ("server-timing", "db;dur=x, db;dur=4"),
        ("endpoint-load-metrics", "BAD cpu_utilization=1"),
        ("x-n", "many"),
        ("cache-status", "\u{1}"),
        ("ratelimit", "r=1;;"),
    ];
    world.get("/m", &bad);
    assert_eq!(world.dropped("malformed_header"), 5);
    assert_eq!(world.samples("db_ms", &[]), [4]);
    for metric in ["cpu", "mem", "n_total", "hits_total", "left"] {
        assert_eq!(world.value(metric, &[]), None, "{metric}");
    }
    assert_eq!(world.dropped("hostcall"), 0);
    // Where no rule wants it, nobody looks.
    let mut world = World::new(json!([
        {"name": "n_total", "type": "counter", "value": {"response_header": "x-n"}, "when": {"status": ["5xx"]}}]));
    world.get("/m", &bad);
    assert_eq!(world.dropped("malformed_header"), 0);
}

#[test]
fn values_that_no_metric_holds_are_dropped() {
    let mut world = World::new(json!([
        {"name": "n_total", "type": "counter", "value": {"response_header": "x-n"}},
    ]));
    for n in ["-1", "1e300", "9223372036854775808"] {
        world.get("/m", &[("x-n", n)]);
    }
    assert_eq!(world.dropped("value_range"), 3);
    world.get("/m", &[("x-n", "0")]);
    assert_eq!(world.value("n_total", &[]), Some(0), "it is there, and nothing was added");
}

#[test]
fn tunnels_have_no_duration_and_refused_requests_are_seen_too() {
    let mut world = World::new(json!([
        {"name": "took_ms", "type": "histogram", "buckets": [10], "value": "duration"},
        {"name": "denied_total", "type": "counter", "when": {"status": [403]}, "labels": {"site": "host"}},
    ]));
    world.exchange("GET /m", &[], 101, &[], &[]);
    assert!(world.samples("took_ms", &[]).is_empty());
    let mut stream = Stream::New;
    world.host.request_headers =
        Some(owned_pairs(&[(":method", "GET"), (":path", "/m"), (":authority", "a.example")]));
    world.host.set_number(Property::ResponseCode, 403);
    world.recorder.finish(&mut stream, &mut world.host);
    assert_eq!(world.value("denied_total", &[("site", "a_example")]), Some(1));
    assert_eq!(world.samples("took_ms", &[]).len(), 1);
}

#[test]
fn of_a_responses_timings_the_first_thousand_count_and_the_others_are_malformed() {
    let mut world = World::new(json!([
        {"name": "ops_total", "type": "counter", "labels": {"kind": {"server_timing": "a"}, "table": {"server_timing": "b"}}},
    ]));
    let [most, more] = [1000, 27_000].map(|count| "a,".repeat(count));
    world.get("/m", &[("server-timing", &most)]);
    let all = &[("kind", "_none"), ("table", "_none")];
    assert_eq!((world.value("ops_total", all), world.dropped("malformed_header")), (Some(1000), 0));
    world.exchange("GET /m", &[], 200, &[("server-timing", &most)], &[("server-timing", &more)]);
    assert_eq!((world.value("ops_total", all), world.dropped("malformed_header")), (Some(2000), 1));
}
