//! The same traffic through a real Envoy and, from that Envoy's own access log, through the harness: the same metrics.

mod support;

use redline_cli::document::Document;
use redline_cli::replay::{self, Module, Settings};
use redline_cli::scrape::Scrape;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use support::gateway::{Listener, bootstrap};
use support::metrics::Metrics;
use support::{World, eventually, mix};

/// The log has whole milliseconds, rounded down. At one nanosecond under 51 ms they say of each stream what its
/// nanoseconds say.
const CONFIGURATION: &str = r#"{"service": "shop",
    "endpoints": {"templates": ["/api/v1/models", "/api/v1/models/{id}", "/retry", "/hello.Greeter/{method}"],
                  "exclude": ["/healthz", {"header": "x-health-check"}]},
    "tenant": {"sources": [{"header": "x-tenant-id"}]},
    "slos": [{"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
             {"name": "models", "objective": 99, "sli": {"availability": {}},
              "where": {"endpoint": ["/api/v1/models/{id}"], "tenant": ["acme"]}},
             {"name": "latency", "objective": 99, "sli": {"latency": {"threshold": "50999999ns"}}}],
    "buckets": {"size": [10, 100, 1000, 10000, 100000]}}"#;

/// What the log has of each stream, under the names that people give these fields.
fn access_log(file: &Path) -> Value {
    let format = json!({
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "authority": "%REQ(:AUTHORITY)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "response_flags": "%RESPONSE_FLAGS%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "duration": "%DURATION%",
        "x-envoy-upstream-service-time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        "x-envoy-attempt-count": "%RESP(X-ENVOY-ATTEMPT-COUNT)%",
        "grpc-status": "%RESP(GRPC-STATUS)%%TRAILER(GRPC-STATUS)%",
        "content-type": "%REQ(CONTENT-TYPE)%",
        "x-tenant-id": "%REQ(X-TENANT-ID)%",
        "x-health-check": "%REQ(X-HEALTH-CHECK)%",
    });
    json!({"name": "file", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        "path": file.display().to_string(),
        "log_format": {"json_format": format, "omit_empty_values": true},
    }})
}

/// The gateway of the accounting tests, with that log, and without what no access log tells of: that a filter before ours
/// refused a stream, and which path a stream had that was redirected inside of Envoy.
fn gateway(listener: &Listener<'_>, upstream: support::upstream::Addresses, log: &Path) -> String {
    let text = bootstrap(std::slice::from_ref(listener), &support::wasm().display().to_string(), upstream);
    let mut whole: Value = serde_json::from_str(&text).expect("JSON");
    let hcm = whole
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .expect("the connection manager");
    hcm["access_log"] = json!([access_log(log)]);
    let filters = hcm["http_filters"].as_array_mut().expect("filters");
    filters.retain(|filter| filter["name"] != "rbac");
    let routes = hcm.pointer_mut("/route_config/virtual_hosts/0/routes").and_then(Value::as_array_mut);
    for route in routes.expect("routes") {
        if let Some(action) = route["route"].as_object_mut() {
            action.remove("internal_redirect_policy");
        }
    }
    whole.to_string()
}

/// What both count: all but what the filter publishes of itself, and of its SLOs on its timer.
///
/// Two things no JSON log has: the bytes of a tenant that is no UTF-8, here three, and whether a stream that Envoy refused
/// came to a filter at all before its end, which would have left a gauge of 0.
fn compared(metrics: &Metrics) -> Metrics {
    let counted = |name: &str| {
        let slo = ["slo_events_total", "slo_bad_events_total"].contains(&name);
        !name.starts_with("redline_") && (slo || !name.starts_with("slo_"))
    };
    let mut metrics = metrics.only(counted);
    metrics.0.retain(|series, value| {
        let unlogged = ["tenant=\"___\"", "tenant=\"______\""].iter().any(|tenant| series.contains(tenant));
        let never_begun = series.starts_with("http_requests_in_progress") && *value == 0;
        !unlogged && !never_begun
    });
    metrics
}

/// Every histogram's sum, by series: the same bins give the same sum to the last bit.
fn sums(text: &str) -> BTreeMap<String, String> {
    let scrape = Scrape::parse(text).expect("a scrape");
    let ours =
        |name: &str| name.ends_with("_sum") && (name.starts_with("http_") || name.starts_with("grpc_"));
    let own = scrape.samples.iter().filter(|s| s.labels.contains_key("service") && ours(&s.name));
    own.map(|s| (format!("{} {:?}", s.name, s.labels), format!("{:e}", s.value))).collect()
}

#[test]
fn envoy_and_a_replay_of_its_own_log_count_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("access.json");
    let listener =
        Listener { name: "ingress", configuration: CONFIGURATION, client_values: true, quic: None };
    let world =
        World::with_bootstrap(2, |upstream| gateway(&listener, upstream, &log)).expect("Envoy starts");
    let address = world.envoy.listener("ingress").expect("the listener");
    let sent = mix::send(&world, address, 5000).streams();

    let logged = || std::fs::read_to_string(&log).unwrap_or_default().lines().count() as u64;
    let excluded = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().filter(|line| line.contains("/healthz") || line.contains("x-health-check")).count()
            as u64
    };
    // A redirect is one stream here, so that how many there are is not known before: they are over when for a while
    // nothing changes.
    let (mut before, mut quiet) = (0, 0);
    let scrape = eventually("the last stream's end and the histograms' merge", || {
        let text = world.envoy.scrape().expect("Envoy answers");
        let metrics = Metrics::parse(&text);
        let counted = metrics.total("http_requests_total");
        let merged = metrics.total("http_request_size_bytes_count") == counted;
        let whole = logged() == counted + excluded() && metrics.total("http_requests_in_progress") == 0;
        quiet = if whole && merged && before == counted { quiet + 1 } else { 0 };
        before = counted;
        (quiet > 20).then_some(text)
    });
    assert!(logged() <= sent && logged() + 100 > sent, "{} of {sent}", logged());
    assert!(excluded() > 0);

    let document = Document::from_text("test", CONFIGURATION).expect("the test's configuration is right");
    let bytes = std::fs::read(support::wasm()).expect("the filter");
    let module = Module { name: "redline.wasm".to_owned(), bytes };
    let streams = logged();
    let inputs =
        replay::open(std::slice::from_ref(&log), host_harness::traffic::Format::Auto).expect("the log");
    let settings = Settings { workers: 2, skip_bad: false, verify: true, course: false };
    let outcome = replay::run(&document, &module, inputs, settings, |_| {}).expect("a replay");
    assert_eq!(outcome.summary.exchanges, streams);
    let verified = outcome.verified.expect("it was asked for").differences;
    assert!(verified.is_empty(), "{verified:#?}");
    compared(&Metrics::parse(&outcome.prometheus)).assert_equals(&compared(&Metrics::parse(&scrape)));
    assert_eq!(sums(&outcome.prometheus), sums(&scrape));
}
