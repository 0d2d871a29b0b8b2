//! The text of a number, or a double, in; an exact decimal out, which multiplies without rounding.
//!
//! Doubles would make 28 of 0.29 × 100, and their text needs tables that a filter should not carry.

use super::{Malformed, trim};

/// A decimal number: a sign, digits and a power of ten; always the shortest way to write it, so that equal numbers are
/// equal.
///
/// The first 19 digits count, and the twentieth where it has room; what follows is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    digits: u64,
    exponent: i32,
}

/// What a number is multiplied with: above 0, at most 1e12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale(Number);

/// What becomes of the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// It is cut off.
    Down,
    /// A half and more is one.
    HalfUp,
}

/// The value is below zero, or above `i64::MAX`, which no stat holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl Number {
    /// Zero, of either sign.
    const ZERO: Self = Self { negative: false, digits: 0, exponent: 0 };

    /// A number in a header: `53`, `-1.5e3`, `+.5`, `5.`, with spaces around it; no `inf`, no `nan`.
    #[inline(never)]
    pub fn from_text(text: &[u8]) -> Result<Self, Malformed> {
        let text = trim(text);
        let unsigned = text.strip_prefix(b"+").unwrap_or(text);
        Self::read(unsigned, unsigned.len() == text.len()).ok_or(Malformed::Number)
    }

    /// A number as JSON writes it (RFC 8259 section 6), with nothing around it.
    #[inline(never)]
    pub fn from_json(text: &[u8]) -> Result<Self, Malformed> {
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        let ended = |rest: &[u8]| rest.first().is_none_or(|b| !b.is_ascii_digit());
        let whole = match unsigned {
            [b'0', rest @ ..] => ended(rest),
            [first, ..] => first.is_ascii_digit(),
            [] => false,
        };
        // The point is between digits.
        let point = unsigned.iter().position(|b| *b == b'.').and_then(|at| at.checked_add(1));
        let fraction = point.and_then(|after| unsigned.get(after..)).is_none_or(|rest| !ended(rest));
        Self::read(text, true).filter(|_| whole && fraction).ok_or(Malformed::Number)
    }

    /// A double's value, to the 15 digits that every double holds; from 1e15 to 2^64 exactly.
    ///
    /// So a decimal of at most 15 digits below 1e15 comes out as it was before it was a double. NaN and the infinities
    /// are malformed.
    #[inline(never)]
    pub fn from_f64(value: f64) -> Result<Self, Malformed> {
        let magnitude = value.abs();
        if !magnitude.is_finite() {
            return Err(Malformed::Number);
        }
        let whole = (1e15..18_446_744_073_709_551_616.0).contains(&magnitude);
        let (digits, exponent) = if whole { exact(magnitude) } else { nearest(magnitude) };
        Ok(Self::new(value.is_sign_negative(), digits, exponent))
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.negative
    }

    /// Whether it is a whole number of 64 bits.
    pub fn is_u64(self) -> bool {
        let power = u32::try_from(self.exponent).ok().and_then(|exponent| 10_u64.checked_pow(exponent));
        !self.negative && power.is_some_and(|power| self.digits.checked_mul(power).is_some())
    }

    /// Whether it is 1e309 or more, of either sign: what no double can come near to.
    pub fn is_infinite(self) -> bool {
        let digits = self.digits.checked_ilog10().map_or(0, |places| i32::try_from(places).unwrap_or(0));
        self.digits > 0 && self.exponent.saturating_add(digits) > 308
    }

    /// The whole number that `self × scale` rounds to, 0 to `i64::MAX`.
    ///
    /// What is below zero is out of range, also where it would round to zero.
    #[inline(never)]
    pub fn scaled(self, scale: Scale, rounding: Rounding) -> Result<u64, OutOfRange> {
        if self.negative {
            return Err(OutOfRange);
        }
        let product = u128::from(self.digits).wrapping_mul(scale.0.digits.into());
        let exponent = self.exponent.saturating_add(scale.0.exponent);
        let power = ten_to(exponent.unsigned_abs());
        let value = match (exponent >= 0, power) {
            _ if product == 0 => Some(0),
            (true, power) => power.and_then(|power| product.checked_mul(power)),
            // 39 places cut off every product, and leave less than a half.
            (false, None) => Some(0),
            (false, Some(power)) => {
                let half = match rounding {
                    Rounding::Down => 0,
                    Rounding::HalfUp => power.wrapping_shr(1),
                };
                product.checked_add(half).and_then(|sum| sum.checked_div(power))
            }
        };
        let value = value.and_then(|value| i64::try_from(value).ok()).ok_or(OutOfRange)?;
        u64::try_from(value).map_err(|_| OutOfRange)
    }

    /// `-`, digits with at most one point among them, and an exponent.
    #[inline(never)]
    fn read(text: &[u8], signed: bool) -> Option<Self> {
        let mut rest = text.strip_prefix(b"-").filter(|_| signed).unwrap_or(text);
        let negative = rest.len() < text.len();
        let (mut digits, mut exponent, mut any, mut point) = (0_u64, 0_i32, false, false);
        let mut full = false;
        while let Some((byte, after)) = rest.split_first() {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    let value = u64::from(byte.wrapping_sub(b'0'));
                    match digits.checked_mul(10).and_then(|sum| sum.checked_add(value)) {
                        Some(sum) if !full => digits = sum,
                        _ => full = true,
                    }
                    // A digit without room makes the number ten times as great, one behind the point no greater.
                    exponent = exponent.saturating_add(i32::from(full)).saturating_sub(i32::from(point));
                }
                b'.' if !point => point = true,
                b'e' | b'E' => break,
                _ => return None,
            }
            rest = after;
        }
        if let Some((_, written)) = rest.split_first() {
            exponent = exponent.saturating_add(read_exponent(written)?);
        }
        any.then(|| Self::new(negative, digits, exponent))
    }

    /// In its shortest form.
    #[inline(never)]
    fn new(negative: bool, mut digits: u64, mut exponent: i32) -> Self {
        if digits == 0 {
            return Self::ZERO;
        }
        while digits.is_multiple_of(10) {
            digits = digits.wrapping_div(10);
            exponent = exponent.saturating_add(1);
        }
        Self { negative, digits, exponent }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::new(false, value, 0)
    }
}

impl Scale {
    /// No scale.
    pub const ONE: Self = Self(Number { negative: false, digits: 1, exponent: 0 });

    /// The decimal that was written for a configured number, where that has at most 15 digits; `None` outside
    /// `0 < s <= 1e12`.
    #[inline(never)]
    pub fn new(scale: f64) -> Option<Self> {
        (scale > 0.0 && scale <= 1e12).then(|| Number::from_f64(scale).ok().map(Self))?
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::ONE
    }
}

/// What stands behind `e`.
#[inline(never)]
fn read_exponent(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let read = |sum: i32, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit.into()))
    };
    let exponent = digits.iter().try_fold(0, read).filter(|_| !digits.is_empty())?;
    Some(if negative { exponent.saturating_neg() } else { exponent })
}

/// 10^`power`, up to 38.
fn ten_to(power: u32) -> Option<u128> {
    10_u128.checked_pow(power)
}

/// A double from 1e15 to 2^64, which has at most three binary places, and none from 2^53 on.
fn exact(value: f64) -> (u64, i32) {
    if value >= 9_007_199_254_740_992.0 {
        return (value as u64, 0);
    }
    let thousandths = (value.fract() * 1000.0) as u64;
    ((value as u64).wrapping_mul(1000).wrapping_add(thousandths), -3)
}

/// The powers of ten that a double holds exactly.
const POWERS: [f64; 22] = [
    1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22,
];

/// The 15 digits that are nearest to a finite double, zero and above, and their power of ten.
///
/// Each step rounds once: three of them err by less than half of the last digit, and more are for numbers that no stat
/// can hold.
#[inline(never)]
fn nearest(value: f64) -> (u64, i32) {
    let (mut value, mut exponent) = (value, 0_i32);
    while value > 0.0 && !(1e14..1e15).contains(&value) {
        let small = value < 1e14;
        let moved = |power: f64| if small { value * power } else { value / power };
        let enough = |power: &f64| if small { moved(*power) >= 1e14 } else { moved(*power) < 1e15 };
        let at = POWERS.iter().position(enough).unwrap_or(POWERS.len().saturating_sub(1));
        value = moved(POWERS.get(at).copied().unwrap_or(10.0));
        let places = i32::try_from(at).unwrap_or(0).saturating_add(1);
        exponent = if small { exponent.saturating_sub(places) } else { exponent.saturating_add(places) };
    }
    ((value + 0.5) as u64, exponent)
}

#[cfg(test)]
mod tests;
