//! What stands in one cell in; its text, short for a screen or plain for a script, and its place in an order out.

use crate::report::quantile::Quantile;
use std::cmp::Ordering;

/// What stands in a cell. Units stand in the column's title.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing is known.
    Missing,
    /// Words.
    Text(String),
    /// Something whole.
    Count(f64),
    /// Events a second.
    Rate(f64),
    /// Bytes a second.
    Bytes(f64),
    /// A share in percent.
    Percent(f64),
    /// A duration in milliseconds; `above` where the buckets do not reach so far.
    Millis {
        /// The duration, or the highest bound.
        ms: f64,
        /// Whether it is longer than that.
        above: bool,
    },
    /// A burn rate; `partly` where its window has not been seen whole.
    Burn {
        /// The rate; 1 uses up the budget in just the period.
        rate: f64,
        /// Whether less than the window has been seen.
        partly: bool,
    },
}

impl Value {
    /// A share of a whole; of nothing there is none.
    pub fn share(part: f64, whole: f64) -> Self {
        if whole > 0.0 { Self::Percent(part / whole * 100.0) } else { Self::Missing }
    }

    /// A percentile of durations in milliseconds.
    pub fn quantile(quantile: Quantile) -> Self {
        match quantile {
            Quantile::None => Self::Missing,
            Quantile::At(ms) => Self::Millis { ms, above: false },
            Quantile::Above(ms) => Self::Millis { ms, above: true },
        }
    }

    /// At most seven characters where it is a number, for a screen.
    pub fn short(&self) -> String {
        match self {
            Self::Missing => "-".to_owned(),
            Self::Text(text) => text.clone(),
            Self::Count(n) => scaled(*n, 1_000_000.0, 0),
            Self::Rate(n) if *n > 0.0 && *n < 0.05 => "<0.1".to_owned(),
            Self::Rate(n) => scaled(*n, 10_000.0, 1),
            Self::Bytes(n) => scaled(*n, 1000.0, 0),
            Self::Percent(p) => percent(*p),
            Self::Millis { ms, above } => {
                let text =
                    if *ms < 10_000.0 { decimals(*ms, 100.0, 1) } else { format!("{:.0}s", ms / 1000.0) };
                format!("{}{text}", if *above { ">" } else { "" })
            }
            Self::Burn { rate, partly } => {
                let text = if *rate > 0.0 && *rate < 0.01 { "<.01".to_owned() } else { burn(*rate) };
                format!("{text}{}", if *partly { "*" } else { "" })
            }
        }
    }

    /// As exact as is known, without any sign that a program would stumble over but `>` and `*`.
    pub fn plain(&self) -> String {
        match self {
            Self::Count(n) => format!("{n:.0}"),
            Self::Rate(n) | Self::Bytes(n) => format!("{n:.3}"),
            Self::Percent(p) => format!("{p:.4}"),
            Self::Millis { ms, above } => format!("{}{ms:.3}", if *above { ">" } else { "" }),
            Self::Burn { rate, partly } => format!("{rate:.3}{}", if *partly { "*" } else { "" }),
            Self::Missing | Self::Text(_) => self.short(),
        }
    }

    /// The order of a column, the smallest first; what is missing is smaller than all.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.number().total_cmp(&b.number()),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Missing | Self::Text(_) => f64::NEG_INFINITY,
            Self::Count(n) | Self::Rate(n) | Self::Bytes(n) | Self::Percent(n) => *n,
            // Longer than the highest bound is longer than just that.
            Self::Millis { ms, above } => {
                if *above {
                    ms.next_up()
                } else {
                    *ms
                }
            }
            Self::Burn { rate, .. } => *rate,
        }
    }
}

/// With `k`, `M` and so on from `from` on, and below a thousand with `digits` decimals.
fn scaled(n: f64, from: f64, digits: usize) -> String {
    if n < from {
        return decimals(n, 1000.0, digits);
    }
    let mut value = n;
    let mut unit = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        // 999.95 would show as 1000.0.
        if value < 999.95 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    format!("{value:.1}{unit}")
}

/// With decimals below `below`, and whole above; a zero is a zero.
fn decimals(n: f64, below: f64, digits: usize) -> String {
    match n {
        0.0 => "0".to_owned(),
        n if n.abs() < below => format!("{n:.digits$}"),
        n => format!("{n:.0}"),
    }
}

/// What is there must not look like nothing, and what is missing not like all.
fn percent(p: f64) -> String {
    match p {
        0.0 => "0".to_owned(),
        100.0 => "100".to_owned(),
        p if p > 0.0 && p < 0.01 => "<.01".to_owned(),
        p if p > 99.99 && p < 100.0 => ">99.9".to_owned(),
        p if p.abs() < 10.0 => format!("{p:.2}"),
        p if p > 99.9 && p < 100.0 => format!("{p:.2}"),
        p if p.abs() < 1000.0 => format!("{p:.1}"),
        p => decimals(p, 1000.0, 0),
    }
}

fn burn(rate: f64) -> String {
    match rate {
        rate if rate < 10.0 => decimals(rate, 10.0, 2),
        rate => decimals(rate, 100.0, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_few_characters() {
        let ms = |ms| Value::Millis { ms, above: false };
        let cases = [
            (Value::Missing, "-"),
            (Value::Count(0.0), "0"),
            (Value::Count(999_999.0), "999999"),
            (Value::Count(1_234_567.0), "1.2M"),
            (Value::Count(1.8446744073709552e19), "18.4E"),
            (Value::Rate(0.0), "0"),
            (Value::Rate(0.01), "<0.1"),
            (Value::Rate(12.34), "12.3"),
            (Value::Rate(119.0), "119.0"),
            (Value::Rate(1234.0), "1234"),
            (Value::Rate(12_345.0), "12.3k"),
            (Value::Bytes(999.0), "999"),
            (Value::Bytes(999_960.0), "1.0M"),
            (Value::Percent(0.0), "0"),
            (Value::Percent(0.001), "<.01"),
            (Value::Percent(1.234), "1.23"),
            (Value::Percent(12.34), "12.3"),
            (Value::Percent(99.97), "99.97"),
            (Value::Percent(99.999), ">99.9"),
            (Value::Percent(100.0), "100"),
            (Value::Percent(-25.0), "-25.0"),
            (Value::Percent(-123_456.0), "-123456"),
            (ms(0.5), "0.5"),
            (ms(99.4), "99.4"),
            (ms(188.2), "188"),
            (ms(12_345.0), "12s"),
            (Value::Millis { ms: 60_000.0, above: true }, ">60s"),
            (Value::Burn { rate: 0.0, partly: false }, "0"),
            (Value::Burn { rate: 0.001, partly: false }, "<.01"),
            (Value::Burn { rate: 7.11, partly: true }, "7.11*"),
            (Value::Burn { rate: 1000.0, partly: true }, "1000*"),
        ];
        for (value, expected) in cases {
            assert_eq!(value.short(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_script_gets_what_is_known() {
        let cases = [
            (Value::Missing, "-"),
            (Value::Count(1_234_567.0), "1234567"),
            (Value::Rate(0.01), "0.010"),
            (Value::Percent(99.999), "99.9990"),
            (Value::Millis { ms: 60_000.0, above: true }, ">60000.000"),
            (Value::Burn { rate: 7.11, partly: true }, "7.110*"),
        ];
        for (value, expected) in cases {
            assert_eq!(value.plain(), expected, "{value:?}");
        }
    }

    #[test]
    fn what_is_missing_comes_before_nothing_and_above_a_bound_after_it() {
        let ms = |above| Value::Millis { ms: 5.0, above };
        assert_eq!(Value::Missing.order(&Value::Rate(0.0)), Ordering::Less);
        assert_eq!(ms(true).order(&ms(false)), Ordering::Greater);
        assert_eq!(Value::Text("a".to_owned()).order(&Value::Text("b".to_owned())), Ordering::Less);
        assert_eq!(Value::share(0.0, 0.0), Value::Missing);
        assert_eq!(Value::share(1.0, 4.0), Value::Percent(25.0));
    }
}
