//! How a request was answered: failures, refusals, and what is said of the upstream.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn failures_are_counted_once_by_their_reason_also_after_a_status_was_sent() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    let endpoint = "/api/v1/models/{id}";
    for (status, flags) in
        [(Some(503), 1 << 1), (Some(504), 1 << 2), (Some(200), 1 << 23), (None, 1 << 14), (Some(200), 0)]
    {
        run(&mut recorder, &mut host, GET, &[], None, (status, flags));
    }
    run(&mut recorder, &mut host, GET, &[], None, (Some(503), (1 << 5) | (1 << 15)));
    for reason in [
        "no_healthy_upstream",
        "upstream_request_timeout",
        "upstream_protocol_error",
        "downstream_connection_termination",
        "upstream_connection_failure",
    ] {
        let name = endpoint_only("http_failures_total", endpoint, Some(("reason", reason)));
        assert_eq!(host.value(&name), Some(1), "{reason}");
    }
    assert_eq!(host.names().filter(|n| n.starts_with("http_failures_total")).count(), 5);
}

#[test]
fn denials_and_rate_limits_are_counted_for_their_endpoint_and_tenant() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    for (status, flags) in [(401, 0), (403, 0), (403, 0), (429, 0), (429, 1 << 11), (503, 1 << 11), (200, 0)]
    {
        run(&mut recorder, &mut host, GET, &[], None, (Some(status), flags));
    }
    let endpoint = "/api/v1/models/{id}";
    assert_eq!(host.value(&endpoint_only("auth_failures_total", endpoint, None)), Some(1));
    assert_eq!(host.value(&endpoint_only("access_denied_total", endpoint, None)), Some(2));
    assert_eq!(host.value(&tenant("tenant_rate_limited_total", "acme", None)), Some(3));
}

#[test]
fn what_the_router_says_of_the_upstream_is_recorded_and_nonsense_is_not() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    for (time, attempts) in [("17", "1"), ("0", "3"), ("", "0"), ("-1", "x"), ("1e3", "99999999999999999999")]
    {
        let response = [("x-envoy-upstream-service-time", time), ("x-envoy-attempt-count", attempts)];
        run(&mut recorder, &mut host, GET, &response, None, (Some(200), 0));
    }
    let name = |metric| endpoint_only(metric, "/api/v1/models/{id}", None);
    assert_eq!(host.samples(&name("http_upstream_duration_milliseconds")), Some(&[17, 0][..]));
    assert_eq!(host.value(&name("http_retries_total")), Some(2));
}

#[test]
fn what_an_upstream_makes_up_of_itself_is_dropped() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    let made_up =
        [("x-envoy-upstream-service-time", "99999999"), ("x-envoy-attempt-count", "9000000000000000000")];
    next_stream(&mut host, GET);
    host.response_headers = Some(owned_pairs(&made_up));
    let mut stream = Stream::New;
    recorder.begin(&mut stream, true, &mut host);
    recorder.response_headers(&mut stream, &mut host);
    end(&mut host, 200);
    recorder.finish(&mut stream, &mut host);
    assert!(!host.names().any(|n| n.starts_with("http_retries") || n.starts_with("http_upstream")));
    assert_eq!(host.value("redline_dropped_total.service=.=shop;.;reason=.=value_range;.;"), Some(2));
}

#[test]
fn of_headers_that_repeat_the_first_that_is_not_empty_counts() {
    let (mut recorder, mut host) = (recorder(json!({})), MemoryHost::default());
    let request = [
        (":method", "POST"),
        (":path", "/x"),
        ("content-type", ""),
        ("content-type", "application/grpc"),
        ("content-type", "text/plain"),
    ];
    let response = [
        ("x-envoy-upstream-service-time", ""),
        ("x-envoy-upstream-service-time", "7"),
        ("x-envoy-upstream-service-time", "9"),
        ("x-envoy-attempt-count", "3"),
        ("x-envoy-attempt-count", "1"),
    ];
    run(&mut recorder, &mut host, &request, &response, Some(&[("grpc-status", "0")]), (Some(200), 0));
    let name = |metric| endpoint_only(metric, "_other", None);
    assert_eq!(host.samples(&name("http_upstream_duration_milliseconds")), Some(&[7][..]));
    assert_eq!(host.value(&name("http_retries_total")), Some(2));
    assert_eq!(host.names().filter(|n| n.starts_with("grpc_requests_total")).count(), 1);
}
