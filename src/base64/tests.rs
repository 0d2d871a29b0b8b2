use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// RFC 4648 section 5, without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

#[test]
fn each_alphabet_reads_its_own_digits_padded_or_not() {
    use Alphabet::{Standard, Url};
    let cases: &[(&str, Alphabet, Option<&[u8]>)] = &[
        ("", Standard, Some(b"")),
        ("Zg==", Standard, Some(b"f")),
        ("Zg", Standard, Some(b"f")),
        ("Zm8=", Url, Some(b"fo")),
        ("Zm9v", Url, Some(b"foo")),
        ("Zm9vYmFy", Standard, Some(b"foobar")),
        ("+/+/", Standard, Some(&[0xFB, 0xFF, 0xBF])),
        ("-_-_", Url, Some(&[0xFB, 0xFF, 0xBF])),
        ("/w", Standard, Some(&[0xFF])),
        ("_w", Url, Some(&[0xFF])),
        ("+/+/", Url, None),
        ("-_-_", Standard, None),
        ("Zm9vY", Standard, None),
        ("Zm9v Zg", Standard, None),
        ("Zm=v", Standard, None),
        ("Zm9v\n", Url, None),
    ];
    for (text, alphabet, expected) in cases {
        assert_eq!(decode(text.as_bytes(), *alphabet).as_deref(), *expected, "{text} {alphabet:?}");
    }
    let digits = |alphabet: Alphabet| (0..=255).filter(|byte| alphabet.has(*byte)).count();
    assert_eq!((digits(Standard), digits(Url)), (64, 64));
    assert!(Standard.has(b'+') && !Standard.has(b'-') && Url.has(b'_') && !Url.has(b'='));
}
