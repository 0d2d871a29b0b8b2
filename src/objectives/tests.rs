use crate::attributes::{HostStatus, Property};
use crate::config::Config;
use crate::memory_host::MemoryHost;
use crate::recorder::{Recorder, Stream};
use crate::stat_name;
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TICK: u64 = 10_000_000_000;

fn recorder(host: &mut MemoryHost, objective: f64) -> Recorder {
    let document = json!({
        "service": "shop", "endpoints": {"templates": ["/a"]},
        "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 1},
        "slos": [
            {"name": "availability", "objective": objective, "sli": {"availability": {}}},
            {"name": "latency", "objective": 99, "sli": {"latency": {"threshold": "300ms"}}},
            {"name": "gold", "objective": 99, "sli": {"availability": {}}, "where": {"tenant": ["acme"], "endpoint": ["/a"]}},
        ],
    });
    let mut recorder = Recorder::new(&Config::from_value(&document).unwrap());
    recorder.start(objective.to_bits(), host);
    recorder
}

fn request(recorder: &mut Recorder, tenant: &str, status: i64, millis: i64, host: &mut MemoryHost) {
    let headers = [(":method", "GET"), (":path", "/a"), ("x-tenant-id", tenant)];
    host.request_headers = MemoryHost::with_headers(&headers).request_headers;
    host.set_number(Property::ResponseCode, status);
    host.set_number(Property::RequestDuration, millis * 1_000_000);
    let mut stream = Stream::New;
    recorder.begin(&mut stream, true, host);
    recorder.finish(&mut stream, host);
}

fn of(host: &MemoryHost, metric: &str, slo: &str) -> Option<u64> {
    host.value(&stat_name::encode(metric, [("service", "shop"), ("slo", slo)]))
}

fn in_window(host: &MemoryHost, metric: &str, slo: &str, window: &str) -> Option<u64> {
    host.value(&stat_name::encode(metric, [("service", "shop"), ("slo", slo), ("window", window)]))
}

#[test]
fn counters_are_there_at_0_and_then_count_each_request_for_the_slos_that_it_belongs_to() {
    let host = &mut MemoryHost::default();
    let mut vm = recorder(host, 99.9);
    for slo in ["availability", "latency", "gold"] {
        assert_eq!(
            (of(host, "slo_events_total", slo), of(host, "slo_bad_events_total", slo)),
            (Some(0), Some(0))
        );
    }
    request(&mut vm, "globex", 200, 10, host);
    // `acme` is past the cap, and still itself for its SLO.
    request(&mut vm, "acme", 200, 301, host);
    request(&mut vm, "acme", 500, 10, host);
    let counts =
        |slo| (of(host, "slo_events_total", slo).unwrap(), of(host, "slo_bad_events_total", slo).unwrap());
    assert_eq!(["availability", "latency", "gold"].map(counts), [(3, 1), (2, 1), (2, 1)]);
}

#[test]
fn whoever_leads_publishes_and_another_goes_on_where_it_stopped() {
    let host = &mut MemoryHost::default();
    let (mut one, mut other) = (recorder(host, 99.9), recorder(host, 99.9));
    for n in 1..=60 {
        host.now_ns = n * TICK;
        for _ in 0..9 {
            request(&mut one, "acme", 200, 10, host);
        }
        request(&mut other, "acme", 503, 10, host);
        one.tick(host);
        other.tick(host);
    }
    let shown = |host: &MemoryHost| {
        ["slo_window_events", "slo_window_bad_events", "slo_error_ratio_ppm", "slo_burn_rate_milli"]
            .map(|metric| in_window(host, metric, "availability", "5m").unwrap())
    };
    assert_eq!(shown(host), [300, 30, 100_000, 100_000]);
    assert_eq!(in_window(host, "slo_window_events", "availability", "1h"), Some(600));
    assert_eq!(in_window(host, "slo_window_coverage_seconds", "availability", "1h"), Some(600));
    assert_eq!(of(host, "slo_availability_ppm", "availability"), Some(900_000));
    assert_eq!(of(host, "slo_http_request_success_rate_ppm", "availability"), Some(900_000));
    assert_eq!(of(host, "slo_status", "availability"), Some(2), "an outage right after the start is one");
    let p99 = of(host, "slo_http_request_latency_p99_milliseconds", "latency").unwrap();
    assert!((9..=10).contains(&p99), "{p99} ms");
    assert_eq!(of(host, "slo_http_request_latency_p99_milliseconds", "availability"), None);
    // The first dies; the other has the windows from shared data, and what came meanwhile from the counters.
    drop(one);
    for n in 61..=70 {
        host.now_ns = n * TICK;
        for _ in 0..9 {
            request(&mut other, "acme", 200, 10, host);
        }
        request(&mut other, "acme", 503, 10, host);
        other.tick(host);
    }
    assert_eq!(shown(host), [300, 30, 100_000, 100_000]);
    assert_eq!(in_window(host, "slo_window_events", "availability", "1h"), Some(700));
    // Another configuration: a new objective applies from then on, and the history stays.
    let mut new = recorder(host, 99.0);
    host.now_ns = 71 * TICK;
    new.tick(host);
    assert_eq!(in_window(host, "slo_burn_rate_milli", "availability", "1h"), Some(10_000));
    assert_eq!(in_window(host, "slo_window_events", "availability", "1h"), Some(700));
}

#[test]
fn the_first_ten_seconds_of_a_new_envoy_count_and_totals_of_before_do_not() {
    let host = &mut MemoryHost::default();
    let mut vm = recorder(host, 99.9);
    request(&mut vm, "acme", 200, 10, host);
    host.now_ns = TICK;
    vm.tick(host);
    assert_eq!(in_window(host, "slo_window_events", "availability", "5m"), Some(1));
    // Shared data is gone, the counters are not: nobody knows when their events came.
    host.forget_shared_data();
    let mut heir = recorder(host, 99.9);
    request(&mut heir, "acme", 200, 10, host);
    host.now_ns = 2 * TICK;
    heir.tick(host);
    assert_eq!(in_window(host, "slo_window_events", "availability", "5m"), Some(1));
    assert_eq!(of(host, "slo_events_total", "availability"), Some(2));
}

#[test]
fn a_total_that_cannot_be_read_changes_nothing_and_is_counted() {
    let host = &mut MemoryHost::default();
    let mut vm = recorder(host, 99.9);
    request(&mut vm, "acme", 200, 10, host);
    host.now_ns = TICK;
    vm.tick(host);
    host.refuses_metrics = Some(HostStatus(10));
    host.now_ns = 2 * TICK;
    vm.tick(host);
    host.refuses_metrics = None;
    request(&mut vm, "acme", 500, 10, host);
    host.now_ns = 3 * TICK;
    vm.tick(host);
    let events = ["slo_window_events", "slo_window_bad_events"];
    assert_eq!(events.map(|metric| in_window(host, metric, "availability", "5m")), [Some(2), Some(1)]);
}
