use super::*;
use crate::document::Document;
use crate::render::promql::metric_names;
use crate::render::tests::{must_equal_golden_in, profile};
use std::collections::BTreeSet;

/// Panels without rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").collect()
}

fn rows(dashboard: &Value) -> usize {
    dashboard["panels"].as_array().unwrap().len() - panels(dashboard).len()
}

fn both(config: &Config) -> [Value; 2] {
    [overview(config), slos(config)]
}

#[test]
fn the_profile_renders_as_the_files_that_are_checked_in() {
    for file in render(&profile::config()) {
        must_equal_golden_in("monitoring/grafana", &file);
    }
}

#[test]
fn the_overview_has_five_rows_and_the_slos_have_six_and_no_panel_is_missing() {
    let config = profile::config();
    let [overview, slos] = both(&config);
    assert_eq!((rows(&overview), rows(&slos)), (5, 6));
    let wanted = |rows: &[Row]| rows.iter().map(|row| row.panels.len()).sum::<usize>();
    assert_eq!(panels(&overview).len(), wanted(&overview::rows(&config)));
    assert_eq!(panels(&slos).len(), wanted(&slo::rows(&config)));
    assert!(panels(&overview).len() >= 25);
}

#[test]
fn every_query_asks_for_metrics_that_exist_and_variables_that_are_defined() {
    let bare = Document::from_text("test", "service: x\nmetric_prefix: edge_").unwrap().config;
    for config in [bare, profile::config()] {
        let vocabulary = prometheus::vocabulary(&config, 1);
        let names: BTreeSet<&str> = vocabulary.names().collect();
        for dashboard in both(&config) {
            let variables: BTreeSet<&str> = dashboard["templating"]["list"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v["name"].as_str().unwrap())
                .collect();
            for panel in panels(&dashboard) {
                assert_ne!(panel["fieldConfig"]["defaults"]["unit"], "", "{}", panel["title"]);
                for target in panel["targets"].as_array().unwrap() {
                    let query = target["expr"].as_str().unwrap();
                    for name in metric_names(query) {
                        assert!(names.contains(name.as_str()), "{name} in {query}");
                    }
                    for (_, rest) in query.match_indices('$').map(|(at, _)| query.split_at(at + 1)) {
                        let name: String =
                            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                        assert!(
                            variables.contains(name.as_str()) || name == "__rate_interval",
                            "${name} in {query}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_two_panels_share_an_id_or_a_place() {
    for dashboard in both(&profile::config()) {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
            let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{} at {x}, {y}", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn links_lead_to_runbooks_and_thresholds_come_from_the_objectives() {
    let known = prometheus::known_alerts();
    let [overview, slos] = both(&profile::config());
    let all: Vec<&Value> = panels(&overview).into_iter().chain(panels(&slos)).collect();
    let links: Vec<&str> = all.iter().filter_map(|panel| panel["links"][0]["url"].as_str()).collect();
    assert!(links.len() > 30);
    for link in links {
        let alert =
            link.strip_prefix("https://runbooks.example.com/redline/").unwrap().strip_suffix(".md").unwrap();
        assert!(known.contains(alert), "{alert}");
    }
    let steps = |title: &str| {
        let panel = all.iter().find(|panel| panel["title"] == title).unwrap();
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().unwrap();
        steps.iter().filter_map(|step| step["value"].as_f64()).collect::<Vec<_>>()
    };
    assert_eq!(steps("Availability").first(), Some(&0.999));
    assert_eq!(steps("Latency, 99th percentile").last(), Some(&1.0));
    assert_eq!(steps("Burn rate, last hour").last(), Some(&14.4));
}
