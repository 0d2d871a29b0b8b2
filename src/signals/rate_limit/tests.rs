use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `limit remaining reset`, `-` where there is none, and `!` where a line was malformed.
fn read(lines: &[(&str, &str)]) -> String {
    let mut reader = RateLimitReader::default();
    for (name, line) in lines {
        reader.line(Header::from_name(name.as_bytes()).unwrap(), line.as_bytes());
    }
    let show = |number: Option<Number>| {
        let milli = crate::signals::number::Scale::new(1000.0).unwrap();
        let value = number.map(|n| n.scaled(milli, crate::signals::number::Rounding::Down).unwrap());
        value.map_or("-".to_owned(), |value| (value as f64 / 1000.0).to_string())
    };
    let Quota { limit, remaining, reset } = reader.quota();
    let malformed = if reader.malformed().is_some() { "!" } else { "" };
    format!("{} {} {}{malformed}", show(limit), show(remaining), show(reset))
}

#[test]
fn names_are_those_of_the_drafts() {
    let cases: &[(&str, Option<Header>)] = &[
        ("ratelimit", Some(Header::RateLimit)),
        ("ratelimit-policy", Some(Header::Policy)),
        ("ratelimit-limit", Some(Header::Older(Field::Limit))),
        ("ratelimit-remaining", Some(Header::Older(Field::Remaining))),
        ("ratelimit-reset", Some(Header::Older(Field::Reset))),
        ("x-ratelimit-limit", Some(Header::Vendor(Field::Limit))),
        ("x-ratelimit-remaining", Some(Header::Vendor(Field::Remaining))),
        ("x-ratelimit-reset", Some(Header::Vendor(Field::Reset))),
        ("x-ratelimit", None),
        ("x-ratelimit-policy", None),
        ("x-ratelimit-limit-requests", None),
        ("ratelimits", None),
        ("x-x-ratelimit-limit", None),
        ("x-envoy-ratelimited", None),
        ("", None),
    ];
    for (name, expected) in cases {
        assert_eq!(Header::from_name(name.as_bytes()), *expected, "{name}");
    }
}

#[test]
fn the_policy_with_the_least_left_is_the_quota() {
    const RL: &str = "ratelimit";
    const RLP: &str = "ratelimit-policy";
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[], "- - -"),
        (&[(RL, "\"default\";r=50;t=30")], "- 50 30"),
        (&[(RL, "\"default\";r=50")], "- 50 -"),
        (&[(RL, "\"default\";t=30;r=50;pk=:cHsdsRa894==:")], "- 50 30"),
        (&[(RL, "default;r=50;t=30")], "- 50 30"),
        (&[(RL, "\"a\";r=0")], "- 0 -"),
        (&[(RL, "\"a\";r=5;t=1, \"b\";r=3;t=9")], "- 3 9"),
        (&[(RL, "\"a\";r=3;t=1, \"b\";r=5;t=9")], "- 3 1"),
        (&[(RL, "\"a\";r=3;t=1, \"b\";r=3;t=9")], "- 3 1"),
        (&[(RL, "\"a\";r=5;t=1"), (RL, "\"b\";r=3;t=9")], "- 3 9"),
        (&[(RL, "\"a\";r=5;r=2")], "- 2 -"),
        (&[(RL, "\"default\";r=50;t=30"), (RLP, "\"default\";q=100;w=60")], "100 50 30"),
        (&[(RLP, "\"default\";q=100;w=60"), (RL, "\"default\";r=50;t=30")], "100 50 30"),
        (&[(RLP, "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400"), (RL, "\"daily\";r=1;t=9")], "1000 1 9"),
        (&[(RLP, "\"burst\";q=100;w=60"), (RLP, "\"daily\";q=1000"), (RL, "\"daily\";r=1")], "1000 1 -"),
        (&[(RLP, "\"burst\";q=100"), (RL, "\"other\";r=1")], "- 1 -"),
        (&[(RLP, "\"a\";q=100;w=60;qu=\"content-bytes\";pk=:cHsdsRa894==:")], "100 - -"),
        (&[(RLP, "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400")], "100 - -"),
        (&[(RL, "")], "- - -"),
        (&[(RL, "\"a\"")], "- - -!"),
        (&[(RL, "\"a\";t=30")], "- - -!"),
        (&[(RL, "\"a\";r=-1")], "- - -!"),
        (&[(RL, "\"a\";r=1.5")], "- - -!"),
        (&[(RL, "\"a\";r=\"1\"")], "- - -!"),
        (&[(RL, "\"a\";r")], "- - -!"),
        (&[(RL, "\"a\";r=1;t=-1")], "- - -!"),
        (&[(RL, "\"a\";r=1;t=x")], "- - -!"),
        (&[(RL, "1;r=1")], "- - -!"),
        (&[(RL, "(\"a\");r=1")], "- - -!"),
        (&[(RL, "\"a\";r=1,")], "- - -!"),
        (&[(RL, "limit=100, remaining=50, reset=30")], "- - -!"),
        (&[(RL, "\"a\";r=1, \"b\"")], "- - -!"),
        (&[(RL, "\"b\", \"a\";r=1")], "- - -!"),
        (&[(RL, "\"a\";r=1"), (RL, "\"b\"")], "- - -!"),
        (&[(RL, "\"a\";r=1"), (RLP, "\"a\"")], "- 1 -!"),
        (&[(RL, "\"a\";r=1"), (RLP, "\"a\";q=5, \"b\";q=x")], "- 1 -!"),
        (&[(RL, "\"a\""), (RLP, "\"a\";q=5")], "5 - -!"),
    ];
    for (lines, expected) in cases {
        assert_eq!(read(lines), *expected, "{lines:?}");
    }
}

#[test]
fn headers_of_older_drafts_and_envoys_own_are_read() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (
            &[
                ("x-ratelimit-limit", "10, 10;w=60"),
                ("x-ratelimit-remaining", "7"),
                ("x-ratelimit-reset", "54"),
            ],
            "10 7 54",
        ),
        (&[("x-ratelimit-limit", "10, 10;w=60;name=\"a\", 5;w=1"), ("x-ratelimit-remaining", "0")], "10 0 -"),
        (&[("x-ratelimit-limit", "5000"), ("x-ratelimit-reset", "1372700873")], "5000 - 1372700873"),
        (&[("x-ratelimit-limit", "1.5")], "1.5 - -"),
        (&[("x-ratelimit-reset", "0.25")], "- - 0.25"),
        (&[("x-ratelimit-remaining", " 7 ")], "- 7 -"),
        (
            &[("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "9"), ("ratelimit-reset", "1")],
            "100 9 1",
        ),
        (&[("x-ratelimit-remaining", "1"), ("ratelimit-remaining", "9")], "- 9 -"),
        (&[("ratelimit-remaining", "9"), ("ratelimit", "\"a\";r=3")], "- 3 -"),
        (&[("ratelimit-remaining", "9"), ("ratelimit", "\"a\"")], "- 9 -!"),
        (&[("x-ratelimit-remaining", "7"), ("x-ratelimit-remaining", "3")], "- 7 -"),
        (&[("x-ratelimit-remaining", "x"), ("x-ratelimit-remaining", "3")], "- 3 -!"),
        (&[("x-ratelimit-remaining", "-1")], "- - -!"),
        (&[("x-ratelimit-remaining", "")], "- - -!"),
        (&[("x-ratelimit-remaining", "1, 2")], "- - -!"),
        (&[("x-ratelimit-reset", "6m0s")], "- - -!"),
        (&[("x-ratelimit-reset", "Wed, 21 Oct 2015 07:28:00 GMT")], "- - -!"),
        (&[("x-ratelimit-limit", "-5")], "- - -!"),
        (&[("x-ratelimit-limit", "-1.5")], "- - -!"),
        (&[("x-ratelimit-limit", "")], "- - -!"),
        (&[("x-ratelimit-limit", "\"10\"")], "- - -!"),
        (&[("x-ratelimit-limit", "10;")], "- - -!"),
        (&[("x-ratelimit-limit", "10, x y")], "- - -!"),
    ];
    for (lines, expected) in cases {
        assert_eq!(read(lines), *expected, "{lines:?}");
    }
}

#[test]
fn sixty_four_kilobytes_of_anything_are_read_once() {
    for part in ["\"a\";r=1,", "\"a\";q=1,", "a,", "9", ";r=1", "\"", "\\", "(", "\0"] {
        let line = part.repeat(65_536 / part.len());
        for name in ["ratelimit", "ratelimit-policy", "ratelimit-limit", "x-ratelimit-remaining"] {
            let mut reader = RateLimitReader::default();
            reader.line(Header::from_name(name.as_bytes()).unwrap(), line.as_bytes());
            assert_eq!(
                reader.malformed().is_some(),
                part != "9" || name != "x-ratelimit-remaining",
                "{part} {name}"
            );
        }
    }
    let mut reader = RateLimitReader::default();
    let policies = format!("{}\"b\";q=2", "\"a\";q=1,".repeat(8_000));
    reader.line(Header::Policy, policies.as_bytes());
    reader.line(Header::RateLimit, b"\"b\";r=1");
    assert_eq!(reader.quota().limit, Some(Number::from(2)));
}
