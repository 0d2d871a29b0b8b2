//! The rate limit headers of one response in, what a client may still do out.

use super::exact::{Exact, decimal};
use super::fields::{Member, list};
use crate::traffic::Headers;
use num_bigint::BigInt;
use redline::config::QuotaField;
use sfv::BareItem;

/// What one family of headers says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Quota {
    limit: Option<Exact>,
    remaining: Option<Exact>,
    reset: Option<Exact>,
}

impl Quota {
    pub(super) fn get(&self, field: QuotaField) -> Option<&Exact> {
        match field {
            QuotaField::Limit => self.limit.as_ref(),
            QuotaField::Remaining => self.remaining.as_ref(),
            QuotaField::Reset => self.reset.as_ref(),
        }
    }
}

/// The quota of the newest family of headers that says anything, and whether any line could not be read.
pub(super) fn quota(headers: &Headers) -> (Quota, bool) {
    let mut malformed = false;
    let all = |name: &str| -> Vec<&[u8]> {
        headers.iter().filter(|(key, _)| key == name.as_bytes()).map(|(_, line)| line.as_slice()).collect()
    };
    let (limits, policies) = (all("ratelimit"), all("ratelimit-policy"));
    let mut old = Vec::new();
    for prefix in ["", "x-"] {
        let mut first = |name: &str, read: fn(&[u8]) -> Option<Exact>| {
            let lines: Vec<Option<Exact>> =
                all(&format!("{prefix}ratelimit-{name}")).into_iter().map(read).collect();
            malformed |= lines.contains(&None);
            lines.into_iter().flatten().next()
        };
        let limit = first("limit", first_member);
        let remaining = first("remaining", positive);
        old.push(Quota { limit, remaining, reset: first("reset", positive) });
    }
    let mut read = |lines: Vec<&[u8]>, must: &str, may: &str| {
        let all: Option<Vec<Vec<Policy>>> =
            lines.into_iter().map(|line| policies_of(line, must, may)).collect();
        malformed |= all.is_none();
        all.unwrap_or_default().concat()
    };
    let (limits, policies) = (read(limits, "r", "t"), read(policies, "q", "w"));
    // Of several with as little left `min_by_key` takes the first.
    let current = match limits.iter().min_by_key(|limit| limit.amount) {
        Some(least) => Quota {
            limit: policies
                .iter()
                .find(|policy| policy.name == least.name)
                .map(|policy| exact(policy.amount)),
            remaining: Some(exact(least.amount)),
            reset: least.seconds.map(exact),
        },
        None => {
            Quota { limit: policies.iter().map(|policy| policy.amount).min().map(exact), ..Quota::default() }
        }
    };
    let mut families = std::iter::once(current).chain(old);
    (families.find(|quota| *quota != Quota::default()).unwrap_or_default(), malformed)
}

/// A member of `RateLimit` or `RateLimit-Policy`.
#[derive(Debug, Clone)]
struct Policy {
    name: String,
    amount: i64,
    seconds: Option<i64>,
}

fn policies_of(line: &[u8], must: &str, may: &str) -> Option<Vec<Policy>> {
    let count = |item: &BareItem| item.as_integer().map(i64::from).filter(|count| *count >= 0);
    let policy = |member: Member| {
        let seconds = match member.parameter(may) {
            None => None,
            Some(item) => Some(count(item)?),
        };
        let amount = member.parameter(must).and_then(count)?;
        Some(Policy { name: member.name()?.to_owned(), amount, seconds })
    };
    list(line)?.into_iter().map(policy).collect()
}

fn exact(count: i64) -> Exact {
    Exact::from(BigInt::from(count))
}

fn positive(line: &[u8]) -> Option<Exact> {
    decimal(line).filter(|number| *number >= exact(0))
}

/// The limit that is applied: the first member; policies follow it.
fn first_member(line: &[u8]) -> Option<Exact> {
    let first = list(line)?.into_iter().next()?;
    let number = match first.item? {
        BareItem::Integer(number) => exact(number.into()),
        BareItem::Decimal(number) => decimal(number.to_string().as_bytes())?,
        _ => return None,
    };
    Some(number).filter(|number| *number >= exact(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: &[(&str, &str)]) -> String {
        let owned: Headers =
            headers.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).collect();
        let (quota, malformed) = quota(&owned);
        let part = |part: Option<Exact>| part.map_or("-".to_owned(), |part| part.to_string());
        let bad = if malformed { " !" } else { "" };
        format!("{} {} {}{bad}", part(quota.limit), part(quota.remaining), part(quota.reset))
    }

    #[test]
    fn the_newest_headers_that_can_be_read_count_and_of_their_policies_the_one_with_the_least_left() {
        for (headers, want) in [
            (&[("ratelimit", r#""a";r=50;t=30, "b";r=7;t=1"#)][..], "- 7 1"),
            (
                &[("ratelimit", r#""a";r=5, b;r=5;t=2"#), ("ratelimit-policy", r#""b";q=9, a;q=10;w=1"#)],
                "10 5 -",
            ),
            (&[("ratelimit-policy", r#""b";q=9, a;q=10;w=1"#), ("x-ratelimit-limit", "3")], "9 - -"),
            (&[("ratelimit", r#""a";r=5;;"#), ("ratelimit-remaining", "4")], "- 4 - !"),
            (&[("ratelimit", r#""a";r=5;t=x"#), ("x-ratelimit-remaining", "3.5")], "- 7/2 - !"),
            (&[("ratelimit", r#""a";t=5"#)], "- - - !"),
            (&[("ratelimit", "")], "- - -"),
            (&[("ratelimit-limit", "100, 100;w=60"), ("ratelimit-reset", "-1")], "100 - - !"),
            (
                &[("x-ratelimit-limit", ""), ("x-ratelimit-limit", "10.5"), ("x-ratelimit-reset", " 9 ")],
                "21/2 - 9 !",
            ),
            (&[], "- - -"),
        ] {
            assert_eq!(shown(headers), want, "{headers:?}");
        }
    }
}
