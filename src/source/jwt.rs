//! A header that carries a JWT in, the bytes of its payload out. Nothing is verified: that is jwt_authn's work.

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
        (Some(header), Some(payload), Some(_), None) if header.iter().all(|b| digit(*b) != INVALID) => {
            payload
        }
        (Some(payload), None, ..) if bare => payload,
        _ => return None,
    };
    decode_base64url(payload)
}

/// Schemes are case-insensitive (RFC 9110 section 11.1).
fn without_scheme(header: &[u8]) -> &[u8] {
    let header = header.trim_ascii_start();
    match header.split_first_chunk::<7>() {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
        _ => header,
    }
}

/// RFC 4648 section 5, with or without padding; what is left of the last character's bits is not looked at.
fn decode_base64url(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let (quads, tail) = text.as_chunks::<4>();
    let mut out = vec![0; quads.len().saturating_mul(3)];
    let mut seen = 0;
    let mut join = |quad: [u8; 4]| {
        let digits = quad.map(digit);
        seen |= digits.iter().fold(0, |all, digit| all | digit);
        let bits = digits.iter().fold(0_u32, |bits, digit| bits.wrapping_shl(6) | u32::from(*digit));
        let [_, first, second, third] = bits.to_be_bytes();
        [first, second, third]
    };
    for (quad, place) in quads.iter().zip(out.as_chunks_mut::<3>().0) {
        *place = join(*quad);
    }
    match *tail {
        [] => {}
        [a, b] => out.extend(join([a, b, b'A', b'A']).first()),
        [a, b, c] => out.extend(join([a, b, c, b'A']).iter().take(2)),
        _ => return None,
    }
    (seen & INVALID == 0).then_some(out)
}

/// Set in what stands for a byte that is no digit.
const INVALID: u8 = 0x80;

const DIGITS: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut digits = [INVALID; 256];
    let mut rest: &[u8] = alphabet;
    let mut value = 0_u8;
    while let [byte, after @ ..] = rest {
        if let Some(digit) = digits.split_at_mut(*byte as usize).1.first_mut() {
            *digit = value;
        }
        value = value.wrapping_add(1);
        rest = after;
    }
    digits
};

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(INVALID)
}

#[cfg(test)]
mod tests;
