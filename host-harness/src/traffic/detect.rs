//! The beginning of a file in, its format out.

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

/// The format; an error where the file is empty, or `Auto` cannot tell.
pub(super) fn detect(head: &[u8], wanted: Format) -> Result<Format, String> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if wanted != Format::Auto {
        return Ok(wanted);
    }
    if text.starts_with(b"{") {
        // An exchange is whole on its line; a HAR is one object with the key `log`, by habit its first.
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
        let line = serde_json::from_slice::<HashMap<String, IgnoredAny>>(first);
        if har_key(text) || (line.is_err() && contains(text, b"\"log\"")) {
            return Ok(Format::Har);
        }
        let logged = line.is_ok_and(|line| line.keys().any(|key| envoy_json::is_key(key)));
        return Ok(if logged { Format::EnvoyJson } else { Format::Exchanges });
    }
    if scenario::looks_like(text) {
        return Ok(Format::Scenario);
    }
    let mut lines = text.split(|byte| *byte == b'\n').take(20);
    if lines.any(|line| combined::parse(line.trim_ascii_end()).is_ok()) {
        return Ok(Format::Combined);
    }
    let what =
        if head.contains(&0) { "this is binary data" } else { "the format cannot be told from the content" };
    Err(format!("{what}: neither exchanges, HAR, Envoy's JSON log, a combined log nor a scenario"))
}

/// Whether the first key of the object is `log`.
fn har_key(text: &[u8]) -> bool {
    let after = text.strip_prefix(b"{").unwrap_or(text).trim_ascii_start();
    after.strip_prefix(b"\"log\"").is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
