use super::*;
use crate::attributes::{HostStatus, Property};
use crate::memory_host::{MemoryHost, owned_pairs};
use crate::stat_name;
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod grpc;
mod isolation;
mod upstream;

fn recorder(extra: serde_json::Value) -> Recorder {
    let mut document = json!({
        "service": "shop",
        "endpoints": {"templates": ["/api/v1/models/{id}"], "exclude": ["/healthz", {"header": "X-Health-Check"}]},
        "tenant": {"sources": [{"header": "x-tenant-id"}, {"header": "x-org"}], "max": 2},
    });
    document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    Recorder::new(&Config::from_value(&document).unwrap())
}

/// One host whose stream can be exchanged while its metrics stay.
fn next_stream(host: &mut MemoryHost, headers: &[(&str, &str)]) {
    host.request_headers = MemoryHost::with_headers(headers).request_headers;
    host.properties.clear();
}

fn end(host: &mut MemoryHost, status: i64) {
    host.set_number(Property::ResponseCode, status);
    host.set_number(Property::RequestDuration, 12_999_999);
    // As Envoy before 1.37: the total has the headers, and nothing says how large they are.
    let pairs = host.request_headers.iter().flatten();
    let headers: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    host.set_number(Property::RequestTotalSize, headers as i64 + 100);
    host.set_number(Property::ResponseSize, 512);
}

const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":path", "/api/v1/models/7?x=1"), ("x-org", "globex"), ("x-tenant-id", "acme")];

fn requests(method: &str, endpoint: &str, status: &str) -> String {
    let labels = [("service", "shop"), ("method", method), ("endpoint", endpoint), ("status", status)];
    stat_name::encode("http_requests_total", labels)
}

fn per_endpoint(metric: &str, method: &str, endpoint: &str) -> String {
    stat_name::encode(metric, [("service", "shop"), ("method", method), ("endpoint", endpoint)])
}

fn tenant(metric: &str, tenant: &str, class: Option<&str>) -> String {
    let labels = [("service", "shop"), ("tenant", tenant)];
    stat_name::encode(metric, labels.into_iter().chain(class.map(|class| ("code_class", class))))
}

#[test]
fn an_exchange_is_recorded_once_with_every_metric() {
    let (mut recorder, mut host, mut stream) =
        (recorder(json!({})), MemoryHost::with_headers(GET), Stream::New);
    let endpoint = "/api/v1/models/{id}";
    let gauge = per_endpoint("http_requests_in_progress", "GET", endpoint);
    recorder.start(1, &mut host);
    recorder.begin(&mut stream, false, &mut host);
    recorder.begin(&mut stream, false, &mut host);
    assert_eq!(host.value(&gauge), Some(1));
    end(&mut host, 200);
    recorder.finish(&mut stream, &mut host);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&gauge), Some(0));
    assert_eq!(host.value(&requests("GET", endpoint, "200")), Some(1));
    let samples = |metric| host.samples(&per_endpoint(metric, "GET", endpoint)).map(<[u64]>::to_vec);
    assert_eq!(samples("http_request_duration_milliseconds"), Some(vec![12]), "rounded down");
    assert_eq!(samples("http_request_size_bytes"), Some(vec![100]), "without the headers");
    assert_eq!(samples("http_response_size_bytes"), Some(vec![512]));
    assert_eq!(
        host.value(&tenant("tenant_requests_total", "acme", Some("2xx"))),
        Some(1),
        "first source wins"
    );
    assert_eq!(host.value(&tenant("tenant_request_bytes_total", "acme", None)), Some(100));
    assert_eq!(host.value(&tenant("tenant_response_bytes_total", "acme", None)), Some(512));
    assert_eq!(host.names().count(), 9, "build info is one of them");
}

#[test]
fn known_label_sets_are_never_defined_again() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    recorder.start(1, &mut host);
    for round in 0..100 {
        next_stream(&mut host, GET);
        let mut stream = Stream::New;
        recorder.begin(&mut stream, true, &mut host);
        end(&mut host, 200);
        recorder.finish(&mut stream, &mut host);
        assert_eq!(host.defines, 9, "round {round}");
    }
    assert_eq!(
        host.samples(&per_endpoint("http_request_size_bytes", "GET", "/api/v1/models/{id}")),
        Some(&[0; 100][..])
    );
}

#[test]
fn a_stream_that_was_refused_before_us_is_counted_without_tenant_and_without_in_progress() {
    let (mut recorder, mut host, mut stream) =
        (recorder(json!({})), MemoryHost::with_headers(GET), Stream::New);
    end(&mut host, 403);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&requests("GET", "/api/v1/models/{id}", "403")), Some(1));
    assert_eq!(host.value(&tenant("tenant_requests_total", "_none", Some("4xx"))), Some(1));
    assert_eq!(host.value(&per_endpoint("http_requests_in_progress", "GET", "/api/v1/models/{id}")), None);
    recorder.begin(&mut stream, true, &mut host);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&requests("GET", "/api/v1/models/{id}", "403")), Some(1));
}

#[test]
fn a_request_that_envoy_could_not_read_has_neither_method_nor_endpoint() {
    let (mut recorder, mut host, mut stream) = (recorder(json!({})), MemoryHost::default(), Stream::New);
    end(&mut host, 400);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&requests("_OTHER", "_other", "400")), Some(1));
    assert_eq!(host.samples(&per_endpoint("http_request_size_bytes", "_OTHER", "_other")), Some(&[100][..]));
    assert!(
        !host.names().any(|n| n.starts_with("redline_dropped")),
        "{:?}",
        host.names().collect::<Vec<_>>()
    );
}

#[test]
fn a_client_that_left_has_status_0_and_no_class() {
    let (mut recorder, mut host, mut stream) =
        (recorder(json!({})), MemoryHost::with_headers(GET), Stream::New);
    recorder.begin(&mut stream, true, &mut host);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&requests("GET", "/api/v1/models/{id}", "0")), Some(1));
    assert_eq!(host.value(&tenant("tenant_requests_total", "acme", Some("none"))), Some(1));
    assert_eq!(
        host.samples(&per_endpoint("http_request_duration_milliseconds", "GET", "/api/v1/models/{id}")),
        None
    );
}

#[test]
fn excluded_requests_are_counted_nowhere() {
    let cases: [&[(&str, &str)]; 3] = [
        &[(":method", "GET"), (":path", "/healthz/")],
        &[(":method", "GET"), (":path", "/x"), ("x-health-check", "")],
        &[("x-health-check", "1"), (":method", "GET"), (":path", "/x")],
    ];
    for headers in cases {
        for seen_by_us in [true, false] {
            let (mut recorder, mut host, mut stream) =
                (recorder(json!({})), MemoryHost::with_headers(headers), Stream::New);
            if seen_by_us {
                recorder.begin(&mut stream, true, &mut host);
            }
            end(&mut host, 200);
            recorder.finish(&mut stream, &mut host);
            assert_eq!(host.names().count(), 0, "{headers:?}");
        }
    }
}

#[test]
fn tunnels_are_counted_but_their_duration_is_not() {
    for (method, status) in [("GET", 101), ("CONNECT", 200)] {
        let headers = [(":method", method), (":path", "/chat")];
        let (mut recorder, mut host, mut stream) =
            (recorder(json!({})), MemoryHost::with_headers(&headers), Stream::New);
        recorder.begin(&mut stream, false, &mut host);
        end(&mut host, status);
        recorder.finish(&mut stream, &mut host);
        assert_eq!(host.value(&requests(method, "_other", &status.to_string())), Some(1));
        assert_eq!(host.samples(&per_endpoint("http_request_duration_milliseconds", method, "_other")), None);
    }
}

#[test]
fn tenants_past_the_limit_are_other_and_the_overflow_is_counted() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    recorder.start(1, &mut host);
    let mut request = |name: &str, status| {
        next_stream(&mut host, &[(":method", "GET"), (":path", "/x"), ("x-tenant-id", name)]);
        let mut stream = Stream::New;
        recorder.begin(&mut stream, true, &mut host);
        end(&mut host, status);
        recorder.finish(&mut stream, &mut host);
        let value = |name: &str, class| host.value(&tenant("tenant_requests_total", name, Some(class)));
        (value(name, "2xx"), value("_other", "2xx"), value("_other", "4xx"))
    };
    // Of two places one is given at first sight.
    assert_eq!(request("a", 200), (Some(1), None, None));
    // The other waits for a third success; failures are no reason to let anybody in.
    for n in 1..=5 {
        assert_eq!(request("scanner", 404), (None, None, Some(n)));
    }
    assert_eq!(request("b", 200), (None, Some(1), Some(5)));
    assert_eq!(request("b", 200), (None, Some(2), Some(5)));
    assert_eq!(request("b", 200), (Some(1), Some(2), Some(5)));
    assert_eq!(request("c", 200), (None, Some(3), Some(5)));
    assert_eq!(request("a", 200), (Some(2), Some(3), Some(5)));
    assert_eq!(host.value("redline_series_overflow_total.service=.=shop;.;label=.=tenant;.;"), Some(8));
}

#[test]
fn an_empty_tenant_header_yields_nothing_and_the_next_source_is_asked() {
    let headers = [(":method", "GET"), (":path", "/x"), ("x-tenant-id", ""), ("x-org", "globex")];
    let (mut recorder, mut host, mut stream) =
        (recorder(json!({})), MemoryHost::with_headers(&headers), Stream::New);
    recorder.begin(&mut stream, true, &mut host);
    end(&mut host, 200);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&tenant("tenant_requests_total", "globex", Some("2xx"))), Some(1));
}

#[test]
fn route_names_can_be_the_endpoint_and_dots_in_them_cannot_become_labels() {
    let mut recorder = recorder(json!({"endpoints": {"source": "route_name"}}));
    let (mut host, mut stream) = (MemoryHost::with_headers(GET), Stream::New);
    host.properties.push((Property::RouteName, b"default.models".to_vec()));
    recorder.begin(&mut stream, true, &mut host);
    end(&mut host, 200);
    recorder.finish(&mut stream, &mut host);
    assert_eq!(host.value(&requests("GET", "default_models", "200")), Some(1));
}

#[test]
fn a_host_that_refuses_everything_changes_nothing_and_traps_nothing() {
    for status in [1, 2, 3, 6, 10, 12, 99] {
        let (mut recorder, mut host, mut stream) =
            (recorder(json!({})), MemoryHost::with_headers(GET), Stream::New);
        host.refuses_reads = Some(HostStatus(status));
        host.refuses_metrics = Some(HostStatus(status));
        recorder.begin(&mut stream, false, &mut host);
        recorder.finish(&mut stream, &mut host);
        host.refuses_metrics = None;
        let mut stream = Stream::New;
        recorder.begin(&mut stream, false, &mut host);
        recorder.finish(&mut stream, &mut host);
        assert_eq!(host.value(&requests("_OTHER", "_other", "0")), Some(1));
        assert_eq!(host.value(&per_endpoint("http_requests_in_progress", "_OTHER", "_other")), Some(0));
    }
}

#[test]
fn build_info_is_there_from_the_start() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    recorder.start(1, &mut host);
    let labels = [("service", "shop"), ("version", crate::VERSION)];
    assert_eq!(host.value(&stat_name::encode("redline_build_info", labels)), Some(1));
}

type Headers<'a> = &'a [(&'a str, &'a str)];

fn endpoint_only(metric: &str, endpoint: &str, more: Option<(&str, &str)>) -> String {
    stat_name::encode(metric, [("service", "shop"), ("endpoint", endpoint)].into_iter().chain(more))
}

/// Runs one stream whose end has these flags and this status, with response headers and trailers.
fn run(
    recorder: &mut Recorder,
    host: &mut MemoryHost,
    request: &[(&str, &str)],
    response: &[(&str, &str)],
    trailers: Option<&[(&str, &str)]>,
    (status, flags): (Option<i64>, i64),
) {
    next_stream(host, request);
    host.response_headers = Some(owned_pairs(response));
    host.response_trailers = trailers.map(owned_pairs);
    let mut stream = Stream::New;
    recorder.begin(&mut stream, true, host);
    recorder.response_headers(&mut stream, host);
    if trailers.is_some() {
        recorder.response_trailers(&mut stream, host);
    }
    if let Some(status) = status {
        host.set_number(Property::ResponseCode, status);
    }
    host.set_number(Property::ResponseFlags, flags);
    recorder.finish(&mut stream, host);
}

#[test]
fn a_vm_says_once_that_envoy_keeps_nothing_though_another_leads() {
    let mut host = MemoryHost::with_headers(GET);
    let [mut leader, mut worker] = [recorder(json!({})), recorder(json!({}))];
    leader.start(1, &mut host);
    worker.start(1, &mut host);
    host.discards_metrics = true;
    let mut stream = Stream::New;
    worker.begin(&mut stream, true, &mut host);
    worker.finish(&mut stream, &mut host);
    assert_eq!(leader.tick(&mut host), Ticked { leads: true, warning: None });
    let said = worker.tick(&mut host).warning.map(|warning| warning.to_string()).unwrap_or_default();
    assert!(said.contains("http_requests_total") && said.contains("stats_matcher"), "{said}");
    assert_eq!(worker.tick(&mut host), Ticked { leads: false, warning: None });
}
