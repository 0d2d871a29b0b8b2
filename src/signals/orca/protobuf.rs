//! The bytes of an OrcaLoadReport in, the entries of a report out.
//!
//! As protobuf messages are read: of what comes twice the last counts, fields that are not known are skipped, and
//! strings are UTF-8. A known field of another type is refused, and so are groups, which nobody writes any more.

use super::super::number::Number;
use super::report::{Duplicate, Field, Report};
use std::borrow::Cow;

/// A field's value on the wire.
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

#[inline(never)]
pub(super) fn read<'a>(bytes: &'a [u8], report: &mut Report<'a>) -> Option<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest)?;
        let Some(field) = Field::find(|names| u32::from(names.number) == number) else {
            continue;
        };
        let (key, value) = match value {
            Value::Varint(value) if field == Field::Rps => (&b""[..], Number::from(value)),
            Value::Fixed64(bits) if field != Field::Rps && !field.is_map() => (&b""[..], double(bits)?),
            Value::Bytes(bytes) if field.is_map() => entry(bytes)?,
            _ => return None,
        };
        report.add(field, Cow::Borrowed(key), value, Duplicate::Replaced)?;
    }
    Some(())
}

/// A map's entry.
#[inline(never)]
fn entry(bytes: &[u8]) -> Option<(&[u8], Number)> {
    let (mut rest, mut key, mut value) = (bytes, &b""[..], Number::from(0));
    while !rest.is_empty() {
        match field(&mut rest)? {
            (1, Value::Bytes(bytes)) => key = std::str::from_utf8(bytes).ok()?.as_bytes(),
            (2, Value::Fixed64(bits)) => value = double(bits)?,
            (1 | 2, _) => return None,
            _ => {}
        }
    }
    Some((key, value))
}

#[inline(never)]
fn double(bits: [u8; 8]) -> Option<Number> {
    Number::from_f64(f64::from_le_bytes(bits)).ok()
}

#[inline(never)]
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let tag = u32::try_from(varint(rest)?).ok()?;
    let value = match tag & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => {
            let (bits, after) = rest.split_first_chunk()?;
            *rest = after;
            Value::Fixed64(*bits)
        }
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            let (bytes, after) = rest.split_at_checked(length)?;
            *rest = after;
            Value::Bytes(bytes)
        }
        5 => {
            *rest = rest.get(4..)?;
            Value::Fixed32
        }
        _ => return None,
    };
    let number = tag.wrapping_shr(3);
    (number > 0).then_some((number, value))
}

/// At most ten bytes, the lowest seven bits first.
#[inline(never)]
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..10_u32 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7F);
        if place == 9 && *byte > 1 {
            return None;
        }
        value |= bits.wrapping_shl(place.wrapping_mul(7));
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}
