//! Numbers: text, JSON and doubles, held against big integers.

use num_bigint::BigInt;
use redline::signals::number::{Number, Rounding, Scale};

pub fn check(line: &[u8]) {
    let shown = String::from_utf8_lossy(line);
    let text = std::str::from_utf8(line).unwrap_or("x").trim_matches([' ', '\t']);
    let words = text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E');
    let number = Number::from_text(line);
    assert_eq!(number.is_ok(), text.parse::<f64>().is_ok() && !words, "{shown}");

    let json = match serde_json::from_slice::<serde_json::Value>(line) {
        Ok(value) => value.is_number() && line == line.trim_ascii(),
        // It makes doubles of them.
        Err(error) => error.to_string().contains("number out of range") && Number::from_json(line).is_ok(),
    };
    assert_eq!(Number::from_json(line).is_ok(), json, "{shown}");
    if json {
        assert_eq!(Number::from_json(line), number, "{shown}");
    }

    let Ok(number) = number else { return };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let significant = digits.magnitude().to_string().trim_end_matches('0').len();
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_sub(fraction.len() as i64);
    if significant > 19 || exponent.abs() > 1000 {
        return;
    }
    assert_eq!(number.is_negative(), digits < BigInt::ZERO);
    for (scale, above, below) in
        [(1.0, 1, 1), (1000.0, 1000, 1), (1e12, 1_000_000_000_000_u64, 1), (0.001, 1, 1000), (1.5, 3, 2)]
    {
        let power = BigInt::from(10).pow(exponent.unsigned_abs() as u32);
        let (above, below) = (&digits * above, BigInt::from(below));
        let (above, below) = if exponent < 0 { (above, below * power) } else { (above * power, below) };
        for (rounding, value) in [
            (Rounding::Down, &above / &below),
            (Rounding::HalfUp, (BigInt::from(2) * &above + &below) / (BigInt::from(2) * &below)),
        ] {
            let expected = i64::try_from(value).ok().filter(|_| digits >= BigInt::ZERO);
            let scale = Scale::new(scale).expect("in range");
            let got = number.scaled(scale, rounding).ok();
            assert_eq!(got, expected.map(i64::unsigned_abs), "{shown} x {scale:?} {rounding:?}");
        }
    }
}

pub fn check_double(double: f64) {
    let number = Number::from_f64(double);
    assert_eq!(number.is_ok(), double.is_finite());
    let exact = double.abs() < 1e15 || double.fract() == 0.0 && double.abs() < 18_446_744_073_709_551_616.0;
    if !number.is_ok() || !exact || (double != 0.0 && double.abs() < 1e-37) {
        return;
    }
    // What 15 digits say comes back as it was; and so does a whole number.
    let text = if double.abs() < 1e15 { format!("{double:.14e}") } else { format!("{double:.0}") };
    let back = Number::from_f64(text.parse().expect("a float"));
    assert_eq!(back, Number::from_text(text.as_bytes()), "{double}");
}
