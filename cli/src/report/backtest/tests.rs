use super::super::json::tests::keys;
use super::*;
use crate::render::prometheus::Severity;
use crate::replay::Outcome;
use crate::report::html::Made;
use crate::report::page;
use host_harness::replay::Summary;
use redline::config::{Config, Duration, Sli};
use redline::slo::Tally;

/// 2026-01-01.
const START_S: u64 = 1_767_225_600;
const DAY_S: u64 = 86_400;

fn backtest(objective: &str) -> Backtest {
    let text = format!(
        r#"{{"service":"shop","slos":[{{"name":"availability","objective":{objective},"sli":{{"availability":{{}}}}}}]}}"#
    );
    let slo = Config::from_json(text.as_bytes()).unwrap().slos.remove(0);
    let episode = |alert, from: u64, to: Option<u64>, left| Episode {
        alert,
        slo: "availability".to_owned(),
        severity: Severity::Critical,
        pending_s: START_S + from,
        firing_s: START_S + from,
        resolved_s: to.map(|to| START_S + to),
        budget_left: left,
    };
    Backtest {
        service: "shop".to_owned(),
        span_s: (START_S + 7, START_S + 2 * DAY_S),
        slos: vec![SloOutcome {
            slo,
            total: Tally { events: 1_000_000, bad: 1234 },
            budget_left: Some(-0.125),
            budget: vec![(START_S + 7, 1.0), (START_S + 2 * DAY_S, -0.125)],
        }],
        episodes: vec![
            episode("SLOBurnRateFast", 3607, Some(7207), Some(0.5)),
            // These two overlap.
            episode("SLOBurnRateMedium", 5407, Some(10_807), None),
            episode("ErrorBudgetCritical", DAY_S, None, Some(-0.000_000_1)),
        ],
        replay: Outcome {
            summary: Summary { exchanges: 1_000_000, ..Summary::default() },
            ignored: 0,
            span_ns: Some((START_S * S, (START_S + 2 * DAY_S) * S - 1)),
            samples: Vec::new(),
            prometheus: String::new(),
            course: None,
            verified: None,
        },
    }
}

#[test]
fn a_line_for_each_slo_and_each_alert() {
    let expected = "\
Service shop, 2026-01-01T00:00:00Z to 2026-01-03T00:00:00Z, 1,000,000 exchanges

SLO           OBJECTIVE  PERIOD     EVENTS    BAD  ERRORS  BUDGET LEFT  ALERTS  FIRING
availability     99.9 %     30d  1,000,000  1,234  0.12 %     -12.50 %       3   1d 2h

availability
ALERT                SEVERITY  FROM                 TO                   DURATION  BUDGET LEFT
SLOBurnRateFast      critical  2026-01-01 01:00:07  2026-01-01 02:00:07        1h      50.00 %
SLOBurnRateMedium    critical  2026-01-01 01:30:07  2026-01-01 03:00:07    1h 30m            -
ErrorBudgetCritical  critical  2026-01-02 00:00:00  still firing               1d       0.00 %

note: in 2d of traffic these windows are never seen whole: 3d, 30d
note: their alerts judge what there is; the rest of a period counts as time without errors
";
    let this = backtest("99.9");
    assert_eq!(table(Named { config: "a.yaml", backtest: &this }, None), expected);
    assert_eq!(this.firing_seconds("availability"), 7200 + DAY_S);
    assert_eq!(this.firing_seconds("other"), 0);
}

#[test]
fn a_page_has_the_notes_of_the_table() {
    let mut this = backtest("99.9");
    this.replay.summary.untimed = 5;
    let mut other = backtest("99.9");
    other.slos[0].slo.sli = Sli::Latency { threshold: Duration::from_secs(1) };
    let [this, other] =
        [("a.yaml", &this), ("b.yaml", &other)].map(|(config, backtest)| Named { config, backtest });
    let text = table(this, Some(other));
    let notes: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
    assert_eq!(notes.len(), 3, "{text}");
    assert_eq!(notes[2], "5 of 1,000,000 exchanges had no duration: latency SLOs count them nowhere");
    let config = Config::from_json(br#"{"service":"shop"}"#).unwrap();
    let made = Made { version: "1".to_owned(), at_ns: 0 };
    let html = page::backtest(&config, this, Some(other), "t".to_owned(), made).unwrap().html().unwrap();
    for note in notes {
        assert_eq!(html.matches(note).count(), 1, "{note}");
    }
}

#[test]
fn an_slo_that_only_one_configuration_has_says_so() {
    let (this, mut other) = (backtest("99.9"), backtest("99"));
    other.episodes.clear();
    other.slos[0].slo.name = "renamed".to_owned();
    let [this, other] =
        [("a.yaml", &this), ("b.yaml", &other)].map(|(config, backtest)| Named { config, backtest });
    let text = comparison([this, other]);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..5], ["availability", "a.yaml", "99.9", "%", "3"]);
    assert_eq!(rows[2], ["availability", "b.yaml", "none"]);
    assert_eq!(rows[3], ["renamed", "a.yaml", "none"]);
    assert_eq!(rows[4], ["renamed", "b.yaml", "99", "%", "0", "-", "-", "-12.50", "%"]);
}

#[test]
fn json_has_times_ratios_as_strings_and_no_minus_before_zero() {
    let this = backtest("99.9");
    let value = json(Named { config: "a.yaml", backtest: &this }, None);
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["slos"][0]["error_ratio"], "0.001234");
    assert_eq!(
        value["slos"][0]["budget"][1],
        json!({"time": "2026-01-03T00:00:00Z", "remaining_ratio": "-0.125000"})
    );
    let last = &value["alerts"][2];
    assert_eq!((&last["resolved_at"], &last["firing_seconds"]), (&Value::Null, &json!(DAY_S)));
    assert_eq!(last["budget_remaining_ratio"], "0.000000");
    assert_eq!(value["against"], Value::Null);
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../../docs/json.md").split_once("`redline backtest").unwrap().1;
    let this = backtest("99.9");
    let named = Named { config: "a.yaml", backtest: &this };
    let value = json(named, Some(named));
    let all = keys(&value);
    assert!(all.len() > 25, "{all:?}");
    for key in all {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}
