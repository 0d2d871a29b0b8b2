//! The header of an ORCA load report in, its fields out, once the whole of it is known to be valid.
//!
//! Three formats of one message (xds.data.orca.v3.OrcaLoadReport): text, JSON and protobuf. What Envoy's parser refuses
//! is refused, and in JSON and protobuf also what it refuses in text only: empty keys, and numbers that are below zero
//! or none.

mod json;
mod protobuf;
mod text;

use super::Malformed;
use super::number::Number;
use crate::base64::{Alphabet, decode};
use std::borrow::Cow;

/// A report with more entries is refused, so that looking for duplicates costs little.
const MAX_ENTRIES: usize = 256;

/// A field of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `cpu_utilization`; may be above 1.
    CpuUtilization,
    /// `mem_utilization`.
    MemUtilization,
    /// `application_utilization`; may be above 1.
    ApplicationUtilization,
    /// `rps_fractional`: requests per second.
    RpsFractional,
    /// `eps`: errors per second.
    Eps,
    /// `rps`, deprecated; not in text.
    Rps,
    /// `named_metrics`, by key.
    NamedMetrics,
    /// `utilization`, by key.
    Utilization,
    /// `request_cost`, by key; not in text.
    RequestCost,
}

/// What a field is called.
struct Names {
    /// In the protobuf file.
    name: &'static str,
    /// In JSON, which reads the name above too.
    camel: &'static str,
    number: u8,
}

impl Names {
    const fn new(name: &'static str, camel: &'static str, number: u8) -> Self {
        Self { name, camel, number }
    }
}

const FIELDS: [(Field, Names); 9] = [
    (Field::CpuUtilization, Names::new("cpu_utilization", "cpuUtilization", 1)),
    (Field::MemUtilization, Names::new("mem_utilization", "memUtilization", 2)),
    (Field::Rps, Names::new("rps", "rps", 3)),
    (Field::RequestCost, Names::new("request_cost", "requestCost", 4)),
    (Field::Utilization, Names::new("utilization", "utilization", 5)),
    (Field::RpsFractional, Names::new("rps_fractional", "rpsFractional", 6)),
    (Field::Eps, Names::new("eps", "eps", 7)),
    (Field::NamedMetrics, Names::new("named_metrics", "namedMetrics", 8)),
    (Field::ApplicationUtilization, Names::new("application_utilization", "applicationUtilization", 9)),
];

impl Field {
    /// Its name in the protobuf file.
    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|(field, _)| *field == self).map_or("", |(_, names)| names.name)
    }

    /// Whether it has keys.
    pub const fn is_map(self) -> bool {
        matches!(self, Self::NamedMetrics | Self::Utilization | Self::RequestCost)
    }

    fn find(wanted: impl Fn(&Names) -> bool) -> Option<Self> {
        FIELDS.iter().find(|(_, names)| wanted(names)).map(|(field, _)| *field)
    }

    /// The field of a path, and its key; empty where it has none.
    #[inline(never)]
    fn of_path(path: &[u8]) -> Option<(Self, &[u8])> {
        let dot = path.iter().position(|byte| *byte == b'.');
        let (name, key) = dot.and_then(|at| path.split_at_checked(at)).unwrap_or((path, b""));
        let key = key.strip_prefix(b".").unwrap_or(key);
        let field = Self::find(|names| names.name.as_bytes() == name)?;
        (field.is_map() != key.is_empty() && field.is_map() == dot.is_some()).then_some((field, key))
    }
}

/// A place in the report: a field such as `eps`, or one with a key such as `named_metrics.db_pool_size`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    field: Field,
    key: Vec<u8>,
}

impl Path {
    /// Reads a path; `None` where the report has no such field, or the key is missing or too much.
    pub fn parse(path: &str) -> Option<Self> {
        Field::of_path(path.as_bytes()).map(|(field, key)| Self { field, key: key.to_vec() })
    }
}

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

/// A report that is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report<'a> {
    entries: Vec<(Field, Cow<'a, [u8]>, Number)>,
}

/// What becomes of an entry that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duplicate {
    Refused,
    Replaced,
}

impl<'a> Report<'a> {
    /// The value at a path; fields that were not sent have none.
    #[inline(never)]
    pub fn get(&self, path: &Path) -> Option<Number> {
        self.find(path.field, &path.key).map(|(.., value)| *value)
    }

    /// Each field that was sent, its key or an empty one, and its value; never below zero.
    pub fn entries(&self) -> impl Iterator<Item = (Field, &[u8], Number)> {
        self.entries.iter().map(|(field, key, value)| (*field, key.as_ref(), *value))
    }

    #[inline(never)]
    fn find(&self, field: Field, key: &[u8]) -> Option<&(Field, Cow<'a, [u8]>, Number)> {
        self.entries.iter().find(|(known, name, _)| *known == field && **name == *key)
    }

    /// `None` is a report that is refused.
    #[inline(never)]
    fn add(&mut self, field: Field, key: Cow<'a, [u8]>, value: Number, duplicate: Duplicate) -> Option<()> {
        if value.is_negative() || value.is_infinite() || field.is_map() == key.is_empty() {
            return None;
        }
        let known = self.entries.iter_mut().find(|(known, name, _)| *known == field && *name == key);
        match (known, duplicate) {
            (Some(_), Duplicate::Refused) => return None,
            (Some((.., known)), Duplicate::Replaced) => *known = value,
            (None, _) => self.entries.push((field, key, value)),
        }
        (self.entries.len() <= MAX_ENTRIES).then_some(())
    }
}

#[cfg(test)]
mod tests;
