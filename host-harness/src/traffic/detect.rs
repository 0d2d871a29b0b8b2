//! The beginning of a file in, its format out.

use super::input::{is_empty, without_bom};
use super::{combined, envoy_json, scenario};
use serde::de::IgnoredAny;
use std::collections::HashMap;

/// A format of recorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Told from the content.
    #[default]
    Auto,
    /// One JSON object a line, the harness's own.
    Exchanges,
    /// Apache's and nginx's combined log.
    Combined,
    /// HAR 1.2, one document.
    Har,
    /// Envoy's JSON access log.
    EnvoyJson,
    /// A YAML description of synthetic traffic.
    Scenario,
}

/// How many lines are looked at that say something.
const LINES: usize = 20;

/// The format; an error where the file is empty, or `Auto` cannot tell.
pub(super) fn detect(head: &[u8], wanted: Format) -> Result<Format, String> {
    let text = without_bom(head);
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !is_empty(line)).take(LINES).peekable();
    let Some(first) = lines.peek().map(|line| line.trim_ascii_start()) else {
        return Err("the file is empty".to_owned());
    };
    if wanted != Format::Auto {
        return Ok(wanted);
    }
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err("this is UTF-16: save it as UTF-8".to_owned());
    }
    let object = first.starts_with(b"{");
    // A HAR is one object with the key `log`, by habit its first; an exchange is whole on its line.
    if object && (is_har(text) || (!is_object(first) && contains(text, b"\"log\""))) {
        return Ok(Format::Har);
    }
    if scenario::looks_like(text) {
        return Ok(Format::Scenario);
    }
    if let Some(format) = lines.find_map(of_line) {
        return Ok(format);
    }
    // What is no JSON is then said with its column.
    if object && !is_object(first) {
        return Ok(Format::Exchanges);
    }
    let what = if head.contains(&0) { "this is binary data" } else { "the format cannot be told" };
    Err(format!(
        "{what}: in its first {LINES} lines there is no exchange (an object with time, path and status), no line of Envoy's \
         JSON log (an object with start_time or response_code), none of a combined log \
         (… [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 …), no HAR (an object with log) and no scenario (rate and \
         requests)"
    ))
}

/// What a line is, where it is whole.
fn of_line(line: &[u8]) -> Option<Format> {
    let line = without_bom(line).trim_ascii();
    if !line.starts_with(b"{") {
        return combined::parse(line).ok().map(|_| Format::Combined);
    }
    let keys: HashMap<String, IgnoredAny> = serde_json::from_slice(line).ok()?;
    if keys.keys().any(|key| envoy_json::is_key(key)) {
        return Some(Format::EnvoyJson);
    }
    ["time", "path", "status"].iter().any(|key| keys.contains_key(*key)).then_some(Format::Exchanges)
}

fn is_object(line: &[u8]) -> bool {
    serde_json::from_slice::<HashMap<String, IgnoredAny>>(line).is_ok()
}

/// Whether the first key of the object is `log`.
fn is_har(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let after = text.strip_prefix(b"{").unwrap_or(text).trim_ascii_start();
    after.strip_prefix(b"\"log\"").is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
