//! What the filter sees of a record: headers, properties, bodies.

use super::*;

/// One exchange with everything, and what the filter reads of it in the log.
#[test]
fn a_record_is_shown_as_envoy_would_show_it() {
    let full = Record {
        host: b"h".to_vec(),
        https: true,
        request_headers: vec![(b"x-a".to_vec(), b"1".to_vec())],
        response_headers: vec![(b"x-b".to_vec(), b"2".to_vec())],
        response_trailers: vec![(b"grpc-status".to_vec(), b"5".to_vec())],
        request_bytes: 10,
        response_bytes: 20,
        ..record(1, 4, "/a?b")
    };
    let number = |n: u64| String::from_utf8_lossy(&n.to_le_bytes()).into_owned();
    let header_bytes = (":authorityh:path/a?b:methodGET:schemehttpsx-a1").len() as u64;
    let table = [
        ("get_header_map_value 0 ':authority' OUT LEN", "h".to_owned()),
        ("get_header_map_value 0 ':scheme' OUT LEN", "https".to_owned()),
        ("get_header_map_value 0 'x-a' OUT LEN", "1".to_owned()),
        ("get_header_map_value 2 ':status' OUT LEN", "200".to_owned()),
        ("get_header_map_value 2 'x-b' OUT LEN", "2".to_owned()),
        ("get_header_map_value 3 'grpc-status' OUT LEN", "5".to_owned()),
        ("get_property 'request|total_size' OUT LEN", number(header_bytes + 10)),
        ("get_property 'response|size' OUT LEN", number(20)),
        ("get_property 'request|duration' OUT LEN", number(4 * MS)),
        ("get_property 'response|grpc_status' OUT LEN", number(5)),
    ];
    for (call, want) in table {
        let mut gateway =
            Guest::default().on("proxy_on_log", &[call, "show"]).start(GatewayConfig::default()).unwrap();
        replay(&mut gateway, ok(std::slice::from_ref(&full)), Options::default()).unwrap();
        assert_eq!(gateway.log().take()[0].text, want, "{call}");
    }
}

#[test]
fn without_a_request_line_the_first_callback_is_the_log_and_without_a_status_there_is_no_response() {
    let guest = ["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log"]
        .iter()
        .fold(Guest::default(), |guest, callback| {
            guest.on(callback, &["define_metric 0 'x' OUT", &format!("log 2 '{callback}'")])
        });
    let garbage = Record { method: None, path: None, status: Some(400), ..record(1, 0, "") };
    let aborted = Record { status: None, ..record(2, 0, "/") };
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    replay(&mut gateway, ok(&[garbage, aborted]), Options::default()).unwrap();
    let seen: Vec<_> =
        gateway.log().take().into_iter().map(|l| l.text).filter(|t| t.starts_with("proxy")).collect();
    assert_eq!(seen, ["proxy_on_log", "proxy_on_request_headers", "proxy_on_log"]);
}

#[test]
fn bodies_pass_as_so_many_bytes_where_the_filter_looks_at_them() {
    let guest = Guest::default()
        .on("proxy_on_request_body", &["define_metric 0 'up' OUT", "increment_metric 4 1:i64", "number 2"])
        .on("proxy_on_response_body", &["number 2"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let record = Record { request_bytes: 40_000, response_bytes: 5, ..record(0, 1, "/") };
    replay(&mut gateway, [Ok(record)], Options::default()).unwrap();
    let lines: Vec<String> = gateway.log().take().into_iter().map(|line| line.text).collect();
    let ends: Vec<&str> = lines.iter().map(String::as_str).filter(|line| line.starts_with('0')).collect();
    assert_eq!(ends, ["000", "000", "001", "001"], "three chunks up, one down");
}

#[test]
fn of_an_absurdly_large_body_a_part_is_passed() {
    let guest = Guest::default()
        .on("proxy_on_configure", &["define_metric 0 'parts' OUT"])
        .on("proxy_on_request_body", &["increment_metric 4 1:i64"])
        .on("proxy_on_log", &["get_property 'request|size' OUT LEN", "show"]);
    let mut gateway = guest.start(GatewayConfig::default()).unwrap();
    let record = Record { request_bytes: 1_000_000_000_000_000, ..record(0, 1, "/") };
    replay(&mut gateway, [Ok(record)], Options::default()).unwrap();
    assert_eq!(gateway.stats().value(MetricType::Counter, "parts"), Some(4096));
    let number = String::from_utf8_lossy(&1_000_000_000_000_000u64.to_le_bytes()).into_owned();
    assert!(gateway.log().take().iter().any(|line| line.text == number));
}
