use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Members and, after a semicolon, their parameters; `None` where the line is no list.
fn read(line: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let item = |item: Item<'_>| match item {
        Item::Integer(value) => value.to_string(),
        Item::Decimal(value) => format!("{value:?}").replace("Number ", ""),
        Item::Text(value) => format!("\"{}\"", text(value)),
        Item::Token(value) => text(value),
        Item::Boolean(value) => format!("?{}", u8::from(value)),
        Item::Other => "other".to_owned(),
    };
    let mut out = String::new();
    list(line, &mut |part| match part {
        Part::Member(member) => out += &format!(" {}", item(member)),
        Part::Parameter(name, value) => out += &format!(";{}={}", text(name), item(value)),
    })
    .map(|()| out.trim_start().to_owned())
}

#[test]
fn lists_are_read_and_what_is_none_is_refused_whole() {
    let cases: &[(&str, Option<&str>)] = &[
        ("", Some("")),
        ("   ", Some("")),
        ("a", Some("a")),
        (" a ", Some("a")),
        ("a\t", Some("a")),
        ("a,b", Some("a b")),
        ("a \t,\t b", Some("a b")),
        ("ExampleCache; hit; ttl=376", Some("ExampleCache;hit=?1;ttl=376")),
        ("\"CDN Co\"; hit; ttl=-412", Some("\"CDN Co\";hit=?1;ttl=-412")),
        ("*a:b/c#d", Some("*a:b/c#d")),
        ("1;a=?0;b=?1", Some("1;a=?0;b=?1")),
        ("999999999999999", Some("999999999999999")),
        ("-0", Some("0")),
        ("007", Some("7")),
        ("1.5", Some("{ negative: false, digits: 15, exponent: -1 }")),
        ("-00.125", Some("{ negative: true, digits: 125, exponent: -3 }")),
        ("123456789012.123", Some("{ negative: false, digits: 123456789012123, exponent: -3 }")),
        (r#""a\"b\\c""#, Some(r#""a\"b\\c""#)),
        ("(a \"b\" 1;x);y, c", Some("other;y=?1 c")),
        ("( a  b )", Some("other")),
        ("()", Some("other")),
        (":cHJldGVuZA==:", Some("other")),
        (":cHJldGVuZA:", Some("other")),
        ("::", Some("other")),
        ("@1659578233", Some("other")),
        ("%\"f%c3%bc%c3%bc\"", Some("other")),
        ("a;*x_-.9=1", Some("a;*x_-.9=1")),
        ("a;x=1;x=2", Some("a;x=1;x=2")),
        (",", None),
        ("a,", None),
        ("a, ", None),
        (",a", None),
        ("a,,b", None),
        ("a b", None),
        ("\ta", None),
        ("a;", None),
        ("a ;b", None),
        ("a;b =1", None),
        ("a;b= 1", None),
        ("a;b=", None),
        ("a;B", None),
        ("a=1", None),
        ("1000000000000000", None),
        ("1234567890123.1", None),
        ("1.1234", None),
        ("1.", None),
        (".5", None),
        ("-", None),
        ("--1", None),
        ("+1", None),
        ("1e3", None),
        ("\"a", None),
        ("\"a\\b\"", None),
        ("\"a\u{7f}\"", None),
        ("\"é\"", None),
        ("?2", None),
        ("?", None),
        (":a:", None),
        (":YWI=b:", None),
        (":YWJj=:", None),
        (":YQ=:", None),
        (":a b:", None),
        (":YQ==", None),
        ("@1.5", None),
        ("@", None),
        ("%\"%C3%BC\"", None),
        ("%\"%ff\"", None),
        ("%\"a", None),
        ("(a", None),
        ("(a,b)", None),
        ("(a\"b\")", None),
        ("((a))", None),
        ("é", None),
        ("{}", None),
    ];
    for (line, expected) in cases {
        assert_eq!(read(line.as_bytes()).as_deref(), *expected, "{line}");
    }
}

#[test]
fn sixty_four_kilobytes_of_anything_are_read_once() {
    for part in [
        "a,",
        "a;a",
        ";",
        "(",
        "(a ",
        "\"",
        "\\",
        "\"\\\\\",",
        ":",
        "%\"",
        "1",
        "-",
        "a",
        "(),",
        " ",
        "\t",
        "\0",
    ] {
        let line = part.repeat(65_536 / part.len());
        let mut visited = 0_usize;
        let _read = list(line.as_bytes(), &mut |_| visited += 1);
        assert!(visited <= line.len(), "{part}");
    }
    let mut members = 0;
    assert_eq!(list(format!("{}a", "a;b,".repeat(16_000)).as_bytes(), &mut |_| members += 1), Some(()));
    assert_eq!(members, 32_001);
}
