//! Label values into a stat name and back, by our own decoder and by the regular expressions that Envoy is given.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use redline::config::Config;
use redline::endpoint::Template;
use redline::metric::{DurationUnit, Metric};
use redline::stat_name::{NAMESPACE, NONE, OTHER, OTHER_METHOD, decode, encode, escape, in_envoy};
use regex::Regex;
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    metric: u8,
    prefix: u8,
    max_bytes: u8,
    /// One for each label, in turn: a client's bytes, or an operator's template where the text is one.
    values: [(&'a [u8], Option<&'a str>); 4],
    /// Any text that somebody else's stat may have as its name.
    foreign: &'a str,
}

static TAGS: LazyLock<Vec<(String, Regex)>> = LazyLock::new(|| {
    let config = Config::from_json(br#"{"service":"s"}"#).expect("valid");
    config.stat_tags().into_iter().map(|(name, regex)| (name, Regex::new(&regex).expect("valid"))).collect()
});

/// As Envoy does it: each expression on the whole name; the first group is cut out, the second is the value.
fn extract(name: &str) -> (String, Vec<(&str, &str)>) {
    let mut found = Vec::new();
    for (label, regex) in TAGS.iter() {
        if let Some(captures) = regex.captures(name) {
            let (cut, value) = (captures.get(1).expect("a group"), captures.get(2).expect("a group"));
            found.push((cut.range(), label.as_str(), value.as_str()));
        }
    }
    found.sort_by_key(|(range, ..)| range.start);
    let mut left = String::new();
    let mut at = 0;
    for (range, ..) in &found {
        assert!(at <= range.start, "two tags out of one text in {name}");
        left.push_str(&name[at..range.start]);
        at = range.end;
    }
    left.push_str(&name[at..]);
    (left, found.into_iter().map(|(_, label, value)| (label, value)).collect())
}

fuzz_target!(|input: Input<'_>| {
    let metric = Metric::ALL[usize::from(input.metric) % Metric::ALL.len()];
    let unit = if input.prefix & 1 == 0 { DurationUnit::Milliseconds } else { DurationUnit::Microseconds };
    let prefix = ["", "edge_", "Tenant", "service_"][usize::from(input.prefix >> 1) % 4];
    let metric_name = format!("{prefix}{}", metric.name(unit));
    let max_bytes = usize::from(input.max_bytes);

    let mut values = Vec::new();
    for (bytes, text) in input.values {
        let escaped = escape(bytes, max_bytes);
        if let Some(escaped) = &escaped {
            assert!(escaped.len() == bytes.len().min(max_bytes) && !escaped.is_empty());
            assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"_/{}*:@+~-".contains(&b)));
            assert!(![OTHER, OTHER_METHOD, NONE].contains(&escaped.as_str()));
            assert_eq!(
                escape(escaped.as_bytes(), max_bytes).as_ref(),
                Some(escaped),
                "escaped once is enough"
            );
        }
        let template = text.and_then(|text| Template::parse(text).ok()).map(|t| t.as_str().to_owned());
        values.push(template.or(escaped).unwrap_or_else(|| OTHER.to_owned()));
    }
    let labels = metric.labels().iter().map(|label| label.name());
    let labels: Vec<(&str, &str)> =
        std::iter::once("service").chain(labels).zip(values.iter().cycle().map(String::as_str)).collect();

    let name = encode(&metric_name, labels.iter().copied());
    assert_eq!(decode(&name), Some((metric_name.as_str(), labels.clone())));
    let full = format!("{NAMESPACE}{name}");
    assert!(full.starts_with(&in_envoy(&metric_name)));
    assert_eq!(extract(&full), (in_envoy(&metric_name), labels), "{full}");

    if let Some((metric, labels)) = decode(input.foreign) {
        assert_eq!(encode(metric, labels), input.foreign);
    }
    if !input.foreign.starts_with(NAMESPACE) {
        assert_eq!(extract(input.foreign).1, []);
    }
});
