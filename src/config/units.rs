//! Written quantities with a unit, as integers: durations in nanoseconds, objectives in parts per million.

use serde_json::Value;
use std::fmt;

/// A duration in whole nanoseconds; prints as it would be written, such as `30d` or `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

/// Units, largest first, so that printing finds the one that a person would use.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl Duration {
    /// A duration of `n` nanoseconds.
    pub const fn from_nanos(n: u64) -> Self {
        Self(n)
    }

    /// A duration of `n` milliseconds.
    pub const fn from_millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// A duration of `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000_000))
    }

    /// A duration of `n` days.
    pub const fn from_days(n: u64) -> Self {
        Self(n.saturating_mul(86_400_000_000_000))
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, size) in UNITS {
            if let (Some(n), Some(0)) = (self.0.checked_div(size), self.0.checked_rem(size))
                && n > 0
            {
                return write!(f, "{n}{name}");
            }
        }
        f.write_str("0s")
    }
}

/// Reads `250ms`, `15m`, `30d`: a whole number and one unit of ns, us, ms, s, m, h, d.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size).map(Duration)
}

/// An SLO's objective, in parts per million of all events: 99.9 % is 999000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Objective(u32);

impl Objective {
    /// Parts per million, 1 to 999999.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// The share of events that may be bad, in parts per million, 1 to 999999.
    pub const fn budget_ppm(self) -> u32 {
        1_000_000_u32.saturating_sub(self.0)
    }

    /// Reads a percentage, number or string, above 0 and below 100 with at most 4 decimals; exact, no rounding.
    pub fn parse(value: &Value) -> Option<Self> {
        // A double prints as the shortest decimal that reads back as itself: 99.9 stays 99.9.
        let text = match value {
            Value::String(s) => s.clone(),
            Value::Number(n) => n.to_string(),
            _ => return None,
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let decimal = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || whole.len() > 2 || fraction.len() > 4 || !decimal(whole) || !decimal(fraction)
        {
            return None;
        }
        let ppm: u32 = format!("{whole}{fraction:0<4}").parse().ok()?;
        (1..=999_999).contains(&ppm).then_some(Self(ppm))
    }
}

/// As a percentage without trailing zeros: `99.9`.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        let fraction = format!("{fraction:04}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}
