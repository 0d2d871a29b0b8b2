//! What is rendered for Alertmanager, read by amtool: who is told of which severity and category. And by Alertmanager
//! itself: which alert hides which.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline::config::Config;
use redline_cli::document::Document;
use redline_cli::render::{alertmanager, prometheus};
use serde_json::json;
use std::process::Command;
use support::alertmanager::{Alertmanager, Labels};
use support::eventually;
use support::tools::{self, must, write};

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

/// The labels of an alert as the rules set them; `more` are `name=value`, with spaces between.
fn alert(service: &str, name: &str, severity: &str, more: &str) -> Labels {
    let own = [("alertname", name), ("service", service), ("severity", severity)];
    let more = more.split_whitespace().filter_map(|label| label.split_once('='));
    let labels = own.into_iter().chain(more).filter(|(_, value)| !value.is_empty());
    labels.map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
}

/// An alert that comes, and its labels beside service: `NAME SEVERITY LABELS`.
type Comes = &'static str;

/// What a worse alert hides, and what it must not hide; each line on a service of its own.
const HIDING: &[(Comes, &[Comes], &[Comes])] = &[
    (
        "ServiceDown critical category=availability",
        &[
            "HighErrorRate critical category=availability",
            "SLOBurnRateFast critical category=error_budget slo=a tier=1 window=1h",
            "TenantErrorRateHigh warning category=tenants tenant=acme",
            "NoModelsCreated warning category=business",
            "SLONoTraffic info category=availability slo=a window=1h",
        ],
        &[],
    ),
    (
        "SLOBurnRateFast critical category=error_budget slo=a tier=1 window=1h",
        &[
            "SLOBurnRateMedium critical category=error_budget slo=a tier=2 window=6h",
            "SLOBurnRateSlow warning category=error_budget slo=a tier=3 window=1d",
            "SLOBurnRateSlowest warning category=error_budget slo=a tier=4 window=3d",
            "SLOQuietErrors warning category=error_budget slo=a tier=5",
            "ErrorBudgetBurnRateHigh warning category=error_budget slo=a window=1h",
        ],
        &[
            "SLOBurnRateSlow warning category=error_budget slo=b tier=3 window=1d",
            "ErrorBudgetLow warning category=error_budget slo=a",
            "SLOMetricAbsent warning category=availability slo=a",
            "CheckoutSlow warning category=error_budget tier=3",
        ],
    ),
    (
        "SLOBurnRateMedium critical category=error_budget slo=a tier=2 window=6h",
        &[
            "SLOBurnRateSlow warning category=error_budget slo=a tier=3 window=1d",
            "SLOBurnRateSlowest warning category=error_budget slo=a tier=4 window=3d",
            "SLOQuietErrors warning category=error_budget slo=a tier=5",
            "ErrorBudgetBurnRateHigh warning category=error_budget slo=a window=1h",
        ],
        &["SLOBurnRateSlow warning category=error_budget slo=b tier=3 window=1d"],
    ),
    (
        "SLOBurnRateSlow warning category=error_budget slo=a tier=3 window=1d",
        &[
            "SLOBurnRateSlowest warning category=error_budget slo=a tier=4 window=3d",
            "SLOQuietErrors warning category=error_budget slo=a tier=5",
        ],
        &["ErrorBudgetBurnRateHigh warning category=error_budget slo=a window=1h"],
    ),
    (
        "SLOBurnRateSlowest warning category=error_budget slo=a tier=4 window=3d",
        &["SLOQuietErrors warning category=error_budget slo=a tier=5"],
        &["SLOQuietErrors warning category=error_budget slo=b tier=5"],
    ),
    (
        "SLOViolation critical category=availability slo=a",
        &[
            "ErrorBudgetLow warning category=error_budget slo=a",
            "ErrorBudgetCritical critical category=error_budget slo=a",
        ],
        &[
            "ErrorBudgetLow warning category=error_budget slo=b",
            "SLOMetricAbsent warning category=availability slo=a",
            "SLOBurnRateSlow warning category=error_budget slo=a tier=3 window=1d",
            "SLONoTraffic info category=availability slo=a window=1h",
        ],
    ),
    (
        "ErrorBudgetCritical critical category=error_budget slo=a",
        &["ErrorBudgetLow warning category=error_budget slo=a"],
        &[
            "SLOBurnRateSlow warning category=error_budget slo=a tier=3 window=1d",
            "SLOBurnRateSlowest warning category=error_budget slo=a tier=4 window=3d",
            "SLOQuietErrors warning category=error_budget slo=a tier=5",
            "ErrorBudgetBurnRateHigh warning category=error_budget slo=a window=1h",
        ],
    ),
    (
        "HighErrorRate critical category=availability",
        &["LowAvailability warning category=availability"],
        &[
            "EndpointErrorRateHigh warning category=availability endpoint=/a",
            "GrpcErrorRateHigh warning category=availability",
            "RequestRateDropped warning category=availability",
            "SLOMetricAbsent warning category=availability slo=a",
        ],
    ),
    (
        "DatabaseConnectionPoolExhausted critical category=database",
        &["DatabasePoolOverflow warning category=database"],
        &["HighDatabaseQueryErrorRate warning category=database"],
    ),
    (
        "DatabaseConnectionErrors critical category=database",
        &["HighDatabaseQueryErrorRate warning category=database"],
        &["DatabasePoolOverflow warning category=database"],
    ),
    (
        "AuthenticationFailuresSpike critical category=security",
        &["AuthenticationFailures warning category=security"],
        &[
            "UnauthorizedAccessAttempts warning category=security",
            "UnknownPathsScanned info category=security",
        ],
    ),
    (
        "TenantIsolationViolation critical category=security tenant=acme",
        &[],
        &[
            "AuthenticationFailures warning category=security",
            "UnauthorizedAccessAttempts warning category=security",
        ],
    ),
    (
        "QueueStalled critical category=infrastructure",
        &["QueueBacklogHigh warning category=infrastructure"],
        &[
            "RedlineSeriesOverflow warning category=infrastructure label=tenant",
            "RedlineTargetDown warning category=infrastructure",
            "QueueJobsFailing warning category=infrastructure",
        ],
    ),
    (
        "RedlineVMReloadFailed critical category=infrastructure",
        &["RedlineVMReloaded warning category=infrastructure"],
        &["QueueBacklogHigh warning category=infrastructure"],
    ),
    (
        "RedlineAbsent critical category=infrastructure",
        &["SLOMetricAbsent warning category=availability slo=a"],
        &["RedlineTargetDown warning category=infrastructure"],
    ),
    (
        "HighModelFailureRate critical category=business",
        &[],
        &["NoModelsCreated warning category=business", "PredictionLatencyHigh warning category=business"],
    ),
    (
        "Own critical tenant=acme",
        &["Own warning tenant=acme", "Own info tenant=acme"],
        &["Own warning tenant=globex", "Own warning", "Other warning tenant=acme"],
    ),
];

#[test]
fn an_alert_hides_what_is_the_same_trouble_but_weaker_and_nothing_else() {
    let config = Document::from_text("test", "service: x").expect("a configuration").config;
    let server = Alertmanager::start(&config, 1);
    let of = |service: &str, text: &str| {
        let mut words = text.splitn(3, ' ');
        let [name, severity, more] = [(); 3].map(|()| words.next().unwrap_or_default());
        alert(service, name, severity, more)
    };
    let (mut hidden, mut shown) = (Vec::new(), Vec::new());
    for (at, (worse, weaker, others)) in HIDING.iter().enumerate() {
        let targets = weaker.iter().map(|text| (text, true)).chain(others.iter().map(|text| (text, false)));
        // Each pair is alone: what hides a third alert would be mistaken for what hides this one.
        for (i, (text, is_hidden)) in targets.enumerate() {
            let service = format!("s{at}-{i}");
            shown.push(of(&service, worse));
            if is_hidden { &mut hidden } else { &mut shown }.push(of(&service, text));
            // The same trouble, but of another service; and of nobody knows which, both without the label.
            shown.push(of(&format!("another-{service}"), text));
            shown.push(of("", &format!("{worse} of={service}")));
            shown.push(of("", &format!("{text} of={service}")));
        }
    }
    // Neither says which SLO it means.
    shown.push(alert("no-slo", "SLOViolation", "critical", "category=availability"));
    shown.push(alert("no-slo", "ErrorBudgetLow", "warning", "category=error_budget"));
    server.post(&shown);
    server.post(&hidden);
    // Alerts are looked at in their order: once the last hides, all do.
    let last = [alert("last", "ServiceDown", "critical", ""), alert("last", "HighErrorRate", "critical", "")];
    server.post(&last[..1]);
    server.post(&last[1..]);
    let count = shown.len() + hidden.len() + last.len();
    let held = eventually("the last alert hidden", || {
        let held = server.held();
        (held.len() == count && held.contains(&(last[1].clone(), true))).then_some(held)
    });
    for (labels, is_hidden) in held.iter().filter(|(labels, _)| !last.contains(labels)) {
        assert_eq!(*is_hidden, hidden.contains(labels), "{labels:?}");
    }
}

fn redline(arguments: &[&str], configuration: &str) -> (Option<i32>, [String; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("redline.yaml");
    std::fs::write(&config, configuration).expect("a file");
    let config = config.display().to_string();
    let out = folder.path().join("out").display().to_string();
    let arguments = arguments.iter().map(|argument| match *argument {
        "CONFIG" => config.as_str(),
        "OUT" => out.as_str(),
        other => other,
    });
    let output = Command::new(env!("CARGO_BIN_EXE_redline")).args(arguments).output().expect("redline runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    (output.status.code(), said)
}

const CHECK: [&str; 2] = ["check", "CONFIG"];
const RENDER: [&str; 6] = ["render", "alertmanager", "--config", "CONFIG", "--out", "OUT"];

#[test]
fn it_is_said_that_nobody_would_be_told_or_nobody_woken() {
    let slack = "service: x\nalerting: {receivers: {slack: {api_url_file: /s}}}";
    for (configuration, warning) in [
        ("service: x", "warning: nobody is told of any alert: "),
        (slack, "warning: critical alerts page nobody: "),
    ] {
        let (code, [out, _]) = redline(&CHECK, configuration);
        assert!(code == Some(0) && out.lines().any(|line| line.starts_with(warning)), "{out}");
        let (code, [_, errors]) = redline(&RENDER, configuration);
        assert!(code == Some(0) && errors.starts_with(warning), "{errors}");
    }
    let (code, [out, errors]) = redline(&RENDER, profile::TEXT);
    assert_eq!((code, out.as_str(), errors.as_str()), (Some(0), "", ""));
    let (_, [out, _]) = redline(&CHECK, profile::TEXT);
    assert!(!out.contains("nobody"), "{out}");
}

#[test]
fn what_alertmanager_would_refuse_is_refused_with_its_line() {
    let configuration = "service: x\nalerting:\n  receivers:\n    email: {from: a@b, smarthost: mail, to: {ops: c@d}}\n    \
                         webhook:\n      url: https://me:secret@hooks/\n";
    for (arguments, code) in [(&CHECK[..], 1), (&RENDER[..], 2)] {
        let (got, said) = redline(arguments, configuration);
        let said = said.concat();
        assert_eq!(got, Some(code), "{said}");
        for mistake in [
            "redline.yaml:4: $.alerting.receivers.email.smarthost: \"mail\": expected HOST:PORT",
            "redline.yaml:6: $.alerting.receivers.webhook.url: a password or a query in a URL is a secret",
        ] {
            assert!(said.contains(mistake) && !said.contains("me:secret"), "{said}");
        }
    }
    // The filter takes it, Alertmanager does not.
    let config = Document::from_text("test", configuration).expect("valid for the filter").config;
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &alertmanager::render(&config, 1));
    let (accepted, said) = tools::run("amtool", folder.path(), &["check-config", "alertmanager.yml"]);
    assert!(!accepted && said.contains("missing port"), "{said}");
}

#[test]
fn alertmanager_reads_any_text_as_it_was_written() {
    let channel = "#alerts-🚨 é\u{2028}\u{7f} \"'{{`\\";
    let document = json!({
        "service": "x",
        "alerting": {"receivers": {"slack": {"api_url_file": "/s", "channels": {"alerts": channel}}}},
    });
    let server = Alertmanager::start(&Config::from_value(&document).expect("a configuration"), 1);
    let receivers = &server.configuration()["receivers"];
    assert_eq!(receivers[0]["slack_configs"][0]["channel"], channel);
}

#[test]
fn check_says_which_alerts_are_not_rendered_and_why() {
    let configuration = "service: x\nslos: [{name: a, objective: 99, sli: {availability: {}}}]\n\
                         disable: [tenant_rate_limited_total]\nalerting: {disable: [HighLatencyP95, HighLatencyP99]}";
    let (code, [out, _]) = redline(&CHECK, configuration);
    assert_eq!(code, Some(0), "{out}");
    let why = |reason: &str| {
        let line =
            out.lines().find(|line| line.starts_with(reason)).unwrap_or_else(|| panic!("{reason}: {out}"));
        line.trim_start_matches(reason).trim().to_owned()
    };
    assert_eq!(why("alerting.disable has it"), "HighLatencyP95, HighLatencyP99");
    assert_eq!(why("`disable` has tenant_rate_limited_total"), "TenantRateLimitExceeded");
    assert_eq!(why("`metrics` has no db_connections, db_pool_size"), "DatabaseConnectionPoolExhausted");
    assert_eq!(why("tenant.isolation is not configured"), "TenantIsolationViolation");
    assert!(why("Nor are ").contains("Database connections;"), "{out}");
    assert!(!redline(&CHECK, profile::TEXT).1[0].contains("not rendered"));
}
