//! One JSON object a line in, one record out: the harness's own format.
//!
//! `time` (RFC 3339), `path` and `status` are required, unknown keys are errors. `status` 0 means that no response was
//! sent. Without `method` the request has none, without `upstream` (`10.0.0.7:8080`) no upstream host is known. A `host` header is the host where the key `host` is not there.

use super::fields;
use super::record::{Headers, Record};
use crate::stream::{Protocol, ResponseFlags};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    status: u16,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    host: Option<Cow<'a, str>>,
    #[serde(default)]
    request_headers: Pairs,
    #[serde(default)]
    response_headers: Pairs,
    #[serde(default)]
    response_trailers: Pairs,
    #[serde(default)]
    request_bytes: u64,
    #[serde(default)]
    response_bytes: u64,
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(borrow, default)]
    flags: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    upstream: Option<Cow<'a, str>>,
}

/// A JSON object as header pairs, in its order.
#[derive(Default)]
struct Pairs(Headers);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let header =
                        fields::header(&name, value.into_bytes()).map_err(serde::de::Error::custom)?;
                    pairs.push(header);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Reads one line; the error is the reason.
pub(super) fn parse(line: &[u8]) -> Result<Record, String> {
    let line: Line<'_> =
        serde_json::from_slice(line).map_err(|error| blame(line).unwrap_or_else(|| reason(&error)))?;
    let mut request_headers = line.request_headers.0;
    let host_header = fields::take(&mut request_headers, b"host");
    let host = line.host.map(|host| host.into_owned().into_bytes()).or(host_header).unwrap_or_default();
    let method = line.method.map(|method| method.into_owned().into_bytes());
    let path = line.path.into_owned().into_bytes();
    for (what, text) in [("path", &path), ("host", &host), ("method", method.as_ref().unwrap_or(&path))] {
        fields::no_control(text).map_err(|reason| format!("{what} {reason}"))?;
    }
    if path.is_empty() {
        return Err("path is empty".to_owned());
    }
    if method.as_ref().is_some_and(Vec::is_empty) {
        return Err("method is empty; leave the key out where there was none".to_owned());
    }
    Ok(Record {
        time_ns: fields::timestamp(&line.time)?,
        method,
        path: Some(path),
        host,
        https: false,
        request_headers,
        status: fields::status(i64::from(line.status))?,
        response_headers: line.response_headers.0,
        response_trailers: line.response_trailers.0,
        request_bytes: fields::size(line.request_bytes)
            .map_err(|reason| format!("request_bytes: {reason}"))?,
        response_bytes: fields::size(line.response_bytes)
            .map_err(|reason| format!("response_bytes: {reason}"))?,
        duration_ns: line.duration_ms.map(|ms| fields::nanoseconds(ms, 1e6, "duration_ms")).transpose()?,
        flags: ResponseFlags::parse(line.flags.as_deref().unwrap_or(""))
            .map_err(|flag| format!("flags: Envoy has no response flag {flag:?}"))?,
        protocol: Some(Protocol::Http11),
        upstream: line.upstream.map(|upstream| upstream.into_owned().into_bytes()),
    })
}

/// The member whose value is not what it should be, and why: serde_json does not name it.
fn blame(line: &[u8]) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
    object.into_iter().find_map(|(key, value)| {
        let mut alone = serde_json::json!({"time": "", "path": "", "status": 0});
        alone.as_object_mut()?.insert(key.clone(), value);
        let error = serde_json::from_str::<Line<'_>>(&alone.to_string()).err()?;
        let words = reason(&error);
        if words.starts_with("unknown field") {
            return None;
        }
        let words = [("u16", "a whole number"), ("u64", "a whole number, 0 or more"), ("f64", "a number")]
            .iter()
            .fold(words, |words, (rust, plain)| {
                words.replace(&format!("expected {rust}"), &format!("expected {plain}"))
            });
        Some(format!("{key}: {words}"))
    })
}

/// serde_json's words without its line number, which is always 1.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    match error.classify() {
        serde_json::error::Category::Data => words.to_owned(),
        _ => format!("not a JSON object: {words} at column {}", error.column()),
    }
}
