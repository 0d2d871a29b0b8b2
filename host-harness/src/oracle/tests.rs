mod custom;

use super::diff::shown;
use super::*;
use crate::stats::Value;
use crate::traffic::{self, Format};
use redline::config::Config;

const START: &str = r#""time":"2026-01-01T00:00:00Z""#;

fn config(more: &str) -> Config {
    Config::from_json(format!(r#"{{"service":"shop"{more}}}"#).as_bytes()).unwrap()
}

/// The snapshot after these exchanges, one after the other, as `series value` lines without `service="shop"`.
fn count(config: &Config, exchanges: &[&str]) -> Vec<String> {
    let mut oracle = Oracle::new(config).unwrap();
    let lines: String = exchanges.iter().map(|more| format!("{{{START},{more}}}\n")).collect();
    for (at, record) in traffic::read("f", lines.as_bytes(), Format::Exchanges).enumerate() {
        let record = record.unwrap();
        for what in [replay::What::Opened, replay::What::Finished] {
            oracle.observe(Event { stream: at as u64, what, record: &record });
        }
    }
    shown_series(&oracle)
}

fn shown_series(oracle: &Oracle) -> Vec<String> {
    let line = |sample: &Sample| {
        let series = sample.series().replace("service=\"shop\",", "").replace(",service=\"shop\"", "");
        format!("{series} {}", shown(&sample.value))
    };
    oracle.snapshot().iter().map(line).collect()
}

fn of(lines: &[String], metric: &str) -> Vec<String> {
    let own = lines.iter().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
    own.map(|rest| rest.replace(['"', '}'], "")).collect()
}

#[test]
fn one_exchange_is_counted_in_every_metric_of_the_contract() {
    let config =
        config(r#","endpoints":{"templates":["/a/{id}"]},"tenant":{"sources":[{"header":"x-tenant-id"}]}"#);
    let lines = count(
        &config,
        &[
            r#""method":"GET","path":"/a/1?q","status":200,"duration_ms":12.9,"request_bytes":3,"response_bytes":512,"request_headers":{"x-tenant-id":"ac.me"},"response_headers":{"x-envoy-upstream-service-time":"11","x-envoy-attempt-count":"3"}"#,
        ],
    );
    assert_eq!(
        lines,
        [
            r#"http_request_duration_milliseconds{endpoint="/a/{id}",method="GET"} 1 values, sum 12"#,
            r#"http_request_size_bytes{endpoint="/a/{id}",method="GET"} 1 values, sum 3"#,
            r#"http_requests_in_progress{endpoint="/a/{id}",method="GET"} 0"#,
            r#"http_requests_total{endpoint="/a/{id}",method="GET",status="200"} 1"#,
            r#"http_response_size_bytes{endpoint="/a/{id}",method="GET"} 1 values, sum 512"#,
            r#"http_retries_total{endpoint="/a/{id}"} 2"#,
            r#"http_upstream_duration_milliseconds{endpoint="/a/{id}"} 1 values, sum 11"#,
            &format!("redline_build_info{{version=\"{}\"}} 1", redline::VERSION),
            r#"tenant_request_bytes_total{tenant="ac_me"} 3"#,
            r#"tenant_requests_total{code_class="2xx",tenant="ac_me"} 1"#,
            r#"tenant_response_bytes_total{tenant="ac_me"} 512"#,
        ]
    );
}

#[test]
fn statuses_methods_and_failures_follow_the_contract() {
    let lines = count(
        &config(""),
        &[
            r#""method":"get","path":"/","status":0,"flags":"DC""#,
            r#""path":"/","status":503,"flags":"UF,URX""#,
            r#""method":"QUERY","path":"/","status":429"#,
            r#""method":"GET","path":"/","status":200,"flags":"DI""#,
            r#""method":"GET","path":"/","status":401"#,
            r#""method":"GET","path":"/","status":403,"flags":"RL""#,
            r#""method":"CONNECT","path":"/","status":200,"duration_ms":9"#,
            r#""method":"GET","path":"/","status":101,"duration_ms":9"#,
        ],
    );
    let with_other = [
        "endpoint=_other,method=CONNECT,status=200 1",
        "endpoint=_other,method=GET,status=101 1",
        "endpoint=_other,method=GET,status=200 1",
        "endpoint=_other,method=GET,status=401 1",
        "endpoint=_other,method=GET,status=403 1",
        "endpoint=_other,method=QUERY,status=429 1",
        "endpoint=_other,method=_OTHER,status=0 1",
        "endpoint=_other,method=_OTHER,status=503 1",
    ];
    assert_eq!(of(&lines, "http_requests_total"), with_other);
    let failures = [
        "endpoint=_other,reason=downstream_connection_termination 1",
        "endpoint=_other,reason=rate_limited 1",
        "endpoint=_other,reason=upstream_connection_failure 1",
    ];
    assert_eq!(of(&lines, "http_failures_total"), failures);
    let classes = ["1xx", "2xx", "4xx", "5xx", "none"];
    let counts = [1, 2, 3, 1, 1];
    let want: Vec<_> =
        classes.iter().zip(counts).map(|(c, n)| format!("code_class={c},tenant=_none {n}")).collect();
    assert_eq!(of(&lines, "tenant_requests_total"), want);
    assert_eq!(of(&lines, "tenant_rate_limited_total"), ["tenant=_none 2"]);
    assert_eq!(of(&lines, "auth_failures_total"), ["endpoint=_other 1"]);
    assert_eq!(of(&lines, "access_denied_total"), ["endpoint=_other 1"]);
    assert_eq!(of(&lines, "http_request_duration_milliseconds"), [""; 0]);
}

#[test]
fn grpc_codes_come_from_trailers_headers_the_status_or_the_flags() {
    let call = |more: &str| {
        format!(r#""path":"/","request_headers":{{"content-type":"application/grpc+proto"}},{more}"#)
    };
    let calls = [
        call(r#""status":200,"response_trailers":{"grpc-status":"5"}"#),
        call(r#""status":200,"response_headers":{"grpc-status":"7"}"#),
        call(r#""status":200,"response_trailers":{"grpc-status":"99"}"#),
        call(r#""status":503"#),
        call(r#""status":0,"flags":"DR""#),
        call(r#""status":0,"flags":"UF""#),
        call(r#""status":200,"flags":"DC""#),
        call(r#""status":200,"flags":"UPE""#),
        r#""path":"/","status":200,"request_headers":{"content-type":"application/grpc-web"}"#.to_owned(),
    ];
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let got = of(&count(&config(""), &calls), "grpc_requests_total");
    let want = ["1 2", "14 3", "2 1", "5 1", "7 1"].map(|rest| format!("endpoint=_other,grpc_code={rest}"));
    assert_eq!(got, want);
}

#[test]
fn tenants_past_a_limit_off_the_list_or_with_a_reserved_name_are_other() {
    let request = |tenant: &str| format!(r#""path":"/","status":200,"request_headers":{{"x-t":"{tenant}"}}"#);
    let tenants = |config: &Config, values: &[&str]| {
        let exchanges: Vec<String> = values.iter().map(|value| request(value)).collect();
        let exchanges: Vec<&str> = exchanges.iter().map(String::as_str).collect();
        of(&count(config, &exchanges), "tenant_request_bytes_total")
    };
    let two = config(r#","tenant":{"sources":[{"header":"x-none"},{"header":"x-t"}],"max":2}"#);
    let got = tenants(&two, &["a", "b", "c", "a", "_other", ""]);
    assert_eq!(got, ["tenant=_none 0", "tenant=_other 0", "tenant=a 0"], "b was answered once");
    let got = tenants(&two, &["a", "b", "c", "b", "b", "c", "c"]);
    assert_eq!(got, ["tenant=_other 0", "tenant=a 0", "tenant=b 0"], "b came back first");
    let listed = config(r#","tenant":{"sources":[{"header":"x-t"}],"allow":["b"]}"#);
    assert_eq!(tenants(&listed, &["a", "b"]), ["tenant=_other 0", "tenant=b 0"]);
}

#[test]
fn excluded_requests_are_counted_nowhere() {
    let config = config(r#","endpoints":{"exclude":["/healthz",{"header":"x-health"}]}"#);
    let lines = count(
        &config,
        &[
            r#""path":"/healthz/","status":200"#,
            r#""path":"/","status":200,"request_headers":{"X-Health":""}"#,
        ],
    );
    assert_eq!(lines.len(), 1, "only redline_build_info: {lines:?}");
}

#[test]
fn past_max_series_observations_go_to_the_overflow_rows() {
    let templates: Vec<String> = (0..60).map(|n| format!("\"/t{n}\"")).collect();
    let more = format!(
        r#","endpoints":{{"templates":[{}]}},"tenant":{{"max":1}},"limits":{{"max_series":100}}"#,
        templates.join(",")
    );
    let exchanges: Vec<String> =
        (0..60).map(|n| format!(r#""method":"GET","path":"/t{n}","status":404"#)).collect();
    let exchanges: Vec<&str> = exchanges.iter().map(String::as_str).collect();
    let lines = count(&config(&more), &exchanges);
    // Three of tenant _none; of each endpoint a gauge, a counter and two histograms until 100 are in use.
    let requests = of(&lines, "http_requests_total");
    assert_eq!(requests.len(), 25);
    assert!(requests.contains(&"endpoint=_other,method=_OTHER,status=4xx 36".to_owned()), "{requests:?}");
}

#[test]
fn names_units_and_disabled_metrics_follow_the_configuration() {
    let config =
        config(r#","metric_prefix":"edge_","duration_unit":"us","disable":["http_request_size_bytes"]"#);
    let lines = count(&config, &[r#""method":"GET","path":"/","status":200,"duration_ms":1.2345"#]);
    assert_eq!(
        of(&lines, "edge_http_request_duration_microseconds"),
        ["endpoint=_other,method=GET 1 values, sum 1234"]
    );
    assert_eq!(of(&lines, "edge_http_request_size_bytes"), [""; 0]);
    let oracle = Oracle::new(&config).unwrap();
    let covers = |name: &str| {
        oracle.covers(&Sample { name: name.to_owned(), labels: Default::default(), value: Value::Counter(0) })
    };
    assert!(covers("edge_http_requests_total") && !covers("http_requests_total"));
}

/// Durations at and around the bounds, as Envoy 1.40 counts them.
#[test]
fn buckets_take_what_envoys_two_digits_put_there() {
    let config = config(r#","buckets":{"duration":[5,10,120,1000]}"#);
    let mut oracle = Oracle::new(&config).unwrap();
    for (at, ms) in [5u64, 6, 10, 11, 120, 129, 130, 1000, 1099, 1100].into_iter().enumerate() {
        let record = Record {
            path: Some(b"/".to_vec()),
            status: Some(200),
            duration_ns: Some(ms * 1_000_000),
            ..Record::default()
        };
        for what in [replay::What::Opened, replay::What::Finished] {
            oracle.observe(Event { stream: at as u64, what, record: &record });
        }
    }
    let duration =
        oracle.snapshot().into_iter().find(|s| s.name == "http_request_duration_milliseconds").unwrap();
    let Value::Histogram { bounds, cumulative, count, sum } = duration.value else { panic!() };
    assert_eq!((bounds, cumulative, count, sum), (vec![5., 10., 120., 1000.], vec![1, 3, 6, 9], 10, 3610.0));
}

#[test]
fn in_progress_is_what_is_open_and_a_request_that_was_never_seen_has_none() {
    let config = config("");
    let mut oracle = Oracle::new(&config).unwrap();
    let seen = Record {
        method: Some(b"GET".to_vec()),
        path: Some(b"/".to_vec()),
        status: Some(200),
        ..Record::default()
    };
    let garbage = Record { status: Some(400), ..Record::default() };
    oracle.observe(Event { stream: 1, what: replay::What::Opened, record: &seen });
    oracle.observe(Event { stream: 2, what: replay::What::Opened, record: &garbage });
    oracle.observe(Event { stream: 2, what: replay::What::Finished, record: &garbage });
    let lines = shown_series(&oracle);
    assert_eq!(of(&lines, "http_requests_in_progress"), ["endpoint=_other,method=GET 1"]);
    assert_eq!(of(&lines, "http_requests_total"), ["endpoint=_other,method=_OTHER,status=400 1"]);
}

#[test]
fn tenants_come_from_the_first_source_and_a_claim_on_anothers_resource_is_a_violation() {
    let config = config(
        r#","endpoints":{"templates":["/t/{tenant}/x"]},"tenant":{
            "sources":[{"header":"x-t"},{"query":"tenant"},{"host":"{t}.example.com"},{"path":"tenant"}],
            "isolation":{"claim":{"header":"x-t"},"resource":{"path":"tenant"}}}"#,
    );
    let lines = count(
        &config,
        &[
            r#""path":"/t/a/x","status":200,"request_headers":{"x-t":"b"}"#,
            r#""path":"/t/a/x","status":200,"request_headers":{"x-t":"a"}"#,
            r#""path":"/t/a/x?tenant=q+","status":200,"request_headers":{"x-t":""}"#,
            r#""path":"/","status":200,"host":"H.example.com:80""#,
            r#""path":"/t/p/x/","status":200,"host":"example.com""#,
            r#""path":"/t/p","status":200"#,
        ],
    );
    let tenants = ["_none", "a", "b", "h", "p", "q_"].map(|name| format!("tenant={name} 0"));
    assert_eq!(of(&lines, "tenant_request_bytes_total"), tenants);
    assert_eq!(of(&lines, "tenant_isolation_violations_total"), ["tenant=b 1"]);
}
