use super::super::json::tests::keys;
use super::*;
use redline::config::Config;
use redline::slo::Tally;

fn states() -> SloStates {
    let document = json!({"service": "shop", "slos": [
        {"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
        {"name": "latency", "objective": 99, "period": "7d", "sli": {"latency": {"threshold": "300ms"}}},
        {"name": "silent", "objective": 99, "sli": {"availability": {}}},
    ]});
    let config = Config::from_value(&document).unwrap();
    let state = |index: usize, events, bad, hours: u64, p99_ms| {
        let slo: &redline::config::Slo = &config.slos[index];
        let seen = Window::ALL.map(|window| {
            let coverage = Duration::from_secs(hours * 3600).min(window.length(slo.period));
            (Tally { events, bad }, coverage)
        });
        let report = Report::of(seen, slo.period, slo.objective);
        SloState { slo: slo.clone(), report, p99_ms }
    };
    SloStates {
        slos: vec![
            state(0, 1_000_000, 20_000, 72, None),
            state(1, 36_000, 36, 168, Some(212)),
            state(2, 0, 0, 1, None),
        ],
        remarks: vec!["one: silent".to_owned()],
    }
}

#[test]
fn the_tables_show_what_is_left_and_which_windows_burn() {
    let expected = "\
SLO           STATUS           SLI  OBJECTIVE     EVENTS     BAD  BUDGET LEFT  EVENTS LEFT  MINUTES LEFT  EXHAUSTED IN  P99, 1H
availability  exhausted  98.0000 %     99.9 %  1,000,000  20,000    -100.00 %      -10,000         -43.2           now        -
latency       healthy    99.9000 %       99 %     36,000      36      90.00 %          324          90.7           63d   212 ms
silent        no events          -       99 %          0       0     100.00 %            0         432.0             -        -

Burn rate (1 uses up the budget in just the period; * the window has not been seen whole)

SLO            5M  30M   1H   2H   6H   1D   3D  PERIOD  OVER
availability   20   20   20   20   20   20   20     20*  1h/5m over 14.4, 6h/30m over 6, 1d/2h over 3, 3d/6h over 1
latency       0.1  0.1  0.1  0.1  0.1  0.1  0.1     0.1
silent          -    -    -    -    -    -    -       -

note: one: silent
";
    assert_eq!(table(&states()), expected);
}

#[test]
fn the_first_minutes_say_nothing_of_how_many_events_a_month_has() {
    for (minutes, said) in [(59, "-"), (60, "720")] {
        let mut states = states();
        let slo = states.slos[0].slo.clone();
        let seen = Window::ALL.map(|window| {
            let coverage = Duration::from_secs(minutes * 60).min(window.length(slo.period));
            (Tally { events: 1000, bad: 0 }, coverage)
        });
        states.slos[0].report = Report::of(seen, slo.period, slo.objective);
        assert_eq!(row(&states.slos[0])[7], said, "after {minutes} minutes");
    }
}

#[test]
fn without_events_an_slo_is_neither_well_nor_unknown_but_for_programs() {
    let standing_after = |events, bad, minutes: u64| {
        let mut states = states();
        let slo = states.slos[0].slo.clone();
        let seen = Window::ALL.map(|window| {
            let coverage = Duration::from_secs(minutes * 60).min(window.length(slo.period));
            (Tally { events, bad }, coverage)
        });
        states.slos[0].report = Report::of(seen, slo.period, slo.objective);
        let value = json("shop", json!({}), "", &states);
        (standing(&states.slos[0]), value["slos"][0]["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(standing_after(0, 0, 120), ("no events", "healthy".to_owned()));
    assert_eq!(standing_after(0, 0, 1), ("no events", "unknown".to_owned()));
    assert_eq!(standing_after(1000, 0, 120), ("healthy", "healthy".to_owned()));
    assert_eq!(standing_after(1000, 0, 1), ("unknown", "unknown".to_owned()));
    assert_eq!(standing_after(1000, 1000, 1), ("critical", "critical".to_owned()));
}

#[test]
fn programs_read_exact_decimals_and_seconds() {
    let value = json("shop", json!({"envoy": ["one"]}), "2026-01-01T00:00:00.000Z", &states());
    assert_eq!((&value["schema_version"], &value["service"]), (&json!(1), &json!("shop")));
    let [availability, latency, silent] = [0, 1, 2].map(|index| &value["slos"][index]);
    let budget = json!({
        "remaining_ratio": "-1.000000", "remaining_events": -10_000, "remaining_seconds": "-2592.000",
    });
    assert_eq!(availability["error_budget"], budget);
    assert_eq!((&availability["objective"], &availability["sli"]), (&json!("0.999000"), &json!("0.980000")));
    let hour = json!({
        "window": "1h", "seconds": 3600, "coverage_seconds": 3600, "events": 1_000_000,
        "bad_events": 20_000, "error_ratio": "0.020000", "burn_rate": "20.000",
    });
    assert_eq!(availability["windows"][2], hour);
    let pair = json!({"long": "6h", "short": "30m", "factor": "6.000", "over": true});
    assert_eq!(availability["pairs"][1], pair);
    assert_eq!(latency["latency_threshold_seconds"], json!("0.300000"));
    assert_eq!(latency["latency_p99_1h_milliseconds"], json!(212));
    assert_eq!(latency["windows"][7]["window"], json!("7d"));
    assert_eq!((&silent["sli"], &silent["exhausted_in_seconds"]), (&Value::Null, &Value::Null));
}

#[test]
fn every_key_and_every_status_is_documented() {
    let page = include_str!("../../../../docs/json.md");
    let value = json("shop", json!({"envoy": [], "prometheus": ""}), "", &states());
    let all = keys(&value);
    assert!(all.len() > 30, "{all:?}");
    for key in all {
        let written = [format!("`{key}`"), format!("\"{key}\"")];
        assert!(written.iter().any(|written| page.contains(written)), "{key}");
    }
    use SloStatus::{AtRisk, Critical, Exhausted, Healthy, Unknown};
    for known in [Healthy, AtRisk, Critical, Exhausted, Unknown] {
        assert!(page.contains(&format!("`{}`", status(known))), "{known:?}");
    }
}
