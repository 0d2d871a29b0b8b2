//! `redline backtest` says which alerts recorded traffic would have fired, from when to when, and how another configuration
//! would have fared.

mod support;

use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const CONFIGURATION: &str =
    "service: shop\nslos:\n- {name: availability, objective: 99.9, sli: {availability: {}}}\n";
const LAX: &str = "service: shop\nslos:\n- {name: availability, objective: 90, sli: {availability: {}}}\n\
    alerting: {disable: [SLOBurnRateFast]}\n";

/// A request a second for four hours from 2026-01-01 on, of which ten minutes after two hours fail.
fn outage() -> String {
    let mut text = String::new();
    for second in 0..4 * 3600 {
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let status = if (120..130).contains(&(second / 60)) { 503 } else { 200 };
        let _infallible = writeln!(
            text,
            "{{\"time\":\"2026-01-01T{hour:02}:{minute:02}:{:02}Z\",\"path\":\"/\",\"status\":{status},\"duration_ms\":5}}",
            second % 60
        );
    }
    text
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// Runs `redline backtest` in a folder with both configurations and `traffic`.
fn backtest(traffic: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [("redline.yaml", CONFIGURATION), ("lax.yaml", LAX), ("none.yaml", "service: shop")];
    for (name, text) in files.into_iter().chain([("traffic.jsonl", traffic)]) {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    backtest_in(folder.path(), arguments)
}

fn backtest_in(folder: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_redline"))
        .arg("backtest")
        .arg("--wasm")
        .arg(support::wasm())
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("redline runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

const OUTAGE: [&str; 3] = ["--config", "redline.yaml", "traffic.jsonl"];

/// Seconds from 2026-01-01 to a time in the output.
fn seconds(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("RFC 3339");
    time.as_second() - 1_767_225_600
}

#[test]
fn an_outage_fires_what_the_windows_arithmetic_says_when_it_says() {
    let ran = backtest(&outage(), &[&OUTAGE[..], &["--output", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let json = ran.json();
    assert_eq!(json["exchanges"], 14_400);
    let slo = &json["slos"][0];
    assert_eq!((&slo["events"], &slo["bad_events"]), (&json!(14_400), &json!(600)));
    assert_eq!(slo["error_ratio"], "0.041667");
    // Ten minutes of 43.2 in 30 days; Prometheus' estimates are within a few percent of it.
    let left: f64 = slo["budget_remaining_ratio"].as_str().expect("a ratio").parse().expect("a number");
    assert!((left - (1.0 - 10.0 / 43.2)).abs() < 0.02, "{left}");
    // The long window sees 3600 s of traffic, or two hours of it; at least ten failures; and a scrape and an evaluation
    // may be late by 15 and 30 s, by 120 s for windows of a day.
    let outage = 7200;
    let expected = [
        ("SLOBurnRateFast", 14.4 * 3.6, 300.0, 45),
        ("SLOBurnRateMedium", 6.0 * 7.2, 1800.0, 45),
        ("SLOBurnRateSlow", 3.0 * 7.2, 7200.0, 135),
        ("SLOBurnRateSlowest", 10.0, f64::MAX, 135),
    ];
    for (name, after, gone, late) in expected {
        let alerts = json["alerts"].as_array().expect("alerts");
        let of: Vec<&Value> = alerts.iter().filter(|alert| alert["alert"] == name).collect();
        let [alert] = of[..] else { panic!("{name}: {of:?}") };
        let fired = seconds(&alert["firing_at"]) - outage;
        assert!(fired > after as i64 && fired <= after as i64 + late, "{name}: {fired}");
        assert_eq!(alert["pending_at"], alert["firing_at"], "there is no `for`");
        match alert["resolved_at"].is_null() {
            true => assert!(gone > 6600.0, "{name}"),
            false => {
                let ended = (seconds(&alert["resolved_at"]) - outage - 600) as f64;
                assert!(ended > gone * 0.9 && ended <= gone + late as f64, "{name}: {ended}");
            }
        }
    }
    let held = json["alerts"].as_array().expect("alerts").iter();
    let held: Vec<&Value> = held.filter(|alert| alert["alert"] == "ErrorBudgetBurnRateHigh").collect();
    assert_eq!(seconds(&held[0]["firing_at"]) - seconds(&held[0]["pending_at"]), 300, "`for: 5m`");
}

#[test]
fn only_fail_on_alert_makes_an_alert_a_failure() {
    let traffic = outage();
    for (config, more, code) in [
        ("redline.yaml", &[] as &[&str], 0),
        ("redline.yaml", &["--fail-on-alert"], 1),
        ("lax.yaml", &["--fail-on-alert"], 0),
        // What is compared with may fire.
        ("lax.yaml", &["--fail-on-alert", "--against", "redline.yaml"], 0),
        ("redline.yaml", &["--fail-on-alert", "--against", "lax.yaml"], 1),
    ] {
        let arguments = [&["--config", config, "traffic.jsonl"], more].concat();
        let ran = backtest(&traffic, &arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn tables_say_what_fired_from_when_to_when_in_a_hundred_columns() {
    let ran = backtest(&outage(), &OUTAGE);
    assert!(
        ran.out.starts_with("Service shop, 2026-01-01T00:00:00Z to 2026-01-01T04:00:00Z, 14,400 exchanges\n")
    );
    let line = ran.out.lines().find(|line| line.starts_with("SLOBurnRateFast")).expect("the alert");
    assert!(line.contains("critical  2026-01-01 02:0") && line.contains("2026-01-01 02:1"), "{line}");
    let still = ran.out.lines().find(|line| line.starts_with("SLOBurnRateSlowest")).expect("the alert");
    assert!(still.contains("still firing"), "{still}");
    assert!(ran.out.contains("windows are never seen whole: 6h, 1d, 3d, 30d"), "{}", ran.out);
    let longest = ran.out.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(100), "{longest:?}: {}", ran.out);
}

#[test]
fn another_configuration_is_tried_on_the_same_traffic_side_by_side() {
    let against = [&OUTAGE[..], &["--against", "lax.yaml"]].concat();
    let ran = backtest(&outage(), &against);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let rows: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("availability  ")).collect();
    assert!(
        rows.len() == 2 && rows[0].contains("redline.yaml") && rows[1].contains("lax.yaml"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("With lax.yaml:\n\nNo alert fires.\n"), "{}", ran.out);
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let report = [&against[..], &["--report", page.to_str().expect("a name")]].concat();
    assert_eq!(backtest(&outage(), &report).code, Some(0));
    let page = std::fs::read_to_string(page).expect("a page");
    for words in ["SLOBurnRateFast", "The same traffic with both configurations", "lax.yaml", "90 %"] {
        assert!(page.contains(words), "{words}");
    }
    let json = backtest(&outage(), &[&against[..], &["--output", "json"]].concat()).json();
    assert_eq!(json["against"]["slos"][0]["objective"], "0.900000");
    assert_eq!(json["against"]["alerts"], json!([]));
    assert!(json["slos"][0]["alerts"].as_u64() >= Some(4));
}

#[test]
fn the_example_in_the_guide_is_what_the_command_says() {
    let guide = include_str!("../docs/slo.md").split_once("\n## Backtest\n").expect("the section").1;
    let block = |kind: &str, n: usize| {
        let start = guide.split(&format!("\n```{kind}\n")).nth(n + 1).expect("a block");
        start.split_once("```").expect("its end").0
    };
    let folder = tempfile::tempdir().expect("a folder");
    let lower = block("yaml", 0).replace("99.9", "99.5");
    let files = [
        ("shop.yaml", block("yaml", 0)),
        ("lower.yaml", &lower),
        ("traffic.yaml", block("yaml scenario", 0)),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let arguments = ["--config", "shop.yaml", "--against", "lower.yaml", "traffic.yaml"];
    let ran = backtest_in(folder.path(), &arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out, block("text", 0));
}

#[test]
fn what_cannot_be_evaluated_is_refused_with_the_reason() {
    for (arguments, reason) in [
        (
            &["--config", "none.yaml", "traffic.jsonl"] as &[&str],
            "has no slos, so it has no alerts on burn rates",
        ),
        (&["--config", "redline.yaml", "-", "--against", "lax.yaml"], "--against reads the same twice"),
        (&["--config", "redline.yaml", "--against", "none.yaml", "traffic.jsonl"], "has no slos"),
        (&["--config", "redline.yaml", "nowhere.jsonl"], "nowhere.jsonl"),
    ] {
        let ran = backtest("", arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(reason), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
    let broken =
        backtest("{\"time\":\"2026-01-01T00:00:00Z\",\"path\":\"/\",\"status\":200}\nbroken\n", &OUTAGE);
    assert_eq!((broken.code, broken.out.as_str()), (Some(2), ""));
    assert!(broken.err.contains("traffic.jsonl:2"), "{}", broken.err);
}
