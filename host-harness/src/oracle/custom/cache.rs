//! The cache headers of one response in; whether a cache answered out.

use super::fields::{Member, list};
use crate::traffic::Headers;
use redline::config::CacheOutcome;
use sfv::BareItem;

const VENDORS: [&[u8]; 3] = [b"x-cache", b"x-cache-status", b"cf-cache-status"];
const HITS: [&str; 3] = ["hit", "stale", "updating"];
const MISSES: [&str; 8] =
    ["miss", "bypass", "expired", "revalidated", "dynamic", "pass", "refresh", "refreshhit"];

/// What the caches say, and whether Cache-Status or Age could not be read.
pub(super) fn outcome(headers: &Headers) -> (Option<CacheOutcome>, bool) {
    let lines =
        |name: &'static [u8]| headers.iter().filter(move |(key, _)| key == name).map(|(_, line)| line);
    let status: Option<Vec<Option<CacheOutcome>>> = lines(b"cache-status").map(|line| status(line)).collect();
    let ages: Option<Vec<Option<CacheOutcome>>> = lines(b"age").map(|line| age(line)).collect();
    // A readable line of Age counts beside one that is not.
    let age = lines(b"age").filter_map(|line| age(line)).flatten().next();
    let vendor = VENDORS.iter().flat_map(|name| lines(name)).flat_map(|line| words(line));
    let malformed = status.is_none() || ages.is_none();
    let status = best(status.unwrap_or_default().into_iter().flatten());
    (status.or_else(|| best(vendor)).or(age), malformed)
}

/// A hit, where any of them is.
fn best(mut outcomes: impl Iterator<Item = CacheOutcome>) -> Option<CacheOutcome> {
    let first = outcomes.next()?;
    Some(if outcomes.any(|outcome| outcome == CacheOutcome::Hit) { CacheOutcome::Hit } else { first })
}

/// RFC 9211: a cache is named by a token or a string, answered where it has `hit`, and asked on where it has `fwd`.
fn status(line: &[u8]) -> Option<Option<CacheOutcome>> {
    let of = |member: Member| {
        let hit = member.parameter("hit") == Some(&BareItem::Boolean(true));
        let forwarded = matches!(member.parameter("fwd"), Some(BareItem::Token(_)));
        if hit { Some(CacheOutcome::Hit) } else { forwarded.then_some(CacheOutcome::Miss) }
    };
    let members = list(line)?;
    let outcomes: Option<Vec<_>> =
        members.into_iter().map(|member| member.name().is_some().then(|| of(member))).collect();
    Some(best(outcomes?.into_iter().flatten()))
}

/// RFC 9111: digits; above 0 a cache answered.
fn age(line: &[u8]) -> Option<Option<CacheOutcome>> {
    let text = std::str::from_utf8(line).ok()?.trim_matches([' ', '\t']);
    let digits = !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.chars().any(|digit| digit != '0').then_some(CacheOutcome::Hit))
}

/// What each element says: its first word that any cache uses.
fn words(line: &[u8]) -> Vec<CacheOutcome> {
    let text = String::from_utf8_lossy(line).to_ascii_lowercase();
    let known = |word: &str| {
        let hit = HITS.contains(&word).then_some(CacheOutcome::Hit);
        hit.or(MISSES.contains(&word).then_some(CacheOutcome::Miss))
    };
    let element = |element: &str| element.split(|c: char| !c.is_ascii_lowercase()).find_map(known);
    text.split(',').filter_map(element).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use CacheOutcome::{Hit, Miss};

    #[test]
    fn the_header_that_says_most_decides() {
        for (headers, want) in [
            (&[("cache-status", "a; hit"), ("x-cache", "MISS")][..], (Some(Hit), false)),
            (&[("cache-status", "a; fwd=miss, \"b\"; hit")], (Some(Hit), false)),
            (
                &[("cache-status", "a; fwd=miss"), ("cache-status", "b;hit;hit=?0"), ("age", "5")],
                (Some(Miss), false),
            ),
            (&[("cache-status", "a;hit=1, b;fwd=\"miss\""), ("age", "05")], (Some(Hit), false)),
            (&[("cache-status", "a;hit,"), ("x-cache", "MISS")], (Some(Miss), true)),
            (&[("cache-status", "5;hit")], (None, true)),
            (&[("cache-status", "(a);hit"), ("age", "x")], (None, true)),
            (&[("cache-status", "")], (None, false)),
            (
                &[("x-cache", "Error from cloudfront"), ("x-cache", "TCP_REFRESH_HIT from a")],
                (Some(Miss), false),
            ),
            (&[("x-cache", "MISS, HIT")], (Some(Hit), false)),
            (&[("cf-cache-status", "DYNAMIC"), ("age", "3")], (Some(Miss), false)),
            (&[("age", "0")], (None, false)),
            (&[("age", " 7 "), ("age", "-1")], (Some(Hit), true)),
            (&[], (None, false)),
        ] {
            let owned: Headers =
                headers.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
            assert_eq!(outcome(&owned), want, "{headers:?}");
        }
    }
}
