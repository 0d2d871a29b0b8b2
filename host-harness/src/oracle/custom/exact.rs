//! Numbers in any spelling in, exact fractions out, and out of those what a metric takes: whole numbers.

use num_bigint::BigInt;
use num_rational::BigRational;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// A number without any rounding.
pub(super) type Exact = BigRational;

/// What becomes of the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    Down,
    HalfUp,
}

static DECIMAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?-u)^[ \t]*(-|\+|)(?:([0-9]+)\.?([0-9]*)|()\.([0-9]+))(?:[eE]([+-]?[0-9]+))?[ \t]*$").ok()
});

/// An exponent of more than this is as good as infinite, or none.
const MOST_PLACES: i64 = 5000;

/// A decimal number with spaces and tabs around it; `None` where it is none.
pub(super) fn decimal(text: &[u8]) -> Option<Exact> {
    let found = DECIMAL.as_ref()?.captures(text)?;
    let part = |place| found.get(place).map_or("", |part| std::str::from_utf8(part.as_bytes()).unwrap_or(""));
    let (whole, fraction) = (part(2), [part(3), part(5)].concat());
    let digits: BigInt = [whole, &fraction].concat().parse().ok()?;
    let exponent = match part(6).trim_start_matches('+') {
        "" => 0,
        // Digits that no i64 holds: only their sign matters.
        long => long.parse().unwrap_or(if long.starts_with('-') { i64::MIN } else { i64::MAX }),
    };
    let places = exponent.clamp(-MOST_PLACES, MOST_PLACES) - fraction.len() as i64;
    let value = Exact::from(digits) * power_of_ten(places);
    Some(if part(1) == "-" { -value } else { value })
}

fn power_of_ten(places: i64) -> Exact {
    let power = BigInt::from(10).pow(u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX));
    if places < 0 { Exact::new(BigInt::from(1), power) } else { Exact::from(power) }
}

/// The decimal that is meant by a double: its nearest one of 15 digits, which every double holds, and from 1e15 to 2^64
/// exactly what it is. `None` where it is no number.
pub(super) fn double(value: f64) -> Option<Exact> {
    if (1e15..18_446_744_073_709_551_616.0).contains(&value.abs()) {
        return Exact::from_float(value);
    }
    decimal(format!("{value:.14e}").as_bytes())
}

/// The decimal that was written for a configured number.
pub(super) fn configured(value: f64) -> Exact {
    decimal(format!("{value:e}").as_bytes()).unwrap_or_else(|| Exact::from(BigInt::from(1)))
}

/// The whole number that a value becomes; `None` where it is below zero, or above `i64::MAX`.
pub(super) fn whole(value: &Exact, rounding: Rounding) -> Option<u64> {
    if *value < Exact::from(BigInt::ZERO) {
        return None;
    }
    let half = Exact::new(BigInt::from(1), BigInt::from(2));
    let value = if rounding == Rounding::HalfUp { value + half } else { value.clone() };
    let whole = i64::try_from(value.floor().to_integer()).ok()?;
    u64::try_from(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(text: &str, scale: f64) -> Option<Option<u64>> {
        decimal(text.as_bytes()).map(|value| whole(&(value * configured(scale)), Rounding::HalfUp))
    }

    #[test]
    fn decimals_are_multiplied_exactly_and_rounded_once() {
        for (text, scale, want) in [
            ("0.29", 100.0, Some(29)),
            (" +.5\t", 1.0, Some(1)),
            ("5.", 1.0, Some(5)),
            ("2.5e-1", 2.0, Some(1)),
            ("0.49999999999999999999999999", 1.0, Some(0)),
            ("-0", 1.0, Some(0)),
            ("-0.1", 1.0, None),
            ("9223372036854775807.4", 1.0, Some(i64::MAX as u64)),
            ("9223372036854775807.5", 1.0, None),
            ("1e99999999999999999999", 1.0, None),
            ("1e-99999999999999999999", 1e12, Some(0)),
            ("0e99999999999999999999", 1e12, Some(0)),
        ] {
            assert_eq!(rounded(text, scale), Some(want), "{text}");
        }
        for text in ["", " ", ".", "1.2.3", "e5", "1e", "1 2", "+-1", "0x1", "inf", "nan", "1,5", "\u{0661}"]
        {
            assert_eq!(rounded(text, 1.0), None, "{text}");
        }
        assert_eq!(whole(&configured(12.999), Rounding::Down), Some(12));
    }

    #[test]
    fn doubles_are_the_decimals_that_were_meant() {
        assert_eq!(double(0.29), decimal(b"0.29"));
        assert_eq!(double(1e15 + 0.125), decimal(b"1000000000000000.125"));
        assert_eq!(double(-0.0).as_ref().and_then(|zero| whole(zero, Rounding::Down)), Some(0));
        assert_eq!((double(f64::NAN), double(f64::INFINITY)), (None, None));
    }
}
