use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn number(negative: bool, digits: u64, exponent: i32) -> Option<Number> {
    Some(Number { negative, digits, exponent })
}

fn whole(text: &str, scale: f64, rounding: Rounding) -> Option<u64> {
    let number = Number::from_text(text.as_bytes()).unwrap();
    number.scaled(Scale::new(scale).unwrap(), rounding).ok()
}

#[test]
fn text_is_read_as_an_exact_decimal_or_not_at_all() {
    let cases: &[(&str, Option<Number>)] = &[
        ("0", number(false, 0, 0)),
        ("-0.000e7", number(false, 0, 0)),
        ("53", number(false, 53, 0)),
        ("  53\t", number(false, 53, 0)),
        ("+53", number(false, 53, 0)),
        ("-1.5e3", number(true, 15, 2)),
        ("0.50", number(false, 5, -1)),
        (".5", number(false, 5, -1)),
        ("5.", number(false, 5, 0)),
        ("1E+2", number(false, 1, 2)),
        ("1e-2", number(false, 1, -2)),
        ("1e0000000000000000000002", number(false, 1, 2)),
        ("007", number(false, 7, 0)),
        ("18446744073709551609", number(false, 18_446_744_073_709_551_609, 0)),
        ("18446744073709551615", number(false, 18_446_744_073_709_551_615, 0)),
        ("18446744073709551616", number(false, 1_844_674_407_370_955_161, 1)),
        ("99999999999999999999.9", number(false, 9_999_999_999_999_999_999, 1)),
        ("0.99999999999999999999", number(false, 9_999_999_999_999_999_999, -19)),
        ("1e999999999999", number(false, 1, i32::MAX)),
        ("1e-999999999999", number(false, 1, -i32::MAX)),
        ("", None),
        (" ", None),
        ("-", None),
        ("+", None),
        (".", None),
        ("+-5", None),
        ("--5", None),
        ("-+5", None),
        ("1.2.3", None),
        ("1e", None),
        ("1e+", None),
        ("1e5.5", None),
        ("e5", None),
        (".e5", None),
        ("1 2", None),
        ("12ms", None),
        ("0x10", None),
        ("1_000", None),
        ("1,5", None),
        ("nan", None),
        ("inf", None),
        ("Infinity", None),
        ("5\n", None),
        ("\u{661}", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Number::from_text(text.as_bytes()).ok(), *expected, "{text:?}");
    }
}

#[test]
fn json_numbers_are_those_of_its_grammar() {
    for text in ["0", "-0", "53", "-1.5e3", "0.5", "1E+2", "1e-02", "10", "0e5", "0.0"] {
        assert_eq!(Number::from_json(text.as_bytes()), Number::from_text(text.as_bytes()), "{text}");
        assert!(Number::from_json(text.as_bytes()).is_ok(), "{text}");
    }
    for text in [
        "", "-", "+1", ".5", "5.", "5.e1", "01", "-01", "00", "1e", "--1", " 1", "1 ", "1.2.3", "1e5.5",
        "\"1\"", "-.5",
    ] {
        assert_eq!(Number::from_json(text.as_bytes()), Err(Malformed::Number), "{text}");
    }
}

#[test]
fn doubles_are_the_decimals_that_were_written() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "0"),
        (0.29, "0.29"),
        (0.1 + 0.2, "0.3"),
        (1.5, "1.5"),
        (-1e-3, "-0.001"),
        (1e6, "1000000"),
        (99_999_999_999_999.9, "99999999999999.9"),
        (999_999_999_999_999.0, "999999999999999"),
        (1e15, "1000000000000000"),
        (9_007_199_254_740_991.0, "9007199254740991"),
        (2_251_799_813_685_248.5, "2251799813685248.5"),
        (1_152_921_504_606_846_976.0, "1152921504606846976"),
        (18_446_744_073_709_551_616.0, "18446744073709600000"),
        (1e22, "1e22"),
        (1e23, "1e23"),
        (1.234_567_890_123_45e-30, "1.23456789012345e-30"),
        (1.234_567_890_123_45e52, "1.23456789012345e52"),
        (1e300, "1e300"),
        (f64::MAX, "1.79769313486232e308"),
        (f64::MIN_POSITIVE, "2.22507385850720e-308"),
    ];
    for (value, text) in cases {
        assert_eq!(Number::from_f64(*value), Number::from_text(text.as_bytes()), "{value}");
    }
    assert!(Number::from_f64(5e-324).is_ok_and(|tiny| tiny != Number::from(0)));
    for value in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Number::from_f64(value), Err(Malformed::Number));
    }
}

#[test]
fn a_scale_multiplies_exactly_and_the_fraction_is_cut_or_rounded() {
    use Rounding::{Down, HalfUp};
    let most = u64::try_from(i64::MAX).unwrap();
    let cases: &[(&str, f64, Rounding, Option<u64>)] = &[
        ("0.29", 100.0, Down, Some(29)),
        ("0.29", 100.0, HalfUp, Some(29)),
        ("1.15", 100.0, Down, Some(115)),
        ("53", 1.0, Down, Some(53)),
        ("23.2", 1.0, Down, Some(23)),
        ("23.5", 1.0, Down, Some(23)),
        ("23.5", 1.0, HalfUp, Some(24)),
        ("23.49999999999999999999999999", 1.0, HalfUp, Some(23)),
        ("0.5", 1.0, HalfUp, Some(1)),
        ("0.05", 1.0, HalfUp, Some(0)),
        ("23.2", 1000.0, Down, Some(23_200)),
        ("0.7", 1e6, Down, Some(700_000)),
        ("1234", 0.001, Down, Some(1)),
        ("1500", 0.001, HalfUp, Some(2)),
        ("3", 1.5, Down, Some(4)),
        ("3", 1.5, HalfUp, Some(5)),
        ("1e-30", 1e12, HalfUp, Some(0)),
        ("1e-2000000000", 1e12, HalfUp, Some(0)),
        ("1.7e-38", 1.0, HalfUp, Some(0)),
        ("0e999999999", 1.0, Down, Some(0)),
        ("9223372036854775807", 1.0, Down, Some(most)),
        ("9223372036854775807.4", 1.0, HalfUp, Some(most)),
        ("9223372036854775808", 1.0, Down, None),
        ("18446744073709551615", 0.5, HalfUp, None),
        ("18446744073709551615", 0.5, Down, Some(most)),
        ("9223372036854775807", 1.5, Down, None),
        ("1e18", 1e12, Down, None),
        ("1e18", 1e-12, Down, Some(1_000_000)),
        ("1e300", 1e-300, Down, Some(1)),
        ("1e2147483647", 1e-300, Down, None),
        ("1e39", 1.0, Down, None),
        ("-0", 1.0, Down, Some(0)),
        ("-0.4", 1.0, HalfUp, None),
        ("-1e-30", 1.0, Down, None),
        ("-1", 1.0, Down, None),
    ];
    for (text, scale, rounding, expected) in cases {
        assert_eq!(whole(text, *scale, *rounding), *expected, "{text} x {scale} {rounding:?}");
    }
    assert_eq!(Number::from(7).scaled(Scale::default(), Down), Ok(7));
    assert_eq!(Number::from(u64::MAX).scaled(Scale::ONE, Down), Err(OutOfRange));
}

#[test]
fn a_scale_is_above_zero_and_at_most_1e12() {
    for scale in [0.0, -0.0, -1.0, 1.1e12, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Scale::new(scale), None, "{scale}");
    }
    for (scale, digits, exponent) in
        [(1000.0, 1, 3), (1e6, 1, 6), (0.001, 1, -3), (1.5, 15, -1), (1e12, 1, 12)]
    {
        assert_eq!(Scale::new(scale).map(|scale| scale.0), number(false, digits, exponent), "{scale}");
    }
    assert_eq!(Scale::new(1.0), Some(Scale::ONE));
}

#[test]
fn a_number_of_any_length_is_read_in_one_go() {
    let zeros = "0".repeat(65_536);
    assert_eq!(Number::from_text(format!("0.{zeros}1e65537").as_bytes()), Ok(Number::from(1)));
    assert_eq!(Number::from_text(format!("1{zeros}e-65536").as_bytes()), Ok(Number::from(1)));
    assert_eq!(Number::from_text(format!("1e{zeros}1").as_bytes()), Ok(Number::from(10)));
    let nines = "9".repeat(65_536);
    let expected = number(false, 9_999_999_999_999_999_999, 65_536 - 19);
    assert_eq!(Number::from_text(nines.as_bytes()).ok(), expected);
    assert_eq!(Number::from_text(format!("1e{nines}").as_bytes()).ok(), number(false, 1, i32::MAX));
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    /// `digits` × 10^`exponent` in whole numbers.
    fn oracle(digits: i128, exponent: i32, rounding: Rounding) -> Option<u64> {
        let power = 10_i128.pow(exponent.unsigned_abs());
        let value = match rounding {
            _ if exponent >= 0 => digits * power,
            Rounding::Down => digits / power,
            Rounding::HalfUp => (2 * digits + power) / (2 * power),
        };
        i64::try_from(value).ok().and_then(|value| u64::try_from(value).ok()).filter(|_| digits >= 0)
    }

    fn rounding() -> impl Strategy<Value = Rounding> {
        prop_oneof![Just(Rounding::Down), Just(Rounding::HalfUp)]
    }

    proptest! {
        #[test]
        fn products_are_those_of_wide_integers(
            digits in -1_000_000_000_000_i64..1_000_000_000_000, exponent in -12..8_i32,
            factor in 1_u32..10_000_000, places in -6..5_i32, rounding in rounding(),
        ) {
            let number = Number::from_text(format!("{digits}e{exponent}").as_bytes()).unwrap();
            let scale = format!("{factor}e{places}").parse().unwrap();
            let expected = oracle(i128::from(digits) * i128::from(factor), exponent + places, rounding);
            prop_assert_eq!(number.scaled(Scale::new(scale).unwrap(), rounding).ok(), expected);
        }

        #[test]
        fn the_point_moves_nothing_but_the_exponent(digits in "[0-9]{1,17}", at in 0..17_usize, exponent in -5..5_i32) {
            let at = at.min(digits.len());
            let pointed = format!("{}.{}e{exponent}", &digits[..at], &digits[at..]);
            let places = i32::try_from(digits.len() - at).unwrap();
            let plain = format!("{digits}e{}", exponent - places);
            let read = |text: String| Number::from_text(text.as_bytes());
            prop_assert_eq!(read(pointed), read(plain));
        }

        #[test]
        fn a_decimal_of_15_digits_survives_a_double(digits in 0_u64..1_000_000_000_000_000, exponent in -60..0_i32) {
            let text = format!("{digits}e{exponent}");
            prop_assert_eq!(Number::from_f64(text.parse().unwrap()), Number::from_text(text.as_bytes()));
        }

        #[test]
        fn a_double_and_its_number_are_as_good_as_equal(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            match Number::from_f64(value) {
                Err(_) => prop_assert!(!value.is_finite()),
                Ok(number) => {
                    let sign = if number.negative { "-" } else { "" };
                    let back: f64 = format!("{sign}{}e{}", number.digits, number.exponent).parse().unwrap();
                    let near = (back / value - 1.0).abs() < 1e-14 || value.abs() < 1e-300;
                    prop_assert!(near && back.is_sign_negative() == (value < 0.0), "{} {}", value, back);
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_are_read_as_floats_are(text in "[-+]?[0-9.]{0,5}(e[-+]?[0-9]{0,3})?") {
            // Rust's grammar is the same but for words, which these letters do not make.
            let read = Number::from_text(text.as_bytes());
            prop_assert_eq!(read.is_ok(), text.parse::<f64>().is_ok(), "{}", text);
        }
    }
}
