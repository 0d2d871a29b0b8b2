use super::*;
use crate::document::Document;
use crate::render::promql::metric_names;
use crate::render::tests::{must_equal_golden_in, profile};
use redline::metric::{DurationUnit, Kind, Metric};
use std::collections::{BTreeMap, BTreeSet};

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
fn a_panel_is_rendered_or_named_as_left_out() {
    assert_eq!(left_out(&profile::config()), [""; 0]);
    let bare = Document::from_text("test", "service: x").unwrap().config;
    let out = left_out(&bare);
    assert!(out.contains(&"Models") && out.contains(&"Error budget left"), "{out:?}");
    for dashboard in both(&bare) {
        for panel in panels(&dashboard) {
            assert!(!out.contains(&panel["title"].as_str().unwrap()), "{}", panel["title"]);
        }
    }
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

/// Two SLOs that differ in all that a panel may show of them.
fn two_periods() -> Config {
    let slos = "[{name: month, objective: 99.9, sli: {availability: {}}},
        {name: week, objective: 95, period: 7d, sli: {latency: {threshold: 200ms}}},
        {name: slow, objective: 95, period: 7d, sli: {latency: {threshold: 2s}}}]";
    Document::from_text("test", &format!("service: x\nslos: {slos}")).unwrap().config
}

#[test]
fn each_slo_has_the_colours_of_its_own_objective_period_and_threshold() {
    let [overview, slos] = both(&two_periods());
    let all: Vec<&Value> = panels(&overview).into_iter().chain(panels(&slos)).collect();
    // The values of the steps of each SLO; `` is who is not named.
    let colours = |title: &str| -> BTreeMap<String, Vec<f64>> {
        let panel = all.iter().find(|panel| panel["title"] == title).unwrap();
        let values = |thresholds: &Value| {
            thresholds["steps"].as_array().unwrap().iter().filter_map(|step| step["value"].as_f64()).collect()
        };
        let config = &panel["fieldConfig"];
        let own = config["overrides"].as_array().unwrap().iter().map(|own| {
            assert_eq!(own["matcher"]["id"], "byName");
            let name = own["matcher"]["options"].as_str().unwrap().to_owned();
            (name, values(&own["properties"][0]["value"]))
        });
        own.chain([(String::new(), values(&config["defaults"]["thresholds"]))]).collect()
    };
    for title in ["Availability", "Success rate, last hour"] {
        let colours = colours(title);
        assert_eq!((colours[""][0], colours["week"][0], colours["slow"][0]), (0.999, 0.95, 0.95), "{title}");
    }
    for (title, month, week) in [
        ("Burn rate, last hour", 14.4, 13.44),
        ("Burn rate, 1 hour", 14.4, 13.44),
        ("Burn rate, 6 hours", 6.0, 3.5),
        ("Burn rate, 3 days", 1.0, 0.98),
    ] {
        let colours = colours(title);
        let last = |name: &str| *colours[name].last().unwrap();
        assert_eq!((last(""), last("week"), last("slow")), (month, week, week), "{title}");
    }
    assert_eq!(
        colours("Burn rate, the period"),
        [("", [0.75, 1.0]), ("week", [0.75, 1.0]), ("slow", [0.75, 1.0])]
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .into()
    );
    let p99 = colours("Latency, 99th percentile of an hour");
    assert_eq!((p99[""].last(), p99["slow"].last(), p99.get("week")), (Some(&0.2), Some(&2.0), None));
    let dial = all.iter().find(|panel| panel["title"] == "Availability").unwrap();
    assert_eq!(dial["fieldConfig"]["defaults"]["min"], 0.9);
}

#[test]
fn no_panel_shows_what_one_proxy_alone_thinks_of_an_slo() {
    let own: BTreeSet<&str> = Metric::ALL
        .into_iter()
        .filter(|metric| metric.is_of_slo() && metric.kind() == Kind::Gauge)
        .map(|metric| metric.name(DurationUnit::Milliseconds))
        .collect();
    assert!(own.contains("slo_status") && own.contains("slo_availability_ppm"), "{own:?}");
    for config in [two_periods(), profile::config()] {
        for dashboard in both(&config) {
            for target in panels(&dashboard).iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
                let query = target["expr"].as_str().unwrap();
                for name in metric_names(query) {
                    assert!(!own.contains(name.as_str()), "{name} in {query}");
                }
            }
        }
    }
}

#[test]
fn no_two_services_share_a_dashboard_and_nothing_of_a_grafana_is_taken_over() {
    let config = |service: &str| Document::from_text("test", &format!("service: {service}")).unwrap().config;
    let long = "a".repeat(62);
    let mut uids = BTreeSet::new();
    for service in ["shop", "shop-2", &format!("{long}1"), &format!("{long}2")] {
        for dashboard in both(&config(service)) {
            let uid = dashboard["uid"].as_str().unwrap().to_owned();
            assert!(uid.len() <= 40 && uid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{uid}");
            assert!(uids.insert(uid.clone()), "{uid}");
        }
    }
    assert!(uids.iter().any(|uid| uid.starts_with("redline-overview-shop-")));
    let sources: Value = serde_saphyr::from_str(&datasources(&config("shop"))).unwrap();
    let source = &sources["datasources"][0];
    assert_eq!((&source["isDefault"], &source["name"]), (&json!(false), &json!(DATASOURCE_NAME)));
}
