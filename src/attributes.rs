//! The port through which the filter reads, and the decoding of the host's bytes.

use std::fmt;

/// What a hostcall answered instead of OK: a status number of the proxy-wasm ABI 0.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostStatus(pub u32);

impl HostStatus {
    /// There is no such value (now).
    pub const NOT_FOUND: Self = Self(1);
    /// The call's arguments do not fit, or the value cannot be read in this phase.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// The host's bytes could not be decoded.
    pub const SERIALIZATION_FAILURE: Self = Self(3);

    /// Whether it only says that the value is absent.
    pub fn is_absent(self) -> bool {
        self == Self::NOT_FOUND
    }
}

impl fmt::Display for HostStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host status {}", self.0)
    }
}

/// A property of the stream; the encodings are Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// Status code that was sent; absent where none was.
    ResponseCode,
    /// From the first byte of the request to the last of the response, ns; present when the request is complete.
    RequestDuration,
    /// Request body bytes received, and the bytes of the request headers.
    RequestTotalSize,
    /// Request body bytes, as declared where they were.
    RequestSize,
    /// Response body bytes sent.
    ResponseSize,
    /// The name of the route that Envoy chose.
    RouteName,
}

impl Property {
    /// The path as the host reads it: segments joined by NUL.
    pub const fn path(self) -> &'static [u8] {
        match self {
            Self::ResponseCode => b"response\0code",
            Self::RequestDuration => b"request\0duration",
            Self::RequestTotalSize => b"request\0total_size",
            Self::RequestSize => b"request\0size",
            Self::ResponseSize => b"response\0size",
            Self::RouteName => b"xds\0route_name",
        }
    }
}

/// What the filter reads of a stream.
pub trait Attributes {
    /// All request headers, as the host serialises them (see [`header_pairs`]).
    fn request_headers(&mut self) -> Result<Vec<u8>, HostStatus>;
    /// The bytes of all names and values of the request headers.
    fn request_headers_size(&mut self) -> Result<u64, HostStatus>;
    /// A property's bytes.
    fn property(&mut self, property: Property) -> Result<Vec<u8>, HostStatus>;
}

/// Reads a number that the host may not have; `Ok(None)` where it is absent.
pub fn number(attributes: &mut impl Attributes, property: Property) -> Result<Option<u64>, HostStatus> {
    match attributes.property(property) {
        Ok(bytes) => match i64_le(&bytes) {
            Some(n) => Ok(u64::try_from(n).ok()),
            None => Err(HostStatus::SERIALIZATION_FAILURE),
        },
        Err(status) if status.is_absent() => Ok(None),
        Err(status) => Err(status),
    }
}

/// Decodes an integer property: 8 bytes, little endian.
pub fn i64_le(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.try_into().ok()?))
}

/// The names and values of a serialised header map; ends early where the bytes are cut short.
///
/// The encoding (proxy-wasm ABI 0.2.1): a count, then the lengths of each name and value, all u32 little endian,
/// then each name and value followed by a NUL.
pub fn header_pairs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (count, after) = split_u32(bytes).unwrap_or((0, &[]));
    let lengths_end = usize::try_from(count)
        .ok()
        .and_then(|n| n.checked_mul(8))
        .unwrap_or(usize::MAX);
    let (mut lengths, mut data) = after.split_at_checked(lengths_end).unwrap_or((&[], &[]));
    std::iter::from_fn(move || {
        let (name_length, rest) = split_u32(lengths)?;
        let (value_length, rest) = split_u32(rest)?;
        lengths = rest;
        let (name, rest) = split_text(data, name_length)?;
        let (value, rest) = split_text(rest, value_length)?;
        data = rest;
        Some((name, value))
    })
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn split_text(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    Some((text, rest.strip_prefix(b"\0")?))
}

#[cfg(test)]
mod tests;
