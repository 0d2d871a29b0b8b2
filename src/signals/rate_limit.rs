//! The rate limit headers of one response in, the quota that is nearest to its end out.
//!
//! Read are `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers, where a response has none of
//! them that can be read the `RateLimit-Limit`, `-Remaining` and `-Reset` of its versions up to 06, and else
//! `x-ratelimit-…`, which Envoy sends in the syntax of version 03.

use super::Malformed;
use super::number::Number;
use super::structured::{Item, Part, list};

/// What a client may still do; a part that was not sent is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// The requests that a window allows.
    pub limit: Option<Number>,
    /// What is left of them.
    pub remaining: Option<Number>,
    /// Seconds until there are more; some send a Unix time in `x-ratelimit-reset`.
    pub reset: Option<Number>,
}

/// Which of the headers a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `ratelimit`.
    RateLimit,
    /// `ratelimit-policy`.
    Policy,
    /// `ratelimit-limit`, `ratelimit-remaining`, `ratelimit-reset`.
    Older(Field),
    /// `x-ratelimit-limit`, `x-ratelimit-remaining`, `x-ratelimit-reset`.
    Vendor(Field),
}

/// What a header of its own says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// [`Quota::limit`].
    Limit,
    /// [`Quota::remaining`].
    Remaining,
    /// [`Quota::reset`].
    Reset,
}

impl Header {
    /// The header of this name, in lower case.
    #[inline(never)]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let (name, header): (_, fn(Field) -> Self) = match name.strip_prefix(b"x-") {
            Some(name) => (name, Self::Vendor),
            None => (name, Self::Older),
        };
        let vendor = header(Field::Limit) == Self::Vendor(Field::Limit);
        match name.strip_prefix(b"ratelimit")? {
            b"" if !vendor => Some(Self::RateLimit),
            b"-policy" if !vendor => Some(Self::Policy),
            b"-limit" => Some(header(Field::Limit)),
            b"-remaining" => Some(header(Field::Remaining)),
            b"-reset" => Some(header(Field::Reset)),
            _ => None,
        }
    }
}

/// Reads the rate limit headers of one response, in any order and on any number of lines.
#[derive(Debug, Clone, Default)]
pub struct RateLimitReader<'a> {
    /// Of the policy with the least left: its name, what is left, and until when.
    least: Option<(&'a [u8], i64, Option<i64>)>,
    /// Names and their limits.
    policies: Vec<(&'a [u8], i64)>,
    limits_malformed: bool,
    policies_malformed: bool,
    older: Quota,
    vendor: Quota,
    malformed: bool,
}

impl<'a> RateLimitReader<'a> {
    /// A line of one of the headers. Where one of `RateLimit` or of `RateLimit-Policy` is malformed, none of this header
    /// counts; of the other headers the first line does.
    #[inline(never)]
    pub fn line(&mut self, header: Header, line: &'a [u8]) {
        let read = match header {
            Header::RateLimit => {
                let read = members(line, b"r", b"t", &mut |name, remaining, reset| {
                    if self.least.is_none_or(|(_, least, _)| remaining < least) {
                        self.least = Some((name, remaining, reset));
                    }
                });
                self.limits_malformed |= read.is_none();
                read
            }
            Header::Policy => {
                let read = members(line, b"q", b"w", &mut |name, quota, _| self.policies.push((name, quota)));
                self.policies_malformed |= read.is_none();
                read
            }
            Header::Older(field) => self.older.read(field, line),
            Header::Vendor(field) => self.vendor.read(field, line),
        };
        self.malformed |= read.is_none();
    }

    /// Of several policies the one with the least left, or where none says what is left the one with the lowest limit.
    #[inline(never)]
    pub fn quota(&self) -> Quota {
        let policies = if self.policies_malformed { &[] } else { self.policies.as_slice() };
        let current = match self.least.filter(|_| !self.limits_malformed) {
            Some((name, remaining, reset)) => {
                let policy = policies.iter().find(|(policy, _)| *policy == name);
                Quota {
                    limit: policy.and_then(|(_, limit)| number(*limit)),
                    remaining: number(remaining),
                    reset: reset.and_then(number),
                }
            }
            None => {
                let limit = policies.iter().map(|(_, limit)| *limit).min();
                Quota { limit: limit.and_then(number), ..Quota::default() }
            }
        };
        [current, self.older, self.vendor].into_iter().find(|q| *q != Quota::default()).unwrap_or_default()
    }

    /// Whether any line could not be read.
    pub fn malformed(&self) -> Option<Malformed> {
        self.malformed.then_some(Malformed::RateLimit)
    }
}

impl Quota {
    /// Keeps what the first line of a header says.
    fn read(&mut self, field: Field, line: &[u8]) -> Option<()> {
        let (place, value) = match field {
            Field::Limit => (&mut self.limit, first_member(line)?),
            Field::Remaining => (&mut self.remaining, plain(line)?),
            Field::Reset => (&mut self.reset, plain(line)?),
        };
        place.get_or_insert(value);
        Some(())
    }
}

fn number(value: i64) -> Option<Number> {
    u64::try_from(value).ok().map(Number::from)
}

#[inline(never)]
fn plain(line: &[u8]) -> Option<Number> {
    Number::from_text(line).ok().filter(|number| !number.is_negative())
}

/// The limit that is being applied; the policies behind it are of no interest.
#[inline(never)]
fn first_member(line: &[u8]) -> Option<Number> {
    let mut first = None;
    list(line, &mut |part| {
        if let Part::Member(item) = part {
            first.get_or_insert(item);
        }
    })?;
    match first? {
        Item::Integer(limit) => number(limit),
        Item::Decimal(limit) => Some(limit).filter(|limit| !limit.is_negative()),
        _ => None,
    }
}

/// Takes a policy's name as it is written, a number that it must have, and one that it may have.
type Visit<'v, 'a> = &'v mut dyn FnMut(&'a [u8], i64, Option<i64>);

/// Visits named members; `None` where one is malformed, whatever has been visited.
#[inline(never)]
fn members<'a>(line: &'a [u8], required: &[u8], optional: &[u8], visit: Visit<'_, 'a>) -> Option<()> {
    // The member that is being read, and whether all before it were well-formed.
    let mut member: Option<(Item<'a>, Option<Item<'a>>, Option<Item<'a>>)> = None;
    let mut valid = true;
    let mut ended = |member: Option<(Item<'a>, Option<Item<'a>>, Option<Item<'a>>)>| {
        let Some((Item::Text(name) | Item::Token(name), first, second)) = member else {
            return member.is_none();
        };
        let (first, second) = (first.map(count), second.map(count));
        match (first, second) {
            (Some(Some(first)), None) => visit(name, first, None),
            (Some(Some(first)), Some(Some(second))) => visit(name, first, Some(second)),
            _ => return false,
        }
        true
    };
    list(line, &mut |part| match part {
        Part::Member(item) => valid &= ended(member.replace((item, None, None))),
        Part::Parameter(name, value) => {
            if let Some((_, first, second)) = member.as_mut() {
                if name == required {
                    *first = Some(value);
                } else if name == optional {
                    *second = Some(value);
                }
            }
        }
    })?;
    (ended(member) && valid).then_some(())
}

fn count(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Integer(value) if value >= 0 => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
