//! Load reports in JSON, held against serde_json.

use crate::report::{MAPS, SCALARS, accept, is_infinite, parts, read};
use redline::signals::number::Number;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's members, with those that come twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

pub fn check(json: &[u8]) {
    if json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > 60 {
        // Deeper than it reads, or not: both have their own bounds.
        let _read = read(&[b"JSON ", json].concat());
        return;
    }
    let expected = entries(json).and_then(accept);
    assert_eq!(read(&[b"JSON ", json].concat()), expected, "{}", String::from_utf8_lossy(json));
}

fn entries(json: &[u8]) -> Option<Vec<(String, Option<Number>)>> {
    let number = |raw: &RawValue| {
        let unquoted = serde_json::from_str::<String>(raw.get()).ok();
        let digits = unquoted.as_deref().unwrap_or(raw.get());
        let number = serde_json::from_str::<serde_json::Number>(digits);
        let range = number.as_ref().is_err_and(|error| error.to_string().contains("number out of range"));
        let read = Number::from_text(digits.as_bytes()).ok();
        let readable = (number.is_ok() || range) && digits == digits.trim() && !is_infinite(digits);
        read.filter(|_| readable)
    };
    // A whole number of 64 bits.
    let whole = |raw: &RawValue| {
        let unquoted = serde_json::from_str::<String>(raw.get()).ok();
        let (digits, shift) = parts(unquoted.as_deref().unwrap_or(raw.get()));
        let fits = match shift {
            _ if digits.is_empty() => true,
            0.. => {
                digits.len() as i64 + shift <= 20 && {
                    let zeros = "0".repeat(usize::try_from(shift).unwrap_or(0));
                    format!("{digits}{zeros}").parse::<u64>().is_ok()
                }
            }
            _ => {
                let end = usize::try_from(-shift).unwrap_or(usize::MAX);
                let (whole, rest) = digits.split_at(digits.len().saturating_sub(end));
                rest.bytes().all(|b| b == b'0') && end <= digits.len() && whole.parse::<u64>().is_ok()
            }
        };
        number(raw).filter(|_| fits)
    };
    let mut entries = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in serde_json::from_slice::<Members<'_>>(json).ok()?.0 {
        let known = |snake: &&str| {
            let snake = snake.trim_end_matches('.');
            let mut upper = false;
            let camel: String = snake
                .chars()
                .filter_map(|c| {
                    let shown = if upper { c.to_ascii_uppercase() } else { c };
                    upper = c == '_';
                    (c != '_').then_some(shown)
                })
                .collect();
            name == snake || name == camel
        };
        let field = SCALARS.into_iter().chain(MAPS).chain(["rps"]).find(known)?;
        if value.get() == "null" {
            continue;
        }
        if seen.contains(&field) {
            return None;
        }
        seen.push(field);
        if field.ends_with('.') {
            for (key, value) in serde_json::from_str::<Members<'_>>(value.get()).ok()?.0 {
                entries.push((format!("{field}{key}"), number(value)));
            }
        } else {
            let read = if field == "rps" { whole(value) } else { number(value) };
            entries.push((field.to_owned(), read));
        }
    }
    Some(entries)
}
