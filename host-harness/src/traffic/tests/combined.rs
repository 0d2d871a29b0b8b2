use super::*;

/// (line, method, path, host, status, bytes, milliseconds); `-` is unknown.
#[test]
fn combined_lines_are_read() {
    let at = r#"1.2.3.4 - - [01/Jan/2026:00:00:00 +0000]"#;
    type Row = (&'static str, &'static str, &'static str, &'static str, u16, u64, Option<u64>);
    let table: &[Row] = &[
        (r#""GET /a?b=c HTTP/1.1" 200 512 "-" "curl""#, "GET", "/a?b=c", "", 200, 512, None),
        (r#""GET /a HTTP/1.1" 304 -"#, "GET", "/a", "", 304, 0, None),
        (r#""POST /a HTTP/2.0" 201 1 "-" "-" 0.042"#, "POST", "/a", "", 201, 1, Some(42)),
        (r#""GET /a HTTP/1.1" 200 1 "-" "-" "10.0.0.1, 10.0.0.2""#, "GET", "/a", "", 200, 1, None),
        (r#""GET /a HTTP/1.1" 200 1 "-" "-" "-" 1.000"#, "GET", "/a", "", 200, 1, Some(1000)),
        (r#""GET /a HTTP/1.1" 499 0 "-" "-" -"#, "GET", "/a", "", 0, 0, None),
        (r#""GET /a HTTP/1.1" 000 0 "-" "-""#, "GET", "/a", "", 0, 0, None),
        (r#""GET /a HTTP/1.1" - - "-" "-""#, "GET", "/a", "", 0, 0, None),
        (r#""GET /a HTTP/1.1" 200 1 "-" "cut in the mid"#, "GET", "/a", "", 200, 1, None),
        (r#""GET /a HTTP/1.1" 200 1 "-" "cut after \"#, "GET", "/a", "", 200, 1, None),
        (r#""GET /a" 200 5"#, "GET", "/a", "", 200, 5, None),
        (r#""OPTIONS * HTTP/1.0" 200 1"#, "OPTIONS", "*", "", 200, 1, None),
        (r#""GET http://h:8080/p?q HTTP/1.1" 200 1"#, "GET", "/p?q", "h:8080", 200, 1, None),
        (r#""CONNECT h:443 HTTP/1.1" 405 1"#, "CONNECT", "h:443", "h:443", 405, 1, None),
        (r#""PROPFIND /a\"b HTTP/1.1" 405 1"#, "PROPFIND", "/a\"b", "", 405, 1, None),
        (r#""\x16\x03\x01\x02" 400 226 "-" "-""#, "-", "-", "", 400, 226, None),
        (r#""-" 408 0 "-" "-""#, "-", "-", "", 408, 0, None),
        (r#""" 400 0 "-" "-""#, "-", "-", "", 400, 0, None),
        (r#""GET /a b HTTP/1.1" 400 1"#, "-", "-", "", 400, 1, None),
        (r#""GET  HTTP/1.1" 400 1"#, "-", "-", "", 400, 1, None),
        (r#""SSH-2.0-Go" 400 1"#, "-", "-", "", 400, 1, None),
        (r#""GET relative HTTP/1.1" 400 1"#, "-", "-", "", 400, 1, None),
        (r#""GET /a HTCPCP/1.0" 418 1"#, "-", "-", "", 418, 1, None),
    ];
    for (rest, method, path, host, status, bytes, milliseconds) in table {
        let record = one(&format!("{at} {rest}"), Format::Auto);
        let or_dash = |part: &Option<Vec<u8>>| {
            part.as_ref().map_or("-".to_owned(), |b| String::from_utf8_lossy(b).into_owned())
        };
        assert_eq!(
            (or_dash(&record.method).as_str(), or_dash(&record.path).as_str()),
            (*method, *path),
            "{rest}"
        );
        assert_eq!(record.has_request(), *method != "-", "{rest}");
        assert_eq!(record.host, host.as_bytes(), "{rest}");
        assert_eq!((record.status.unwrap_or(0), record.response_bytes), (*status, *bytes), "{rest}");
        assert_eq!(record.duration_ns.map(|ns| ns / 1_000_000), *milliseconds, "{rest}");
        assert_eq!(record.time_ns, NEW_YEAR - record.duration_ns.unwrap_or(0), "{rest}");
    }
}

#[test]
fn combined_clients_users_and_times_may_look_odd() {
    let rest = r#""GET / HTTP/1.1" 200 1 "http://r/" "Mozilla \"x\" \xe4""#;
    for (start, later_s) in [
        ("2001:db8::1 - - [01/Jan/2026:00:00:00 +0000]", 0),
        ("::1 - frank [x] [01/Jan/2026:00:00:00 +0000]", 0),
        ("example.com - John Smith [01/Jan/2026:02:30:00 +0230]", 0),
        ("1.2.3.4 - - [31/Dec/2025:19:00:00 -0500]", 0),
        ("1.2.3.4 - - [01/Jan/2026:00:00:60 +0000]", 60),
    ] {
        let record = one(&format!("{start} {rest}"), Format::Combined);
        assert_eq!(record.time_ns, NEW_YEAR + later_s * 1_000_000_000, "{start}");
        let headers = &record.request_headers;
        assert_eq!(headers[0], (b"referer".to_vec(), b"http://r/".to_vec()));
        assert_eq!(headers[1], (b"user-agent".to_vec(), b"Mozilla \"x\" \xe4".to_vec()));
    }
}

#[test]
fn a_line_that_is_no_combined_log_is_refused_with_the_reason() {
    let at = r#"1.2.3.4 - - [01/Jan/2026:00:00:00 +0000]"#;
    let table = [
        ("hello".to_owned(), "not a combined log line"),
        (
            "1.2.3.4 - - [32/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1".to_owned(),
            "not a combined log line",
        ),
        (
            "1.2.3.4 - - [01/Jan/1969:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1".to_owned(),
            "not a combined log line",
        ),
        ("[01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1".to_owned(), "not a combined log line"),
        (
            "1.2.3.4 - - [01/Jan/2600:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1".to_owned(),
            "not a combined log line",
        ),
        (
            format!("{at} \"GET / HTTP/1.1\" 200 18446744073709551615"),
            "is not a number of bytes that an exchange",
        ),
        (at.to_owned(), "expected a request line in double quotes"),
        (format!("{at} GET / 200 1"), "expected a request line in double quotes"),
        (format!("{at} \"GET / HTTP/1.1"), "a double quote is not closed"),
        (format!("{at} \"GET / HTTP/1.1\""), "expected a status"),
        (format!("{at} \"GET / HTTP/1.1\" 200"), "expected a number of bytes"),
        (format!("{at} \"GET / HTTP/1.1\" 42 1"), "status 42 is not"),
        (format!("{at} \"GET / HTTP/1.1\" abc 1"), "status: abc is not a number"),
        (format!("{at} \"GET / HTTP/1.1\" 200 -5"), "bytes: -5 is not a number"),
        (format!("{at} \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 1500"), "1500 at the end is not $request_time"),
        (format!("{at} \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" -0.5"), "request time: -0.5 cannot be"),
        (format!("{at} \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" NaN."), "NaN. at the end is not"),
        (format!("{at} \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 0.5 more"), "unexpected text at the end: more"),
    ];
    for (line, want) in table {
        let got = reason(&line, Format::Combined);
        assert!(got.contains(want), "{line}\n{got}");
    }
}

/// nginx writes a line when the request has ended, with the time of then.
#[test]
fn with_a_request_time_lines_are_of_the_end_and_come_in_the_order_of_their_start() {
    let line = |second: u32, path: &str, request_time: &str| {
        format!(
            "::1 - - [01/Jan/2026:00:00:{second:02} +0000] \"GET {path} HTTP/1.1\" 200 1 \"-\" \"-\"{request_time}\n"
        )
    };
    let log = line(20, "/quick", " 0.500")
        + &line(21, "/slow", " 20.000")
        + &line(22, "/unknown", "")
        + &line(22, "/x", " -");
    let seen: Vec<_> = all(log.as_bytes(), Format::Auto)
        .into_iter()
        .map(|record| {
            let record = record.unwrap();
            (text(&record.path).to_owned(), (record.time_ns - NEW_YEAR) / 1_000_000, record.duration_ns)
        })
        .collect();
    let want = [
        ("/slow", 1000, Some(20_000_000_000)),
        ("/quick", 19_500, Some(500_000_000)),
        ("/unknown", 22_000, None),
        ("/x", 22_000, None),
    ];
    assert_eq!(seen, want.map(|(path, start, lasted)| (path.to_owned(), start, lasted)));
}

#[test]
fn nginxs_499_is_a_client_that_left() {
    let line = r#"1.2.3.4 - - [01/Jan/2026:00:00:10 +0000] "GET /a HTTP/1.1" 499 0 "-" "curl" 0.700"#;
    let record = one(line, Format::Combined);
    assert_eq!((record.status, record.flags), (None, ResponseFlags::parse("DC").unwrap()));
}
