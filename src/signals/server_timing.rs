//! One Server-Timing header line in, its entries out, borrowed (W3C Server Timing section 2).
//!
//! Read as browsers do where that is safe: a parameter may lack its value, and a semicolon its parameter. An entry that
//! is malformed ends at the next comma that is in no quoted string, and those after it still come.

use super::number::Number;
use super::{Malformed, is_token, trim};
use std::borrow::Cow;

/// One entry: a name and what the server says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    name: &'a [u8],
    duration: Option<Value<'a>>,
    description: Option<Value<'a>>,
}

/// A parameter's value as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Token(&'a [u8]),
    /// Between its quotes.
    Quoted(&'a [u8]),
}

/// The entries of one header line, see [`entries`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

/// Each entry of a header line in its order; empty ones between commas are none.
pub fn entries(line: &[u8]) -> Entries<'_> {
    Entries { rest: line }
}

impl<'a> Entry<'a> {
    /// The metric's name, whose case matters; never empty.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// `dur`, in milliseconds: the first, also where a later one could be read.
    #[inline(never)]
    pub fn duration(&self) -> Option<Result<Number, Malformed>> {
        let text = self.duration?.text();
        Some(Number::from_text(&text).map_err(|_| Malformed::ServerTiming))
    }

    /// `desc`, without quotes and backslashes: the first.
    pub fn description(&self) -> Option<Cow<'a, [u8]>> {
        self.description.map(Value::text)
    }
}

impl<'a> Value<'a> {
    #[inline(never)]
    fn text(self) -> Cow<'a, [u8]> {
        match self {
            Self::Quoted(text) if text.contains(&b'\\') => {
                let mut escaped = false;
                let kept = text.iter().filter(|byte| {
                    escaped = **byte == b'\\' && !escaped;
                    !escaped
                });
                Cow::Owned(kept.copied().collect())
            }
            Self::Token(text) | Self::Quoted(text) => Cow::Borrowed(text),
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Malformed>;

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (entry, after) = split_entry(self.rest);
            self.rest = after;
            let entry = trim(entry);
            if !entry.is_empty() {
                return Some(read(entry).ok_or(Malformed::ServerTiming));
            }
        }
        None
    }
}

/// What stands in front of the first comma that is in no quoted string, and what stands behind it.
///
/// A quote that follows no `=` opens none: else one stray quote would hide all that follows.
#[inline(never)]
fn split_entry(line: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped, mut value) = (false, false, false);
    let comma = line.iter().position(|byte| {
        if quoted {
            quoted = *byte != b'"' || escaped;
            escaped = *byte == b'\\' && !escaped;
            return false;
        }
        quoted = value && *byte == b'"';
        value = *byte == b'=' || value && matches!(byte, b' ' | b'\t');
        *byte == b','
    });
    let (entry, after) = comma.and_then(|at| line.split_at_checked(at)).unwrap_or((line, &[]));
    (entry, after.strip_prefix(b",").unwrap_or(after))
}

/// An entry with no space around it.
#[inline(never)]
fn read(text: &[u8]) -> Option<Entry<'_>> {
    let (name, mut rest) = token(text);
    let mut entry = Entry { name, duration: None, description: None };
    while !rest.is_empty() {
        let (parameter, after) = token(trim(trim(rest).strip_prefix(b";")?));
        rest = after;
        let mut value = Value::Token(b"");
        if let Some(after) = trim(rest).strip_prefix(b"=") {
            (value, rest) = read_value(trim(after))?;
        }
        let place = match parameter {
            _ if parameter.eq_ignore_ascii_case(b"dur") => &mut entry.duration,
            _ if parameter.eq_ignore_ascii_case(b"desc") => &mut entry.description,
            // Nothing has a name, but not a value.
            [] if value != Value::Token(b"") => return None,
            _ => continue,
        };
        place.get_or_insert(value);
    }
    Some(entry).filter(|entry| !entry.name.is_empty())
}

#[inline(never)]
fn read_value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (token, rest) = token(text);
        return Some((Value::Token(token), rest));
    };
    let mut escaped = false;
    let end = quoted.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    let (text, rest) = quoted.split_at_checked(end)?;
    Some((Value::Quoted(text), rest.strip_prefix(b"\"")?))
}

/// The token in front, maybe empty, and the rest.
#[inline(never)]
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

#[cfg(test)]
mod tests;
