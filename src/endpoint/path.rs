//! A `:path` as it came in, its normal form out; the rules are the contract's, after RFC 3986 section 6.2.2.

/// Writes the normal form of a request path into `out`; false where the path cannot be read.
///
/// The query is cut off, unreserved bytes are percent-decoded, other escapes keep their (upper-case) digits, empty
/// segments and a trailing slash are dropped, `.` and `..` are resolved and `..` at the root stays there.
/// The result begins with `/` and, but for the root, does not end with one.
/// Not readable: a path that does not begin with `/`, or has a `%` without two hexadecimal digits.
pub fn normalize(path: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let Some(mut rest) = path.strip_prefix(b"/") else {
        return false;
    };
    loop {
        let segment_start = out.len();
        out.push(b'/');
        let Some(more) = copy_segment(&mut rest, out) else {
            return false;
        };
        let segment = out.get(segment_start.saturating_add(1)..).unwrap_or_default();
        match segment {
            b"" | b"." => out.truncate(segment_start),
            b".." => {
                out.truncate(segment_start);
                let parent = out.iter().rposition(|b| *b == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            _ => {}
        }
        if !more {
            break;
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    true
}

/// Copies bytes up to the next `/`, decoding; whether another segment follows, `None` on a broken escape.
fn copy_segment(rest: &mut &[u8], out: &mut Vec<u8>) -> Option<bool> {
    while let Some((&byte, after)) = rest.split_first() {
        *rest = after;
        match byte {
            b'/' => return Some(true),
            b'?' | b'#' => break,
            b'%' => {
                let (&[high, low], after) = rest.split_first_chunk::<2>()?;
                *rest = after;
                let decoded = hex(high)?.checked_shl(4)? | hex(low)?;
                if is_unreserved(decoded) {
                    out.push(decoded);
                } else {
                    out.extend_from_slice(&[b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                }
            }
            _ => out.push(byte),
        }
    }
    Some(false)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
