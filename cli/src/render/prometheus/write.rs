//! Rules and tests in, the YAML that Prometheus and promtool read out.

use super::alerts::group;
use super::catalogue::Category;
use super::promtool::{MINUTE, Test};
use super::records::Group;
use super::rule::Rule;
use super::set::Set;
use super::texts::Texts;
use crate::render::yaml::{indented, quoted};
use redline::config::{Config, Duration};
use std::fmt::Write;

fn header(config: &Config, what: &str) -> String {
    format!(
        "# Made by `redline render prometheus` from the configuration of the service {}.\n{what}",
        config.service
    )
}

/// `rules.yaml`.
pub(super) fn rules(config: &Config, groups: &[Group]) -> String {
    let mut out = header(
        config,
        "# Recording rules: durations in seconds, SLO windows, and ratios under their plain names. Load it with alerts.yaml.\n",
    );
    out.push_str(if groups.is_empty() { "groups: []\n" } else { "groups:\n" });
    for group in groups {
        let _infallible =
            write!(out, "  - name: {}\n    interval: {}\n    rules:\n", quoted(&group.name), group.interval);
        for rule in &group.rules {
            if let Some(comment) = rule.comment {
                let _infallible = writeln!(out, "      # {comment}");
            }
            let _infallible = write!(out, "      - record: {}\n{}", rule.name, expr(&rule.expr));
            if !rule.labels.is_empty() {
                let labels: Vec<String> =
                    rule.labels.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();
                let _infallible = writeln!(out, "        labels: {{{}}}", labels.join(", "));
            }
        }
    }
    out
}

fn expr(text: &str) -> String {
    match text.contains('\n') {
        true => format!("        expr: |-\n{}", indented(text, 10)),
        false => format!("        expr: {}\n", quoted(text)),
    }
}

/// `alerts.yaml`.
pub(super) fn alerts(config: &Config, alerts: &[Rule], interval: &str) -> String {
    let mut out = header(
        config,
        "# Alerts, by category. They need what rules.yaml records; tests.yaml shows when each fires.\n",
    );
    out.push_str(if alerts.is_empty() { "groups: []\n" } else { "groups:\n" });
    for category in Category::ALL {
        let mut rules = alerts.iter().filter(|rule| rule.category == category).peekable();
        if rules.peek().is_none() {
            continue;
        }
        let name = quoted(&group(config, category));
        let _infallible = write!(out, "  - name: {name}\n    interval: {interval}\n    rules:\n");
        for rule in rules {
            let _infallible = write!(out, "      - alert: {}\n{}", rule.name, expr(&rule.expr));
            if !rule.hold.is_empty() {
                let _infallible = writeln!(out, "        for: {}", rule.hold);
            }
            out.push_str("        labels:\n");
            for (name, value) in &rule.labels {
                let _infallible = writeln!(out, "          {name}: {}", quoted(value));
            }
            out.push_str("        annotations:\n");
            for (name, text) in texts(&rule.texts) {
                let _infallible = writeln!(out, "          {name}: {}", quoted(text));
            }
        }
    }
    out
}

fn texts(texts: &Texts) -> impl Iterator<Item = (&'static str, &str)> {
    let written = [("summary", texts.summary.as_str()), ("description", texts.description.as_str())];
    written.into_iter().chain(texts.runbook_url.as_deref().map(|url| ("runbook_url", url)))
}

/// `tests.yaml` and `tests-slow.yaml`: promtool has one interval of evaluations for a file.
pub(super) fn tests(config: &Config, set: &Set, slow: bool) -> String {
    let every = if slow { Duration::from_secs(300) } else { MINUTE };
    let mut out = header(
        config,
        "# For `promtool test rules tests.yaml tests-slow.yaml`, beside rules.yaml and alerts.yaml. Each alert fires when\n\
         # it should, not a step earlier, and not just below its threshold. What takes days is in tests-slow.yaml.\n",
    );
    let _infallible = write!(
        out,
        "rule_files: [rules.yaml, alerts.yaml]\nevaluation_interval: {}\ngroup_eval_order:\n",
        set.vocabulary.scaled(every)
    );
    for name in set.group_names(config) {
        let _infallible = writeln!(out, "  - {}", quoted(&name));
    }
    out.push_str("tests:\n");
    for rule in &set.alerts {
        for test in rule.tests.iter().filter(|test| test.slow == slow) {
            write_test(rule, test, set, &mut out);
        }
    }
    out
}

fn write_test(rule: &Rule, test: &Test, set: &Set, out: &mut String) {
    let scaled = |duration| set.vocabulary.scaled(duration);
    let _infallible = write!(
        out,
        "  - name: {}\n    interval: {}\n    input_series:\n",
        quoted(&test.name),
        scaled(MINUTE),
    );
    for (series, values) in &test.series {
        let _infallible =
            write!(out, "      - series: {}\n        values: {}\n", quoted(series), quoted(values));
    }
    out.push_str("    alert_rule_test:\n");
    for check in &test.checks {
        let _infallible = write!(
            out,
            "      - eval_time: {}\n        alertname: {}\n        exp_alerts:",
            scaled(check.at),
            rule.name
        );
        let Some((labels, filled)) = &check.firing else {
            out.push_str(" []\n");
            continue;
        };
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();
        let _infallible = write!(
            out,
            "\n          - exp_labels: {{{}}}\n            exp_annotations:\n",
            labels.join(", ")
        );
        for (name, text) in texts(filled) {
            let _infallible = writeln!(out, "              {name}: {}", quoted(text));
        }
    }
}
