//! The header of an ORCA load report in, its fields out, once the whole of it is known to be valid.
//!
//! Three formats of one message (xds.data.orca.v3.OrcaLoadReport): text, JSON and protobuf. What Envoy's parser refuses
//! is refused, and in JSON and protobuf also what it refuses in text only: empty keys, and numbers that are below zero
//! or none.

mod json;
mod protobuf;
mod report;
mod text;

pub use report::{Field, Path, Report};

use super::Malformed;
use crate::base64::{Alphabet, decode};

/// What a header holds, decoded as far as to its bytes.
#[derive(Debug, Clone)]
pub struct Payload<'a>(Format<'a>);

#[derive(Debug, Clone)]
enum Format<'a> {
    Text(&'a [u8]),
    Json(&'a [u8]),
    Binary(Vec<u8>),
}

impl<'a> Payload<'a> {
    /// The payload of `endpoint-load-metrics`: `TEXT`, `JSON` or `BIN`, a space, and the rest. Envoy reads the first line of
    /// this name.
    #[inline(never)]
    pub fn from_header(value: &'a [u8]) -> Result<Self, Malformed> {
        if let Some(text) = value.strip_prefix(b"TEXT ") {
            Ok(Self(Format::Text(text)))
        } else if let Some(json) = value.strip_prefix(b"JSON ") {
            Ok(Self(Format::Json(json)))
        } else {
            Self::from_bin_header(value.strip_prefix(b"BIN ").ok_or(Malformed::LoadReport)?)
        }
    }

    /// The payload of `endpoint-load-metrics-bin`, which Envoy prefers where both are there: base64, padded or not.
    #[inline(never)]
    pub fn from_bin_header(value: &[u8]) -> Result<Self, Malformed> {
        let bytes = decode(value, Alphabet::Standard).filter(|bytes| !bytes.is_empty());
        bytes.map(|bytes| Self(Format::Binary(bytes))).ok_or(Malformed::LoadReport)
    }

    /// The report, valid as a whole.
    #[inline(never)]
    pub fn report(&self) -> Result<Report<'_>, Malformed> {
        let mut report = Report::default();
        let read = match &self.0 {
            Format::Text(text) => text::read(text, &mut report),
            Format::Json(json) => json::read(json, &mut report),
            Format::Binary(bytes) => protobuf::read(bytes, &mut report),
        };
        read.map(|()| report).ok_or(Malformed::LoadReport)
    }
}

#[cfg(test)]
mod tests;
