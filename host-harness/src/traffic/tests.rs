mod combined;
mod envoy_json;
mod har;
mod scenario;

use super::*;
use crate::stream::{Protocol, ResponseFlags};
use std::io::Write;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600_000_000_000;

fn all(content: &[u8], format: Format) -> Vec<Result<Record, BadRecord>> {
    read("f", content, format).collect()
}

fn one(line: &str, format: Format) -> Record {
    let mut records = all(line.as_bytes(), format);
    assert_eq!(records.len(), 1, "{line}");
    records.remove(0).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn reason(line: &str, format: Format) -> String {
    match all(line.as_bytes(), format).remove(0) {
        Ok(record) => panic!("{line}: {record:?}"),
        Err(bad) => bad.reason,
    }
}

fn text(bytes: &Option<Vec<u8>>) -> &str {
    std::str::from_utf8(bytes.as_deref().unwrap()).unwrap()
}

fn exchange(more: &str) -> String {
    format!(r#"{{"time":"2026-01-01T00:00:00Z","path":"/a","status":200{more}}}"#)
}

#[test]
fn a_value_of_the_wrong_kind_is_named_by_its_key() {
    for (more, wanted) in [
        (
            r#","request_bytes":-1"#,
            "request_bytes: invalid value: integer `-1`, expected a whole number, 0 or more",
        ),
        (r#","duration_ms":"x""#, "duration_ms: invalid type: string \"x\", expected a number"),
        (r#","method":7"#, "method: invalid type: integer `7`, expected a string"),
    ] {
        assert_eq!(reason(&exchange(more), Format::Exchanges), wanted);
    }
    let line = r#"{"time":1767225600,"path":"/a","status":"200"}"#;
    assert!(
        reason(line, Format::Exchanges)
            .starts_with("status: invalid type: string \"200\", expected a whole number")
    );
}

#[test]
fn an_exchange_has_every_key_of_the_contract() {
    let record = one(
        r#"{"time":"2026-01-01T00:00:00Z","method":"GET","path":"/api/v1/models/1?x=1","host":"api.example.com","request_headers":{"X-Tenant-Id":"acme"},"status":200,"response_headers":{"a":"b"},"response_trailers":{"grpc-status":"0"},"request_bytes":3,"response_bytes":512,"duration_ms":12.5,"flags":"UF,URX","upstream":"10.0.0.7:8080"}"#,
        Format::Auto,
    );
    let pair = |k: &str, v: &str| vec![(k.as_bytes().to_vec(), v.as_bytes().to_vec())];
    let want = Record {
        time_ns: NEW_YEAR,
        method: Some(b"GET".to_vec()),
        path: Some(b"/api/v1/models/1?x=1".to_vec()),
        host: b"api.example.com".to_vec(),
        https: false,
        request_headers: pair("x-tenant-id", "acme"),
        status: Some(200),
        response_headers: pair("a", "b"),
        response_trailers: pair("grpc-status", "0"),
        request_bytes: 3,
        response_bytes: 512,
        duration_ns: Some(12_500_000),
        flags: ResponseFlags::parse("UF,URX").unwrap(),
        protocol: Some(Protocol::Http11),
        upstream: Some(b"10.0.0.7:8080".to_vec()),
    };
    assert_eq!(record, want);
}

#[test]
fn an_exchange_needs_time_path_and_status_only() {
    let record = one(&exchange(""), Format::Auto);
    assert_eq!((record.method.clone(), record.duration_ns, record.has_request()), (None, None, true));
    let aborted = one(
        r#"{"time":"2026-01-01T01:00:00+01:00","path":"/","status":0,"flags":"DC","duration_ms":0}"#,
        Format::Auto,
    );
    assert_eq!((aborted.time_ns, aborted.status, aborted.duration_ns), (NEW_YEAR, None, Some(0)));
    assert_eq!(aborted.flags, ResponseFlags::DOWNSTREAM_DISCONNECT);
}

#[test]
fn a_host_header_is_the_host() {
    let record = one(&exchange(r#","request_headers":{"Host":"h"}"#), Format::Exchanges);
    assert_eq!((record.host, record.request_headers), (b"h".to_vec(), vec![]));
}

#[test]
fn an_exchange_that_cannot_be_is_refused_with_the_reason() {
    let table = [
        (exchange(r#","nope":1"#), "unknown field `nope`"),
        (r#"{"time":"2026-01-01T00:00:00Z","path":"/"}"#.to_owned(), "missing field `status`"),
        (r#"{"path":"/","status":200}"#.to_owned(), "missing field `time`"),
        (r#"{"time":"2026-01-01T00:00:00Z","path":"/","status":42}"#.to_owned(), "status 42 is not"),
        (r#"{"time":"2026-01-01T00:00:00Z","path":"/","status":-1}"#.to_owned(), "invalid value"),
        (r#"{"time":"2026-01-01T00:00:00Z","path":"","status":200}"#.to_owned(), "path is empty"),
        (
            r#"{"time":"yesterday","path":"/","status":200}"#.to_owned(),
            "\"yesterday\" is not an RFC 3339 time",
        ),
        (
            r#"{"time":"2600-01-01T00:00:00Z","path":"/","status":200}"#.to_owned(),
            "2600-01-01T00:00:00Z is after April 2262",
        ),
        (
            exchange(r#","request_bytes":18446744073709551615"#),
            "request_bytes: 18446744073709551615 is not a number of",
        ),
        (
            exchange(r#","response_bytes":1000000000000001"#),
            "response_bytes: 1000000000000001 is not a number of",
        ),
        (r#"{"time":"1969-12-31T23:59:59Z","path":"/","status":200}"#.to_owned(), "before 1970"),
        (exchange(r#","duration_ms":-1"#), "duration_ms: -1 cannot be"),
        (exchange(r#","duration_ms":1e300"#), "duration_ms: 1"),
        (exchange(r#","duration_ms":NaN"#), "not a JSON object: "),
        (exchange(r#","request_bytes":-5"#), "invalid value"),
        (exchange(r#","flags":"XX""#), "flags: Envoy has no response flag \"XX\""),
        (exchange(r#","request_headers":{":path":"/x"}"#), "\":path\" is not a header name"),
        (exchange(r#","request_headers":{"a":"x\ny"}"#), "header a has the byte 0x0a"),
        (exchange(r#","method":"""#), "method is empty"),
        (exchange(r#","path":"/b""#), "duplicate field `path`"),
        (r#"{"time":"2026-01-01T00:00:00Z","path":"/","status":200"#.to_owned(), "not a JSON object: EOF"),
        ("[1,2]".to_owned(), "invalid"),
        ("\u{0}\u{1}garbage".to_owned(), "not a JSON object: expected value at column 1"),
    ];
    for (line, want) in table {
        let got = reason(&line, Format::Exchanges);
        assert!(got.contains(want), "{line}\n{got}");
    }
}

#[test]
fn a_broken_line_in_the_middle_is_one_error_with_its_number_and_the_rest_is_read() {
    let content = format!("{}\n\nbroken\n{}\n", exchange(""), exchange(""));
    let got = all(content.as_bytes(), Format::Auto);
    assert_eq!(got.len(), 3);
    let bad = got[1].clone().unwrap_err();
    assert_eq!(bad.to_string(), "f:3: not a JSON object: expected value at column 1");
    assert!(got[0].is_ok() && got[2].is_ok());
}

#[test]
fn an_empty_file_is_one_error_in_every_format() {
    for format in [Format::Auto, Format::Exchanges, Format::Combined, Format::Har] {
        for content in ["", " \n\n", "\u{feff}", "\u{feff}\u{feff}\n# x\n"] {
            let got = all(content.as_bytes(), format);
            assert_eq!(got.len(), 1);
            assert_eq!(got[0].clone().unwrap_err().to_string(), "f:1: the file is empty");
        }
    }
}

fn har(entries: &str) -> String {
    format!("{{\n \"log\": {{ \"version\": \"1.2\", \"entries\": [\n{entries}\n] }} }}")
}

const ENTRY: &str = r#"{"startedDateTime":"2026-01-01T00:00:01.500Z","time":12.5,
 "request":{"method":"POST","url":"https://user@h.example:8443/a/b?c=d#e","httpVersion":"h2","bodySize":-1,"postData":{"text":"12345"},
  "headers":[{"name":":authority","value":"x"},{"name":"Host","value":"x"},{"name":"X-Tenant-Id","value":"acme"}]},
 "response":{"status":201,"httpVersion":"h2","bodySize":-1,"content":{"size":77},"headers":[{"name":"Server","value":"s"}]}}"#;

#[test]
fn formats_are_told_apart_by_content() {
    let combined = "garbage first\n1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1";
    let late_key = har(ENTRY).replacen("{\n", "{\n \"other\": {},\n", 1);
    let envoy_line = r#"{"start_time":"2026-01-01T00:00:00Z","response_code":200}"#;
    let log_path = exchange("").replace("\"/a\"", "\"/\\u006cog\\\"log\\\"\"");
    let table = [
        (exchange(""), Format::Exchanges),
        (format!("\u{feff}{}", exchange("")), Format::Exchanges),
        (log_path, Format::Exchanges),
        ("{broken".to_owned(), Format::Exchanges),
        (har(ENTRY), Format::Har),
        (har(ENTRY).replace('\n', ""), Format::Har),
        (late_key, Format::Har),
        (format!("\n# exported today\n\n{}", exchange("")), Format::Exchanges),
        (format!("\u{feff}\u{feff}\r\n{{}}\n{}", exchange("")), Format::Exchanges),
        (format!("[2026-01-01][info] starting\n{}", envoy_line), Format::EnvoyJson),
        (format!("# a comment\n{envoy_line}"), Format::EnvoyJson),
        (format!("# Fields: x\n{combined}"), Format::Combined),
        ("# rate: requests:\nrate: 5\nrequests: []\nduration: 1h".to_owned(), Format::Scenario),
        (combined.to_owned(), Format::Combined),
    ];
    for (content, want) in table {
        assert_eq!(detect::detect(content.as_bytes(), Format::Auto), Ok(want), "{content:.60}");
    }
    let binary = reason("\u{7f}ELF\0\0\0", Format::Auto);
    assert!(
        binary.starts_with("this is binary data: in its first 20 lines there is no exchange"),
        "{binary}"
    );
    for text in ["some prose", r#"{"ts":1,"code":200}"#, "# only\n[1]"] {
        let reason = reason(text, Format::Auto);
        for part in [
            "cannot be told",
            "no exchange (",
            "Envoy's JSON log (",
            "combined log (",
            "no HAR (",
            "no scenario (",
        ] {
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }
    let utf16: Vec<u8> = exchange("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let got = all(&[&b"\xff\xfe"[..], &utf16].concat(), Format::Auto);
    assert_eq!(got[0].clone().unwrap_err().reason, "this is UTF-16: save it as UTF-8");
}

#[test]
fn comments_blank_lines_and_byte_order_marks_between_lines_are_no_records() {
    let content = format!("\u{feff}\n# one\n{}\n\n\u{feff}{}\n  # two\nx\n", exchange(""), exchange(""));
    let got = all(content.as_bytes(), Format::Auto);
    assert_eq!(got.len(), 3);
    assert!(got[0].is_ok() && got[1].is_ok());
    assert_eq!(got[2].clone().unwrap_err().line, 7);
}

#[test]
fn gzip_and_zstd_are_read_as_such() {
    let lines = format!("{}\n", exchange("")).repeat(5000);
    let (first, second) = lines.as_bytes().split_at(lines.len() / 3);
    let gzip = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    };
    let zstd =
        |part: &[u8]| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    for packed in [
        gzip(lines.as_bytes()),
        [gzip(first), gzip(second)].concat(),
        zstd(lines.as_bytes()),
        [zstd(first), skippable.to_vec(), zstd(second)].concat(),
    ] {
        let got = all(&packed, Format::Auto);
        assert_eq!(got.iter().filter(|r| r.is_ok()).count(), 5000);
        assert_eq!(got.len(), 5000);
        let cut = all(&packed[..packed.len() - 12], Format::Exchanges);
        assert!(cut.last().unwrap().is_err());
        assert!(cut.iter().filter(|r| r.is_err()).count() <= 2, "the line that is cut, and why");
    }
    assert!(all(b"\x1f\x8b not gzip", Format::Auto)[0].is_err());
    assert!(all(b"\x28\xb5\x2f\xfd not zstd", Format::Auto)[0].is_err());
}

#[test]
fn a_line_without_end_is_one_error() {
    let mut content = vec![b'x'; 3 << 20];
    content.extend_from_slice(format!("\n{}\n", exchange("")).as_bytes());
    let got = all(&content, Format::Exchanges);
    assert_eq!(got.len(), 2);
    assert!(got[0].clone().unwrap_err().reason.starts_with("longer than"));
    assert!(got[1].is_ok());
}

#[test]
fn the_first_time_can_be_asked_for_without_losing_anything() {
    let content = format!("broken\n{}\n{}\n", exchange(""), exchange(""));
    let mut records = read("f", content.as_bytes(), Format::Exchanges);
    assert_eq!(records.first_time_ns(), Some(NEW_YEAR));
    assert_eq!(records.first_time_ns(), Some(NEW_YEAR));
    assert_eq!(records.count(), 3);
    assert_eq!(read("f", &b""[..], Format::Auto).first_time_ns(), None);
}

#[test]
fn several_inputs_are_merged_by_time_and_errors_come_at_once() {
    let at = |second: u32| {
        format!(r#"{{"time":"2026-01-01T00:00:0{second}Z","path":"/{second}","status":200}}"#) + "\n"
    };
    let (left, right) = (at(1) + &at(4) + "broken\n" + &at(5), at(0) + &at(2) + &at(4));
    let inputs = || [&left, &right].map(|text| read("f", text.as_bytes(), Format::Exchanges));
    let mut merged = Merged::new(inputs());
    assert_eq!(merged.first_time_ns(), Some(NEW_YEAR));
    let paths: Vec<String> = merged
        .map(|record| record.map_or_else(|bad| format!("line {}", bad.line), |r| text(&r.path).to_owned()))
        .collect();
    assert_eq!(paths, ["/0", "/1", "/2", "/4", "line 3", "/4", "/5"]);
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let error = open(Path::new("/nowhere/x.log"), Format::Auto).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/x.log: cannot be opened"), "{error}");
    let folder = open(Path::new(env!("CARGO_MANIFEST_DIR")), Format::Auto).unwrap_err();
    assert_eq!(folder.reason, "this is a folder");
}

/// Any damage gives records or errors, never a panic or an endless list.
#[test]
fn damaged_input_is_never_a_panic() {
    let whole = [
        har(ENTRY),
        exchange(r#","flags":"DC""#),
        "1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\" 0.1".to_owned(),
    ];
    let mut seed = 1u64;
    for round in 0..3000 {
        let mut bytes = whole[round % whole.len()].clone().into_bytes();
        for _ in 0..=round % 4 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % bytes.len().max(1);
            bytes.resize(bytes.len().max(1), b'x');
            match seed >> 20 & 3 {
                0 => bytes[at] = (seed >> 12) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\"{}[]\\,:\n\0"[(seed >> 13) as usize % 10]),
                _ => bytes.truncate(at.max(1)),
            }
        }
        for format in [Format::Auto, Format::Exchanges, Format::Combined, Format::Har] {
            assert!(all(&bytes, format).len() < 10);
        }
    }
}

/// A log without end that counts what was read of it.
struct Endless<'a> {
    line: &'a [u8],
    read: &'a std::cell::Cell<usize>,
}

impl Read for Endless<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let at = self.read.get() % self.line.len();
        let bytes = &self.line[at..];
        let length = bytes.len().min(out.len());
        out[..length].copy_from_slice(&bytes[..length]);
        self.read.set(self.read.get() + length);
        Ok(length)
    }
}

#[test]
fn a_log_is_read_only_as_far_as_it_is_asked_for() {
    let exchange = exchange("") + "\n";
    let combined = "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl\"\n";
    // Of lines that are written at the end of a stream so many wait for one that began earlier.
    for (line, waiting) in [(exchange.as_str(), 0), (combined, 16_385)] {
        let read = std::cell::Cell::new(0);
        let log = Endless { line: line.as_bytes(), read: &read };
        assert_eq!(super::read("endless", log, Format::Auto).take(100_000).flatten().count(), 100_000);
        let ahead = read.get() - 100_000 * line.len();
        assert!(ahead < 256 * 1024 + waiting * line.len(), "{ahead} bytes are held");
    }
}

#[test]
fn how_much_of_the_files_was_read_is_known() {
    let folder = std::env::temp_dir().join(format!("harness-progress-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.jsonl");
    std::fs::write(&path, (exchange("") + "\n").repeat(10_000)).unwrap();
    let length = std::fs::metadata(&path).unwrap().len();
    let mut merged = Merged::new([open(&path, Format::Auto).unwrap(), open(&path, Format::Auto).unwrap()]);
    let progress = merged.progress();
    assert_eq!(progress.total(), Some(2 * length));
    let begun = progress.read();
    assert!(begun > 0 && begun < length);
    assert_eq!((merged.by_ref().count(), progress.read()), (20_000, 2 * length));
    let made = read("s", &b"duration: 1s\nrate: 1\nrequests: [{path: /}]"[..], Format::Auto);
    assert_eq!(Merged::new([open(&path, Format::Auto).unwrap(), made]).progress().total(), None);
    std::fs::remove_dir_all(&folder).unwrap();
}
