use super::super::tests::token;
use super::*;
use crate::base64::tests::base64url;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Of a header that may hold a payload alone.
fn payload(header: &[u8]) -> Option<Vec<u8>> {
    super::payload(header, true)
}

#[test]
fn a_payload_alone_is_no_token_where_tokens_are_expected() {
    assert_eq!(payload(b"eyJhIjoxfQ").as_deref(), Some(&br#"{"a":1}"#[..]));
    assert_eq!(super::payload(b"eyJhIjoxfQ", false), None);
    assert_eq!(super::payload(b"Bearer eyJhIjoxfQ", false), None);
    assert_eq!(super::payload(b"Bearer e30.eyJhIjoxfQ.x", false).as_deref(), Some(&br#"{"a":1}"#[..]));
}

#[test]
fn the_payload_of_a_token_is_found_in_every_way_of_writing_it() {
    let payload_of = |header: &str| payload(header.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
    let json = r#"{"t":"acme"}"#;
    let (token, alone) = (token(json), base64url(json.as_bytes()));
    let good = [
        token.clone(),
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token}  "),
        format!("  {token}"),
        format!("eyJhbGciOiJub25lIn0.{alone}."),
        format!("not-base64-of-json.{alone}.%%%"),
        format!(".{alone}."),
        alone.clone(),
        format!("{alone}=="),
        format!("h.{alone}=.s"),
    ];
    for header in good {
        assert_eq!(payload_of(&header).as_deref(), Some(json), "{header}");
    }
    let bad = [
        format!("h.{alone}"),
        format!("h.{alone}.s.x"),
        format!("h.k.i.{alone}.tag"),
        format!("Basic {alone}"),
        format!("Basic {token}"),
        format!("Bearer Bearer {token}"),
        format!("%.{alone}.s"),
        format!("Bearer\t{token}"),
        format!("h.{alone}===.s"),
        format!("h.{alone}A.s"),
        format!("h. {alone}.s"),
        "h.a+b/.s".to_owned(),
        "h.a.s".to_owned(),
        "h.\u{e9}\u{e9}.s".to_owned(),
    ];
    for header in bad {
        assert_ne!(payload_of(&header).as_deref(), Some(json), "{header}");
    }
}

#[test]
fn base64url_is_read_with_and_without_padding() {
    let cases: &[(&[u8], Option<&[u8]>)] = &[
        (b"", Some(b"")),
        (b"Zg", Some(b"f")),
        (b"Zg==", Some(b"f")),
        (b"Zg=", Some(b"f")),
        (b"Zm8", Some(b"fo")),
        (b"Zm8=", Some(b"fo")),
        (b"Zm9v", Some(b"foo")),
        (b"Zm9vYmFy", Some(b"foobar")),
        (b"-_-_", Some(b"\xfb\xff\xbf")),
        (b"Zh", Some(b"f")),
        (b"+/+/", None),
        (b"Z", None),
        (b"Zm9vY", None),
        (b"Zg===", None),
        (b"=", Some(b"")),
        (b"Z=g", None),
        (b"Zm9v\n", None),
        (b"Zm9v\0AAA", None),
        (b"\xff\xff\xff\xff", None),
    ];
    for (text, expected) in cases {
        assert_eq!(decode(text, Alphabet::Url).as_deref(), *expected, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn every_byte_survives() {
    let bytes: Vec<u8> = (0..=255).collect();
    for length in 0..bytes.len() {
        assert_eq!(
            decode(base64url(&bytes[..length]).as_bytes(), Alphabet::Url).as_deref(),
            Some(&bytes[..length])
        );
    }
}

#[test]
fn tokens_of_more_than_16_kib_are_ignored() {
    let token = |length: usize| format!("h.{}.s", "A".repeat(length - 4));
    assert_eq!(
        payload(token(MAX_TOKEN).as_bytes()).map(|payload| payload.len()),
        Some((MAX_TOKEN - 4) / 4 * 3)
    );
    assert_eq!(payload(format!("Bearer {}", token(MAX_TOKEN)).as_bytes()).map(|p| p.len()), Some(12_285));
    assert_eq!(payload(token(MAX_TOKEN + 1).as_bytes()), None);
    assert_eq!(payload(&[b'A'; 60_000]), None);
    assert_eq!(payload(&[b'.'; 16_000]), None);
}
