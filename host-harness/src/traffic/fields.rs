//! Pieces that several formats share: times, statuses, header names, with the same words for what is wrong.

use super::record::Headers;
use std::ops::RangeInclusive;

/// No exchange has more bytes: a thousand terabytes.
const LARGEST: u64 = 1_000_000_000_000_000;

/// RFC 3339 text, in nanoseconds since 1970.
pub(super) fn timestamp(text: &str) -> Result<u64, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| format!("{text:?} is not an RFC 3339 time"))?;
    at(time.as_nanosecond()).map_err(|reason| format!("{text} {reason}"))
}

/// A time in nanoseconds since 1970, if a filter can be told of it: the ABI has 63 bits for it.
pub(super) fn at(nanoseconds: i128) -> Result<u64, String> {
    match i64::try_from(nanoseconds) {
        Ok(time) => u64::try_from(time).map_err(|_| "is before 1970".to_owned()),
        Err(_) if nanoseconds < 0 => Err("is before 1970".to_owned()),
        Err(_) => Err("is after April 2262: the nanoseconds since 1970 do not fit into 63 bits".to_owned()),
    }
}

/// A number in a range.
pub(super) fn within(value: f64, range: RangeInclusive<f64>) -> Result<f64, String> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is not between {} and {}", range.start(), range.end()))
    }
}

/// A number of bytes, if an exchange can have so many.
pub(super) fn size(bytes: u64) -> Result<u64, String> {
    if bytes <= LARGEST {
        Ok(bytes)
    } else {
        Err(format!("{bytes} is not a number of bytes that an exchange can have"))
    }
}

/// A status code; 0 is `None`.
pub(super) fn status(code: i64) -> Result<Option<u16>, String> {
    match code {
        0 => Ok(None),
        100..=999 => Ok(u16::try_from(code).ok()),
        _ => Err(format!("status {code} is not 0 or a code of three digits")),
    }
}

/// A span of time in some unit, in nanoseconds; not below 0 and at most a century.
pub(super) fn nanoseconds(value: f64, unit: f64, what: &str) -> Result<u64, String> {
    const CENTURY: f64 = 3.2e18;
    let nanoseconds = (value * unit).round();
    if (0.0..CENTURY).contains(&nanoseconds) {
        Ok(nanoseconds as u64)
    } else {
        Err(format!("{what}: {value} cannot be how long an exchange took"))
    }
}

/// A header with its name in lower case; an error where HTTP has no such header.
pub(super) fn header(name: &str, value: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>), String> {
    if !is_token(name.as_bytes()) {
        return Err(format!("{name:?} is not a header name"));
    }
    no_control(&value).map_err(|reason| format!("header {name} {reason}"))?;
    Ok((name.to_ascii_lowercase().into_bytes(), value))
}

/// An error where there is a byte that cannot be in a header.
pub(super) fn no_control(text: &[u8]) -> Result<(), String> {
    match text.iter().find(|b| matches!(b, 0 | b'\r' | b'\n')) {
        Some(byte) => Err(format!("has the byte 0x{byte:02x}, which HTTP does not allow there")),
        None => Ok(()),
    }
}

/// RFC 9110 token.
pub(super) fn is_token(text: &[u8]) -> bool {
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !text.is_empty() && text.iter().all(token)
}

/// Removes a header; its first value.
pub(super) fn take(headers: &mut Headers, name: &[u8]) -> Option<Vec<u8>> {
    let value = headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    headers.retain(|(key, _)| key != name);
    value
}
