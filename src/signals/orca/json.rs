//! The JSON format in, the entries of a report out.
//!
//! As the JSON of protobuf is read: names also in camel case, numbers also in strings, where `rps` always is, and null
//! for a field that is not set.

use super::super::number::Number;
use super::report::{Duplicate, Field, Report};
use crate::json::{members, unescape};
use std::borrow::Cow;

#[inline(never)]
pub(super) fn read<'a>(json: &'a [u8], report: &mut Report<'a>) -> Option<()> {
    std::str::from_utf8(json).ok()?;
    let (mut valid, mut seen) = (true, 0_u16);
    members(json, &mut |name, value| {
        valid = valid && read_field(name, value, &mut seen, report).is_some();
    })?;
    valid.then_some(())
}

#[inline(never)]
fn read_field<'a>(name: &'a [u8], value: &'a [u8], seen: &mut u16, report: &mut Report<'a>) -> Option<()> {
    let name = unescape(name)?;
    let field =
        Field::find(|names| [names.name, names.camel].iter().any(|known| known.as_bytes() == &*name))?;
    let bit = 1_u16.wrapping_shl(field as u32);
    if value == b"null" {
        return Some(());
    }
    if *seen & bit != 0 {
        return None;
    }
    *seen |= bit;
    if !field.is_map() {
        // `rps` is a whole number of 64 bits.
        let value = number(value).filter(|value| field != Field::Rps || value.is_u64())?;
        return report.add(field, Cow::Borrowed(b""), value, Duplicate::Refused);
    }
    let mut valid = true;
    members(value, &mut |key, value| {
        let mut read = || report.add(field, unescape(key)?, number(value)?, Duplicate::Refused);
        valid = valid && read().is_some();
    })?;
    valid.then_some(())
}

#[inline(never)]
fn number(written: &[u8]) -> Option<Number> {
    match written.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) {
        Some(quoted) => Number::from_json(&unescape(quoted)?).ok(),
        None => Number::from_json(written).ok(),
    }
}
