//! What is rendered for Alertmanager, read by amtool: who is told of which severity and category.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline_cli::document::Document;
use redline_cli::render::{alertmanager, prometheus};
use support::tools::{must, write};

#[test]
fn amtool_accepts_it_with_every_receiver_and_with_none() {
    let none = Document::from_text("test", "service: x").expect("a configuration").config;
    for config in [profile::config(), none] {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &alertmanager::render(&config, 1));
        must("amtool", folder.path(), &["check-config", "alertmanager.yml"]);
    }
}

#[test]
fn each_severity_and_category_reaches_who_should_know() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &alertmanager::render(&profile::config(), 1));
    let who = |labels: &[String]| {
        let mut arguments = vec!["config", "routes", "test", "--config.file=alertmanager.yml"];
        arguments.extend(labels.iter().map(String::as_str));
        must("amtool", folder.path(), &arguments).lines().next().unwrap_or_default().to_owned()
    };
    let label = |name: &str, value: &str| format!("{name}={value}");
    for category in prometheus::Category::ALL.map(prometheus::Category::as_str) {
        let [critical, warning, info] = match category {
            "security" => ["security-page", "security", "security"],
            "business" => ["pagerduty", "business", "business"],
            "latency" => ["pagerduty", "performance", "ops-email"],
            "tenants" | "rate_limiting" => ["pagerduty", "tenants", "ops-email"],
            "database" | "cache" | "infrastructure" => ["pagerduty", "platform", "ops-email"],
            _ => ["pagerduty", "alerts", "ops-email"],
        };
        for (severity, receiver) in [("critical", critical), ("warning", warning), ("info", info)] {
            let labels =
                [label("severity", severity), label("category", category), label("service", "ml-platform")];
            assert_eq!(who(&labels), format!("webhook,{receiver}"), "{labels:?}");
        }
    }
    for (severity, receiver) in [("critical", "slo-page"), ("warning", "slo"), ("info", "ops-email")] {
        let labels =
            [label("severity", severity), label("category", "error_budget"), label("slo", "availability")];
        assert_eq!(who(&labels), format!("webhook,{receiver}"), "{labels:?}");
    }
}
