use super::*;
use crate::document::Document;
use crate::render::tests::{must_equal_golden_in, profile};

#[test]
fn the_profile_renders_as_the_files_that_are_checked_in() {
    for file in render(&profile::config(), 1) {
        must_equal_golden_in("monitoring/alertmanager", &file);
    }
}

#[test]
fn it_is_yaml_with_ten_receivers_and_more_and_every_route_has_its_own() {
    let text = text(&profile::config(), 1);
    let read: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let receivers: Vec<&str> =
        read["receivers"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert!(receivers.len() >= 10, "{receivers:?}");
    let routes = read["route"]["routes"].as_array().unwrap();
    for receiver in &receivers {
        let used = routes.iter().any(|route| route["receiver"].as_str() == Some(receiver));
        assert!(used, "{receiver}");
    }
    assert_eq!(routes.len(), ROUTES.len());
}

#[test]
fn nothing_is_lost_where_only_one_way_is_configured() {
    let read = |receivers: &str| {
        let text = format!("service: x\nalerting: {{receivers: {{{receivers}}}}}");
        Document::from_text("test", &text).unwrap().config
    };
    for (receivers, way) in [
        ("slack: {api_url_file: /s}", "slack_configs"),
        ("pagerduty: {routing_key_file: /p}", "pagerduty_configs"),
        ("email: {from: a@b, smarthost: 'm:25', to: {business: c@d}}", "email_configs"),
    ] {
        let all = receivers::all(&read(receivers));
        assert!(all.iter().all(|receiver| receiver.integrations.contains(way)), "{all:?}");
    }
    let none = receivers::all(&read(""));
    assert!(none.iter().all(|receiver| receiver.integrations.is_empty() && receiver.name != "webhook"));
}
