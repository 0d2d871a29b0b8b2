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
        (ENTRY.replace("\"status\":201", "\"status\":\"ok\""), 6, "entry: \"ok\" is not a number"),
        (
            ENTRY.replace("\"bodySize\":-1,\"c", "\"bodySize\":1e30,\"c"),
            3,
            "not a number of bytes that an exchange",
        ),
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
    let empty = all(har("").as_bytes(), Format::Auto).remove(0).unwrap_err();
    assert_eq!(empty.to_string(), "f: a HAR without entries: there is nothing to replay");
    let latin = [&b"{\"log\":{\"entries\":["[..], b"\xe4"].concat();
    assert!(all(&latin, Format::Har)[0].clone().unwrap_err().reason.contains("not UTF-8"));
}

#[test]
fn an_exchange_that_failed_in_playwright_has_no_response() {
    let record = one(&har(&ENTRY.replace("201", "-1")), Format::Auto);
    assert_eq!((record.status, record.flags), (None, ResponseFlags::DOWNSTREAM_DISCONNECT));
}

/// What viewers show without a word: as mitmproxy, Charles, Fiddler, Safari and older browsers write it.
#[test]
fn a_har_entry_may_lack_what_it_may_and_be_written_loosely() {
    let bare = r#"{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://h/"}}"#;
    let pending = one(&har(bare), Format::Auto);
    assert_eq!((pending.status, pending.flags), (None, ResponseFlags::DOWNSTREAM_DISCONNECT));
    assert_eq!((pending.duration_ns, pending.request_bytes), (None, 0));
    let answered = |response: &str| {
        one(&har(&bare.replace("\"}}", &format!("\"}},\"response\":{response}}}"))), Format::Har)
    };
    assert_eq!(answered("null").status, None);
    assert_eq!(answered(r#"{"status":null,"headers":null,"content":null,"bodySize":null}"#).status, None);
    assert_eq!(answered(r#"{"status":"204","bodySize":"","httpVersion":null}"#).status, Some(204));
    let loose = answered(
        r#"{"status":200.0,"bodySize":17.5,"headers":[{"name":"a"},{"name":"b","value":null},{"value":"x"},
            {"name":"no name","value":"x"},{"name":"C","value":"x\ny\u0000\ud83d"}],"content":{"size":"12"}}"#,
    );
    assert_eq!((loose.status, loose.response_bytes), (Some(200), 17));
    assert_eq!(loose.response_headers, [(b"c".to_vec(), b"x y \xed\xa0\xbd".to_vec())]);
    for (time, later_s) in [("2026-01-01T01:00:00.000+0100", 0), ("2026-01-01T00:00:01.000", 1)] {
        let record = one(&har(&bare.replace("2026-01-01T00:00:00Z", time)), Format::Har);
        assert_eq!(record.time_ns, NEW_YEAR + later_s * 1_000_000_000, "{time}");
    }
    let posted = bare.replace(
        "\"http://h/\"",
        r#""http://h/","bodySize":"-1","postData":{"mimeType":"x","text":"a\udc00"}"#,
    );
    assert_eq!(one(&har(&posted), Format::Har).request_bytes, 4);
}

#[test]
fn a_har_may_begin_with_byte_order_marks() {
    assert!(all(format!("\u{feff}\u{feff}{}", har(ENTRY)).as_bytes(), Format::Auto)[0].is_ok());
}
