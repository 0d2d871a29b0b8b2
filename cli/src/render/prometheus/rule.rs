//! One alert as data: its labels, words and tests.

use super::catalogue::Category;
use super::promtool::{Check, Test};
use super::texts::Texts;
use super::tiers::Severity;
use redline::config::{Config, Duration};
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

impl Rule {
    /// That it fires at a time, with labels beside its own, and a value as its description shows it.
    pub(super) fn firing(&self, at: Duration, labels: &[(&str, String)], value: &str) -> Check {
        let mut all = self.labels.clone();
        all.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let texts = self.texts.filled(&all, value);
        Check { at, firing: Some((all, texts)) }
    }

    /// The service that it is about.
    pub(super) fn service(&self) -> &str {
        self.labels.get("service").map_or("", String::as_str)
    }
}

/// The labels of every alert: the configuration's, and ours.
pub(super) fn labels(config: &Config, category: Category, severity: Severity) -> BTreeMap<String, String> {
    let mut labels = config.alerting.labels.clone();
    labels.insert("service".to_owned(), config.service.clone());
    labels.insert("severity".to_owned(), severity.as_str().to_owned());
    labels.insert("category".to_owned(), category.as_str().to_owned());
    labels
}
