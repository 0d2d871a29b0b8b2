//! What a replay gave in; tables, remarks or JSON out.

use super::json::SCHEMA_VERSION;
use super::numbers::{self, count};
use super::quantile::{Quantile, quantile};
use super::red::Red;
use super::table::{self, Align};
use super::{custom, slo};
use crate::replay::{Outcome, Verified};
use crate::scrape::{Scrape, ScrapeError};
use crate::slo::from_scrape;
use host_harness::replay::Summary;
use host_harness::stats::{Sample, Value as Stat};
use jiff::Timestamp;
use redline::config::{Config, Sli, Slo};
use redline::metric::{DurationUnit, Metric};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Differences that the tables show.
const MOST_DIFFERENCES: usize = 50;

/// The tables of endpoints, statuses and tenants, and the remarks.
pub fn table(config: &Config, outcome: &Outcome) -> Result<String, ScrapeError> {
    let scrape = Scrape::parse(&outcome.prometheus)?;
    let red = Red::of(config, &scrape);
    let mut text = match outcome.span_ns {
        Some((first, last)) => format!("Service {}, {} to {}\n\n", config.service, time(first), time(last)),
        None => format!("Service {}\n\n", config.service),
    };
    text.push_str(&red.endpoint_table(config.duration_unit, seconds(outcome), None));
    text.push_str(&format!("\n{}", statuses(config, &scrape)));
    text.push_str(&format!("\n{}\n", red.tenant_table()));
    let custom = custom::table(&custom::rows(config, &scrape));
    if !custom.is_empty() {
        text.push_str(&format!("{custom}\n"));
    }
    // Where the gauges of SLOs are disabled, nothing is to be shown.
    if let Ok(states) = from_scrape(config, "the replay", scrape, 0) {
        text.push_str(&format!("{}\n", slo::table(&states)));
    }
    text.push_str(&format!("{} exchanges replayed\n{}", count(outcome.summary.exchanges), remarks(outcome)));
    if let Some(note) = untimed(&outcome.summary, &config.slos) {
        text.push_str(&format!("note: {note}\n"));
    }
    Ok(text)
}

/// That exchanges had no duration, where an SLO counts by it; a sentence.
pub(super) fn untimed<'s>(summary: &Summary, slos: impl IntoIterator<Item = &'s Slo>) -> Option<String> {
    let asked = slos.into_iter().any(|slo| matches!(slo.sli, Sli::Latency { .. }));
    (asked && summary.untimed > 0).then(|| {
        format!(
            "{} of {} exchanges had no duration: latency SLOs count them nowhere",
            count(summary.untimed),
            count(summary.exchanges)
        )
    })
}

/// What one should know of the input, and what the oracle says; a line each, or nothing.
pub fn remarks(outcome: &Outcome) -> String {
    let summary = &outcome.summary;
    let mut text = String::new();
    if summary.skipped > 0 {
        text.push_str(&format!("{} skipped that could not be read\n", count(summary.skipped)));
        for bad in &summary.first_bad {
            text.push_str(&format!("  {bad}\n"));
        }
        if summary.skipped > count_of(&summary.first_bad) {
            text.push_str("  …\n");
        }
    }
    let notes = [
        (outcome.ignored, "entries are no traffic of a gateway (data: and the like) and were left out"),
        (
            summary.out_of_order,
            "began before an exchange that was already replayed, and were replayed right after it",
        ),
        (
            summary.jumps,
            "long gaps without traffic were jumped: the filter ticked at their beginning and end only",
        ),
    ];
    for (n, what) in notes.into_iter().filter(|(n, _)| *n > 0) {
        text.push_str(&format!("{} {what}\n", count(n)));
    }
    if let Some(verified) = &outcome.verified {
        text.push_str(&verdict(verified));
    }
    text
}

fn verdict(verified: &Verified) -> String {
    let Verified { series, differences } = verified;
    let compared = count(u64::try_from(*series).unwrap_or(u64::MAX));
    if differences.is_empty() {
        return format!(
            "verified: {compared} series counted natively, no difference (gauges that are set on tick aside)\n"
        );
    }
    let n = count_of(differences);
    let mut text = format!("NOT VERIFIED: {} differences in {compared} series counted natively\n", count(n));
    for difference in differences.iter().take(MOST_DIFFERENCES) {
        text.push_str(&format!("  {difference}\n"));
    }
    if differences.len() > MOST_DIFFERENCES {
        text.push_str("  … (--output json has all)\n");
    }
    text
}

/// Requests per status, over all endpoints.
fn statuses(config: &Config, scrape: &Scrape) -> String {
    let name = config.metric_name(Metric::HttpRequests);
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in scrape.named(&name) {
        *sums.entry(sample.label("status")).or_default() += sample.value;
    }
    let all: f64 = sums.values().sum();
    let row = |(status, n): (&&str, &f64)| {
        vec![(*status).to_owned(), numbers::whole(*n), numbers::percent(*n, all)]
    };
    let rows: Vec<Vec<String>> = sums.iter().map(row).collect();
    let mut text =
        table::render(&[("STATUS", Align::Left), ("REQUESTS", Align::Right), ("SHARE", Align::Right)], &rows);
    if sums.contains_key("0") {
        text.push_str(
            "0 is no response: the client left before there was one, or nothing could answer.\n\
             ERRORS are those and 5xx; an SLO leaves out clients that left.\n",
        );
    }
    text
}

/// Everything, for programs: times as RFC 3339, ratios as decimal strings.
pub fn json(config: &Config, outcome: &Outcome) -> Result<Value, ScrapeError> {
    let red = Red::of(config, &Scrape::parse(&outcome.prometheus)?);
    let summary = &outcome.summary;
    let bad: Vec<Value> = summary
        .first_bad
        .iter()
        .map(|bad| json!({"file": bad.file, "line": bad.line, "reason": bad.reason}))
        .collect();
    let endpoints: Vec<Value> = red
        .endpoints
        .iter()
        .map(|(name, row)| {
            json!({
                "endpoint": name,
                "requests": whole(row.requests),
                "errors": whole(row.errors),
                "error_ratio": ratio(row.errors, row.requests),
                "p50_milliseconds": milliseconds(quantile(0.5, &row.durations), config.duration_unit),
                "p99_milliseconds": milliseconds(quantile(0.99, &row.durations), config.duration_unit),
            })
        })
        .collect();
    let tenants: Vec<Value> = red
        .tenants
        .iter()
        .map(|(name, row)| {
            json!({
                "tenant": name,
                "requests": whole(row.requests),
                "errors": whole(row.errors),
                "error_ratio": ratio(row.errors, row.requests),
                "request_bytes": whole(row.bytes_in),
                "response_bytes": whole(row.bytes_out),
            })
        })
        .collect();
    let verify = outcome.verified.as_ref().map(|verified| {
        let differences: Vec<String> = verified.differences.iter().map(ToString::to_string).collect();
        json!({"series": verified.series, "differences": differences})
    });
    Ok(json!({
        "schema_version": SCHEMA_VERSION,
        "service": config.service,
        "exchanges": summary.exchanges,
        "skipped": summary.skipped,
        "first_skipped": bad,
        "ignored": outcome.ignored,
        "out_of_order": summary.out_of_order,
        "clock_jumps": summary.jumps,
        "most_open": summary.most_open,
        "first_time": outcome.span_ns.map(|(first, _)| time(first)),
        "last_time": outcome.span_ns.map(|(_, last)| time(last)),
        "endpoints": endpoints,
        "tenants": tenants,
        "series": outcome.samples.iter().map(series).collect::<Vec<Value>>(),
        "verify": verify,
    }))
}

/// One series; bounds are numbers, and the bucket of all is `count`.
fn series(sample: &Sample) -> Value {
    let Sample { name, labels, value } = sample;
    let mut object = json!({"name": name, "type": value.kind(), "labels": labels});
    let fields = match value {
        Stat::Counter(n) | Stat::Gauge(n) => json!({"value": n}),
        Stat::Histogram { bounds, cumulative, count, sum } => {
            let buckets: Vec<Value> =
                bounds.iter().zip(cumulative).map(|(le, n)| json!({"le": le, "count": n})).collect();
            json!({"count": count, "sum": sum, "buckets": buckets})
        }
    };
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

fn time(ns: u64) -> String {
    match Timestamp::from_nanosecond(i128::from(ns)) {
        Ok(time) => time.to_string(),
        // Past the year 9999, which no u64 of nanoseconds is.
        Err(_) => ns.to_string(),
    }
}

fn seconds(outcome: &Outcome) -> f64 {
    outcome.span_ns.map_or(0.0, |(first, last)| last.saturating_sub(first) as f64 / 1e9)
}

/// Counters of a scrape are whole, and below 2^53 where a replay made them.
fn whole(n: f64) -> u64 {
    n as u64
}

/// A share as a decimal string; null of nothing.
fn ratio(part: f64, all: f64) -> Option<String> {
    (all > 0.0).then(|| format!("{:.6}", part / all))
}

/// An interpolated quantile as a decimal string; null where the buckets do not tell.
fn milliseconds(quantile: Quantile, unit: DurationUnit) -> Option<String> {
    let per_ms = numbers::per_millisecond(unit);
    match quantile {
        Quantile::At(value) => Some(format!("{:.3}", value / per_ms)),
        Quantile::None | Quantile::Above(_) => None,
    }
}

fn count_of<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_harness::oracle::{Difference, What};
    use host_harness::traffic::BadRecord;

    fn sample(name: &str, labels: &[(&str, &str)], value: Stat) -> Sample {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Sample { name: name.to_owned(), labels, value }
    }

    fn outcome() -> Outcome {
        let bad = BadRecord { file: "a.log".to_owned(), line: 3, reason: "no status".to_owned() };
        let summary = Summary { exchanges: 12_000, skipped: 1, first_bad: vec![bad], ..Summary::default() };
        let endpoint = "method=\"GET\",endpoint=\"/a/{id}\"";
        Outcome {
            summary,
            ignored: 2,
            span_ns: Some((1_767_225_600_000_000_000, 1_767_225_660_500_000_000)),
            samples: vec![
                sample("c", &[("l", "v")], Stat::Counter(3)),
                sample(
                    "h",
                    &[],
                    Stat::Histogram { bounds: vec![5.0, 10.0], cumulative: vec![1, 2], count: 4, sum: 41.5 },
                ),
            ],
            prometheus: format!(
                "http_requests_total{{service=\"shop\",{endpoint},status=\"200\"}} 9000\n\
                 http_requests_total{{service=\"shop\",{endpoint},status=\"503\"}} 3000\n\
                 tenant_requests_total{{service=\"shop\",tenant=\"acme\",code_class=\"2xx\"}} 9000\n"
            ),
            verified: None,
            course: None,
        }
    }

    fn config() -> Config {
        Config::from_json(br#"{"service":"shop"}"#).unwrap()
    }

    #[test]
    fn the_tables_say_when_what_and_how_much() {
        let expected = "\
Service shop, 2026-01-01T00:00:00Z to 2026-01-01T00:01:00.5Z

ENDPOINT  REQUESTS     RATE   ERRORS  P50  P99
/a/{id}     12,000  198.3/s  25.00 %    -    -
all         12,000  198.3/s  25.00 %    -    -

STATUS  REQUESTS    SHARE
200        9,000  75.00 %
503        3,000  25.00 %

TENANT  REQUESTS  ERRORS  BYTES IN  BYTES OUT
acme       9,000     0 %       0 B        0 B

12,000 exchanges replayed
1 skipped that could not be read
  a.log:3: no status
2 entries are no traffic of a gateway (data: and the like) and were left out
";
        assert_eq!(table(&config(), &outcome()).unwrap(), expected);
    }

    #[test]
    fn exchanges_without_a_duration_are_said_where_an_slo_counts_by_it() {
        let mut outcome = outcome();
        outcome.summary.untimed = 12_000;
        let of = |slos: &str, outcome: &Outcome| {
            let config = format!(r#"{{"service":"shop","slos":[{slos}]}}"#);
            table(&Config::from_json(config.as_bytes()).unwrap(), outcome).unwrap()
        };
        let latency = r#"{"name":"l","objective":99,"sli":{"latency":{"threshold":"300ms"}}}"#;
        let note = "note: 12,000 of 12,000 exchanges had no duration: latency SLOs count them nowhere\n";
        assert!(of(latency, &outcome).ends_with(note));
        let availability = r#"{"name":"a","objective":99,"sli":{"availability":{}}}"#;
        assert!(!of(availability, &outcome).contains("no duration"));
        outcome.summary.untimed = 0;
        assert!(!of(latency, &outcome).contains("no duration"));
    }

    #[test]
    fn requests_without_a_response_are_explained() {
        let mut outcome = outcome();
        let explained =
            |outcome: &Outcome| table(&config(), outcome).unwrap().contains("ERRORS are those and 5xx");
        assert!(!explained(&outcome));
        outcome.prometheus = outcome.prometheus.replace("status=\"503\"", "status=\"0\"");
        assert!(explained(&outcome));
    }

    #[test]
    fn the_verdict_counts_differences_and_shows_them() {
        let difference = Difference { series: "c{}".to_owned(), what: What::Twice };
        let verified = |n| Verified { series: 4, differences: vec![difference.clone(); n] };
        assert_eq!(
            verdict(&verified(0)),
            "verified: 4 series counted natively, no difference (gauges that are set on tick aside)\n"
        );
        assert!(verdict(&verified(1)).starts_with("NOT VERIFIED: 1 differences"));
        assert!(verdict(&verified(1)).contains("c{}: twice in the replay"));
        assert_eq!(verdict(&verified(60)).lines().count(), 1 + MOST_DIFFERENCES + 1);
    }

    #[test]
    fn json_has_a_version_times_ratios_as_strings_and_every_series() {
        let json = json(&config(), &outcome()).unwrap();
        assert_eq!(json["schema_version"], 1);
        assert_eq!(json["first_time"], "2026-01-01T00:00:00Z");
        assert_eq!(json["endpoints"][0]["error_ratio"], "0.250000");
        assert_eq!(json["endpoints"][0]["p50_milliseconds"], Value::Null);
        assert_eq!(json["first_skipped"][0]["line"], 3);
        assert_eq!(
            json["series"][0],
            json!({"name": "c", "type": "counter", "labels": {"l": "v"}, "value": 3})
        );
        let buckets = json!([{"le": 5.0, "count": 1}, {"le": 10.0, "count": 2}]);
        let histogram = json!({"name": "h", "type": "histogram", "labels": {}, "count": 4, "sum": 41.5, "buckets": buckets});
        assert_eq!(json["series"][1], histogram);
        assert_eq!(json["verify"], Value::Null);
    }
}
