//! The shape of a snapshot: what is in a series, as plain data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// One series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The Prometheus name, without prefix and labels.
    pub name: String,
    /// Label names and values.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: Value,
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter's total.
    Counter(u64),
    /// A gauge's value; below 0 it has wrapped.
    Gauge(u64),
    /// A histogram.
    Histogram {
        /// Upper bounds, ascending, without infinity.
        bounds: Vec<f64>,
        /// For each bound the values at most that great.
        cumulative: Vec<u64>,
        /// All values.
        count: u64,
        /// Their sum, in Envoy's two significant digits.
        sum: f64,
    },
}

impl Value {
    /// `counter`, `gauge` or `histogram`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram { .. } => "histogram",
        }
    }
}

impl Sample {
    /// The series as PromQL writes it: `name{label="value"}`.
    pub fn series(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{", self.name)?;
        for (at, (label, value)) in self.labels.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{label}=\"{}\"", escape(value))?;
        }
        f.write_str("}")
    }
}

/// A label value as the text format writes it.
pub(super) fn escape(value: &str) -> Cow<'_, str> {
    if value.contains(['\\', '"', '\n']) {
        Cow::Owned(value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
    } else {
        Cow::Borrowed(value)
    }
}
