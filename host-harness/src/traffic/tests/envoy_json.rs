use super::*;

fn parse(line: &str) -> Result<Record, String> {
    super::super::envoy_json::parse(line.as_bytes())
}

/// As Envoy Gateway, Istio and a log of one's own write the same stream.
const STREAMS: [&str; 3] = [
    r#"{"start_time":"2026-01-01T00:00:00.250Z","method":"GET","x-envoy-origin-path":"/a?x=1","protocol":"HTTP/2",
        "response_code":503,"response_flags":"UF,URX","response_code_details":"upstream_reset{x}","bytes_received":7,
        "bytes_sent":91,"duration":12,"x-envoy-upstream-service-time":null,"x-forwarded-for":"10.0.0.1",
        "user-agent":"curl/8","x-request-id":"r1",":authority":"shop.example","upstream_host":"10.1.1.1:80",
        "x-tenant-id":"acme","requested_server_name":null,"route_name":"r"}"#,
    r#"{"start_time":"2026-01-01T00:00:00.250Z","method":"GET","path":"/a?x=1","protocol":"HTTP/2",
        "response_code":503,"response_flags":"UF,URX","bytes_received":"7","bytes_sent":"91","duration":"12",
        "upstream_service_time":"-","x_forwarded_for":"10.0.0.1","user_agent":"curl/8","request_id":"r1",
        "authority":"shop.example","upstream_cluster":"outbound|80||x","x-tenant-id":"acme"}"#,
    r#"{"time":1767225600.25,":METHOD":"GET",":PATH":"/rewritten","X-ENVOY-ORIGINAL-PATH":"/a?x=1","PROTOCOL":"HTTP/2",
        "status":5.03e2,"RESPONSE_FLAGS":"UF,URX","BYTES_RECEIVED":7,"BYTES_SENT":91,"duration_us":12000,"host":"shop.example",
        "x-forwarded-for":"10.0.0.1","user-agent":"curl/8","request_id":"r1","x-tenant-id":"acme","list":[1,{"a":2}]}"#,
];

#[test]
fn the_usual_ways_to_write_a_stream_are_one() {
    for text in STREAMS {
        let mut record = parse(&text.replace('\n', "")).unwrap();
        record.request_headers.sort();
        let headers = [
            ("user-agent", "curl/8"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-request-id", "r1"),
            ("x-tenant-id", "acme"),
        ];
        let expected = Record {
            time_ns: 1_767_225_600_250_000_000,
            method: Some(b"GET".to_vec()),
            path: Some(b"/a?x=1".to_vec()),
            host: b"shop.example".to_vec(),
            request_headers: headers.map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).to_vec(),
            status: Some(503),
            request_bytes: 7,
            response_bytes: 91,
            duration_ns: Some(12_000_000),
            flags: ResponseFlags::parse("UF,URX").unwrap(),
            protocol: Some(Protocol::Http2),
            ..Record::default()
        };
        assert_eq!(record, expected, "{text}");
    }
}

#[test]
fn what_envoy_did_not_have_is_not_there() {
    let record = parse(r#"{"start_time":"2026-01-01T00:00:00Z","method":null,"path":"-","response_code":0,"response_flags":"DC"}"#).unwrap();
    assert!(!record.has_request());
    assert_eq!((record.status, record.duration_ns, record.host.as_slice()), (None, None, &b""[..]));
    assert_eq!(record.flags, ResponseFlags::DOWNSTREAM_DISCONNECT);
    let grpc = |status: &str| {
        let line =
            format!(r#"{{"start_time":"2026-01-01T00:00:00Z","response_code":200,"grpc_status":{status}}}"#);
        parse(&line).unwrap().response_trailers.pop().map(|(_, value)| String::from_utf8(value).unwrap())
    };
    for (status, code) in [("14", "14"), ("\"Unavailable\"", "14"), ("\"NOT_FOUND\"", "5"), ("\"OK\"", "0")] {
        assert_eq!(grpc(status).as_deref(), Some(code), "{status}");
    }
    assert_eq!(grpc("null"), None);
    for code in ["0", "null", "\"-\"", "\"0\""] {
        assert_eq!(
            parse(&format!(r#"{{"start_time":1,"response_code":{code}}}"#)).unwrap().status,
            None,
            "{code}"
        );
    }
}

#[test]
fn of_several_keys_for_one_thing_the_best_counts_wherever_it_stands() {
    let keys = [
        (r#""start_time":"1970-01-01T00:00:10Z""#, 10),
        (r#""time":20"#, 20),
        (r#""timestamp":100000000000"#, 100_000_000),
        (r#""@timestamp":"1970-01-01T00:00:40Z""#, 40),
    ];
    let read = |list: &[&str]| parse(&format!("{{{}}}", list.join(",")));
    for best in 0..keys.len() {
        let mut rest: Vec<&str> =
            keys[best..].iter().map(|(text, _)| *text).chain([r#""response_code":200"#]).collect();
        for _ in 0..rest.len() {
            rest.rotate_left(1);
            assert_eq!(read(&rest).unwrap().time_ns / 1_000_000_000, keys[best].1);
        }
    }
    // What does not count need not be readable.
    let record =
        read(&[keys[0].0, r#""time":"noon""#, r#""response_code":"503""#, r#""status":"OK""#]).unwrap();
    assert_eq!((record.time_ns, record.status), (10_000_000_000, Some(503)));
    let record = read(&[
        r#""start_time":null"#,
        keys[1].0,
        r#""status":404"#,
        r#""duration_us":"7""#,
        r#""duration":0"#,
    ]);
    let record = record.unwrap();
    assert_eq!((record.time_ns, record.status, record.duration_ns), (20_000_000_000, Some(404), Some(7000)));
}

#[test]
fn times_are_told_by_how_large_they_are() {
    for number in
        ["1767225600.25", "1767225600250", "1767225600250000", "1767225600250000000", "\"1767225600250\""]
    {
        let record = parse(&format!(r#"{{"start_time":{number},"response_code":200}}"#)).unwrap();
        assert_eq!(record.time_ns, 1_767_225_600_250_000_000, "{number}");
    }
    for (number, reason) in
        [("50000000000", "is not a time"), ("18446744073709551615", "is after April 2262")]
    {
        let error = parse(&format!(r#"{{"start_time":{number},"response_code":200}}"#)).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn headers_of_requests_and_responses_are_told_apart() {
    let line = r#"{"start_time":1,"response_code":200,
        "request_headers":{"x-tenant-id":12345678901234567890,":path":"/x","x-none":"-","x-list":[1]},
        "response_headers":{"Server-Timing":"db;dur=3","x-cache":null},"response_trailers":{"grpc-message":"no"},
        "REQ(X-USER-ID)":"u1","RESP(cache-status)":"c; hit","%RESP(X-CACHE?AGE):10%":"HIT","resp(endpoint-load-metrics)":"TEXT cpu=1",
        "TRAILER(a)":"b","REQ(:METHOD)":"PUT","REQ(X-ENVOY-ORIGINAL-PATH)":"/o","x-ratelimit-remaining":0,"x-user-tier":3.5,
        "retry-after":"7","OTHER(x)":"y"}"#;
    let record = parse(&line.replace('\n', "")).unwrap();
    let pairs = |list: &[(&str, &str)]| -> Headers {
        list.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    };
    let request = [("x-tenant-id", "12345678901234567890"), ("x-user-id", "u1"), ("x-user-tier", "3.5")];
    assert_eq!(record.request_headers, pairs(&request));
    let response = [
        ("server-timing", "db;dur=3"),
        ("cache-status", "c; hit"),
        ("x-cache", "HIT"),
        ("endpoint-load-metrics", "TEXT cpu=1"),
        ("x-ratelimit-remaining", "0"),
        ("retry-after", "7"),
    ];
    assert_eq!(record.response_headers, pairs(&response));
    assert_eq!(record.response_trailers, pairs(&[("grpc-message", "no"), ("a", "b")]));
    assert_eq!((record.method, record.path), (Some(b"PUT".to_vec()), Some(b"/o".to_vec())));
    let bad = parse(r#"{"start_time":1,"response_code":200,"response_headers":{"a b":"c"}}"#);
    assert_eq!(bad, Err("\"a b\" is not a header name".to_owned()));
}

#[test]
fn what_cannot_be_read_is_named() {
    let table = [
        ("{}", "there is no start_time"),
        (r#"{"start_time":1}"#, "there is no response_code (0 or - is an exchange without a response)"),
        (r#"{"start_time":"yesterday"}"#, "start_time: \"yesterday\" is not an RFC 3339 time"),
        (
            r#"{"start_time":1,"response_code":"many","duration":1}"#,
            "response_code: \"many\" is not a number",
        ),
        (r#"{"start_time":1,"response_code":12}"#, "status 12 is not 0 or a code of three digits"),
        (r#"{"start_time":1,"response_flags":"XX"}"#, "response_flags: Envoy has no response flag \"XX\""),
        (
            r#"{"start_time":1,"bytes_sent":-1}"#,
            "bytes_sent: -1 is not a number of bytes that an exchange can have",
        ),
        (
            r#"{"start_time":1,"bytes_sent":18446744073709551615}"#,
            "bytes_sent: 18446744073709552000 is not a number of bytes that an exchange can have",
        ),
        (
            r#"{"start_time":1,"response_code":200,"duration":-5}"#,
            "duration: -5 cannot be how long an exchange took",
        ),
        (r#"{"start_time":1,"#, "not a JSON object: EOF while parsing a value at column 16"),
        ("[1]", "invalid type: sequence, expected an object"),
        (r#"{"start_time":1} x"#, "not a JSON object: trailing characters at column 18"),
    ];
    for (line, reason) in table {
        assert_eq!(parse(line), Err(reason.to_owned()), "{line}");
    }
}

#[test]
fn lines_in_the_order_of_their_end_come_in_the_order_of_their_start() {
    let line = |start: u64, duration: u64| {
        format!(r#"{{"start_time":{start},"path":"/","response_code":200,"duration":{}}}"#, duration * 1000)
    };
    let log =
        [line(5, 1), "junk".to_owned(), line(0, 10), line(100, 1), line(90, 20), line(99, 30)].join("\n");
    let mut records = read("log", log.as_bytes(), Format::Auto);
    assert_eq!(records.first_time_ns(), Some(0));
    let seen: Vec<_> =
        records.map(|record| record.map(|r| r.time_ns / 1_000_000_000).map_err(|bad| bad.line)).collect();
    assert_eq!(seen, [Err(2), Ok(0), Ok(5), Ok(90), Ok(99), Ok(100)]);
}

#[test]
fn of_a_log_that_never_ends_a_bounded_part_is_held_back() {
    let lines =
        (0..200_000).map(|at| format!("{{\"start_time\":{},\"response_code\":200}}\n", at / 1_000_000));
    let log: String = lines.collect();
    let mut records = read("log", log.as_bytes(), Format::EnvoyJson);
    assert!(records.next().unwrap().is_ok());
    let Source::Ended(_, _, held) = &records.source else { panic!("{records:?}") };
    assert!(held.waiting() <= 16_384, "{}", held.waiting());
    assert_eq!(records.count(), 199_999);
}
