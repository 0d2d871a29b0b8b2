//! Load reports in protobuf, held against prost, and the base64 that they come in.

use crate::report::{Entries, MAPS, accept, read, sorted};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use prost::Message;
use redline::signals::number::Number;
use redline::signals::orca::Payload;
use std::collections::HashMap;

/// A field of a load report, as a server may set it.
#[derive(Arbitrary, Debug)]
pub enum Part {
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

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let text = text.strip_suffix(b"=").unwrap_or(text);
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&STANDARD, config).decode(text).ok()
}

pub fn check_base64(line: &[u8]) {
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

pub fn check_bytes(bytes: &[u8]) {
    // It accepts more: prost knows nothing of values that are refused, nor of those that were replaced.
    if let Some(got) = read_bytes(bytes) {
        let report = OrcaLoadReport::decode(bytes).expect("valid");
        let expected = accept(fields(&report)).expect("valid");
        assert_eq!(without_zeros(got), without_zeros(expected));
    }
}

pub fn check_message(parts: &[Part]) {
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
