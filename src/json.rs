//! A JSON object (RFC 8259) in, its members, or the text of one of them, out, borrowed where there are no escapes.
//!
//! A reader of its own: a tree of values would be allocated for each request, and most of it is of no interest.
//! It reads what serde_json reads: a fuzz target holds the two together.

use std::borrow::Cow;

/// Deeper nesting is refused.
const MAX_DEPTH: u32 = 64;

/// The string, number or boolean at `path`; numbers and booleans as they are written.
///
/// `path` is a member's name, or where there is none of this name, names separated by dots, from the outside in. Of
/// members with the same name the last counts (RFC 7519 section 4). The whole object must be well-formed.
pub(crate) fn member<'j>(json: &'j [u8], path: &str) -> Option<Cow<'j, [u8]>> {
    // Once for all strings in it.
    std::str::from_utf8(json).ok()?;
    let literal = find(json, path.as_bytes()).and_then(scalar);
    if literal.is_some() || !path.contains('.') {
        return literal;
    }
    path.split('.').try_fold(json, |object, name| find(object, name.as_bytes())).and_then(scalar)
}

/// What is written for a member of an object.
fn find<'j>(json: &'j [u8], name: &[u8]) -> Option<&'j [u8]> {
    let mut found = None;
    members(json, &mut |key, value| {
        if unescape(key).is_some_and(|key| *key == *name) {
            found = Some(value);
        }
    })?;
    found
}

/// Visits the members of an object, names and values as they are written; `None` where it is none, whatever has been
/// visited.
///
/// That all is UTF-8 is the caller's to check.
pub(crate) fn members<'j>(json: &'j [u8], visit: Visit<'_, 'j>) -> Option<()> {
    let mut scanner = Scanner { rest: json };
    scanner.object(MAX_DEPTH, visit)?;
    scanner.skip_space();
    scanner.rest.is_empty().then_some(())
}

/// The value of what is no object, array or null; never empty.
fn scalar(written: &[u8]) -> Option<Cow<'_, [u8]>> {
    let value = match written.first()? {
        b'"' => unescape(written.strip_prefix(b"\"")?.strip_suffix(b"\"")?)?,
        b'{' | b'[' | b'n' => return None,
        _ => Cow::Borrowed(written),
    };
    Some(value).filter(|value| !value.is_empty())
}

/// The bytes of what stands between a string's quotes.
pub(crate) fn unescape(written: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !written.contains(&b'\\') {
        return Some(Cow::Borrowed(written));
    }
    let mut rest = written;
    let mut out = Vec::with_capacity(written.len());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'\\' {
            let character = escape(&mut rest)?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(*byte);
        }
    }
    Some(Cow::Owned(out))
}

/// The character of an escape, after its backslash.
fn escape(rest: &mut &[u8]) -> Option<char> {
    let (byte, after) = rest.split_first()?;
    *rest = after;
    Some(match byte {
        b'"' | b'\\' | b'/' => char::from(*byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = code_unit(rest)?;
            let Some(second) = rest.strip_prefix(b"\\u").filter(|_| (0xD800..0xDC00).contains(&first)) else {
                return char::from_u32(first.into());
            };
            *rest = second;
            char::decode_utf16([first, code_unit(rest)?]).next()?.ok()?
        }
        _ => return None,
    })
}

/// Four hexadecimal digits.
fn code_unit(rest: &mut &[u8]) -> Option<u16> {
    let (digits, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    digits.iter().try_fold(0_u16, |unit, digit| {
        let digit = u16::try_from(char::from(*digit).to_digit(16)?).ok()?;
        Some(unit.wrapping_shl(4) | digit)
    })
}

/// Reads JSON from the front; `None` everywhere is what is no JSON, or too deep.
struct Scanner<'j> {
    rest: &'j [u8],
}

/// Takes a member's name without its quotes, and its value.
pub(crate) type Visit<'v, 'j> = &'v mut dyn FnMut(&'j [u8], &'j [u8]);

impl<'j> Scanner<'j> {
    fn skip_space(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', after)) = self.rest.split_first() {
            self.rest = after;
        }
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        self.skip_space();
        let (byte, after) = self.rest.split_first()?;
        self.rest = after;
        Some(*byte)
    }

    fn object(&mut self, depth: u32, visit: Visit<'_, 'j>) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let mut next = (self.next()? == b'{').then(|| self.next())??;
        if next == b'}' {
            return Some(());
        }
        loop {
            let name = (next == b'"').then(|| self.string())??;
            let value = (self.next()? == b':').then(|| self.value(depth))??;
            visit(name, value);
            match self.next()? {
                b',' => next = self.next()?,
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        (self.next()? == b'[').then_some(())?;
        self.skip_space();
        if let Some(after) = self.rest.strip_prefix(b"]") {
            self.rest = after;
            return Some(());
        }
        loop {
            self.value(depth)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Any value, as it is written.
    fn value(&mut self, depth: u32) -> Option<&'j [u8]> {
        self.skip_space();
        let start = self.rest;
        match start.first()? {
            b'{' => self.object(depth, &mut |_, _| {})?,
            b'[' => self.array(depth)?,
            b'"' => {
                self.rest = start.strip_prefix(b"\"")?;
                self.string()?;
            }
            b't' => self.rest = start.strip_prefix(b"true")?,
            b'f' => self.rest = start.strip_prefix(b"false")?,
            b'n' => self.rest = start.strip_prefix(b"null")?,
            _ => self.number()?,
        }
        start.get(..start.len().checked_sub(self.rest.len())?)
    }

    /// What stands between a string's quotes; the first has been read.
    fn string(&mut self) -> Option<&'j [u8]> {
        let start = self.rest;
        loop {
            let special = self.rest.iter().position(|b| *b < b' ' || *b == b'"' || *b == b'\\')?;
            let (byte, after) = self.rest.get(special..)?.split_first()?;
            self.rest = after;
            match byte {
                b'"' => {
                    let before = self.rest.len().checked_add(1)?;
                    return start.get(..start.len().checked_sub(before)?);
                }
                b'\\' => drop(escape(&mut self.rest)?),
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        self.rest = self.rest.strip_prefix(b"-").unwrap_or(self.rest);
        match self.rest.strip_prefix(b"0") {
            Some(after) => self.rest = after,
            None => self.digits()?,
        }
        if let Some(after) = self.rest.strip_prefix(b".") {
            self.rest = after;
            self.digits()?;
        }
        if let Some((b'e' | b'E', after)) = self.rest.split_first() {
            self.rest = match after.split_first() {
                Some((b'+' | b'-', digits)) => digits,
                _ => after,
            };
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let end = self.rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).filter(|_| end > 0)?;
        Some(())
    }
}

#[cfg(test)]
mod tests;
