//! An absolute URL in; scheme, authority and path as a gateway sees them out.

/// The parts of an http, https, ws or wss URL.
pub(super) struct Url<'a> {
    pub(super) https: bool,
    /// Without user information.
    pub(super) authority: &'a [u8],
    /// With the query, without the fragment; `/` where the URL has none.
    pub(super) path: Vec<u8>,
}

/// Splits a URL; `None` where it has no authority or another scheme.
pub(super) fn split(url: &[u8]) -> Option<Url<'_>> {
    let colon = url.iter().position(|b| *b == b':')?;
    let (scheme, rest) = url.split_at_checked(colon)?;
    let https = match scheme.to_ascii_lowercase().as_slice() {
        b"http" | b"ws" => false,
        b"https" | b"wss" => true,
        _ => return None,
    };
    let rest = rest.strip_prefix(b"://")?;
    let rest = rest.split(|b| *b == b'#').next()?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    let authority = authority.rsplit(|b| *b == b'@').next().filter(|authority| !authority.is_empty())?;
    let path = match target {
        [b'/', ..] => target.to_vec(),
        _ => [b"/", target].concat(),
    };
    Some(Url { https, authority, path })
}
