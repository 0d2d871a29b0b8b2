//! Cache-Status, the headers that caches sent before it, and Age in; whether a cache answered out.
//!
//! A response passed every cache that Cache-Status lists (RFC 9211 section 2), so it is a hit where any of them answered
//! from its store, and else a miss where one went forward. What was revalidated went forward.

use super::number::Number;
use super::structured::{Item, Part, list};
use super::{Malformed, trim};
use crate::config::CacheOutcome;

/// Reads the cache headers of one response, in any order and on any number of lines.
#[derive(Debug, Clone, Default)]
pub struct CacheReader {
    status: Option<CacheOutcome>,
    vendor: Option<CacheOutcome>,
    age: Option<CacheOutcome>,
    malformed: Option<Malformed>,
}

impl CacheReader {
    /// A line of Cache-Status; where one is malformed, none of them counts.
    #[inline(never)]
    pub fn cache_status(&mut self, line: &[u8]) {
        match members(line) {
            Some(outcome) => self.status = either(self.status, outcome),
            None => self.malformed = Some(Malformed::CacheStatus),
        }
    }

    /// A line of `X-Cache`, `X-Cache-Status` or `CF-Cache-Status`, in any of the words that caches use; other words say
    /// nothing.
    #[inline(never)]
    pub fn vendor(&mut self, line: &[u8]) {
        for element in line.split(|byte| *byte == b',') {
            let mut words = element.split(|byte| !byte.is_ascii_alphabetic());
            self.vendor = either(self.vendor, words.find_map(word));
        }
    }

    /// A line of Age (RFC 9111 section 5.1): above 0 says that a cache answered, and 0 nothing.
    #[inline(never)]
    pub fn age(&mut self, line: &[u8]) {
        let line = trim(line);
        match Number::from_text(line) {
            Ok(age) if line.iter().all(u8::is_ascii_digit) => {
                let hit = (age != Number::from(0)).then_some(CacheOutcome::Hit);
                self.age = either(self.age, hit);
            }
            _ => self.malformed = self.malformed.or(Some(Malformed::Age)),
        }
    }

    /// What Cache-Status says, else the other headers, else Age.
    pub fn outcome(&self) -> Option<CacheOutcome> {
        let status = self.status.filter(|_| self.malformed != Some(Malformed::CacheStatus));
        status.or(self.vendor).or(self.age)
    }

    /// The first of these headers in that order that could not be read.
    pub fn malformed(&self) -> Option<Malformed> {
        self.malformed
    }
}

/// A hit, where one of the two is.
fn either(one: Option<CacheOutcome>, other: Option<CacheOutcome>) -> Option<CacheOutcome> {
    if other == Some(CacheOutcome::Hit) { other } else { one.or(other) }
}

/// What one line of Cache-Status says; `None` where it is malformed.
#[inline(never)]
fn members(line: &[u8]) -> Option<Option<CacheOutcome>> {
    let (mut outcome, mut named) = (None, true);
    // Of the member that is being read: a parameter that comes again replaces the one before.
    let (mut hit, mut forwarded) = (false, false);
    let mut ended = |hit: bool, forwarded: bool| {
        let said = if hit { Some(CacheOutcome::Hit) } else { forwarded.then_some(CacheOutcome::Miss) };
        outcome = either(outcome, said);
    };
    list(line, &mut |part| match part {
        Part::Member(cache) => {
            ended(hit, forwarded);
            (hit, forwarded) = (false, false);
            named &= matches!(cache, Item::Token(_) | Item::Text(_));
        }
        Part::Parameter(b"hit", value) => hit = value == Item::Boolean(true),
        Part::Parameter(b"fwd", value) => forwarded = matches!(value, Item::Token(_)),
        Part::Parameter(..) => {}
    })?;
    ended(hit, forwarded);
    named.then_some(outcome)
}

/// What one word in a vendor's header says.
fn word(word: &[u8]) -> Option<CacheOutcome> {
    const HITS: [&[u8]; 3] = [b"hit", b"stale", b"updating"];
    const MISSES: [&[u8]; 8] =
        [b"miss", b"bypass", b"expired", b"revalidated", b"dynamic", b"pass", b"refresh", b"refreshhit"];
    let one_of = |words: &[&[u8]]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if one_of(&HITS) {
        return Some(CacheOutcome::Hit);
    }
    one_of(&MISSES).then_some(CacheOutcome::Miss)
}

#[cfg(test)]
mod tests;
