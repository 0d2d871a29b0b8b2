//! The port through which the filter reads, and the decoding of the host's bytes.

mod request;
mod response;

pub use request::{HeaderSlot, HeaderValues, RequestHead, RequestInterests};
pub use response::{UpstreamInterests, grpc_status, upstream_facts};

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
    /// Somebody else wrote the shared value first.
    pub const CAS_MISMATCH: Self = Self(8);

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
    /// Envoy's response flags, a bit set.
    ResponseFlags,
    /// How a gRPC call ended, from trailers, headers or the status code.
    ResponseGrpcStatus,
    /// From the first byte of the request to the last of the response, ns; present when the request is complete.
    RequestDuration,
    /// Request body bytes received, and the bytes of the request headers.
    RequestTotalSize,
    /// The bytes of the request headers that are in the total; Envoy 1.37 and later.
    RequestHeadersBytes,
    /// Response body bytes sent.
    ResponseSize,
    /// The name of the route that Envoy chose.
    RouteName,
    /// Address and port of the upstream host; absent where there was none.
    UpstreamAddress,
}

impl Property {
    /// The path as the host reads it: segments joined by NUL.
    pub const fn path(self) -> &'static [u8] {
        match self {
            Self::ResponseCode => b"response\0code",
            Self::ResponseFlags => b"response\0flags",
            Self::ResponseGrpcStatus => b"response\0grpc_status",
            Self::RequestDuration => b"request\0duration",
            Self::RequestTotalSize => b"request\0total_size",
            Self::RequestHeadersBytes => b"request\0headers_bytes",
            Self::ResponseSize => b"response\0size",
            Self::RouteName => b"xds\0route_name",
            Self::UpstreamAddress => b"upstream\0address",
        }
    }
}

/// A header map; the numbers are those of the proxy-wasm ABI 0.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMap {
    /// Request headers.
    Request = 0,
    /// Response headers.
    Response = 2,
    /// Response trailers.
    ResponseTrailers = 3,
}

/// What the filter reads of a stream. Buffers are the caller's, who uses them again; what they held is gone, also where
/// nothing could be read.
pub trait Attributes {
    /// Reads one of the header maps, as the host serialises it (see [`header_pairs`]).
    fn headers(&mut self, map: HeaderMap, into: &mut Vec<u8>) -> Result<(), HostStatus>;
    /// Reads the first value of one header.
    fn header(&mut self, map: HeaderMap, name: &str, into: &mut Vec<u8>) -> Result<(), HostStatus>;
    /// Reads a property's bytes.
    fn property(&mut self, property: Property, into: &mut Vec<u8>) -> Result<(), HostStatus>;
    /// Reads a property that is a whole number: 8 bytes, little endian.
    fn integer(&mut self, property: Property) -> Result<i64, HostStatus>;
}

/// Reads a number that the host may not have; `Ok(None)` where it is absent.
pub fn number(attributes: &mut impl Attributes, property: Property) -> Result<Option<u64>, HostStatus> {
    match attributes.integer(property) {
        Ok(n) => Ok(u64::try_from(n).ok()),
        Err(status) if status.is_absent() => Ok(None),
        Err(status) => Err(status),
    }
}

/// Request body bytes that passed; `Ok(None)` where they are not known.
///
/// `request.size` would say what content-length declared, not what came. The total is what came, and the bytes of
/// the request headers as they are now; Envoy before 1.37 does not tell these, so they are summed up. Where there
/// are no headers to be read, they are not in the total either.
pub fn request_body_bytes(
    attributes: &mut impl Attributes,
    buffer: &mut Vec<u8>,
) -> Result<Option<u64>, HostStatus> {
    let Some(total) = number(attributes, Property::RequestTotalSize)? else {
        return Ok(None);
    };
    let headers = match number(attributes, Property::RequestHeadersBytes)? {
        Some(bytes) => bytes,
        None => attributes.headers(HeaderMap::Request, buffer).map_or(0, |()| headers_size(buffer)),
    };
    Ok(Some(total.saturating_sub(headers)))
}

fn headers_size(headers: &[u8]) -> u64 {
    let pair = |(name, value): (&[u8], &[u8])| name.len().saturating_add(value.len()) as u64;
    header_pairs(headers).map(pair).fold(0, u64::saturating_add)
}

/// The names and values of a serialised header map; ends early where the bytes are cut short.
///
/// The encoding (proxy-wasm ABI 0.2.1): a count, then the lengths of each name and value, all u32 little endian,
/// then each name and value followed by a NUL.
pub fn header_pairs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let (count, after) = split_u32(bytes).unwrap_or((0, &[]));
    let lengths_end = usize::try_from(count).ok().and_then(|n| n.checked_mul(8)).unwrap_or(usize::MAX);
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
