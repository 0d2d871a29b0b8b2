//! A request's host in, the label of a pattern such as `{tenant}.example.com` out.

use crate::config::HostPattern;
use std::borrow::Cow;

/// What stands where the pattern has its parameter, in lower case: one label of the host, or a part of one.
///
/// A port and the root's dot at the end are cut off. The value is letters, digits, `-` and `_`, as hosts have them:
/// `a.b.example.com` is not below `{tenant}.example.com`, like a certificate's `*.example.com` (RFC 9525 section 6.3).
pub(super) fn label<'h>(host: &'h [u8], pattern: &HostPattern) -> Option<Cow<'h, [u8]>> {
    let host = without_port(host);
    let host = host.strip_suffix(b".").unwrap_or(host);
    let (prefix, rest) = host.split_at_checked(pattern.prefix.len())?;
    let (value, suffix) = rest.split_at_checked(rest.len().checked_sub(pattern.suffix.len())?)?;
    let fits = prefix.eq_ignore_ascii_case(pattern.prefix.as_bytes())
        && suffix.eq_ignore_ascii_case(pattern.suffix.as_bytes())
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    fits.then(|| lower_case(value))
}

/// A host without its port and the root's dot, in lower case.
pub(crate) fn name(host: &[u8]) -> Cow<'_, [u8]> {
    let host = without_port(host);
    lower_case(host.strip_suffix(b".").unwrap_or(host))
}

fn lower_case(text: &[u8]) -> Cow<'_, [u8]> {
    match text.iter().any(u8::is_ascii_uppercase) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    let end = host.iter().rposition(|b| !b.is_ascii_digit());
    match end.and_then(|end| host.split_at_checked(end)) {
        Some((name, [b':', ..])) => name,
        _ => host,
    }
}
