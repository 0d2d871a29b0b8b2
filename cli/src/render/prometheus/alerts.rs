//! A configuration and its vocabulary in; its alerts, with their labels, words and tests, out.

use super::catalogue::{self, Alert, Category};
use super::disable::Disabled;
use super::rule::{Rule, labels};
use super::texts::Texts;
use super::{cases, objectives};
use crate::render::promql::Vocabulary;
use redline::config::Config;
use std::collections::BTreeSet;

/// Every alert that some configuration renders.
pub fn known_alerts() -> BTreeSet<&'static str> {
    catalogue::all().map(|alert| alert.name).chain(objectives::NAMES).collect()
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

/// The name of the group of a category's alerts.
pub(super) fn group(config: &Config, category: Category) -> String {
    format!("redline:{}:alerts:{}", config.service, category.as_str())
}
