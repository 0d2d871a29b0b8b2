use super::*;
use CacheOutcome::{Hit, Miss};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

type Said = (Option<CacheOutcome>, Option<Malformed>);

fn said(reader: &CacheReader) -> Said {
    (reader.outcome(), reader.malformed())
}

fn cache_status(lines: &[&str]) -> Said {
    let mut reader = CacheReader::default();
    lines.iter().for_each(|line| reader.cache_status(line.as_bytes()));
    said(&reader)
}

#[test]
fn cache_status_is_a_hit_where_any_cache_answered() {
    let cases: &[(&[&str], Option<CacheOutcome>)] = &[
        (&["ExampleCache; hit"], Some(Hit)),
        (&["ExampleCache; hit; ttl=376"], Some(Hit)),
        (&["\"CDN Co\"; hit; ttl=-412"], Some(Hit)),
        (&["ExampleCache; fwd=uri-miss"], Some(Miss)),
        (&["ExampleCache; fwd=uri-miss; stored; collapsed"], Some(Miss)),
        (&["ExampleCache; fwd=stale; fwd-status=304"], Some(Miss)),
        (&["ExampleCache; fwd=request"], Some(Miss)),
        (&["OriginCache; hit; ttl=1100, \"CDN Co\"; fwd=uri-miss; fwd-status=200"], Some(Hit)),
        (&["OriginCache; fwd=miss, \"CDN Co\"; hit"], Some(Hit)),
        (&["OriginCache; fwd=miss, \"CDN Co\"; fwd=method"], Some(Miss)),
        (&["OriginCache; fwd=miss", "\"CDN Co\"; hit"], Some(Hit)),
        (&["OriginCache; hit", "\"CDN Co\"; fwd=miss"], Some(Hit)),
        (&["OriginCache", "\"CDN Co\"; fwd=miss"], Some(Miss)),
        (&["ExampleCache; hit; fwd=miss"], Some(Hit)),
        (&["ExampleCache; hit=?1"], Some(Hit)),
        (&["ExampleCache; hit=?0"], None),
        (&["ExampleCache; hit=?0; fwd=bypass"], Some(Miss)),
        (&["ExampleCache; hit; hit=?0"], None),
        (&["ExampleCache; hit=?0; hit"], Some(Hit)),
        (&["ExampleCache; hit=1"], None),
        (&["ExampleCache; fwd=\"miss\""], None),
        (&["ExampleCache; fwd"], None),
        (&["ExampleCache; detail=hit"], None),
        (&["ExampleCache; key=\"a, b; hit\"; fwd=miss"], Some(Miss)),
        (&["ExampleCache"], None),
        (&["hit"], None),
        (&["", " "], None),
        (&[], None),
    ];
    for (lines, expected) in cases {
        assert_eq!(cache_status(lines), (*expected, None), "{lines:?}");
    }
    let bad: &[&[&str]] = &[
        &["ExampleCache; hit,"],
        &["ExampleCache; Hit"],
        &["ExampleCache hit"],
        &["Example Cache; hit"],
        &["ExampleCache; hit; key=\"a"],
        &["ExampleCache; hit; ttl=1e3"],
        &["1; hit"],
        &["(a b); hit"],
        &["?1; hit, ExampleCache; hit"],
        &["ExampleCache; hit", "ExampleCache; hit;"],
        &["ExampleCache; hit;", "ExampleCache; hit"],
        &["é"],
    ];
    for lines in bad {
        assert_eq!(cache_status(lines), (None, Some(Malformed::CacheStatus)), "{lines:?}");
    }
}

#[test]
fn caches_that_know_no_cache_status_are_understood_too() {
    let cases: &[(&str, Option<CacheOutcome>)] = &[
        ("HIT", Some(Hit)),
        ("hit", Some(Hit)),
        (" Hit\t", Some(Hit)),
        ("MISS", Some(Miss)),
        ("BYPASS", Some(Miss)),
        ("EXPIRED", Some(Miss)),
        ("STALE", Some(Hit)),
        ("UPDATING", Some(Hit)),
        ("REVALIDATED", Some(Miss)),
        ("DYNAMIC", Some(Miss)),
        ("PASS", Some(Miss)),
        ("NONE", None),
        ("UNKNOWN", None),
        ("HIT from cache.example.com", Some(Hit)),
        ("MISS from hit.example.com:3128", Some(Miss)),
        ("Hit from cloudfront", Some(Hit)),
        ("Miss from cloudfront", Some(Miss)),
        ("RefreshHit from cloudfront", Some(Miss)),
        ("Error from cloudfront", None),
        ("LambdaGeneratedResponse from cloudfront", None),
        ("TCP_HIT", Some(Hit)),
        ("TCP_MEM_HIT from a1-2-3-4.deploy.akamaitechnologies.com (AkamaiGHost/9.6.4) (-)", Some(Hit)),
        ("TCP_MISS", Some(Miss)),
        ("TCP_REFRESH_HIT", Some(Miss)),
        ("HIT-CLUSTER", Some(Hit)),
        ("HIT, MISS", Some(Hit)),
        ("MISS, HIT", Some(Hit)),
        ("MISS, MISS", Some(Miss)),
        ("cp3066 miss, cp3072 hit/4", Some(Hit)),
        ("cp3066 miss, cp3072 pass", Some(Miss)),
        ("WHITELISTED", None),
        ("hits: 0", None),
        ("", None),
        (",,", None),
        ("\u{ff}", None),
    ];
    for (line, expected) in cases {
        let mut reader = CacheReader::default();
        reader.vendor(line.as_bytes());
        assert_eq!(said(&reader), (*expected, None), "{line}");
    }
    let mut lines = CacheReader::default();
    lines.vendor(b"HIT");
    lines.vendor(b"MISS");
    assert_eq!(lines.outcome(), Some(Hit));
}

#[test]
fn an_age_above_zero_is_a_hit() {
    let hits = ["1", "123", " 7 ", "007", "2147483648", "100000000000000000000000"];
    let nothing = ["0", " 0", "00"];
    let bad = ["", "-1", "+1", "1.5", "1e3", "x", "1, 2", "00x", "1 2"];
    let age = |line: &str| {
        let mut reader = CacheReader::default();
        reader.age(line.as_bytes());
        said(&reader)
    };
    hits.iter().for_each(|line| assert_eq!(age(line), (Some(Hit), None), "{line}"));
    nothing.iter().for_each(|line| assert_eq!(age(line), (None, None), "{line}"));
    bad.iter().for_each(|line| assert_eq!(age(line), (None, Some(Malformed::Age)), "{line}"));
}

#[test]
fn cache_status_comes_before_the_others_and_age_comes_last() {
    let mut reader = CacheReader::default();
    assert_eq!(said(&reader), (None, None));
    reader.age(b"17");
    assert_eq!(reader.outcome(), Some(Hit));
    reader.vendor(b"NONE");
    assert_eq!(reader.outcome(), Some(Hit));
    reader.vendor(b"MISS");
    assert_eq!(reader.outcome(), Some(Miss));
    reader.cache_status(b"c");
    assert_eq!(reader.outcome(), Some(Miss));
    reader.cache_status(b"c; hit");
    assert_eq!(said(&reader), (Some(Hit), None));
    reader.age(b"x");
    assert_eq!(said(&reader), (Some(Hit), Some(Malformed::Age)));
    reader.cache_status(b";");
    assert_eq!(said(&reader), (Some(Miss), Some(Malformed::CacheStatus)));
    reader.age(b"x");
    assert_eq!(said(&reader), (Some(Miss), Some(Malformed::CacheStatus)));
}

#[test]
fn sixty_four_kilobytes_of_anything_are_read_once() {
    for part in ["a;hit,", "a,", "HIT,", "h i t ", ",", "9", "(", "\"", "\0"] {
        let line = part.repeat(65_536 / part.len());
        let mut reader = CacheReader::default();
        reader.cache_status(line.as_bytes());
        reader.vendor(line.as_bytes());
        reader.age(line.as_bytes());
        assert!(reader.malformed().is_some(), "{part}");
        assert_eq!(reader.outcome(), ["a;hit,", "HIT,", "9"].contains(&part).then_some(Hit), "{part}");
    }
}
