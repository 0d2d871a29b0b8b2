//! A configuration and its vocabulary in; alerts with their labels, words and tests out.

use super::cases::{self, Test};
use super::catalogue::{self, Alert, Category};
use super::disable::Disabled;
use super::objectives;
use super::tiers::Severity;
use crate::render::promql::Vocabulary;
use redline::config::Config;
use std::collections::BTreeMap;

/// One alert.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    /// How long it must hold, scaled; empty for not at all.
    pub(super) hold: String,
    pub(super) expr: String,
    /// All labels that the rule sets.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) texts: Texts,
    pub(super) tests: Vec<Test>,
}

/// What an alert says, as Prometheus' templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) summary: String,
    pub(super) description: String,
    /// Where the page about it is; nothing where the configuration has no place of runbooks.
    pub(super) runbook_url: Option<String>,
}

impl Texts {
    /// The description's `%` stands for the value.
    pub(super) fn new(config: &Config, name: &str, summary: &str, description: &str, format: &str) -> Self {
        let value = format!("{{{{ $value | {format} }}}}");
        Self {
            summary: summary.to_owned(),
            description: description.replace('%', &value),
            runbook_url: runbook(config, name),
        }
    }

    /// The same without a value in it.
    pub(super) fn plain(config: &Config, name: &str, summary: &str, description: &str) -> Self {
        let (summary, description) = (summary.to_owned(), description.to_owned());
        Self { summary, description, runbook_url: runbook(config, name) }
    }

    /// As Prometheus sends them: with the labels and the value, as it formats that.
    pub(super) fn filled(&self, labels: &BTreeMap<String, String>, value: &str) -> Self {
        let fill = |text: &str| {
            let mut out = String::new();
            let mut rest = text;
            while let Some((before, after)) = rest.split_once("{{ ") {
                let (template, after) = after.split_once(" }}").unwrap_or((after, ""));
                out.push_str(before);
                match template.strip_prefix("$labels.") {
                    Some(label) => out.push_str(labels.get(label).map_or("", String::as_str)),
                    None => out.push_str(value),
                }
                rest = after;
            }
            out + rest
        };
        Self {
            summary: fill(&self.summary),
            description: fill(&self.description),
            runbook_url: self.runbook_url.clone(),
        }
    }
}

fn runbook(config: &Config, name: &str) -> Option<String> {
    let base = config.alerting.runbook_base.as_deref()?;
    Some(format!("{}/{name}.md", base.trim_end_matches('/')))
}

/// Every alert that this configuration can have and does not disable, by category.
pub(super) fn rules(config: &Config, vocabulary: &Vocabulary) -> Vec<Rule> {
    let mut rules: Vec<Rule> =
        catalogue::all().filter_map(|alert| of_catalogue(alert, config, vocabulary)).collect();
    rules.extend(objectives::rules(config, vocabulary));
    rules.retain(|rule| !Disabled::of(config).everywhere(rule.name));
    // Stable: within a category the order is the catalogue's.
    rules.sort_by_key(|rule| rule.category);
    rules
}

fn of_catalogue(alert: &Alert, config: &Config, vocabulary: &Vocabulary) -> Option<Rule> {
    let expr = vocabulary.expand(alert.expr)?;
    let labels = labels(config, alert.category, alert.severity);
    let texts = Texts::new(config, alert.name, alert.summary, alert.description, alert.format);
    let mut rule = Rule {
        name: alert.name,
        category: alert.category,
        severity: alert.severity,
        hold: vocabulary.hold(alert.hold),
        expr,
        labels,
        texts,
        tests: Vec::new(),
    };
    rule.tests = cases::of(alert, &rule, vocabulary)?;
    Some(rule)
}

/// The labels of every alert: the configuration's, and ours.
pub(super) fn labels(config: &Config, category: Category, severity: Severity) -> BTreeMap<String, String> {
    let mut labels = config.alerting.labels.clone();
    labels.insert("service".to_owned(), config.service.clone());
    labels.insert("severity".to_owned(), severity.as_str().to_owned());
    labels.insert("category".to_owned(), category.as_str().to_owned());
    labels
}
