//! What is rendered for Prometheus, read by promtool: every rule parses, every alert fires when it should and not before.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline::config::Config;
use redline_cli::render::grafana;
use support::tools::{must, read, rendered, run};

#[test]
fn every_alert_of_the_profile_fires_when_it_should_and_is_silent_just_below() {
    let folder = rendered(&profile::config(), 1);
    must("promtool", folder.path(), &["check", "rules", "rules.yaml", "alerts.yaml"]);
    must("promtool", folder.path(), &["test", "rules", "tests.yaml"]);
}

#[test]
fn every_alert_that_takes_days_does_too() {
    let folder = rendered(&profile::config(), 1);
    must("promtool", folder.path(), &["test", "rules", "tests-slow.yaml"]);
}

/// One SLO of each period that the workbook and Sloth have factors for.
const PERIODS: &str = "service: x\nslos:\n\
    - {name: a, objective: 99.9, period: 30d, sli: {availability: {}}}\n\
    - {name: b, objective: 99.9, period: 28d, sli: {availability: {}}}\n\
    - {name: c, objective: 99.9, period: 7d, sli: {availability: {}}}\n";

#[test]
fn alerts_that_take_days_fire_on_time_at_every_period() {
    let folder = rendered(&read(PERIODS), 1);
    let tests = std::fs::read_to_string(folder.path().join("tests-slow.yaml")).expect("the file");
    for pair in ["Slow", "Slowest"] {
        for slo in ["a", "b", "c"] {
            let name = format!("SLOBurnRate{pair} of {slo} fires and ends on time");
            assert!(tests.contains(&name), "{name}");
        }
    }
    must("promtool", folder.path(), &["test", "rules", "tests-slow.yaml"]);
}

#[test]
fn thresholds_and_windows_are_those_of_the_table_for_30_28_and_7_days() {
    let folder = rendered(&read(PERIODS), 1);
    let alerts = std::fs::read_to_string(folder.path().join("alerts.yaml")).expect("the file");
    let table = [
        ("1h", "5m", ["14.4", "13.44", "13.44"]),
        ("6h", "30m", ["6", "5.6", "3.5"]),
        ("1d", "2h", ["3", "2.8", "1.4"]),
        ("3d", "6h", ["1", "0.933333", "0.98"]),
    ];
    for (long, short, factors) in table {
        for (slo, factor) in ["a", "b", "c"].into_iter().zip(factors) {
            let over = |window| {
                format!("slo_burn_rate{{service=\"x\",slo=\"{slo}\",window=\"{window}\"}} > {factor}\n")
            };
            let [long, short] = [long, short].map(over);
            let pair = format!("{long}          and ignoring (window)\n          {short}");
            assert_eq!(alerts.matches(&pair).count(), 1, "{pair}in\n{alerts}");
        }
    }
}

#[test]
fn a_time_scale_at_which_nothing_could_be_seen_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("redline.yaml"), "service: x").expect("a file");
    for (scale, code) in [("0", 2), ("60", 0), ("61", 2), ("x", 2)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_redline"));
        let arguments =
            ["render", "prometheus", "--config", "redline.yaml", "--out", "out", "--time-scale", scale];
        let output = command.args(arguments).current_dir(folder.path()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{scale}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            said.contains("expected 1 to 60: at 60 the shortest window is two seconds"),
            code == 2,
            "{said}"
        );
    }
}

#[test]
fn what_a_configuration_calls_its_endpoints_is_no_part_of_a_query() {
    let text = r#"service: x
endpoints: {templates: ["/v1/$batch", "/v1/$S/{id}"]}
slos:
- {name: one, objective: 99, sli: {latency: {threshold: 1s}}, where: {endpoint: ["/v1/$batch"]}}
- {name: two, objective: 99, sli: {latency: {threshold: 1s}}, where: {endpoint: ["/v1/$batch", "/v1/$S/{id}"]}}
"#;
    let folder = rendered(&read(text), 1);
    must("promtool", folder.path(), &["check", "rules", "rules.yaml", "alerts.yaml"]);
    let rules = std::fs::read_to_string(folder.path().join("rules.yaml")).expect("the file");
    let rules: serde_json::Value = serde_saphyr::from_str(&rules).expect("YAML");
    let all = rules["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["rules"].as_array())
        .flatten();
    let p99: Vec<&str> = all
        .filter(|rule| rule["record"] == "slo_http_request_latency_p99")
        .map(|rule| rule["expr"].as_str().expect("a query"))
        .collect();
    assert_eq!(p99.len(), 2);
    assert!(p99[0].contains(r#"endpoint="/v1/$batch""#), "{}", p99[0]);
    assert!(p99[1].contains(r#"endpoint=~"/v1/\\$batch|/v1/\\$S/\\{id\\}""#), "{}", p99[1]);
}

#[test]
fn the_tests_would_fail_if_an_alert_were_late_or_its_threshold_higher() {
    let folder = rendered(&read("service: x"), 1);
    let alerts = std::fs::read_to_string(folder.path().join("alerts.yaml")).expect("the file");
    for (from, to) in [(" > 0.01\n", " > 0.02\n"), ("for: 5m", "for: 6m"), (" > 0.05\n", " > 0.04\n")] {
        let changed = alerts.replace(from, to);
        assert_ne!(changed, alerts, "{from}");
        std::fs::write(folder.path().join("alerts.yaml"), changed).expect("a file");
        let (good, text) = run("promtool", folder.path(), &["test", "rules", "tests.yaml"]);
        assert!(!good && text.contains("FAILED"), "{from} to {to}: {text}");
    }
}

#[test]
fn a_configuration_with_other_names_periods_and_scale_passes_its_own_tests() {
    for (text, scale) in [
        (
            "service: x\nmetric_prefix: edge_\nduration_unit: us\nuser: {sources: [{header: u}]}\nslos:\n\
             - {name: weekly, objective: 99.5, period: 7d, sli: {availability: {}}, where: {method: [GET, PUT]}}\n\
             - {name: slow, objective: 95, period: 28d, sli: {latency: {threshold: 1s}}}\n\
             alerting: {min_failures: 0, disable: [HighErrorRate, SLOBurnRateFast/weekly, ErrorBudgetBurnRateHigh/weekly, SLONoTraffic/weekly]}",
            1,
        ),
        ("service: x\nslos: [{name: a, objective: 99.9, sli: {availability: {}}}]", 60),
        // Gauges that are another way round than in the profile: each upstream's, or not.
        (
            "service: x\nmetrics:\n\
             - {name: db_connections, type: gauge, value: {orca: named_metrics.a}, labels: {state: {constant: active}}}\n\
             - {name: db_pool_size, type: gauge, value: {orca: named_metrics.b}}\n\
             - {name: db_pool_overflow, type: gauge, value: {orca: named_metrics.c}}\n\
             - {name: cache_size_bytes, type: gauge, value: {orca: named_metrics.d}}\n\
             - {name: queue_depth, type: gauge, value: {orca: named_metrics.e}, per_upstream: true}\n\
             - {name: queue_jobs_total, type: counter, labels: {outcome: {server_timing: job}}}\n\
             - {name: rate_limit_remaining, type: gauge, value: {rate_limit: remaining}}\n",
            1,
        ),
    ] {
        let folder = rendered(&read(text), scale);
        must("promtool", folder.path(), &["check", "rules", "rules.yaml", "alerts.yaml"]);
        must("promtool", folder.path(), &["test", "rules", "tests.yaml"]);
    }
}

#[test]
fn whatever_is_configured_the_rules_parse() {
    let none = redline::metric::Metric::ALL.map(|m| m.name(redline::metric::DurationUnit::Milliseconds));
    for text in [format!("service: x\ndisable: {none:?}"), "service: x".to_owned()] {
        let folder = rendered(&read(&text), 60);
        must("promtool", folder.path(), &["check", "rules", "rules.yaml", "alerts.yaml"]);
    }
}

/// Every query of the dashboards, as Prometheus would get it: the variables are those of Grafana.
fn queries(config: &Config) -> Vec<String> {
    let dashboards = [grafana::overview(config), grafana::slos(config)];
    let panels = dashboards.iter().flat_map(|dashboard| dashboard["panels"].as_array().expect("panels"));
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let text = |target: &serde_json::Value| target["expr"].as_str().expect("a query").to_owned();
    targets.map(|target| text(target).replace("$__rate_interval", "1m")).collect()
}

#[test]
fn check_and_render_refuse_what_could_never_fire_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "service: x\nslos:\n  - name: a\n    objective: 90\n    sli: {availability: {}}\nalerting:\n  disable: [Nope]\n";
    std::fs::write(folder.path().join("redline.yaml"), text).expect("a file");
    let redline = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_redline"));
        let output = command.args(arguments).current_dir(folder.path()).output().expect("it runs");
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), said)
    };
    let render: &[&str] = &["render", "prometheus", "--config", "redline.yaml", "--out", "out"];
    for (arguments, code) in [(&["check", "redline.yaml"] as &[&str], 1), (render, 2)] {
        let (exit, said) = redline(arguments);
        assert_eq!(exit, Some(code), "{said}");
        assert!(
            said.contains(
                "redline.yaml:4: $.slos[0].objective: 90: SLOBurnRateFast (1h/5m) could never fire"
            ),
            "{said}"
        );
        assert!(
            said.contains("redline.yaml:7: $.alerting.disable[0]: \"Nope\": no alert has this name"),
            "{said}"
        );
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn every_query_of_the_dashboards_parses() {
    let folder = tempfile::tempdir().expect("a folder");
    let queries = queries(&profile::config());
    assert!(queries.len() > 50, "{}", queries.len());
    let rules: Vec<serde_json::Value> = queries
        .iter()
        .enumerate()
        .map(|(i, query)| serde_json::json!({"record": format!("panel:{i}"), "expr": query}))
        .collect();
    let text = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]}).to_string();
    std::fs::write(folder.path().join("panels.yaml"), text).expect("a file");
    must("promtool", folder.path(), &["check", "rules", "panels.yaml"]);
}
