//! What the panels show of SLOs, computed by Prometheus itself: every status, and SLOs of several periods.

mod support;

use redline::config::Config;
use redline_cli::render::grafana;
use serde_json::{Value, json};
use support::tools::must;

const SLOS: [(&str, &str); 3] = [("a", "30d"), ("b", "7d"), ("c", "30d")];

fn config() -> Config {
    let slos = SLOS.map(|(name, period)| {
        json!({"name": name, "objective": 99, "period": period, "sli": {"availability": {}}})
    });
    Config::from_value(&json!({"service": "x", "slos": slos})).expect("a configuration")
}

/// The query of a panel of the SLO dashboard.
fn query(title: &str) -> String {
    let dashboard = grafana::slos(&config());
    let panels = dashboard["panels"].as_array().expect("panels");
    let panel = panels.iter().find(|panel| panel["title"] == title).expect("the panel");
    panel["targets"][0]["expr"].as_str().expect("a query").replace("$service", "x")
}

/// What is recorded of one SLO: how much of the period was seen, what is left, and the burn rate by window.
struct Recorded {
    slo: &'static str,
    coverage: f64,
    left: f64,
    burn: [f64; 8],
}

const HEALTHY: Recorded = Recorded { slo: "a", coverage: 1.0, left: 0.9, burn: [0.1; 8] };

impl Recorded {
    fn series(&self) -> Vec<Value> {
        let period = SLOS.into_iter().find(|(name, _)| *name == self.slo).expect("the SLO").1;
        let one = |name: &str, window: &str, value: f64| {
            let window = if window.is_empty() { String::new() } else { format!(",window=\"{window}\"") };
            json!({"series": format!("{name}{{service=\"x\",slo=\"{}\"{window}}}", self.slo), "values": value.to_string()})
        };
        let windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", period];
        let burns =
            windows.into_iter().zip(self.burn).map(|(window, burn)| one("slo_burn_rate", window, burn));
        let more = [
            one("slo_error_budget", "", 0.01),
            one("slo:events:increase", period, 1000.0),
            one("slo:bad_events:increase", period, 3.0),
            one("slo:coverage:ratio", period, self.coverage),
            one("slo_error_budget_remaining", "", self.left),
        ];
        burns.chain(more).collect()
    }
}

/// Has promtool compute a query over what is recorded; it must give these values.
fn must_show(query: &str, recorded: &[Recorded], expected: &[(Value, f64)]) {
    let series: Vec<Value> = recorded.iter().flat_map(Recorded::series).collect();
    let samples: Vec<Value> = expected
        .iter()
        .map(|(labels, value)| {
            let labels = labels.as_object().expect("labels").iter();
            let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
            json!({"labels": format!("{{{}}}", labels.join(",")), "value": value})
        })
        .collect();
    let test = json!({
        "rule_files": [],
        "tests": [{
            "input_series": series,
            "promql_expr_test": [{"expr": query, "eval_time": "0m", "exp_samples": samples}],
        }],
    });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tests.yaml"), test.to_string()).expect("a file");
    must("promtool", folder.path(), &["test", "rules", "tests.yaml"]);
}

#[test]
fn the_status_is_the_worst_that_holds_with_the_factors_of_the_slos_own_period() {
    let burn = |pairs: [f64; 4]| {
        let [fast, medium, slow, slowest] = pairs;
        // The 6h window is in two pairs.
        [fast, medium, fast, slow, medium.max(slowest), slow, slowest, 0.1]
    };
    let quiet = burn([0.1; 4]);
    let day_30 = 3600.0 / (30.0 * 86_400.0);
    let day_7 = 3600.0 / (7.0 * 86_400.0);
    for (slo, coverage, left, burn, status) in [
        ("a", 1.0, 0.9, quiet, 0.0),
        ("a", day_30 * 0.98, 0.9, quiet, 4.0),
        ("a", day_30 * 1.02, 0.9, quiet, 0.0),
        ("b", day_7 * 0.98, 0.9, quiet, 4.0),
        ("b", day_7 * 1.02, 0.9, quiet, 0.0),
        // What is bad is known early.
        ("a", day_30 * 0.5, 0.9, burn([15.0, 0.1, 0.1, 0.1]), 2.0),
        ("a", 1.0, 0.9, burn([14.4, 0.1, 0.1, 0.1]), 0.0),
        ("a", 1.0, 0.9, burn([14.5, 0.1, 0.1, 0.1]), 2.0),
        ("b", 1.0, 0.9, burn([13.4, 0.1, 0.1, 0.1]), 0.0),
        ("b", 1.0, 0.9, burn([13.5, 0.1, 0.1, 0.1]), 2.0),
        // Only the long window, or only the short one.
        ("a", 1.0, 0.9, [0.1, 0.1, 20.0, 0.1, 0.1, 0.1, 0.1, 0.1], 0.0),
        ("a", 1.0, 0.9, [20.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], 0.0),
        ("a", 1.0, 0.9, burn([0.1, 6.1, 0.1, 0.1]), 2.0),
        ("a", 1.0, 0.9, burn([0.1, 3.6, 0.1, 0.1]), 0.0),
        ("b", 1.0, 0.9, burn([0.1, 3.6, 0.1, 0.1]), 2.0),
        ("a", 1.0, 0.9, burn([0.1, 0.1, 3.1, 0.1]), 1.0),
        ("b", 1.0, 0.9, burn([0.1, 0.1, 1.5, 0.1]), 1.0),
        ("a", 1.0, 0.9, burn([0.1, 0.1, 1.5, 0.1]), 0.0),
        ("a", 1.0, 0.9, burn([0.1, 0.1, 0.1, 1.1]), 1.0),
        ("a", 1.0, 0.25, quiet, 0.0),
        ("a", 1.0, 0.24, quiet, 1.0),
        ("a", 1.0, 0.24, burn([20.0, 0.1, 0.1, 0.1]), 2.0),
        ("a", 1.0, 0.0, quiet, 3.0),
        ("b", 1.0, -2.0, burn([20.0, 0.1, 0.1, 0.1]), 3.0),
    ] {
        // The other period's SLO is there too, and well.
        let other = if slo == "a" { "b" } else { "a" };
        let recorded = [Recorded { slo, coverage, left, burn }, Recorded { slo: other, ..HEALTHY }];
        let expected =
            [(json!({"service": "x", "slo": slo}), status), (json!({"service": "x", "slo": other}), 0.0)];
        must_show(&query("Status"), &recorded, &expected);
    }
}

#[test]
fn a_panel_about_the_period_shows_each_slo_with_its_own() {
    let recorded = SLOS.map(|(slo, _)| {
        let mut burn = [20.0; 8];
        burn[7] = 0.5;
        Recorded { slo, burn, ..HEALTHY }
    });
    let each = |value: f64, name: Option<&str>| {
        SLOS.map(|(slo, period)| {
            let mut labels = json!({"service": "x", "slo": slo, "window": period});
            if let Some(name) = name {
                labels["__name__"] = json!(name);
            }
            (labels, value)
        })
    };
    must_show(&query("Burn rate, the period"), &recorded, &each(0.5, Some("slo_burn_rate")));
    let failures = query("Failures in the period");
    must_show(&failures, &recorded, &each(3.0, Some("slo:bad_events:increase")));
    // 1 % of 1000 may fail, and 3 have.
    must_show(&query("Failures that the period still allows"), &recorded, &each(7.0, None));
}
