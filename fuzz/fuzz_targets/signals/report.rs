//! What a load report is, whatever format it came in: paths and numbers.

use redline::signals::number::Number;
use redline::signals::orca::{Field, Path, Payload, Report};

/// Paths and values, sorted.
pub type Entries = Vec<(String, Number)>;

pub fn sorted(report: &Report<'_>) -> Entries {
    let path = |field: Field, key: &[u8]| {
        let key = String::from_utf8_lossy(key);
        format!("{}{}{key}", field.name(), if field.is_map() { "." } else { "" })
    };
    let mut found: Entries = report.entries().map(|(field, key, value)| (path(field, key), value)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, value) in &found {
        assert!(!value.is_negative());
        if !path.contains(char::REPLACEMENT_CHARACTER) {
            assert_eq!(Path::parse(path).and_then(|path| report.get(&path)), Some(*value), "{path}");
        }
    }
    found
}

pub fn read(header: &[u8]) -> Option<Entries> {
    Some(sorted(&Payload::from_header(header).ok()?.report().ok()?))
}

pub const SCALARS: [&str; 5] =
    ["cpu_utilization", "mem_utilization", "application_utilization", "rps_fractional", "eps"];
pub const MAPS: [&str; 3] = ["named_metrics.", "utilization.", "request_cost."];

/// What a list of paths and values makes of a report.
pub fn accept(entries: Vec<(String, Option<Number>)>) -> Option<Entries> {
    let mut found = Entries::new();
    for (path, value) in entries {
        let value = value.filter(|value| !value.is_negative())?;
        let map = MAPS.iter().any(|map| path.len() > map.len() && path.starts_with(map));
        let known = SCALARS.contains(&&*path) || path == "rps" || map;
        if !known || found.iter().any(|(other, _)| *other == path) {
            return None;
        }
        found.push((path, value));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Some(found).filter(|found| found.len() <= 256)
}

/// The digits of a number without leading zeros, and the power of ten that they are multiplied with.
pub fn parts(text: &str) -> (String, i64) {
    let text = text.trim_matches([' ', '\t']).trim_start_matches(['-', '+']);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let most = if exponent.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
    let exponent = exponent.parse::<i64>().unwrap_or(most).clamp(i64::MIN / 4, i64::MAX / 4);
    let digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    (digits, exponent - fraction.len() as i64)
}

/// Whether it is 1e309 or more, which no double comes near to.
pub fn is_infinite(text: &str) -> bool {
    let (digits, exponent) = parts(text);
    !digits.is_empty() && digits.len() as i64 + exponent > 309
}
