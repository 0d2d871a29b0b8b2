//! Custom metrics, exchange by exchange.

use super::*;

/// The series after these exchanges of a configuration with these metrics.
fn lines(metrics: &str, exchanges: &[&str]) -> Vec<String> {
    let config = config(&format!(
        r#","endpoints":{{"templates":["/m","/m/{{id}}"]}},"tenant":{{"sources":[{{"header":"x-t"}}]}},"metrics":[{metrics}]"#
    ));
    count(&config, exchanges)
}

#[test]
fn a_metric_sees_what_it_asks_for() {
    let exchanges = [
        r#""method":"POST","path":"/m","status":201"#,
        r#""method":"POST","path":"/m","status":409"#,
        r#""method":"POST","path":"/m","status":404"#,
        r#""method":"GET","path":"/m","status":200,"response_headers":{"age":"7"}"#,
        r#""method":"POST","path":"/m/1","status":200,"response_headers":{"x-cache":"MISS"}"#,
        r#""path":"/m","status":0,"flags":"DC","response_headers":{"age":"7"}"#,
    ];
    let lines = lines(
        r#"{"name":"made_total","type":"counter","when":{"method":["POST"],"endpoint":["/m"],"status":["2xx",409]}},
           {"name":"hits_total","type":"counter","when":{"cache":"hit"}},
           {"name":"misses_total","type":"counter","when":{"cache":"miss"}}"#,
        &exchanges,
    );
    let series = ["made_total", "hits_total", "misses_total"].map(|name| {
        lines.iter().find_map(|line| line.strip_prefix(&format!("{name}{{service=\"shop\"}} "))).unwrap()
    });
    assert_eq!(series, ["2", "1", "1"], "headers that were never sent say nothing");
}

#[test]
fn durations_and_timings_are_rounded_down_and_all_else_half_up() {
    let histogram = |name: &str, value: &str| {
        format!(r#"{{"name":"{name}","type":"histogram","buckets":[10],"value":{value}}}"#)
    };
    let metrics = [
        histogram("took", "\"duration\""),
        histogram("db", r#"{"server_timing":"db"}"#),
        histogram("price", r#"{"response_header":"x-price"}"#),
        histogram("sent", "\"request_bytes\""),
    ];
    let lines = lines(
        &metrics.join(","),
        &[
            r#""path":"/m","status":200,"duration_ms":12.9999,"request_bytes":7,"response_headers":{"x-price":"41.5","server-timing":"db;dur=3.9, db"},"response_trailers":{"server-timing":"db;dur=4"}"#,
            r#""path":"/m","status":101,"duration_ms":5,"response_headers":{"x-price":"-1"}"#,
        ],
    );
    let of = |name: &str| lines.iter().find(|line| line.starts_with(&format!("{name}{{"))).cloned();
    assert_eq!(of("took").unwrap(), r#"took{service="shop"} 1 values, sum 12"#, "a tunnel has none");
    assert_eq!(of("db").unwrap(), r#"db{service="shop"} 2 values, sum 7"#);
    assert_eq!(of("price").unwrap(), r#"price{service="shop"} 1 values, sum 42"#);
    assert_eq!(of("sent").unwrap(), r#"sent{service="shop"} 2 values, sum 7"#);
    assert_eq!(of("redline_dropped_total").unwrap(), r#"redline_dropped_total{reason="value_range"} 1"#);
}

#[test]
fn labels_are_escaped_and_bounded_and_what_is_past_a_limit_is_said() {
    let request = |path: &str, rest: &str| format!(r#""method":"GET","path":"{path}","status":200{rest}"#);
    let exchanges = [
        request(
            "/m/a.b",
            r#","host":"Shop.Example.:80","upstream":"10.0.0.7:80","response_headers":{"x-o":"1"}"#,
        ),
        request("/m/c", r#","response_headers":{"x-o":"2"},"upstream":"10.0.0.8:80""#),
        request("/m/c", r#","response_headers":{"x-o":"3"}"#),
        request("/m/c", ""),
        request("/m/_none", ""),
    ];
    let lines = lines(
        r#"{"name":"model_total","type":"counter","labels":{"model":{"param":"id"}},"max":2},
           {"name":"site_total","type":"counter","labels":{"site":"host"},"max":1},
           {"name":"o_total","type":"counter","labels":{"outcome":{"response_header":"x-o"}},"max":2},
           {"name":"up","type":"gauge","per_upstream":true,"value":"response_bytes","max":1},
           {"name":"verb_total","type":"counter","labels":{"sent":"status"},"max":1}"#,
        &exchanges.each_ref().map(String::as_str),
    );
    // Half of the places at sight, the others at the third success.
    assert_eq!(of(&lines, "model_total"), ["model=_other 3", "model=a_b 1", "model=c 1"]);
    assert_eq!(of(&lines, "site_total"), ["site=_none 4", "site=shop_example 1"]);
    let outcomes = ["outcome=1 1", "outcome=2 1", "outcome=_none 2", "outcome=_other 1"];
    assert_eq!(of(&lines, "o_total"), outcomes);
    let upstreams = ["upstream=10_0_0_7:80 0", "upstream=_none 0", "upstream=_other 0"];
    assert_eq!(of(&lines, "up"), upstreams);
    assert_eq!(of(&lines, "verb_total"), ["sent=200 5"]);
    let overflow = ["label=model_total/model 2", "label=o_total/outcome 1", "label=up/upstream 1"];
    assert_eq!(of(&lines, "redline_series_overflow_total"), overflow);
}

#[test]
fn what_is_malformed_counts_once_an_exchange_and_kind_where_a_metric_asked() {
    let bad = r#""response_headers":{"server-timing":"db;dur=x, db;dur=4","x-n":"many","endpoint-load-metrics":"BAD","cache-status":"(","age":"x","ratelimit":"r=1;;"}"#;
    let lines = lines(
        r#"{"name":"db","type":"histogram","buckets":[10],"value":{"server_timing":"db"}},
           {"name":"cpu","type":"gauge","value":{"orca":"cpu_utilization"}},
           {"name":"mem","type":"gauge","value":{"orca":"mem_utilization"}},
           {"name":"n_total","type":"counter","value":{"response_header":"x-n"}},
           {"name":"hits_total","type":"counter","when":{"cache":"hit"}},
           {"name":"left","type":"gauge","value":{"rate_limit":"remaining"},"when":{"status":["2xx"]}}"#,
        &[&format!(r#""path":"/m","status":200,{bad}"#), &format!(r#""path":"/m","status":500,{bad}"#)],
    );
    assert_eq!(of(&lines, "redline_dropped_total"), ["reason=malformed_header 9"]);
    assert_eq!(of(&lines, "db"), ["service=shop 2 values, sum 8"]);
}

#[test]
fn past_max_series_classes_stay_and_gauges_are_not_shown() {
    let config = config(
        r#","limits":{"max_series":100},"metrics":[
            {"name":"a_total","type":"counter","max":100,"labels":{"verb":"method","model":{"response_header":"x-m"},"sent":"status"}},
            {"name":"size","type":"gauge","max":100,"value":"response_bytes","labels":{"one":{"response_header":"x-m"}}}],
            "disable":["http_request_duration_milliseconds","http_request_size_bytes","http_response_size_bytes","tenant_requests_total"]"#,
    );
    let exchanges: Vec<String> = (0..60)
        .map(|n| format!(r#""method":"GET","path":"/","status":404,"response_headers":{{"x-m":"{n}"}}"#))
        .collect();
    let exchanges: Vec<&str> = exchanges.iter().map(String::as_str).collect();
    let lines = count(&config, &exchanges);
    let (a, size) = (of(&lines, "a_total"), of(&lines, "size"));
    // Four label sets are the built-in metrics'.
    assert_eq!((a.len(), size.len()), (49, 48));
    assert!(a.contains(&"model=_other,sent=4xx,verb=_OTHER 12".to_owned()), "{a:?}");
    assert_eq!(of(&lines, "redline_series_overflow_total"), ["label=max_series 24"]);
}
