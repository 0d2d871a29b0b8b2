//! A header that carries a JWT in, the bytes of its payload out. Nothing is verified: that is jwt_authn's work.

use crate::base64::{Alphabet, decode};

/// Longer tokens are ignored, so that nobody can make the filter decode without end.
const MAX_TOKEN: usize = 16 * 1024;

/// The payload of a token in compact form (RFC 7515 section 3.1), with or without `Bearer` in front.
///
/// Where `bare`, a payload alone is read too: jwt_authn's `forward_payload_header` forwards that and no more.
pub(super) fn payload(header: &[u8], bare: bool) -> Option<Vec<u8>> {
    let token = without_scheme(header).trim_ascii();
    if token.len() > MAX_TOKEN {
        return None;
    }
    let mut parts = token.split(|byte| *byte == b'.');
    let payload = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        // A space in front of the first dot is another scheme's.
        (Some(header), Some(payload), Some(_), None) if header.iter().all(|b| Alphabet::Url.has(*b)) => {
            payload
        }
        (Some(payload), None, ..) if bare => payload,
        _ => return None,
    };
    decode(payload, Alphabet::Url)
}

/// Schemes are case-insensitive (RFC 9110 section 11.1).
fn without_scheme(header: &[u8]) -> &[u8] {
    let header = header.trim_ascii_start();
    match header.split_first_chunk::<7>() {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
        _ => header,
    }
}

#[cfg(test)]
mod tests;
