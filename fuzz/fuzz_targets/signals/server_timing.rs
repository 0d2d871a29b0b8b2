//! Server-Timing, held against regular expressions.

use crate::spaces::trim;
use redline::signals::number::Number;
use redline::signals::server_timing::entries;
use regex::bytes::Regex;
use std::sync::LazyLock;

/// Up to a comma that is in no quoted value.
static ENTRY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s-u)^(?:=[ \t]*"(?:[^"\\]|\\.)*(?:"|\\?$)|[^,])*"#).expect("valid"));
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s-u)^[!#$%&'*+.^_`|~0-9A-Za-z-]+").expect("valid"));
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    let token = r"[!#$%&'*+.^_`|~0-9A-Za-z-]*";
    let parameter =
        format!(r#"(?s-u)^[ \t]*;[ \t]*({token})(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({token})))?"#);
    Regex::new(&parameter).expect("valid")
});

type Timing = (Vec<u8>, Option<Option<Number>>, Option<Vec<u8>>);

pub fn check(line: &[u8]) {
    let got: Vec<Option<Timing>> = entries(line)
        .map(|entry| {
            let entry = entry.ok()?;
            let description = entry.description().map(|text| text.into_owned());
            Some((entry.name().to_vec(), entry.duration().map(Result::ok), description))
        })
        .collect();
    let mut expected = Vec::new();
    let mut rest = line;
    loop {
        let end = ENTRY.find(rest).map_or(0, |found| found.end());
        let entry = trim(&rest[..end]);
        if !entry.is_empty() {
            expected.push(timing(entry));
        }
        match rest[end..].split_first() {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    assert_eq!(got, expected, "{}", String::from_utf8_lossy(line));
}

fn timing(entry: &[u8]) -> Option<Timing> {
    let name = NAME.find(entry)?;
    let (mut duration, mut description) = (None, None);
    let mut rest = &entry[name.end()..];
    while !rest.is_empty() {
        let found = PARAMETER.captures(rest)?;
        rest = &rest[found.get(0)?.end()..];
        let (quoted, token) = (found.get(2), found.get(3));
        let parameter = found.get(1)?.as_bytes().to_ascii_lowercase();
        if parameter.is_empty() && (quoted.is_some() || token.is_some_and(|token| !token.is_empty())) {
            return None;
        }
        let mut text = quoted.or(token).map_or(vec![], |value| value.as_bytes().to_vec());
        if quoted.is_some() {
            static ESCAPE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s-u)\\(.)").expect("valid"));
            text = ESCAPE.replace_all(&text, &b"$1"[..]).into_owned();
        }
        match &parameter[..] {
            b"dur" => duration = duration.or(Some(Number::from_text(&text).ok())),
            b"desc" => description = description.or(Some(text)),
            _ => {}
        }
    }
    Some((name.as_bytes().to_vec(), duration, description))
}
