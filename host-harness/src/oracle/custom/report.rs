//! The header of an ORCA load report in, its fields out: JSON by serde_json, protobuf by prost.

use super::exact::{Exact, decimal, double};
use crate::oracle::json::Members;
use crate::traffic::Headers;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use num_bigint::BigInt;
use prost::Message;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const NAMES: [(&str, bool); 4] = [
    ("endpoint-load-metrics-bin", true),
    ("endpoint-load-metrics", false),
    ("x-endpoint-load-metrics-bin", true),
    ("x-endpoint-load-metrics", false),
];

/// Most entries of a report.
const MOST: usize = 256;

/// xds.data.orca.v3.OrcaLoadReport.
#[derive(Clone, PartialEq, Message)]
struct OrcaLoadReport {
    #[prost(double, optional, tag = "1")]
    cpu_utilization: Option<f64>,
    #[prost(double, optional, tag = "2")]
    mem_utilization: Option<f64>,
    #[prost(uint64, optional, tag = "3")]
    rps: Option<u64>,
    #[prost(btree_map = "string, double", tag = "4")]
    request_cost: BTreeMap<String, f64>,
    #[prost(btree_map = "string, double", tag = "5")]
    utilization: BTreeMap<String, f64>,
    #[prost(double, optional, tag = "6")]
    rps_fractional: Option<f64>,
    #[prost(double, optional, tag = "7")]
    eps: Option<f64>,
    #[prost(btree_map = "string, double", tag = "8")]
    named_metrics: BTreeMap<String, f64>,
    #[prost(double, optional, tag = "9")]
    application_utilization: Option<f64>,
}

const SINGLE: [&str; 5] =
    ["cpu_utilization", "mem_utilization", "rps_fractional", "eps", "application_utilization"];
const MAPS: [&str; 3] = ["named_metrics", "utilization", "request_cost"];

/// Field, key (empty where it has none), value.
type Entries = Vec<(String, Vec<u8>, Exact)>;

/// The value at a path such as `eps` or `named_metrics.KEY`: of the trailers' report, else the headers'. The error is a
/// report that is not valid as a whole.
pub(super) fn value(path: &str, headers: [&Headers; 2]) -> Result<Option<Exact>, ()> {
    let [response, trailers] = headers;
    let written = [trailers, response].into_iter().find_map(|headers| {
        NAMES.iter().find_map(|(name, binary)| {
            let of_name = |(key, value): &&(Vec<u8>, Vec<u8>)| key == name.as_bytes() && !value.is_empty();
            headers.iter().find(of_name).map(|(_, value)| (value.as_slice(), *binary))
        })
    });
    let Some((value, binary)) = written else { return Ok(None) };
    let entries = read(value, binary).ok_or(())?;
    let (field, key) = path.split_once('.').unwrap_or((path, ""));
    let found = entries.into_iter().find(|(own, name, _)| own == field && name == key.as_bytes());
    Ok(found.map(|(.., value)| value))
}

fn read(value: &[u8], binary: bool) -> Option<Entries> {
    let text = |prefix: &str| value.strip_prefix(prefix.as_bytes());
    let entries = match (text("TEXT "), text("JSON "), text("BIN ")) {
        _ if binary => of_binary(value)?,
        (Some(text), ..) => of_text(text)?,
        (_, Some(json), _) => of_json(json)?,
        (.., Some(base64)) => of_binary(base64)?,
        _ => return None,
    };
    let valid = |(field, key, value): &(String, Vec<u8>, Exact)| {
        *value >= Exact::from(BigInt::ZERO) && MAPS.contains(&field.as_str()) != key.is_empty()
    };
    (entries.len() <= MOST && entries.iter().all(valid) && !twice(&entries)).then_some(entries)
}

fn twice(entries: &Entries) -> bool {
    entries.iter().enumerate().any(|(at, (field, key, _))| {
        entries.iter().take(at).any(|(earlier, name, _)| earlier == field && name == key)
    })
}

/// A number that a double can come near to.
fn finite(text: &[u8]) -> Option<Exact> {
    let double: f64 = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']).parse().ok()?;
    decimal(text).filter(|_| double.is_finite())
}

/// `name=value`, or with a colon, and commas between.
fn of_text(text: &[u8]) -> Option<Entries> {
    let blank = |byte: &u8| b" \t".contains(byte);
    let elements = text.split(|byte| *byte == b',').filter(|element| !element.iter().all(blank));
    let entry = |element: &[u8]| {
        let at = element.iter().position(|byte| matches!(byte, b'=' | b':'))?;
        let (name, value) = (element.get(..at)?.trim_ascii(), element.get(at + 1..)?);
        let mut parts = name.splitn(2, |byte| *byte == b'.');
        let (field, key) = (std::str::from_utf8(parts.next()?).ok()?, parts.next());
        let known = match key {
            None => SINGLE.contains(&field),
            Some(_) => field != "request_cost" && MAPS.contains(&field),
        };
        known.then_some(())?;
        Some((field.to_owned(), key.unwrap_or_default().to_vec(), finite(value)?))
    };
    elements.map(entry).collect()
}

/// As protobuf's JSON is read.
fn of_json(json: &[u8]) -> Option<Entries> {
    let mut entries = Vec::new();
    let mut seen = Vec::new();
    let Members(members) = serde_json::from_slice(json).ok()?;
    for (name, value) in members {
        let field = snake_case(&name)?;
        if value.get() == "null" {
            continue;
        }
        if seen.contains(&field) {
            return None;
        }
        seen.push(field);
        if MAPS.contains(&field) {
            let Members(members) = serde_json::from_str(value.get()).ok()?;
            for (key, value) in members {
                entries.push((field.to_owned(), key.into_bytes(), number(value)?));
            }
            continue;
        }
        let value = number(value)?;
        let fits = value.is_integer() && value <= Exact::from(BigInt::from(u64::MAX));
        (field != "rps" || fits).then_some(())?;
        entries.push((field.to_owned(), Vec::new(), value));
    }
    Some(entries)
}

/// A field's name as the protobuf file has it.
fn snake_case(name: &str) -> Option<&'static str> {
    let camel = |snake: &str| {
        let mut words = snake.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            name + &word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default()
        })
    };
    let mut fields = SINGLE.iter().chain(&MAPS).chain(&["rps"]);
    fields.find(|field| **field == name || camel(field) == name).copied()
}

/// A number, or a string that holds one and nothing else.
fn number(value: &RawValue) -> Option<Exact> {
    let text = match value.get().starts_with('"') {
        true => serde_json::from_str(value.get()).ok()?,
        false => value.get().to_owned(),
    };
    let is_json = serde_json::from_str::<f64>(&text).is_ok() && !text.contains(char::is_whitespace);
    is_json.then(|| finite(text.as_bytes()))?
}

fn of_binary(value: &[u8]) -> Option<Entries> {
    // As Envoy: at most two paddings are cut off, whatever they pad.
    let text = value.strip_suffix(b"=").unwrap_or(value);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(text).ok().filter(|bytes| !bytes.is_empty())?;
    let report = OrcaLoadReport::decode(bytes.as_slice()).ok()?;
    let mut entries = Vec::new();
    if let Some(rps) = report.rps {
        entries.push(("rps".to_owned(), Vec::new(), Exact::from(BigInt::from(rps))));
    }
    let values = [
        report.cpu_utilization,
        report.mem_utilization,
        report.rps_fractional,
        report.eps,
        report.application_utilization,
    ];
    for (name, value) in SINGLE.iter().zip(values) {
        if let Some(value) = value {
            entries.push(((*name).to_owned(), Vec::new(), double(value)?));
        }
    }
    for (name, map) in MAPS.iter().zip([report.named_metrics, report.utilization, report.request_cost]) {
        for (key, value) in map {
            entries.push(((*name).to_owned(), key.into_bytes(), double(value)?));
        }
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec())).collect()
    }

    fn one(path: &str, name: &str, text: &str) -> Result<Option<String>, ()> {
        value(path, [&headers(&[(name, text)]), &Vec::new()])
            .map(|value| value.map(|value| value.to_string()))
    }

    const PLAIN: &str = "endpoint-load-metrics";
    /// What a server written in Go sent: cpu 0.5, rps_fractional 100, eps 32, utilization.rig 4.
    const SENT: &str = "CQAAAAAAAOA/MQAAAAAAAFlAOQAAAAAAAEBAKg4KA3JpZxEAAAAAAAAQQA";

    #[test]
    fn all_formats_are_read() {
        let text = "TEXT cpu_utilization=0.5, named_metrics.a.b : 3 ,";
        assert_eq!(one("cpu_utilization", PLAIN, text), Ok(Some("1/2".to_owned())));
        assert_eq!(one("named_metrics.a.b", PLAIN, text), Ok(Some("3".to_owned())));
        assert_eq!(one("eps", PLAIN, text), Ok(None));
        let json = r#"JSON {"cpuUtilization":"5e-1","rps":"7","eps":null,"named_metrics":{"a.b":0.29}}"#;
        assert_eq!(one("cpu_utilization", PLAIN, json), Ok(Some("1/2".to_owned())));
        assert_eq!(one("named_metrics.a.b", PLAIN, json), Ok(Some("29/100".to_owned())));
        assert_eq!(one("rps", PLAIN, json), Ok(Some("7".to_owned())));
        assert_eq!(one("cpu_utilization", "endpoint-load-metrics-bin", SENT), Ok(Some("1/2".to_owned())));
        assert_eq!(one("utilization.rig", PLAIN, &format!("BIN {SENT}==")), Ok(Some("4".to_owned())));
    }

    #[test]
    fn a_report_is_valid_as_a_whole_or_refused() {
        for text in [
            "TEXT cpu_utilization=0.5,x=1",
            "TEXT eps=1,eps=1",
            "TEXT eps=-1",
            "TEXT eps=1e400",
            "TEXT named_metrics.=1",
            "TEXT named_metrics=1",
            "TEXT rps=1",
            "TEXT eps",
            "JSON {\"eps\":1,\"eps\":1}",
            "JSON {\"eps\":1}x",
            "JSON {\"eps\":\" 1\"}",
            "JSON {\"rps\":1.5}",
            "JSON {\"eps\":[1]}",
            "JSON {\"named_metrics\":{\"a\":null}}",
            "JSON []",
            "BIN !",
            "BIN CQ==",
            "XML <eps/>",
            "text eps=1",
        ] {
            assert_eq!(one("eps", PLAIN, text), Err(()), "{text}");
        }
    }

    #[test]
    fn trailers_and_base64_win() {
        let (early, late) = (headers(&[(PLAIN, "TEXT eps=1")]), headers(&[(PLAIN, "TEXT eps=2")]));
        let eps = |headers: &Headers, trailers: &Headers| {
            value("eps", [headers, trailers]).map(|value| value.map(|value| value.to_string()))
        };
        assert_eq!(eps(&early, &late), Ok(Some("2".to_owned())));
        assert_eq!(eps(&early, &headers(&[(PLAIN, "TEXT eps=x")])), Err(()));
        let both = headers(&[(PLAIN, "TEXT eps=1"), ("endpoint-load-metrics-bin", SENT)]);
        assert_eq!(eps(&both, &Vec::new()), Ok(Some("32".to_owned())));
    }
}
