//! A request's path in, the value of one parameter of its query out.

use std::borrow::Cow;

/// The first value of `name` that is not empty, decoded as a form is (WHATWG URL, application/x-www-form-urlencoded):
/// `+` is a space, and a `%` that begins no escape stands for itself.
pub(super) fn parameter<'p>(path: &'p [u8], name: &[u8]) -> Option<Cow<'p, [u8]>> {
    let path = path.split(|b| *b == b'#').next()?;
    let start = path.iter().position(|b| *b == b'?')?.checked_add(1)?;
    path.get(start..)?.split(|b| *b == b'&').find_map(|pair| {
        let equals = pair.iter().position(|b| *b == b'=')?;
        let value = pair.get(equals.checked_add(1)?..).filter(|value| !value.is_empty())?;
        let same = decoded(pair.get(..equals)?).eq(name.iter().copied());
        same.then(|| match value.iter().any(|b| matches!(b, b'%' | b'+')) {
            true => Cow::Owned(decoded(value).collect()),
            false => Cow::Borrowed(value),
        })
    })
}

fn decoded(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (byte, after) = rest.split_first()?;
        rest = after;
        Some(match byte {
            b'+' => b' ',
            b'%' => match escaped(after) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'%',
            },
            byte => *byte,
        })
    })
}

fn escaped(after: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], rest) = after.split_first_chunk::<2>()?;
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some((digit(high)?.wrapping_shl(4) | digit(low)?, rest))
}
