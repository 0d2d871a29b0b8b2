use super::report::MAX_ENTRIES;
use super::*;
use crate::base64::tests::base64url;
use crate::signals::number::Number;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TEXT: &str = "cpu_utilization=0.7,application_utilization=0.8,mem_utilization=0.9,rps_fractional=1000,eps=2,\
    named_metrics.foo=123,named_metrics.bar=0.2,utilization.total=0.5";
const JSON: &str = r#"{"cpu_utilization": 0.7, "application_utilization": 0.8, "mem_utilization": 0.9,
    "rps_fractional": 1000, "eps": 2, "named_metrics": {"foo": 123,"bar": 0.2}, "utilization": {"total": 0.5}}"#;
/// What a server written in Go sent.
const BIN: &str = "CQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAABAQg4KA3JpZhEAAAAAAAAQQA";

/// The example of Envoy's tests.
const EXAMPLE: &str = "application_utilization=0.8 cpu_utilization=0.7 eps=2 mem_utilization=0.9 named_metrics.bar=0.2 \
    named_metrics.foo=123 rps_fractional=1000 utilization.total=0.5";

/// Paths and values to six places, sorted; `None` is a report that was refused.
fn show(payload: Result<Payload<'_>, Malformed>) -> Option<String> {
    let payload = payload.ok()?;
    let report = payload.report().ok()?;
    let micro = crate::signals::number::Scale::new(1e6).unwrap();
    let mut entries: Vec<_> = report
        .entries()
        .map(|(field, key, value)| {
            let dot = if field.is_map() { "." } else { "" };
            let value = value.scaled(micro, crate::signals::number::Rounding::HalfUp).unwrap() as f64 / 1e6;
            format!("{}{dot}{}={value}", field.name(), String::from_utf8_lossy(key))
        })
        .collect();
    entries.sort();
    Some(entries.join(" "))
}

fn header(value: &str) -> Option<String> {
    show(Payload::from_header(value.as_bytes()))
}

fn binary(message: &[u8]) -> Option<String> {
    show(Payload::from_bin_header(base64(message).as_bytes()))
}

/// Standard alphabet, padded.
fn base64(bytes: &[u8]) -> String {
    let url = base64url(bytes);
    let padding = "=".repeat(url.len().wrapping_neg() % 4);
    url.replace('-', "+").replace('_', "/") + &padding
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2, u8::try_from(value.len()).unwrap()][..], value].concat()
}

fn entry(field: u8, key: &str, value: f64) -> Vec<u8> {
    bytes(field, &[bytes(1, key.as_bytes()), double(2, value)].concat())
}

#[test]
fn the_example_of_envoys_tests_is_read_in_all_formats() {
    let message = [
        double(1, 0.7),
        double(9, 0.8),
        double(2, 0.9),
        double(7, 2.0),
        double(6, 1000.0),
        entry(8, "foo", 123.0),
        entry(8, "bar", 0.2),
        entry(5, "total", 0.5),
    ]
    .concat();
    let encoded = base64(&message);
    assert_eq!(header(&format!("TEXT {TEXT}")).as_deref(), Some(EXAMPLE));
    assert_eq!(header(&format!("TEXT {}", TEXT.replace('=', ":"))).as_deref(), Some(EXAMPLE));
    assert_eq!(header(&format!("JSON {JSON}")).as_deref(), Some(EXAMPLE));
    assert_eq!(header(&format!("BIN {encoded}")).as_deref(), Some(EXAMPLE));
    assert_eq!(header(&format!("BIN {}", encoded.trim_end_matches('='))).as_deref(), Some(EXAMPLE));
    assert_eq!(show(Payload::from_bin_header(encoded.as_bytes())).as_deref(), Some(EXAMPLE));

    let sent = "cpu_utilization=0.5 eps=2 named_metrics.rif=4 rps_fractional=100";
    for padding in ["", "=="] {
        assert_eq!(
            show(Payload::from_bin_header(format!("{BIN}{padding}").as_bytes())).as_deref(),
            Some(sent)
        );
    }
}

#[test]
fn text_is_refused_whole_where_envoy_refuses_it() {
    let good: &[(&str, &str)] = &[
        ("TEXT ", ""),
        ("TEXT eps=2", "eps=2"),
        ("TEXT  eps = 2 ,\teps2=1", "refused"),
        ("TEXT  eps = 2 ,\tnamed_metrics.a= 1", "eps=2 named_metrics.a=1"),
        ("TEXT eps=2,,", "eps=2"),
        ("TEXT cpu_utilization=1.5", "cpu_utilization=1.5"),
        ("TEXT mem_utilization=1.5", "mem_utilization=1.5"),
        ("TEXT eps=1e3", "eps=1000"),
        ("TEXT eps=-0", "eps=0"),
        ("TEXT named_metrics.a.b=1", "named_metrics.a.b=1"),
        ("TEXT named_metrics.eps=1,eps=2", "eps=2 named_metrics.eps=1"),
        ("TEXT named_metrics.a=1,named_metrics.A=2", "named_metrics.A=2 named_metrics.a=1"),
        ("TEXT utilization.a=1,named_metrics.a=2", "named_metrics.a=2 utilization.a=1"),
        ("TEXT named_metrics.é=1", "named_metrics.é=1"),
    ];
    for (value, expected) in good {
        assert_eq!(header(value).unwrap_or("refused".to_owned()), *expected, "{value}");
    }
    let bad = [
        "",
        "BAD random-value",
        "BADBAD random-value",
        "TEXT",
        "TEXTeps=2",
        "text eps=2",
        "eps=2",
        "JSON",
        "BIN",
        "TEXT cpu_utilization=\"0.7\"",
        "TEXT cpu_utilization=nan",
        "TEXT cpu_utilization=inf",
        "TEXT cpu_utilization=-1",
        "TEXT named_metrics.a=-0.5",
        "TEXT cpu_utilization=0.7,cpu_utilization=0.8",
        "TEXT cpu_utilization=0.7,cpu_utilization:0.7",
        "TEXT cpu_utilization=0.7,unsupported_metric=0.8",
        "TEXT utilization.=0.9",
        "TEXT named_metrics.=123",
        "TEXT named_metrics=123",
        "TEXT eps.a=1",
        "TEXT eps.=1",
        "TEXT named_metrics.foo=123,named_metrics.duplicate=123,named_metrics.duplicate=0.2",
        "TEXT not-a-list-of-key-value-pairs",
        "TEXT eps=",
        "TEXT =1",
        "TEXT eps=1=2",
        "TEXT eps=1 2",
        "TEXT rps=1",
        "TEXT request_cost.a=1",
        "TEXT cpuUtilization=1",
    ];
    for value in bad {
        assert_eq!(header(value), None, "{value}");
    }
}

#[test]
fn json_is_read_as_protobuf_reads_it() {
    let good: &[(&str, &str)] = &[
        ("{}", ""),
        (" {\t} ", ""),
        (r#"{"eps":2}"#, "eps=2"),
        (r#"{"eps":"2"}"#, "eps=2"),
        (r#"{"eps":"\u0032"}"#, "eps=2"),
        (r#"{"rps":"100"}"#, "rps=100"),
        (r#"{"rps":100,"request_cost":{"db":3487}}"#, "request_cost.db=3487 rps=100"),
        (r#"{"cpuUtilization":0.5,"namedMetrics":{"a":1}}"#, "cpu_utilization=0.5 named_metrics.a=1"),
        (r#"{"eps":null,"named_metrics":null}"#, ""),
        (r#"{"named_metrics":{}}"#, ""),
        (r#"{"\u0065ps":1}"#, "eps=1"),
        (r#"{"named_metrics":{"a\"\u00e9":1}}"#, "named_metrics.a\"é=1"),
        (r#"{"named_metrics":{"eps":1,"a.b":2}}"#, "named_metrics.a.b=2 named_metrics.eps=1"),
        (r#"{"eps":1e2,"cpu_utilization":-0}"#, "cpu_utilization=0 eps=100"),
    ];
    for (json, expected) in good {
        assert_eq!(header(&format!("JSON {json}")).as_deref(), Some(*expected), "{json}");
    }
    let deep = format!(r#"{{"named_metrics":{}1{}}}"#, r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let bad = [
        "",
        "JSON not-a-valid-json-string",
        r#"{"cpu_utilization": "0.7""#,
        r#"{"eps":2} {"eps":2}"#,
        r#"{"unknown_field":2}"#,
        r#"{"unknown_field":null}"#,
        r#"{"EPS":2}"#,
        r#"{"eps":2,"eps":2}"#,
        r#"{"eps":2,"\u0065ps":2}"#,
        r#"{"cpu_utilization":1,"cpuUtilization":1}"#,
        r#"{"named_metrics":{"a":1,"a":1}}"#,
        r#"{"named_metrics":{"a":1},"namedMetrics":{"b":1}}"#,
        r#"{"named_metrics":{"":1}}"#,
        r#"{"rps":1.5}"#,
        r#"{"rps":1e20}"#,
        r#"{"eps":1e309}"#,
        r#"{"named_metrics":{"a":null}}"#,
        r#"{"named_metrics":{"a":{"b":1}}}"#,
        r#"{"named_metrics":[1]}"#,
        r#"{"named_metrics":1}"#,
        r#"{"named_metrics.a":1}"#,
        r#"{"eps":{}}"#,
        r#"{"eps":true}"#,
        r#"{"eps":""}"#,
        r#"{"eps":" 1"}"#,
        r#"{"eps":"NaN"}"#,
        r#"{"eps":NaN}"#,
        r#"{"eps":-1}"#,
        r#"{"eps":.5}"#,
        r#"{"eps":01}"#,
        r#"{"eps":1,}"#,
        r#"["eps",1]"#,
        "{\"eps\":1\0}",
        &deep,
    ];
    for json in bad {
        assert_eq!(header(&format!("JSON {json}")), None, "{json:.99}");
    }
    let invalid = [&b"JSON {\"named_metrics\":{\""[..], &[0xFF], b"\":1}}"].concat();
    assert_eq!(show(Payload::from_header(&invalid)), None);
}

#[test]
fn protobuf_is_read_as_protobuf() {
    let (key, value) = (bytes(1, b"a"), double(2, 7.0));
    let good: &[(&str, Vec<u8>, &str)] = &[
        ("varint", vec![3 << 3, 0xE8, 7], "rps=1000"),
        ("longest varint", [&[3 << 3][..], &[0xE8, 0x87], &[0x80; 7], &[0]].concat(), "rps=1000"),
        ("tag in two bytes", [&[0xB9, 0][..], &2.0_f64.to_le_bytes()].concat(), "eps=2"),
        ("last of a field", [double(7, 1.0), double(7, 2.0)].concat(), "eps=2"),
        ("last of a key", [entry(8, "a", 1.0), entry(8, "a", 2.0)].concat(), "named_metrics.a=2"),
        ("value before key", bytes(8, &[&value[..], &key[..]].concat()), "named_metrics.a=7"),
        ("key again", bytes(8, &[&bytes(1, b"b")[..], &value[..], &key[..]].concat()), "named_metrics.a=7"),
        ("no value", bytes(8, &key), "named_metrics.a=0"),
        ("more in the entry", bytes(8, &[&key[..], &[3 << 3, 1], &value[..]].concat()), "named_metrics.a=7"),
        (
            "fields of another day",
            [
                vec![10 << 3, 1],
                bytes(11, b"\xFF"),
                double(12, -1.0),
                vec![13 << 3 | 5, 1, 2, 3, 4],
                double(7, 2.0),
            ]
            .concat(),
            "eps=2",
        ),
        ("cost", entry(4, "db", 3487.0), "request_cost.db=3487"),
        ("above one", [double(2, 1.5), entry(5, "a", 1.5)].concat(), "mem_utilization=1.5 utilization.a=1.5"),
    ];
    for (what, message, expected) in good {
        assert_eq!(binary(message).as_deref(), Some(*expected), "{what}");
    }
    let bad: &[(&str, Vec<u8>)] = &[
        ("nothing", vec![]),
        ("a tag alone", vec![7 << 3 | 1]),
        ("half a double", double(7, 1.0)[..5].to_vec()),
        ("not a number", double(7, f64::NAN)),
        ("infinite", double(7, f64::INFINITY)),
        ("infinite in a map", entry(8, "a", f64::INFINITY)),
        ("below zero", double(7, -1.0)),
        ("below zero in a map", entry(8, "a", -1.0)),
        ("no key", bytes(8, &value)),
        ("empty key", entry(8, "", 1.0)),
        ("key that is no text", bytes(8, &[&bytes(1, b"\xFF")[..], &value[..]].concat())),
        ("length behind the end", vec![8 << 3 | 2, 3, 1]),
        ("endless length", [&[8 << 3 | 2][..], &[0xFF; 9], &[1]].concat()),
        ("endless varint", [&[3 << 3][..], &[0x80; 11]].concat()),
        ("varint of 65 bits", [&[3 << 3][..], &[0xFF; 9], &[2]].concat()),
        ("field zero", vec![0, 0]),
        ("another type", vec![7 << 3, 1]),
        ("another type in a map", bytes(8, &[&key[..], &[2 << 3, 1]].concat())),
        ("a double for a map", double(8, 1.0)),
        ("a group", vec![10 << 3 | 3, 10 << 3 | 4]),
        ("wire type 6", vec![10 << 3 | 6, 0]),
    ];
    for (what, message) in bad {
        assert_eq!(binary(message), None, "{what}");
    }
    for value in ["not-a-valid-binary-proto", "", "=", "CQAAAAAAAOA_", "CQAAAAAAAOA /", "A"] {
        assert_eq!(show(Payload::from_bin_header(value.as_bytes())), None, "{value}");
        assert_eq!(header(&format!("BIN {value}")), None, "{value}");
    }
}

#[test]
fn a_path_names_a_field_of_the_report() {
    let payload = Payload::from_header(
        br#"JSON {"eps":2,"rps":7,"named_metrics":{"db.size":12,"eps":3},"request_cost":{"db":4}}"#,
    );
    let payload = payload.unwrap();
    let report = payload.report().unwrap();
    let get = |path: &str| Path::parse(path).map(|path| report.get(&path));
    let cases: &[(&str, Option<Option<u64>>)] = &[
        ("eps", Some(Some(2))),
        ("rps", Some(Some(7))),
        ("named_metrics.db.size", Some(Some(12))),
        ("named_metrics.eps", Some(Some(3))),
        ("request_cost.db", Some(Some(4))),
        ("cpu_utilization", Some(None)),
        ("utilization.db", Some(None)),
        ("named_metrics.db", Some(None)),
        ("named_metrics.*", Some(None)),
        ("named_metrics", None),
        ("named_metrics.", None),
        ("eps.x", None),
        ("eps.", None),
        ("cpuUtilization", None),
        ("unknown", None),
        ("", None),
        (".eps", None),
    ];
    for (path, expected) in cases {
        assert_eq!(get(path), expected.map(|value| value.map(Number::from)), "{path}");
    }
}

#[test]
fn too_many_entries_are_refused_and_looking_for_duplicates_stays_cheap() {
    let text = |count: usize| (0..count).map(|i| format!("named_metrics.{i}=1,")).collect::<String>();
    let json = |count: usize| {
        let members: Vec<String> = (0..count).map(|i| format!("\"{i}\":1")).collect();
        format!("JSON {{\"named_metrics\":{{{}}}}}", members.join(","))
    };
    for (count, valid) in [(MAX_ENTRIES, true), (MAX_ENTRIES + 1, false), (3_000, false)] {
        assert_eq!(header(&format!("TEXT {}", text(count))).is_some(), valid, "{count}");
        assert_eq!(header(&json(count)).is_some(), valid, "{count}");
        let message: Vec<u8> = (0..count).flat_map(|i| entry(8, &i.to_string(), 1.0)).collect();
        assert_eq!(binary(&message).is_some(), valid, "{count}");
    }
    let last: Vec<u8> = (0..4_000).flat_map(|i| entry(8, "a", f64::from(i))).collect();
    assert_eq!(binary(&last).as_deref(), Some("named_metrics.a=3999"));
}

#[test]
fn sixty_four_kilobytes_of_anything_are_read_once() {
    for part in [",", "=", "a=1,", "{", "[", "\"", "\\", "{\"eps\":", "\u{ff}", "A", "////", "CQ", "\0", " "]
    {
        let garbage = part.repeat(65_536 / part.len());
        for prefix in ["TEXT ", "JSON ", "BIN ", ""] {
            let read = header(&format!("{prefix}{garbage}"));
            let empty = prefix == "TEXT " && [",", " "].contains(&part);
            assert_eq!(read.is_some(), empty, "{prefix}{part}");
        }
    }
}
