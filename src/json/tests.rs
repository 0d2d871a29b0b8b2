use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(json: &[u8], path: &str) -> Option<String> {
    member(json, path).map(|value| String::from_utf8(value.into_owned()).unwrap())
}

#[test]
fn strings_numbers_and_booleans_are_values_and_nothing_else_is() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        (r#"{"t":"acme"}"#, "t", Some("acme")),
        (r#"  { "a" : 1 , "t" : "acme" , "z":[] } "#, "t", Some("acme")),
        (r#"{"t":42}"#, "t", Some("42")),
        (r#"{"t":-0.50e+2}"#, "t", Some("-0.50e+2")),
        (r#"{"t":18446744073709551616}"#, "t", Some("18446744073709551616")),
        (r#"{"t":1e999}"#, "t", Some("1e999")),
        (r#"{"t":true}"#, "t", Some("true")),
        (r#"{"t":false}"#, "t", Some("false")),
        (r#"{"t":null}"#, "t", None),
        (r#"{"t":""}"#, "t", None),
        (r#"{"t":["acme"]}"#, "t", None),
        (r#"{"t":{"t":"acme"}}"#, "t", None),
        (r#"{"u":"acme"}"#, "t", None),
        (r#"{"T":"acme"}"#, "t", None),
        (r#"{"":"acme"}"#, "", Some("acme")),
        ("{}", "t", None),
        ("[]", "t", None),
        (r#""t""#, "t", None),
        ("7", "t", None),
        ("", "t", None),
    ];
    for (json, path, expected) in cases {
        assert_eq!(read(json.as_bytes(), path).as_deref(), *expected, "{json}");
    }
}

#[test]
fn a_name_is_tried_as_it_is_and_then_as_a_path() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        (r#"{"https://example.com/tenant":"acme"}"#, "https://example.com/tenant", Some("acme")),
        (r#"{"org":{"id":"acme"}}"#, "org.id", Some("acme")),
        (r#"{"a":{"b":{"c":7}}}"#, "a.b.c", Some("7")),
        (r#"{"org":{"id":"nested"},"org.id":"literal"}"#, "org.id", Some("literal")),
        (r#"{"org":{"id":"nested"},"org.id":null}"#, "org.id", Some("nested")),
        (r#"{"org":{"id":"nested"},"org.id":""}"#, "org.id", Some("nested")),
        (r#"{"org":"acme"}"#, "org.id", None),
        (r#"{"org":[{"id":"acme"}]}"#, "org.id", None),
        (r#"{"org":{"id":{}}}"#, "org.id", None),
        (r#"{"id":"acme"}"#, "org.id", None),
    ];
    for (json, path, expected) in cases {
        assert_eq!(read(json.as_bytes(), path).as_deref(), *expected, "{json}");
    }
}

#[test]
fn of_members_with_the_same_name_the_last_counts_at_each_level() {
    assert_eq!(read(br#"{"t":"a","t":"b"}"#, "t").as_deref(), Some("b"));
    assert_eq!(read(br#"{"t":"a","\u0074":"b"}"#, "t").as_deref(), Some("b"));
    assert_eq!(read(br#"{"t":"a","t":null}"#, "t"), None);
    assert_eq!(read(br#"{"o":{"t":"a"},"o":{"t":"b","t":"c"}}"#, "o.t").as_deref(), Some("c"));
    assert_eq!(read(br#"{"o":{"t":"a"},"o":{}}"#, "o.t"), None);
}

#[test]
fn escapes_are_read() {
    let cases = [
        (r#"{"t":"a\"b\\c\/d"}"#, Some("a\"b\\c/d")),
        (r#"{"t":"\b\f\n\r\t"}"#, Some("\u{8}\u{c}\n\r\t")),
        (r#"{"t":"\u00e9\u20AC"}"#, Some("\u{e9}\u{20ac}")),
        (r#"{"t":"\uD83D\uDE00!"}"#, Some("\u{1F600}!")),
        (r#"{"t":"\u0000"}"#, Some("\0")),
        ("{\"t\":\"\u{e9}\"}", Some("\u{e9}")),
        ("{\"t\":\"\u{7f}\"}", Some("\u{7f}")),
        (r#"{"\u0074":"acme"}"#, Some("acme")),
        (r#"{"t":"\uD83D"}"#, None),
        (r#"{"t":"\uDE00"}"#, None),
        (r#"{"t":"\uD83D\n"}"#, None),
        (r#"{"t":"\uD83D\u0041"}"#, None),
        (r#"{"t":"\u12"}"#, None),
        (r#"{"t":"\u+123"}"#, None),
        (r#"{"t":"\x41"}"#, None),
        (r#"{"t":"\"#, None),
    ];
    for (json, expected) in cases {
        assert_eq!(read(json.as_bytes(), "t").as_deref(), expected, "{json}");
    }
}

#[test]
fn what_is_no_json_has_no_member_even_where_the_member_comes_first() {
    let broken = [
        "",
        "}",
        ",}",
        ":1}",
        r#""x"}"#,
        r#""x":}"#,
        r#""x":1,}"#,
        r#""x":1 2}"#,
        r#""x":01}"#,
        r#""x":.5}"#,
        r#""x":1.}"#,
        r#""x":1e}"#,
        r#""x":+1}"#,
        r#""x":-}"#,
        r#""x":tru}"#,
        r#""x":nul}"#,
        r#""x":True}"#,
        r#""x":NaN}"#,
        r#""x":'a'}"#,
        r#"x:1}"#,
        r#""x":[1,]}"#,
        r#""x":[1 2]}"#,
        r#""x":[}"#,
        r#""x":[}]}"#,
        r#""x":{]}}"#,
        "\"x\":\"\n\"}",
        "\"x\":\"\0\"}",
        r#""x":"a}"#,
        r#""x":1}}"#,
        r#""x":1}x"#,
        r#""x":1},"#,
        r#""x":1} {}"#,
        "\"x\":1}\0",
        "\"x\":1}\u{b}",
    ];
    for rest in broken {
        let json = format!(r#"{{"t":"acme",{rest}"#);
        assert_eq!(read(json.as_bytes(), "t"), None, "{json}");
        assert_eq!(read(json.as_bytes(), "a.b"), None, "{json}");
    }
    for bytes in [
        &b"{\"t\":\"\xff\"}"[..],
        b"{\"t\":\"a\",\"\xc3\":1}",
        b"\xef\xbb\xbf{\"t\":\"a\"}",
        b"{\"t\":\"\xed\xa0\x80\"}",
    ] {
        assert_eq!(member(bytes, "t"), None, "{bytes:?}");
    }
}

#[test]
fn nesting_is_read_to_a_depth_of_64_and_bombs_are_refused() {
    let nested = |depth: usize, open: &str, close: &str| {
        format!(r#"{{"t":"acme","x":{}1{}}}"#, open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("[", "]"), (r#"{"x":"#, "}")] {
        assert_eq!(read(nested(63, open, close).as_bytes(), "t").as_deref(), Some("acme"));
        for depth in [64, 65, 128, 10_000] {
            assert_eq!(read(nested(depth, open, close).as_bytes(), "t"), None, "{depth}");
        }
        assert_eq!(read(nested(10_000, open, "").as_bytes(), "t"), None, "never closed");
    }
    let path = vec!["x"; 100].join(".");
    assert_eq!(read(nested(63, r#"{"x":"#, "}").as_bytes(), &path), None);
    assert_eq!(read(nested(63, r#"{"x":"#, "}").as_bytes(), &vec!["x"; 64].join(".")).as_deref(), Some("1"));
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// JSON of few names and values, so that they meet; no fractions, which serde_json would write in its own way.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,4}".prop_map(Value::from),
            "[\u{0}-\u{20}\"\\\\]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ab.]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn expected(value: &Value) -> Option<String> {
        match value {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn members_are_those_that_serde_json_reads(value in json(), path in "[ab]{1,2}(\\.[ab]){0,2}") {
            let nested = || expected(path.split('.').try_fold(&value, |value, name| value.get(name))?);
            let want = value.get(&path).and_then(expected).or_else(nested);
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(read(text.as_bytes(), &path), want.clone(), "{}", text);
            }
        }

        #[test]
        fn any_bytes_have_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = (member(&bytes, "t"), member(&[b"{\"t\":", &bytes[..], b"}"].concat(), "t.u"));
        }
    }
}
