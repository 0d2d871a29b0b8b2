//! Base64 text (RFC 4648) in, the bytes that it stands for out.

/// Which two characters stand for the last two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// `+` and `/` (section 4).
    Standard,
    /// `-` and `_` (section 5).
    Url,
}

impl Alphabet {
    /// Whether this byte is one of its digits.
    pub(crate) fn has(self, byte: u8) -> bool {
        digit(byte) & self.foreign() == 0
    }

    /// What is set in bytes that are none of its digits.
    const fn foreign(self) -> u8 {
        match self {
            Self::Standard => URL_ONLY,
            Self::Url => STANDARD_ONLY,
        }
    }
}

/// The bytes, with or without padding; what is left of the last character's bits is not looked at.
pub(crate) fn decode(text: &[u8], alphabet: Alphabet) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let (quads, tail) = text.as_chunks::<4>();
    let mut out = vec![0; quads.len().saturating_mul(3)];
    let mut seen = 0;
    let mut join = |quad: [u8; 4]| {
        let digits = quad.map(digit);
        seen |= digits.iter().fold(0, |all, digit| all | digit);
        let bits = digits.iter().fold(0_u32, |bits, digit| bits.wrapping_shl(6) | u32::from(digit & VALUE));
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
    (seen & alphabet.foreign() == 0).then_some(out)
}

/// A digit's value.
const VALUE: u8 = 0x3F;
/// Set in a digit of that alphabet only; both are set in what stands for a byte that is no digit.
const URL_ONLY: u8 = 0x40;
const STANDARD_ONLY: u8 = 0x80;

const DIGITS: [u8; 256] = {
    let mut digits = [URL_ONLY | STANDARD_ONLY; 256];
    let mut rest: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut value = 0_u8;
    while let [byte, after @ ..] = rest {
        set(&mut digits, *byte, value);
        value = value.wrapping_add(1);
        rest = after;
    }
    set(&mut digits, b'+', 62 | STANDARD_ONLY);
    set(&mut digits, b'/', 63 | STANDARD_ONLY);
    set(&mut digits, b'-', 62 | URL_ONLY);
    set(&mut digits, b'_', 63 | URL_ONLY);
    digits
};

const fn set(digits: &mut [u8; 256], byte: u8, value: u8) {
    if let Some(place) = digits.split_at_mut(byte as usize).1.first_mut() {
        *place = value;
    }
}

fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(URL_ONLY | STANDARD_ONLY)
}

#[cfg(test)]
pub(crate) mod tests;
