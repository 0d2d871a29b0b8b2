//! Response headers into the parsers of signals: what comes out is what other decoders read.
//!
//! Numbers are held against big integers, Server-Timing against regular expressions, load reports against serde_json and
//! prost, structured fields against sfv.
#![no_main]

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use prost::Message;
use redline::config::CacheOutcome;
use redline::signals::cache_status::CacheReader;
use redline::signals::number::{Number, Rounding, Scale};
use redline::signals::orca::{Field, Path, Payload, Report};
use redline::signals::rate_limit::{Header, Quota, RateLimitReader};
use redline::signals::server_timing::entries;
use regex::bytes::Regex;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use sfv::{BareItem, List, ListEntry, Parser};
use std::collections::HashMap;
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    double: u64,
    message: Vec<Part>,
    /// A header's value: what is left, so that a seed is nine spaces and this.
    line: &'a [u8],
}

/// A field of a load report, as a server may set it.
#[derive(Arbitrary, Debug)]
enum Part {
    Scalar(u8, f64),
    Rps(u64),
    Entry(u8, String, f64),
}

#[derive(Clone, PartialEq, Message)]
struct OrcaLoadReport {
    #[prost(double, tag = "1")]
    cpu_utilization: f64,
    #[prost(double, tag = "2")]
    mem_utilization: f64,
    #[prost(uint64, tag = "3")]
    rps: u64,
    #[prost(map = "string, double", tag = "4")]
    request_cost: HashMap<String, f64>,
    #[prost(map = "string, double", tag = "5")]
    utilization: HashMap<String, f64>,
    #[prost(double, tag = "6")]
    rps_fractional: f64,
    #[prost(double, tag = "7")]
    eps: f64,
    #[prost(map = "string, double", tag = "8")]
    named_metrics: HashMap<String, f64>,
    #[prost(double, tag = "9")]
    application_utilization: f64,
}

fuzz_target!(|input: Input<'_>| {
    let Input { double, message, line } = input;
    check_number(line);
    check_double(f64::from_bits(double));
    check_timing(line);
    check_text(line);
    check_json(line);
    for json in [[b"{\"named_metrics\":", line, b"}"].concat(), [b"{\"eps\":", line, b"}"].concat()] {
        check_json(&json);
    }
    check_base64(line);
    check_bytes(line);
    check_message(&message);
    for line in [line.to_vec(), [b"a;hit,", line].concat(), [b"a;fwd=", line].concat()] {
        check_cache(&line);
    }
    for line in [line.to_vec(), [b"\"a\";r=1;t=", line].concat(), [b"\"a\";q=1,\"b\";q=", line].concat()] {
        check_rate_limit(&line);
    }
});

fn check_number(line: &[u8]) {
    let shown = String::from_utf8_lossy(line);
    let text = std::str::from_utf8(line).unwrap_or("x").trim_matches([' ', '\t']);
    let words = text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E');
    let number = Number::from_text(line);
    assert_eq!(number.is_ok(), text.parse::<f64>().is_ok() && !words, "{shown}");

    let json = match serde_json::from_slice::<serde_json::Value>(line) {
        Ok(value) => value.is_number() && line == line.trim_ascii(),
        // It makes doubles of them.
        Err(error) => error.to_string().contains("number out of range") && Number::from_json(line).is_ok(),
    };
    assert_eq!(Number::from_json(line).is_ok(), json, "{shown}");
    if json {
        assert_eq!(Number::from_json(line), number, "{shown}");
    }

    let Ok(number) = number else { return };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let significant = digits.magnitude().to_string().trim_end_matches('0').len();
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_sub(fraction.len() as i64);
    if significant > 19 || exponent.abs() > 1000 {
        return;
    }
    assert_eq!(number.is_negative(), digits < BigInt::ZERO);
    for (scale, above, below) in
        [(1.0, 1, 1), (1000.0, 1000, 1), (1e12, 1_000_000_000_000_u64, 1), (0.001, 1, 1000), (1.5, 3, 2)]
    {
        let power = BigInt::from(10).pow(exponent.unsigned_abs() as u32);
        let (above, below) = (&digits * above, BigInt::from(below));
        let (above, below) = if exponent < 0 { (above, below * power) } else { (above * power, below) };
        for (rounding, value) in [
            (Rounding::Down, &above / &below),
            (Rounding::HalfUp, (BigInt::from(2) * &above + &below) / (BigInt::from(2) * &below)),
        ] {
            let expected = i64::try_from(value).ok().filter(|_| digits >= BigInt::ZERO);
            let scale = Scale::new(scale).expect("in range");
            let got = number.scaled(scale, rounding).ok();
            assert_eq!(got, expected.map(i64::unsigned_abs), "{shown} x {scale:?} {rounding:?}");
        }
    }
}

fn check_double(double: f64) {
    let number = Number::from_f64(double);
    assert_eq!(number.is_ok(), double.is_finite());
    let exact = double.abs() < 1e15 || double.fract() == 0.0 && double.abs() < 18_446_744_073_709_551_616.0;
    if !number.is_ok() || !exact || (double != 0.0 && double.abs() < 1e-37) {
        return;
    }
    // What 15 digits say comes back as it was; and so does a whole number.
    let text = if double.abs() < 1e15 { format!("{double:.14e}") } else { format!("{double:.0}") };
    let back = Number::from_f64(text.parse().expect("a float"));
    assert_eq!(back, Number::from_text(text.as_bytes()), "{double}");
}

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

fn check_timing(line: &[u8]) {
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

fn trim(text: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().position(|b| !space(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|b| !space(b)).map_or(start, |at| at + 1);
    &text[start..end]
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

/// Paths and values, sorted.
type Entries = Vec<(String, Number)>;

fn sorted(report: &Report<'_>) -> Entries {
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

fn read(header: &[u8]) -> Option<Entries> {
    Some(sorted(&Payload::from_header(header).ok()?.report().ok()?))
}

const SCALARS: [&str; 5] =
    ["cpu_utilization", "mem_utilization", "application_utilization", "rps_fractional", "eps"];
const MAPS: [&str; 3] = ["named_metrics.", "utilization.", "request_cost."];

/// What a list of paths and values makes of a report.
fn accept(entries: Vec<(String, Option<Number>)>) -> Option<Entries> {
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

fn check_text(line: &[u8]) {
    // The oracle works on strings.
    let text = String::from_utf8_lossy(line).into_owned();
    let ows = [' ', '\t'];
    let elements =
        text.split(',').map(|element| element.trim_matches(ows)).filter(|element| !element.is_empty());
    let entries = elements.map(|element| {
        let (name, value) = element.split_once(['=', ':']).unwrap_or((element, ""));
        let unknown =
            name.starts_with("rps") && name.trim_matches(ows) == "rps" || name.starts_with("request_cost");
        let number = Number::from_text(value.as_bytes()).ok().filter(|_| !unknown && !is_infinite(value));
        (name.trim_matches(ows).to_owned(), number)
    });
    let expected = accept(entries.collect());
    assert_eq!(read(&[b"TEXT ", text.as_bytes()].concat()), expected, "{text}");
    assert!(
        text.starts_with("TEXT ")
            || text.starts_with("JSON ")
            || text.starts_with("BIN ")
            || read(line).is_none()
    );
}

/// An object's members, with those that come twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn check_json(json: &[u8]) {
    if json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > 60 {
        // Deeper than it reads, or not: both have their own bounds.
        let _read = read(&[b"JSON ", json].concat());
        return;
    }
    let expected = json_entries(json).and_then(accept);
    assert_eq!(read(&[b"JSON ", json].concat()), expected, "{}", String::from_utf8_lossy(json));
}

fn json_entries(json: &[u8]) -> Option<Vec<(String, Option<Number>)>> {
    let number = |raw: &RawValue| {
        let unquoted = serde_json::from_str::<String>(raw.get()).ok();
        let digits = unquoted.as_deref().unwrap_or(raw.get());
        let number = serde_json::from_str::<serde_json::Number>(digits);
        let range = number.as_ref().is_err_and(|error| error.to_string().contains("number out of range"));
        let read = Number::from_text(digits.as_bytes()).ok();
        let readable = (number.is_ok() || range) && digits == digits.trim() && !is_infinite(digits);
        read.filter(|_| readable)
    };
    // A whole number of 64 bits.
    let whole = |raw: &RawValue| {
        let unquoted = serde_json::from_str::<String>(raw.get()).ok();
        let (digits, shift) = parts(unquoted.as_deref().unwrap_or(raw.get()));
        let fits = match shift {
            _ if digits.is_empty() => true,
            0.. => {
                digits.len() as i64 + shift <= 20 && {
                    let zeros = "0".repeat(usize::try_from(shift).unwrap_or(0));
                    format!("{digits}{zeros}").parse::<u64>().is_ok()
                }
            }
            _ => {
                let end = usize::try_from(-shift).unwrap_or(usize::MAX);
                let (whole, rest) = digits.split_at(digits.len().saturating_sub(end));
                rest.bytes().all(|b| b == b'0') && end <= digits.len() && whole.parse::<u64>().is_ok()
            }
        };
        number(raw).filter(|_| fits)
    };
    let mut entries = Vec::new();
    let mut seen = Vec::new();
    for (name, value) in serde_json::from_slice::<Members<'_>>(json).ok()?.0 {
        let known = |snake: &&str| {
            let snake = snake.trim_end_matches('.');
            let mut upper = false;
            let camel: String = snake
                .chars()
                .filter_map(|c| {
                    let shown = if upper { c.to_ascii_uppercase() } else { c };
                    upper = c == '_';
                    (c != '_').then_some(shown)
                })
                .collect();
            name == snake || name == camel
        };
        let field = SCALARS.into_iter().chain(MAPS).chain(["rps"]).find(known)?;
        if value.get() == "null" {
            continue;
        }
        if seen.contains(&field) {
            return None;
        }
        seen.push(field);
        if field.ends_with('.') {
            for (key, value) in serde_json::from_str::<Members<'_>>(value.get()).ok()?.0 {
                entries.push((format!("{field}{key}"), number(value)));
            }
        } else {
            let read = if field == "rps" { whole(value) } else { number(value) };
            entries.push((field.to_owned(), read));
        }
    }
    Some(entries)
}

/// The digits of a number without leading zeros, and the power of ten that they are multiplied with.
fn parts(text: &str) -> (String, i64) {
    let text = text.trim_matches([' ', '\t']).trim_start_matches(['-', '+']);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let most = if exponent.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
    let exponent = exponent.parse::<i64>().unwrap_or(most).clamp(i64::MIN / 4, i64::MAX / 4);
    let digits = format!("{whole}{fraction}").trim_start_matches('0').to_owned();
    (digits, exponent - fraction.len() as i64)
}

/// Whether it is 1e309 or more, which no double comes near to.
fn is_infinite(text: &str) -> bool {
    let (digits, exponent) = parts(text);
    !digits.is_empty() && digits.len() as i64 + exponent > 309
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config).decode(text).ok()
}

fn check_base64(line: &[u8]) {
    let decoded = decode(line).filter(|bytes| !bytes.is_empty());
    assert_eq!(Payload::from_bin_header(line).is_ok(), decoded.is_some());
    if let Some(bytes) = decoded {
        check_bytes(&bytes);
    }
}

fn read_bytes(bytes: &[u8]) -> Option<Entries> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    assert_eq!(
        Payload::from_bin_header(text.as_bytes()).ok().and_then(|p| p.report().ok().map(|r| sorted(&r))),
        read(&[b"BIN ", text.trim_end_matches('=').as_bytes()].concat())
    );
    read(&[b"BIN ", text.as_bytes()].concat())
}

/// A report's fields that are not zero.
fn fields(report: &OrcaLoadReport) -> Vec<(String, Option<Number>)> {
    let number = |value: f64| Number::from_f64(value).ok();
    let scalars = [
        ("cpu_utilization", report.cpu_utilization),
        ("mem_utilization", report.mem_utilization),
        ("rps_fractional", report.rps_fractional),
        ("eps", report.eps),
        ("application_utilization", report.application_utilization),
    ];
    let mut all: Vec<_> = scalars.iter().map(|(name, value)| ((*name).to_owned(), number(*value))).collect();
    all.push(("rps".to_owned(), Some(Number::from(report.rps))));
    let maps = [&report.named_metrics, &report.utilization, &report.request_cost];
    for (name, map) in MAPS.iter().zip(maps) {
        all.extend(map.iter().map(|(key, value)| (format!("{name}{key}"), number(*value))));
    }
    all
}

fn without_zeros(entries: Entries) -> Entries {
    entries.into_iter().filter(|(path, value)| *value != Number::from(0) || path.contains('.')).collect()
}

fn check_bytes(bytes: &[u8]) {
    // It accepts more: prost knows nothing of values that are refused, nor of those that were replaced.
    if let Some(got) = read_bytes(bytes) {
        let report = OrcaLoadReport::decode(bytes).expect("valid");
        let expected = accept(fields(&report)).expect("valid");
        assert_eq!(without_zeros(got), without_zeros(expected));
    }
}

fn check_message(parts: &[Part]) {
    let mut report = OrcaLoadReport::default();
    for part in parts {
        match part {
            Part::Scalar(0, value) => report.cpu_utilization = *value,
            Part::Scalar(1, value) => report.mem_utilization = *value,
            Part::Scalar(2, value) => report.rps_fractional = *value,
            Part::Scalar(3, value) => report.eps = *value,
            Part::Scalar(_, value) => report.application_utilization = *value,
            Part::Rps(value) => report.rps = *value,
            Part::Entry(which, key, value) => {
                let maps = [&mut report.named_metrics, &mut report.utilization, &mut report.request_cost];
                if let Some(map) = maps.into_iter().nth(usize::from(*which) % 3) {
                    map.insert(key.clone(), *value);
                }
            }
        }
    }
    let bytes = report.encode_to_vec();
    let expected = accept(fields(&report)).filter(|_| !bytes.is_empty());
    assert_eq!(read_bytes(&bytes).map(without_zeros), expected.map(without_zeros), "{report:?}");
}

fn list(line: &[u8]) -> Option<List> {
    Parser::new(line).parse().ok()
}

/// Whether it may have bytes with some of their padding: RFC 9651 section 4.2.7 leaves those to the parser, and ours refuses
/// what sfv takes.
fn is_partly_padded(line: &[u8]) -> bool {
    let parts = line.split(|byte| *byte == b':');
    parts.into_iter().any(|part| part.contains(&b'=') && part.ends_with(b"=") && part.len() % 4 != 0)
}

fn check_cache(line: &[u8]) {
    if is_partly_padded(line) {
        return;
    }
    let expected = list(line).and_then(|list| {
        let mut outcomes = Vec::new();
        for member in list {
            let ListEntry::Item(item) = member else { return None };
            if !matches!(item.bare_item, BareItem::Token(_) | BareItem::String(_)) {
                return None;
            }
            let get =
                |name: &str| item.params.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value);
            outcomes.push(match (get("hit"), get("fwd")) {
                (Some(BareItem::Boolean(true)), _) => Some(CacheOutcome::Hit),
                (_, Some(BareItem::Token(_))) => Some(CacheOutcome::Miss),
                _ => None,
            });
        }
        Some(
            [CacheOutcome::Hit, CacheOutcome::Miss]
                .into_iter()
                .find(|outcome| outcomes.contains(&Some(*outcome))),
        )
    });
    let mut reader = CacheReader::default();
    reader.cache_status(line);
    let shown = String::from_utf8_lossy(line);
    assert_eq!(reader.malformed().is_none(), expected.is_some(), "{shown}");
    assert_eq!(reader.outcome(), expected.flatten(), "{shown}");
    let mut other = CacheReader::default();
    other.vendor(line);
    assert_eq!(other.malformed(), None);
    other.age(line);
    let digits = !trim(line).is_empty() && trim(line).iter().all(u8::is_ascii_digit);
    assert!(other.malformed().is_some() || digits, "{shown}");
}

fn check_rate_limit(line: &[u8]) {
    if is_partly_padded(line) {
        return;
    }
    let shown = String::from_utf8_lossy(line);
    let number = |value: i64| Number::from(value.unsigned_abs());
    for (header, first, second) in [(Header::RateLimit, "r", "t"), (Header::Policy, "q", "w")] {
        let expected = list(line).and_then(|list| {
            let mut least: Option<(i64, Option<i64>)> = None;
            for member in list {
                let ListEntry::Item(item) = member else { return None };
                if !matches!(item.bare_item, BareItem::Token(_) | BareItem::String(_)) {
                    return None;
                }
                let get = |name: &str| match item.params.iter().find(|(key, _)| key.as_str() == name) {
                    None => Some(None),
                    Some((_, BareItem::Integer(value))) => {
                        Some(i64::from(*value)).filter(|value| *value >= 0).map(Some)
                    }
                    Some(_) => None,
                };
                let found = (get(first)??, get(second)?);
                least = least.filter(|least| least.0 <= found.0).or(Some(found));
            }
            Some(match (least, header) {
                (None, _) => Quota::default(),
                (Some((remaining, reset)), Header::RateLimit) => {
                    Quota { remaining: Some(number(remaining)), reset: reset.map(number), limit: None }
                }
                (Some((limit, _)), _) => Quota { limit: Some(number(limit)), ..Quota::default() },
            })
        });
        let mut reader = RateLimitReader::default();
        reader.line(header, line);
        assert_eq!(reader.malformed().is_none(), expected.is_some(), "{shown}");
        assert_eq!(reader.quota(), expected.unwrap_or_default(), "{shown}");
    }
    for name in ["x-ratelimit-limit", "ratelimit-remaining", "x-ratelimit-reset"] {
        let mut reader = RateLimitReader::default();
        reader.line(Header::from_name(name.as_bytes()).expect("known"), line);
        assert_eq!(reader.malformed().is_none(), reader.quota() != Quota::default(), "{shown}");
    }
}
