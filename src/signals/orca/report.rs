//! The entries of a load report in, whatever its format; those that a path names out.

use crate::signals::number::Number;
use std::borrow::Cow;

/// A report with more entries is refused, so that looking for duplicates costs little.
pub(super) const MAX_ENTRIES: usize = 256;

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
pub(super) struct Names {
    /// In the protobuf file.
    pub(super) name: &'static str,
    /// In JSON, which reads the name above too.
    pub(super) camel: &'static str,
    pub(super) number: u8,
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

    pub(super) fn find(wanted: impl Fn(&Names) -> bool) -> Option<Self> {
        FIELDS.iter().find(|(_, names)| wanted(names)).map(|(field, _)| *field)
    }

    /// The field of a path, and its key; empty where it has none.
    #[inline(never)]
    pub(super) fn of_path(path: &[u8]) -> Option<(Self, &[u8])> {
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

/// A report that is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report<'a> {
    entries: Vec<(Field, Cow<'a, [u8]>, Number)>,
}

/// What becomes of an entry that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duplicate {
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
    pub(super) fn add(
        &mut self,
        field: Field,
        key: Cow<'a, [u8]>,
        value: Number,
        duplicate: Duplicate,
    ) -> Option<()> {
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
