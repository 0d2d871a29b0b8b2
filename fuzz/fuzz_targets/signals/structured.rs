//! Structured fields, held against sfv: Cache-Status and the rate limit headers.

use crate::spaces::trim;
use redline::config::CacheOutcome;
use redline::signals::cache_status::CacheReader;
use redline::signals::number::Number;
use redline::signals::rate_limit::{Header, Quota, RateLimitReader};
use sfv::{BareItem, List, ListEntry, Parser};

fn list(line: &[u8]) -> Option<List> {
    Parser::new(line).parse().ok()
}

/// Whether it may have bytes with some of their padding: RFC 9651 section 4.2.7 leaves those to the parser, and ours refuses
/// what sfv takes.
fn is_partly_padded(line: &[u8]) -> bool {
    let parts = line.split(|byte| *byte == b':');
    parts.into_iter().any(|part| part.contains(&b'=') && part.ends_with(b"=") && part.len() % 4 != 0)
}

pub fn check_cache(line: &[u8]) {
    if is_partly_padded(line) {
        return;
    }
    let expected = list(line).and_then(|list| {
        let mut outcomes = Vec::new();
        for member in list {
            let ListEntry::Item(item) = member else { return None };
            if !matches!(item.bare_item, BareItem::Token(_) | BareItem::String(_)) {
                return None;
            }
            let get =
                |name: &str| item.params.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value);
            outcomes.push(match (get("hit"), get("fwd")) {
                (Some(BareItem::Boolean(true)), _) => Some(CacheOutcome::Hit),
                (_, Some(BareItem::Token(_))) => Some(CacheOutcome::Miss),
                _ => None,
            });
        }
        Some(
            [CacheOutcome::Hit, CacheOutcome::Miss]
                .into_iter()
                .find(|outcome| outcomes.contains(&Some(*outcome))),
        )
    });
    let mut reader = CacheReader::default();
    reader.cache_status(line);
    let shown = String::from_utf8_lossy(line);
    assert_eq!(reader.malformed().is_none(), expected.is_some(), "{shown}");
    assert_eq!(reader.outcome(), expected.flatten(), "{shown}");
    let mut other = CacheReader::default();
    other.vendor(line);
    assert_eq!(other.malformed(), None);
    other.age(line);
    let digits = !trim(line).is_empty() && trim(line).iter().all(u8::is_ascii_digit);
    assert!(other.malformed().is_some() || digits, "{shown}");
}

pub fn check_rate_limit(line: &[u8]) {
    if is_partly_padded(line) {
        return;
    }
    let shown = String::from_utf8_lossy(line);
    let number = |value: i64| Number::from(value.unsigned_abs());
    for (header, first, second) in [(Header::RateLimit, "r", "t"), (Header::Policy, "q", "w")] {
        let expected = list(line).and_then(|list| {
            let mut least: Option<(i64, Option<i64>)> = None;
            for member in list {
                let ListEntry::Item(item) = member else { return None };
                if !matches!(item.bare_item, BareItem::Token(_) | BareItem::String(_)) {
                    return None;
                }
                let get = |name: &str| match item.params.iter().find(|(key, _)| key.as_str() == name) {
                    None => Some(None),
                    Some((_, BareItem::Integer(value))) => {
                        Some(i64::from(*value)).filter(|value| *value >= 0).map(Some)
                    }
                    Some(_) => None,
                };
                let found = (get(first)??, get(second)?);
                least = least.filter(|least| least.0 <= found.0).or(Some(found));
            }
            Some(match (least, header) {
                (None, _) => Quota::default(),
                (Some((remaining, reset)), Header::RateLimit) => {
                    Quota { remaining: Some(number(remaining)), reset: reset.map(number), limit: None }
                }
                (Some((limit, _)), _) => Quota { limit: Some(number(limit)), ..Quota::default() },
            })
        });
        let mut reader = RateLimitReader::default();
        reader.line(header, line);
        assert_eq!(reader.malformed().is_none(), expected.is_some(), "{shown}");
        assert_eq!(reader.quota(), expected.unwrap_or_default(), "{shown}");
    }
    for name in ["x-ratelimit-limit", "ratelimit-remaining", "x-ratelimit-reset"] {
        let mut reader = RateLimitReader::default();
        reader.line(Header::from_name(name.as_bytes()).expect("known"), line);
        assert_eq!(reader.malformed().is_none(), reader.quota() != Quota::default(), "{shown}");
    }
}
