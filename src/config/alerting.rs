//! The section `alerting`: for the rendered rules, routes and dashboards only.

use super::error::ConfigErrors;
use super::reader::Node;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the rendered alerts say and where they go; the filter does not look at it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alerting {
    /// In front of every alert's runbook link.
    pub runbook_base: Option<String>,
    /// Labels on every alert.
    pub labels: BTreeMap<String, String>,
    /// Fewest failures in a window for a burn-rate alert; 10 where not given.
    pub min_failures: Option<u64>,
    /// Alerts that are not rendered.
    pub disable: Vec<String>,
    /// Receiver kind to its settings, as written.
    pub receivers: BTreeMap<String, Value>,
}

const RECEIVERS: [&str; 4] = ["pagerduty", "slack", "email", "webhook"];

impl Alerting {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, errors: &mut ConfigErrors) -> Self {
        let mut alerting = Self::default();
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return alerting;
        };
        alerting.runbook_base = fields.take("runbook_base").and_then(|n| {
            let expected = "a URL that starts with https:// or http://";
            n.text_where(errors, expected, &|s| s.starts_with("https://") || s.starts_with("http://"))
        });
        if let Some(labels) = fields.take("labels").and_then(|n| n.fields(errors)) {
            for (name, node) in labels.entries() {
                if let Some(value) = node.text(errors) {
                    alerting.labels.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        alerting.min_failures = fields.take("min_failures").and_then(|n| n.integer(errors, 0..=1_000_000));
        alerting.disable = fields
            .take("disable")
            .map_or_else(Vec::new, |n| n.list_of(errors, |n, errors| n.text(errors).map(str::to_owned)));
        if let Some(receivers) = fields.take("receivers").and_then(|n| n.fields(errors)) {
            for (name, node) in receivers.entries() {
                if !RECEIVERS.contains(&name) || !node.value.is_object() {
                    let known = RECEIVERS.join(", ");
                    node.fail::<()>(errors, format!("expected an object under one of {known}"));
                } else {
                    alerting.receivers.insert(name.to_owned(), node.value.clone());
                }
            }
        }
        fields.finish(errors);
        alerting
    }
}
