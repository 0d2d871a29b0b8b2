use super::*;
use crate::document::Document;
use crate::render::promql::metric_names;
use crate::render::tests::{must_equal_golden_in, profile};
use std::collections::BTreeMap;
use std::path::Path;

fn read(text: &str) -> Config {
    Document::from_text("test", text).unwrap().config
}

#[test]
fn the_profile_renders_as_the_files_that_are_checked_in() {
    for file in render(&profile::config(), 1) {
        must_equal_golden_in("monitoring/prometheus", &file);
    }
}

#[test]
fn the_profile_has_every_alert_and_each_category_has_some() {
    let config = profile::config();
    let alerts = alerts(&config);
    let names: BTreeSet<&str> = alerts.iter().map(|(name, ..)| name.as_str()).collect();
    let known = known_alerts();
    assert_eq!(known.difference(&names).collect::<Vec<_>>(), Vec::<&&str>::new(), "not rendered");
    assert!(names.len() >= 40, "{}", names.len());
    let mut categories: BTreeMap<Category, BTreeSet<&str>> = BTreeMap::new();
    for (name, category, _) in &alerts {
        categories.entry(*category).or_default().insert(name);
    }
    assert_eq!(categories.len(), 10);
    assert!(categories.values().all(|names| names.len() >= 4), "{categories:?}");
    let severities: BTreeSet<Severity> = alerts.iter().map(|(_, _, severity)| *severity).collect();
    assert_eq!(severities.len(), 3);
}

#[test]
fn the_alerts_of_the_system_before_are_there_by_name() {
    let of_origin = [
        "HighErrorRate",
        "SLOViolation",
        "ServiceDown",
        "LowAvailability",
        "HighLatencyP99",
        "HighLatencyP95",
        "SlowDatabaseQueries",
        "ErrorBudgetCritical",
        "ErrorBudgetLow",
        "ErrorBudgetBurnRateHigh",
        "HighRateLimitHitRate",
        "TenantRateLimitExceeded",
        "DatabaseConnectionPoolExhausted",
        "DatabaseConnectionErrors",
        "HighDatabaseQueryErrorRate",
        "NoModelsCreated",
        "HighModelFailureRate",
        "PredictionLatencyHigh",
        "TenantIsolationViolation",
        "UnauthorizedAccessAttempts",
        "AuthenticationFailures",
        "QueueBacklogHigh",
        "QueueWaitHigh",
        "QueueJobsFailing",
        "CacheHitRateLow",
        "TenantErrorRateHigh",
    ];
    let known = known_alerts();
    for name in of_origin {
        assert!(known.contains(name), "{name}");
    }
}

#[test]
fn no_rule_asks_for_a_metric_that_the_configuration_does_not_have() {
    let tenants = "service: x\nuser: {sources: [{header: u}]}\nduration_unit: us\nmetric_prefix: edge_";
    let slos = "service: x\nslos: [{name: a, objective: 99, period: 7d, sli: {latency: {threshold: 1s}}}]";
    let none = format!(
        "service: x\ndisable: {:?}",
        redline::metric::Metric::ALL.map(|m| m.name(redline::metric::DurationUnit::Milliseconds))
    );
    for config in [read("service: x"), read(tenants), read(slos), read(&none), profile::config()] {
        let set = Set::of(&config, 1);
        let names: BTreeSet<&str> = set.vocabulary.names().collect();
        let records = set.groups.iter().flat_map(|group| &group.rules).map(|rule| &rule.expr);
        for expr in records.chain(set.alerts.iter().map(|rule| &rule.expr)) {
            for name in metric_names(expr) {
                assert!(names.contains(name.as_str()), "{name} in {expr}");
            }
            assert!(!expr.contains('$'), "{expr}");
        }
    }
    let custom = ["QueueBacklogHigh", "NoModelsCreated", "CacheHitRateLow", "DatabasePoolOverflow"];
    let rendered = alerts(&read("service: x"));
    assert!(!rendered.iter().any(|(name, ..)| custom.contains(&name.as_str())), "{rendered:?}");
    assert!(alerts(&read(&none)).len() <= 4, "what Prometheus and Envoy say themselves");
}

#[test]
fn every_alert_says_what_happens_and_what_to_do_and_has_a_test() {
    let set = Set::of(&profile::config(), 1);
    let mut tests: BTreeMap<&str, Vec<&cases::Test>> = BTreeMap::new();
    for rule in &set.alerts {
        tests.entry(rule.name).or_default().extend(&rule.tests);
        assert!(rule.texts.summary.len() > 20 && rule.texts.summary.len() < 110, "{}", rule.name);
        assert!(rule.texts.description.len() > 60, "{}", rule.name);
        assert_eq!(rule.texts.runbook_url, format!("https://runbooks.example.com/redline/{}.md", rule.name));
        assert_eq!(rule.labels.get("team").map(String::as_str), Some("edge"));
    }
    for (name, tests) in tests {
        let fires = |test: &&cases::Test| test.checks.iter().any(|check| check.firing.is_some());
        assert!(tests.iter().any(fires), "{name}");
        assert!(!tests.iter().all(fires), "{name}");
    }
}

#[test]
fn disabled_alerts_are_not_rendered_and_unknown_ones_are_refused() {
    let config = read("service: x\nalerting: {disable: [HighErrorRate]}");
    assert!(!alerts(&config).iter().any(|(name, ..)| name == "HighErrorRate"));
    assert_eq!(check(&config), []);
    let errors = check(&read("service: x\nalerting: {disable: [HighErrorRat]}"));
    let expected =
        "$.alerting.disable[0]: \"HighErrorRat\": no alert has this name; docs/runbooks has a page for each";
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_burn_rate_that_a_full_outage_does_not_reach_is_refused_unless_it_is_disabled() {
    let with = |objective: &str, disable: &str| {
        read(&format!(
            "service: x\nslos: [{{name: a, objective: {objective}, sli: {{availability: {{}}}}}}]\nalerting: {{disable: [{disable}]}}"
        ))
    };
    assert_eq!(check(&with("93.06", "")), []);
    let errors = check(&with("93.05", ""));
    let expected = "$.slos[0].objective: 93.05: SLOBurnRateFast (1h/5m) could never fire: a full outage burns the budget \
                    less than 14.4 times as fast as it may; more than 93.06 % is needed, or SLOBurnRateFast in alerting.disable";
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    let config = with("90", "SLOBurnRateFast");
    assert_eq!(check(&config), []);
    assert!(!alerts(&config).iter().any(|(name, ..)| name == "SLOBurnRateFast"));
    assert_eq!(check(&with("50", "")).len(), 3);
}

#[test]
fn the_scale_divides_windows_and_pauses_and_keeps_the_windows_names() {
    let text: String = render(&profile::config(), 60).into_iter().map(|file| file.text).collect();
    assert!(text.contains("increase(slo_events_total{service=\\\"ml-platform\\\"}[5s])"), "{text}");
    assert!(
        text.contains("[12h:5s]") && text.contains("window: \"30d\"") && text.contains("        for: 5s\n")
    );
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks");
    for name in known_alerts() {
        let text = std::fs::read_to_string(folder.join(format!("{name}.md"))).unwrap_or_default();
        for heading in [&format!("# {name}\n"), "## Impact\n", "## Look\n", "## Do\n"] {
            assert!(text.contains(heading), "docs/runbooks/{name}.md has no {heading}");
        }
    }
    let pages =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let known = known_alerts();
    for page in pages.filter(|page| page != "README.md") {
        assert!(known.contains(page.trim_end_matches(".md")), "docs/runbooks/{page} is of no alert");
    }
}
