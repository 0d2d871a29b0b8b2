use super::*;
use crate::document::Document;
use crate::render::promql::metric_names;
use crate::render::tests::{must_equal_golden_in, profile};
use std::collections::{BTreeMap, BTreeSet};
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
    let mut tests: BTreeMap<&str, Vec<&promtool::Test>> = BTreeMap::new();
    for rule in &set.alerts {
        tests.entry(rule.name).or_default().extend(&rule.tests);
        assert!(rule.texts.summary.len() > 20 && rule.texts.summary.len() < 110, "{}", rule.name);
        assert!(rule.texts.description.len() > 60, "{}", rule.name);
        let url = format!("https://runbooks.example.com/redline/{}.md", rule.name);
        assert_eq!(rule.texts.runbook_url, Some(url));
        assert_eq!(rule.labels.get("team").map(String::as_str), Some("edge"));
    }
    for (name, tests) in tests {
        let fires = |test: &&promtool::Test| test.checks.iter().any(|check| check.firing.is_some());
        assert!(tests.iter().any(fires), "{name}");
        assert!(!tests.iter().all(fires), "{name}");
    }
}

#[test]
fn the_profile_is_tested_with_missing_and_standing_series_too() {
    let set = Set::of(&profile::config(), 1);
    for trap in catalogue::TRAPS {
        let name = format!("{} {}", trap.alert, trap.what);
        let tests = set.alerts.iter().flat_map(|rule| &rule.tests).filter(|test| test.name == name);
        assert_eq!(tests.count(), 1, "{name}");
    }
}

#[test]
fn no_window_is_shorter_than_two_scrapes_at_the_largest_time_scale() {
    let alerts: String = render(&profile::config(), 60).into_iter().map(|file| file.text).collect();
    for window in alerts.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(window, _)| window)
    {
        let Some(window) = redline::config::parse_duration(window) else { continue };
        assert!(window >= redline::config::Duration::from_secs(2), "{window}");
    }
}

#[test]
fn without_a_place_of_runbooks_no_alert_has_a_link_that_leads_nowhere() {
    let set = Set::of(&read("service: x"), 1);
    assert!(!set.alerts.is_empty() && set.alerts.iter().all(|rule| rule.texts.runbook_url.is_none()));
    let files: String = render(&read("service: x"), 1).into_iter().map(|file| file.text).collect();
    assert!(!files.contains("runbook_url"));
}

fn said(config: &Config) -> Vec<String> {
    check(config).iter().map(ToString::to_string).collect()
}

#[test]
fn disabled_alerts_are_not_rendered_and_unknown_ones_are_refused() {
    let config = read("service: x\nalerting: {disable: [HighErrorRate]}");
    assert!(!alerts(&config).iter().any(|(name, ..)| name == "HighErrorRate"));
    assert_eq!(check(&config), []);
    let expected = "$.alerting.disable[0]: \"HighErrorRat\": no alert has this name; did you mean HighErrorRate, \
                    HighModelFailureRate or HighRateLimitHitRate? docs/runbooks has a page for each";
    assert_eq!(said(&read("service: x\nalerting: {disable: [HighErrorRat]}")), [expected]);
}

const TWO: &str = "service: x\nslos:\n- {name: all, objective: 99.9, sli: {availability: {}}}\n\
                   - {name: batch, objective: 99, sli: {availability: {}}}\n- {name: weekly, objective: 99.5, period: 7d, sli: {availability: {}}}\n";

#[test]
fn an_alert_is_left_out_for_one_slo_alone() {
    for alert in objectives::NAMES {
        let config = read(&format!("{TWO}alerting: {{disable: [{alert}/batch]}}"));
        assert_eq!(check(&config), []);
        let rules = Set::of(&config, 1).alerts;
        let of: Vec<_> = rules.iter().filter(|rule| rule.name == alert).collect();
        let whole = Set::of(&read(TWO), 1).alerts;
        let without = |rules: &[rule::Rule]| rules.iter().filter(|rule| rule.name != alert).count();
        assert_eq!(without(&rules), without(&whole), "{alert}: no other is gone");
        assert!(of.iter().all(|rule| rule.labels.get("slo").is_none_or(|slo| slo != "batch")), "{alert}");
        let selected = |name: &str| of.iter().any(|rule| rule.expr.contains(name));
        assert!(selected("all") && selected("weekly") && !selected("batch"), "{alert}: {of:?}");
        let every = format!("{TWO}alerting: {{disable: [{alert}/batch, {alert}/all, {alert}/weekly]}}");
        assert!(!alerts(&read(&every)).iter().any(|(name, ..)| name == alert), "{alert}");
    }
}

#[test]
fn an_alert_is_left_out_only_for_an_slo_that_is_there() {
    for (disable, expected) in [
        (
            "SLOViolation/batsh",
            "\"SLOViolation/batsh\": no SLO has this name; did you mean SLOViolation/batch, SLOViolation/all",
        ),
        (
            "HighErrorRate/batch",
            "\"HighErrorRate/batch\": HighErrorRate is not about an SLO; expected HighErrorRate alone",
        ),
        ("SLOViolatoin/batch", "\"SLOViolatoin/batch\": no alert has this name; did you mean SLOViolation"),
    ] {
        let said = said(&read(&format!("{TWO}alerting: {{disable: [{disable}]}}")));
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("$.alerting.disable[0]: {expected}")), "{said:?}");
    }
    let none = said(&read("service: x\nalerting: {disable: [SLOViolation/a]}"));
    assert!(none[0].ends_with("no SLO is configured"), "{none:?}");
}

#[test]
fn a_burn_rate_that_a_full_outage_does_not_reach_is_refused_unless_it_is_disabled() {
    let with = |objective: &str, disable: &str| {
        read(&format!(
            "service: x\nslos: [{{name: a, objective: {objective}, sli: {{availability: {{}}}}}}, \
             {{name: b, objective: 99, sli: {{availability: {{}}}}}}]\nalerting: {{disable: [{disable}]}}"
        ))
    };
    assert_eq!(check(&with("93.06", "")), []);
    let expected = "$.slos[0].objective: 93.05: SLOBurnRateFast (1h/5m) could never fire: a full outage burns the budget \
                    less than 14.4 times as fast as it may; more than 93.06 % is needed, or SLOBurnRateFast/a in \
                    alerting.disable, which leaves it out for this SLO";
    assert_eq!(said(&with("93.05", "")), [expected]);
    for disable in ["SLOBurnRateFast", "SLOBurnRateFast/a"] {
        assert_eq!(check(&with("90", disable)), []);
    }
    let fast = |config: &Config| alerts(config).iter().filter(|(name, ..)| name == "SLOBurnRateFast").count();
    assert_eq!(fast(&with("90", "SLOBurnRateFast/a")), 1, "that of b is still there");
    assert_eq!(fast(&with("90", "SLOBurnRateFast")), 0);
    assert_eq!(check(&with("50", "")).len(), 3);
    let share = "$.slos[0].objective: 0.999: an objective is in percent; did you mean 99.9?";
    assert_eq!(said(&with("0.999", "")), [share]);
}

#[test]
fn quiet_errors_that_could_never_be_so_many_are_refused_and_not_rendered() {
    // Over 90 days the slowest pair's factor is 3: at 60 % nothing burns so fast.
    let with = |disable: &str| {
        read(&format!(
            "service: x\nslos: [{{name: a, objective: 60, period: 90d, sli: {{availability: {{}}}}}}]\n\
             alerting: {{disable: [SLOBurnRateFast/a, SLOBurnRateMedium/a, SLOBurnRateSlow/a, SLOBurnRateSlowest/a{disable}]}}"
        ))
    };
    let said = said(&with(""));
    assert!(said.len() == 1 && said[0].contains("SLOQuietErrors (3d) could never fire"), "{said:?}");
    assert!(!alerts(&with("")).iter().any(|(name, ..)| name == "SLOQuietErrors"));
    assert_eq!(check(&with(", SLOQuietErrors/a")), []);
}

#[test]
fn labels_that_alerts_have_already_and_templates_are_refused() {
    for name in ["window", "endpoint", "reason", "label", "instance", "job", "le", "version", "upstream"] {
        let said = said(&read(&format!("service: x\nalerting: {{labels: {{{name}: a}}}}")));
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        let expected =
            format!("$.alerting.labels.{name}: \"a\": alerts or their series have the label {name} already");
        assert!(said[0].starts_with(&expected), "{said:?}");
    }
    let config = read(
        "service: x\nalerting: {runbook_base: 'https://x/{{y}}', labels: {team: 'a {{ $value }}', region: eu}}",
    );
    let template = "Prometheus reads {{ as the beginning of a template; expected text without {{";
    assert_eq!(
        said(&config),
        [
            format!("$.alerting.labels.team: \"a {{{{ $value }}}}\": {template}"),
            format!("$.alerting.runbook_base: \"https://x/{{{{y}}}}\": {template}"),
        ]
    );
}

#[test]
fn a_metric_whose_name_a_rule_or_prometheus_has_is_refused() {
    let slo = "slos: [{name: a, objective: 99, sli: {availability: {}}}]";
    let histogram = "type: histogram, buckets: [1, 2], value: duration";
    for (metrics, expected) in [
        (
            "- {name: up, type: gauge, value: {orca: cpu_utilization}}".to_owned(),
            "up is Prometheus' or Envoy's own",
        ),
        (
            "- {name: slo_burn_rate, type: gauge, value: {orca: cpu_utilization}}".to_owned(),
            "record slo_burn_rate themselves",
        ),
        (
            format!("- {{name: http_request_duration_seconds, {histogram}}}"),
            "record http_request_duration_seconds_bucket themselves",
        ),
        (
            format!("- {{name: a_milliseconds, {histogram}}}\n- {{name: a_microseconds, {histogram}}}"),
            "record it as a_seconds, and a_milliseconds too",
        ),
    ] {
        let said = said(&read(&format!("service: x\n{slo}\nmetrics:\n{metrics}\n")));
        assert_eq!(said.len(), 1, "{metrics}: {said:?}");
        assert!(said[0].starts_with("$.metrics[") && said[0].contains(expected), "{said:?}");
    }
    let prefixed = format!(
        "service: x\nmetric_prefix: my_\n{slo}\nmetrics: [{{name: up, type: gauge, value: {{orca: cpu_utilization}}}}]"
    );
    assert_eq!(check(&read(&prefixed)), [], "my_up is nobody's");
}

#[test]
fn an_alert_on_a_gauge_is_rendered_where_nothing_says_whether_somebody_asks() {
    let config = read(
        "service: x\ndisable: [http_requests_total]\nmetrics: [{name: rate_limit_remaining, type: gauge, value: {rate_limit: remaining}}]",
    );
    let rules = Set::of(&config, 1).alerts;
    let rule = rules.iter().find(|rule| rule.name == "RateLimitExhausted").unwrap();
    assert_eq!(rule.expr, "min by (service) (rate_limit_remaining{service=\"x\"} <= 0 )");
}

#[test]
fn the_old_name_of_connections_is_recorded_only_where_nothing_else_has_it() {
    let records = |config: &Config| {
        let groups = Set::of(config, 1).groups;
        groups
            .iter()
            .flat_map(|group| &group.rules)
            .filter(|rule| rule.name == "db_connections_total")
            .count()
    };
    assert_eq!(records(&profile::config()), 1);
    let gauge = "{name: db_connections, type: gauge, value: {orca: named_metrics.a}}";
    let own = read(&format!("service: x\nmetrics: [{gauge}, {{name: db_connections_total, type: counter}}]"));
    assert_eq!(records(&own), 0);
    assert_eq!(check(&own), []);
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
