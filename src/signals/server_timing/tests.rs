use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `name dur=… desc=…`, as far as they are there.
fn show(entry: Result<Entry<'_>, Malformed>) -> String {
    let Ok(entry) = entry else {
        return "malformed".to_owned();
    };
    let mut out = String::from_utf8(entry.name().to_vec()).unwrap();
    if let Some(duration) = entry.duration() {
        let us = duration.map(|ms| {
            ms.scaled(
                crate::signals::number::Scale::new(1000.0).unwrap(),
                crate::signals::number::Rounding::Down,
            )
        });
        out += &match us {
            Ok(Ok(us)) => format!(" {us}us"),
            Ok(Err(_)) => " out-of-range".to_owned(),
            Err(_) => " no-number".to_owned(),
        };
    }
    if let Some(description) = entry.description() {
        out += &format!(" [{}]", String::from_utf8_lossy(&description));
    }
    out
}

fn read(line: &str) -> Vec<String> {
    entries(line.as_bytes()).map(show).collect()
}

#[test]
fn entries_are_read_as_the_specification_writes_them() {
    let cases: &[(&str, &[&str])] = &[
        (
            "db;dur=53, cache;desc=\"hit\";dur=23.2, app;dur=47.2",
            &["db 53000us", "cache 23200us [hit]", "app 47200us"],
        ),
        ("miss, db;dur=53, app;dur=47.2", &["miss", "db 53000us", "app 47200us"]),
        ("customView, dc;desc=atl", &["customView", "dc [atl]"]),
        ("total;dur=123.4", &["total 123400us"]),
        ("db;dur=1,db;dur=2,DB;dur=3", &["db 1000us", "db 2000us", "DB 3000us"]),
        ("db \t; \tdur \t= \t53 ", &["db 53000us"]),
        ("db;DUR=1;Desc=a", &["db 1000us [a]"]),
        ("db;desc=\"a, b; c=d\";dur=1, x", &["db 1000us [a, b; c=d]", "x"]),
        ("db;desc=\"a\\\"b\\\\c\\d\", x", &["db [a\"b\\cd]", "x"]),
        ("db;desc=\"\\\\\";dur=1", &["db 1000us [\\]"]),
        ("db;desc=\"\"", &["db []"]),
        ("db;desc=\"é\"", &["db [é]"]),
        ("db;dur=\"53\"", &["db 53000us"]),
        ("db;dur=1;dur=2", &["db 1000us"]),
        ("db;dur=x;dur=2", &["db no-number"]),
        ("db;dur;dur=2", &["db no-number"]),
        ("db;desc=a;desc=b", &["db [a]"]),
        ("db;foo=1;dur=2;bar=\"dur=3\"", &["db 2000us"]),
        ("cache;hit;dur=2", &["cache 2000us"]),
        ("db;dur=1;", &["db 1000us"]),
        ("db;;dur=1", &["db 1000us"]),
        ("db;desc", &["db []"]),
        ("db;dur=-1", &["db out-of-range"]),
        ("db;dur=1e400", &["db out-of-range"]),
        ("db;dur=NaN", &["db no-number"]),
        ("db;dur=.5", &["db 500us"]),
        ("db;dur=+5", &["db 5000us"]),
        ("db;dur=53ms", &["db no-number"]),
        ("", &[]),
        (" \t", &[]),
        (",, ,", &[]),
        (", db;dur=1 ,,x", &["db 1000us", "x"]),
        ("db;dur=53 ms, x", &["malformed", "x"]),
        ("db dur=53, x", &["malformed", "x"]),
        (";dur=53, x", &["malformed", "x"]),
        ("db;=53, x", &["malformed", "x"]),
        ("db;a=b=c, x", &["malformed", "x"]),
        ("\"db\";dur=1, x", &["malformed", "x"]),
        ("a\"b, x;dur=1", &["malformed", "x 1000us"]),
        ("db;desc=\"a\"b, x", &["malformed", "x"]),
        ("db;desc=\"a, x", &["malformed"]),
        ("db;desc=\"a\\", &["malformed"]),
        ("d\u{e4}, x", &["malformed", "x"]),
        ("a(b), x", &["malformed", "x"]),
    ];
    for (line, expected) in cases {
        assert_eq!(read(line), *expected, "{line}");
    }
}

#[test]
fn only_escapes_make_a_copy() {
    let description = |line: &'static [u8]| entries(line).next().unwrap().unwrap().description().unwrap();
    assert!(matches!(description(b"a;desc=x"), Cow::Borrowed(b"x")));
    assert!(matches!(description(b"a;desc=\"x,\""), Cow::Borrowed(b"x,")));
    assert!(matches!(description(b"a;desc=\"\\x\""), Cow::Owned(_)));
}

#[test]
fn sixty_four_kilobytes_of_anything_are_read_once() {
    for part in [
        ",", ";", "=", "\"", "\\", "a", "a,", "a;", "a=\"", "a;b=\"\\", "a;dur=1;", " ", "\u{ff}", "=\",",
        "=\"\",",
    ] {
        let line = part.repeat(65_536 / part.len());
        let found = entries(line.as_bytes()).count();
        assert!(found <= 65_536 / 2, "{part}");
    }
    let many = "db;dur=1,".repeat(7_281);
    assert_eq!(entries(many.as_bytes()).filter(Result::is_ok).count(), 7_281);
    let long = format!("a;desc=\"{}\";dur=1", "\\\"".repeat(30_000));
    let entry = entries(long.as_bytes()).next().unwrap().unwrap();
    assert_eq!(entry.description().map(|text| text.len()), Some(30_000));
    assert_eq!(entry.duration(), Some(Ok(Number::from(1))));
}
