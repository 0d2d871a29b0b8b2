use super::*;

#[test]
fn a_har_entry_becomes_what_a_gateway_saw() {
    let record = one(&har(ENTRY), Format::Auto);
    assert_eq!((text(&record.method), text(&record.path)), ("POST", "/a/b?c=d"));
    assert_eq!((record.host.as_slice(), record.https), (&b"h.example:8443"[..], true));
    assert_eq!(record.request_headers, [(b"x-tenant-id".to_vec(), b"acme".to_vec())]);
    assert_eq!((record.status, record.request_bytes, record.response_bytes), (Some(201), 5, 77));
    assert_eq!((record.time_ns, record.duration_ns), (NEW_YEAR + 1_500_000_000, Some(12_500_000)));
    assert_eq!(record.protocol, Some(Protocol::Http2));
}

#[test]
fn har_entries_come_in_the_order_of_their_start_and_aborted_ones_have_no_response() {
    let aborted = ENTRY.replace("201", "0").replace("01.500", "00.500").replace("12.5,", "null,");
    let got = all(har(&format!("{ENTRY},{aborted}")).as_bytes(), Format::Har);
    let first = got[0].as_ref().unwrap();
    assert_eq!(
        (first.status, first.flags, first.duration_ns),
        (None, ResponseFlags::DOWNSTREAM_DISCONNECT, None)
    );
    assert_eq!(got[1].as_ref().unwrap().status, Some(201));
}

#[test]
fn har_entries_that_never_reach_a_gateway_are_passed_over_and_counted() {
    let data = ENTRY.replace("https://user@h.example:8443/a/b?c=d#e", "data:image/png;base64,AA");
    let document = har(&format!("{data},{ENTRY}"));
    let mut records = read("f", document.as_bytes(), Format::Auto);
    assert_eq!(records.by_ref().filter(Result::is_ok).count(), 1);
    assert_eq!(records.ignored(), 1);
}

#[test]
fn a_har_that_is_cut_off_is_read_up_to_there_then_one_error_says_where() {
    let whole = har(&format!("{ENTRY},\n{ENTRY}"));
    let cut = &whole[..whole.len() - 40];
    let got = all(cut.as_bytes(), Format::Auto);
    assert_eq!(got.iter().filter(|r| r.is_ok()).count(), 1);
    let bad = got.last().unwrap().clone().unwrap_err();
    assert!(bad.line > 1 && bad.reason.ends_with("the document is cut off"), "{bad}");
    for length in 0..whole.len() {
        let errors = all(&whole.as_bytes()[..length], Format::Har).iter().filter(|r| r.is_err()).count();
        assert_eq!(errors, 1, "cut at {length}");
    }
}

#[test]
fn a_har_entry_that_cannot_be_is_one_error_with_its_line() {
    let broken = [
        (ENTRY.replace("201", "42"), 3, "entry: status 42 is not"),
        (ENTRY.replace("\"status\":201", "\"status\":\"ok\""), 6, "entry: invalid type"),
        (ENTRY.replace("2026-01-01T00:00:01.500Z", "soon"), 3, "startedDateTime: \"soon\" is not"),
        (ENTRY.replace("POST", "P O"), 3, "\"P O\" is not an HTTP method"),
        (ENTRY.replace("\"url\"", "\"uri\""), 6, "missing field `url`"),
        ("17".to_owned(), 3, "invalid type"),
    ];
    for (entry, line, want) in broken {
        let got = all(har(&format!("{entry},{ENTRY}")).as_bytes(), Format::Har);
        assert_eq!(got.len(), 2);
        let bad = got.iter().find_map(|r| r.clone().err()).unwrap();
        assert!(bad.reason.contains(want), "{bad}");
        assert!(bad.line >= 3 && bad.line <= line, "{bad}");
    }
}

#[test]
fn what_is_no_har_is_one_error() {
    let deep = "[".repeat(100_000);
    for content in ["{}", "[]", "{\"log\":{}}", "{\"log\":[]}", "\"log\"", "{\"log\":{\"entries\":7}}", &deep]
    {
        let got = all(content.as_bytes(), Format::Har);
        assert_eq!(got.len(), 1, "{content:.20}");
        assert!(got[0].clone().unwrap_err().reason.starts_with("not a HAR"), "{content:.20}");
    }
    assert_eq!(all(har("").as_bytes(), Format::Auto), []);
    let latin = [&b"{\"log\":{\"entries\":["[..], b"\xe4"].concat();
    assert!(all(&latin, Format::Har)[0].clone().unwrap_err().reason.contains("not UTF-8"));
}

#[test]
fn an_exchange_that_failed_in_playwright_has_no_response() {
    let record = one(&har(&ENTRY.replace("201", "-1")), Format::Auto);
    assert_eq!((record.status, record.flags), (None, ResponseFlags::DOWNSTREAM_DISCONNECT));
}
