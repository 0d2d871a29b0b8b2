//! A record in, the values that the configuration's sources find in it out: by crates and regular expressions, where
//! the filter reads bytes.

use super::endpoint::Endpoints;
use super::json::Members;
use crate::traffic::Record;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;
use redline::config::{HostPattern, ValueSource};
use regex::bytes::{Regex, RegexBuilder};
use serde_json::value::RawValue;
use std::sync::LazyLock;

/// Bytes of a token, and levels of its JSON, past which it is ignored.
const MAX_TOKEN: usize = 16 << 10;
const MAX_LEVELS: u32 = 64;

/// The first value that is not empty; of a header that repeats, too.
pub(super) fn first(sources: &[ValueSource], record: &Record, endpoints: &Endpoints) -> Option<Vec<u8>> {
    sources.iter().find_map(|source| value(source, record, endpoints))
}

/// What one source finds, never empty.
pub(super) fn value(source: &ValueSource, record: &Record, endpoints: &Endpoints) -> Option<Vec<u8>> {
    if !record.has_request() {
        return None;
    }
    let found = match source {
        ValueSource::Header(name) => header(record, name)?.to_vec(),
        ValueSource::Jwt { header: name, claim } => {
            self::claim(header(record, name)?, claim, name != "authorization")?
        }
        ValueSource::Path(name) => endpoints.parameter(record.path.as_deref(), name)?,
        ValueSource::Host(pattern) => label(&record.host, pattern)?.into_bytes(),
        ValueSource::Query(name) => query(record.path.as_deref()?, name)?,
    };
    Some(found).filter(|value| !value.is_empty())
}

fn header<'r>(record: &'r Record, name: &str) -> Option<&'r [u8]> {
    let own = record.request_headers.iter().filter(|(key, _)| key == name.as_bytes());
    let mut values = own.map(|(_, value)| value.as_slice());
    // In Envoy the host is no header.
    if name == "host" { Some(record.host.as_slice()) } else { values.find(|value| !value.is_empty()) }
}

/// What stands between a host's fixed parts, without port and final dot.
fn label(host: &[u8], pattern: &HostPattern) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?.to_ascii_lowercase();
    let is_port = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let name =
        host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host.as_str(), |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = name.strip_prefix(&pattern.prefix)?.strip_suffix(&pattern.suffix)?;
    label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)).then(|| label.to_owned())
}

/// A regular expression on bytes that does not look at case.
type Pattern = LazyLock<Option<Regex>>;

fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).unicode(false).case_insensitive(true).build().ok()
}

static QUERY: Pattern = LazyLock::new(|| pattern(r"^[^?#]*\?([^#]*)"));
static SCHEME: Pattern = LazyLock::new(|| pattern("^bearer "));
/// A token of three parts, or a payload alone.
static TOKEN: Pattern = LazyLock::new(|| pattern(r"^(?:[a-z0-9_-]*\.([^.]*?)={0,2}\.[^.]*|([^.]*?)={0,2})$"));

fn query(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let whole = QUERY.as_ref()?.captures(path)?.get(1)?.as_bytes();
    let decoded = |text: &[u8]| {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect::<Vec<u8>>()
    };
    let mut pairs = whole.split(|byte| *byte == b'&').map(|pair| pair.splitn(2, |byte| *byte == b'='));
    pairs.find_map(|mut pair| {
        let (key, value) = (pair.next()?, pair.next()?);
        (decoded(key) == name.as_bytes() && !value.is_empty()).then(|| decoded(value))
    })
}

/// A claim of the token in a header's value.
fn claim(header: &[u8], name: &str, bare: bool) -> Option<Vec<u8>> {
    let token = header.trim_ascii();
    let token = SCHEME.as_ref()?.replace(&[token, b" "].concat(), &b""[..]).trim_ascii().to_vec();
    if token.len() > MAX_TOKEN {
        return None;
    }
    let parts = TOKEN.as_ref()?.captures(&token)?;
    let payload = parts.get(1).or(parts.get(2).filter(|_| bare))?.as_bytes();
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let payload = GeneralPurpose::new(&URL_SAFE, config).decode(payload).ok()?;
    let payload: &RawValue = serde_json::from_slice(&payload).ok()?;
    if !is_strict(payload, MAX_LEVELS) {
        return None;
    }
    let nested = || name.split('.').try_fold(payload, member).and_then(scalar);
    member(payload, name).and_then(scalar).or_else(nested)
}

fn member<'j>(object: &'j RawValue, name: &str) -> Option<&'j RawValue> {
    let Members(members) = serde_json::from_str(object.get()).ok()?;
    members.into_iter().rfind(|(key, _)| key == name).map(|(_, value)| value)
}

/// A string's text; numbers and booleans as they are written.
fn scalar(value: &RawValue) -> Option<Vec<u8>> {
    let text = value.get();
    let shown = match text.bytes().next()? {
        b'"' => serde_json::from_str(text).ok()?,
        b'{' | b'[' | b'n' => return None,
        _ => text.to_owned(),
    };
    Some(shown.into_bytes()).filter(|bytes| !bytes.is_empty())
}

/// Whether it is not too deep, and every string in it is one: serde_json does not look into what it is not asked for.
fn is_strict(value: &RawValue, levels: u32) -> bool {
    let text = value.get();
    match text.bytes().next() {
        Some(b'{') => {
            let members: Result<Members<'_>, _> = serde_json::from_str(text);
            levels > 0 && members.is_ok_and(|m| m.0.iter().all(|(_, value)| is_strict(value, levels - 1)))
        }
        Some(b'[') => {
            let items: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
            levels > 0 && items.is_ok_and(|items| items.iter().all(|item| is_strict(item, levels - 1)))
        }
        Some(b'"') => serde_json::from_str::<String>(text).is_ok(),
        _ => true,
    }
}
