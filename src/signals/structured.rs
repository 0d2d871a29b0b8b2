//! One line of a structured field list (RFC 9651 section 3.1) in, its members and their parameters out, borrowed.
//!
//! Lines of one field are read one by one: only a string that is broken over two lines could tell the difference, and
//! such strings fail (section 4.2).

use super::number::Number;
use crate::base64::{Alphabet, decode};

/// A bare item; kinds that no signal uses are checked and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Integer(i64),
    Decimal(Number),
    /// As it is written between the quotes.
    Text(&'a [u8]),
    Token(&'a [u8]),
    Boolean(bool),
    /// An inner list, bytes, a date or a display string.
    Other,
}

/// What a list holds, in its order: each member, and after it its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Member(Item<'a>),
    /// Of parameters with one name the last counts.
    Parameter(&'a [u8], Item<'a>),
}

/// Visits the parts of a list; `None` where the line is none, whatever has been visited.
#[inline(never)]
pub(super) fn list<'a>(line: &'a [u8], visit: &mut dyn FnMut(Part<'a>)) -> Option<()> {
    let mut scanner = Scanner { rest: line };
    scanner.skip_spaces();
    while !scanner.rest.is_empty() {
        let member = if scanner.eat(b'(') { scanner.inner_list()? } else { scanner.item()? };
        visit(Part::Member(member));
        scanner.parameters(visit)?;
        scanner.skip_spaces_and_tabs();
        if scanner.rest.is_empty() {
            break;
        }
        scanner.eat(b',').then_some(())?;
        scanner.skip_spaces_and_tabs();
        scanner.rest.first()?;
    }
    Some(())
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn eat(&mut self, byte: u8) -> bool {
        let after = self.rest.strip_prefix(&[byte]);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn skip_spaces(&mut self) {
        self.take(&|byte| byte == b' ');
    }

    fn skip_spaces_and_tabs(&mut self) {
        self.take(&|byte| matches!(byte, b' ' | b'\t'));
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, after) = self.rest.split_first()?;
        self.rest = after;
        Some(*byte)
    }

    /// All bytes up to the first that is not wanted.
    #[inline(never)]
    fn take(&mut self, wanted: &dyn Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !wanted(*b)).unwrap_or(self.rest.len());
        let (taken, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = after;
        taken
    }

    /// Up to its bracket; its items are of no interest.
    #[inline(never)]
    fn inner_list(&mut self) -> Option<Item<'a>> {
        loop {
            self.skip_spaces();
            if self.eat(b')') {
                return Some(Item::Other);
            }
            self.item()?;
            self.parameters(&mut |_| {})?;
            matches!(self.rest.first()?, b' ' | b')').then_some(())?;
        }
    }

    #[inline(never)]
    fn parameters(&mut self, visit: &mut dyn FnMut(Part<'a>)) -> Option<()> {
        while self.eat(b';') {
            self.skip_spaces();
            matches!(self.rest.first()?, b'a'..=b'z' | b'*').then_some(())?;
            let name = self.take(&|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
            let value = if self.eat(b'=') { self.item()? } else { Item::Boolean(true) };
            visit(Part::Parameter(name, value));
        }
        Some(())
    }

    #[inline(never)]
    fn item(&mut self) -> Option<Item<'a>> {
        Some(match self.rest.first()? {
            b'-' | b'0'..=b'9' => self.number()?,
            b'"' => self.text()?,
            b'*' | b'A'..=b'Z' | b'a'..=b'z' => {
                Item::Token(self.take(&|b| super::is_token(b) || matches!(b, b':' | b'/')))
            }
            b'?' => {
                self.next();
                match self.next()? {
                    b'0' => Item::Boolean(false),
                    b'1' => Item::Boolean(true),
                    _ => return None,
                }
            }
            b':' => {
                self.next();
                let digits = self.take(&|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
                // Padding may lack, but not be wrong (section 4.2.7).
                let padded = !digits.contains(&b'=') || digits.len().is_multiple_of(4);
                decode(digits, Alphabet::Standard)
                    .filter(|_| padded && self.eat(b':'))
                    .map(|_| Item::Other)?
            }
            b'@' => {
                self.next();
                matches!(self.number()?, Item::Integer(_)).then_some(Item::Other)?
            }
            b'%' => {
                self.next();
                self.display_string()?
            }
            _ => return None,
        })
    }

    /// At most 15 digits, or 12 and 3 behind a point.
    #[inline(never)]
    fn number(&mut self) -> Option<Item<'a>> {
        let start = self.rest;
        self.eat(b'-');
        let whole = self.take(&|b| b.is_ascii_digit()).len();
        let fraction = if self.eat(b'.') { self.take(&|b| b.is_ascii_digit()).len() } else { 0 };
        let written = start.get(..start.len().checked_sub(self.rest.len())?)?;
        if fraction == 0 {
            // A point with nothing behind it does not parse either.
            let integer = std::str::from_utf8(written).ok()?.parse().ok();
            return integer.filter(|_| (1..=15).contains(&whole)).map(Item::Integer);
        }
        let decimal = Number::from_text(written).ok();
        decimal.filter(|_| (1..=12).contains(&whole) && fraction <= 3).map(Item::Decimal)
    }

    #[inline(never)]
    fn text(&mut self) -> Option<Item<'a>> {
        self.next();
        let start = self.rest;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => matches!(self.next()?, b'"' | b'\\').then_some(())?,
                b' '..=b'~' => {}
                _ => return None,
            }
        }
        let end = start.len().checked_sub(self.rest.len())?.checked_sub(1)?;
        start.get(..end).map(Item::Text)
    }

    /// What it decodes to must be UTF-8.
    #[inline(never)]
    fn display_string(&mut self) -> Option<Item<'a>> {
        self.eat(b'"').then_some(())?;
        let mut decoded = Vec::new();
        loop {
            decoded.push(match self.next()? {
                b'"' => break,
                b'%' => self.hex()?.wrapping_shl(4) | self.hex()?,
                byte @ b' '..=b'~' => byte,
                _ => return None,
            });
        }
        std::str::from_utf8(&decoded).ok().map(|_| Item::Other)
    }

    /// A lower-case digit.
    fn hex(&mut self) -> Option<u8> {
        match self.next()? {
            digit @ b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
            digit @ b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
