//! The section `alerting`: for the rendered rules, routes and dashboards only.

use super::error::ConfigErrors;
use super::reader::Node;
use super::words::is_identifier;
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
    /// Receiver kind to its settings, as written and validated.
    pub receivers: BTreeMap<String, Value>,
}

/// What a setting of a receiver must look like.
#[derive(Clone, Copy)]
enum Shape {
    /// Some text.
    Text,
    /// Where a secret is: the path of a file on Alertmanager's machine.
    File,
    /// A URL.
    Url,
    /// An object of texts, with these keys.
    Texts(&'static [&'static str]),
}

/// A setting's key, whether it must be there, and its shape.
type Setting = (&'static str, bool, Shape);

/// Every receiver's settings. A secret is never written here, only where it is.
const SETTINGS: [(&str, &[Setting]); 4] = [
    ("pagerduty", &[("routing_key_file", true, Shape::File)]),
    (
        "slack",
        &[
            ("api_url_file", true, Shape::File),
            (
                "channels",
                false,
                Shape::Texts(&["alerts", "slo", "security", "performance", "platform", "tenants"]),
            ),
        ],
    ),
    (
        "email",
        &[
            ("from", true, Shape::Text),
            ("smarthost", true, Shape::Text),
            ("username", false, Shape::Text),
            ("password_file", false, Shape::File),
            ("to", true, Shape::Texts(&["ops", "business", "security"])),
        ],
    ),
    // One of the first two: whoever renders says which is missing.
    (
        "webhook",
        &[
            ("url", false, Shape::Url),
            ("url_file", false, Shape::File),
            ("credentials_file", false, Shape::File),
        ],
    ),
];

/// Labels that the alerts have already.
const OWN_LABELS: [&str; 7] = ["alertname", "service", "severity", "category", "slo", "tier", "tenant"];

const A_URL: &str = "a URL that starts with https:// or http://";

impl Alerting {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, errors: &mut ConfigErrors) -> Self {
        let mut alerting = Self::default();
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return alerting;
        };
        alerting.runbook_base =
            fields.take("runbook_base").and_then(|n| n.text_where(errors, A_URL, &is_url));
        if let Some(labels) = fields.take("labels").and_then(|n| n.fields(errors)) {
            for (name, node) in labels.entries() {
                if !is_identifier(name) || name.starts_with('_') || OWN_LABELS.contains(&name) {
                    let own = OWN_LABELS.join(", ");
                    let expected = format!("expected a label name of letters, digits and _, none of {own}");
                    node.fail::<()>(errors, expected);
                } else if let Some(value) = node.text(errors) {
                    alerting.labels.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        alerting.min_failures = fields.take("min_failures").and_then(|n| n.integer(errors, 0..=1_000_000));
        alerting.disable = fields
            .take("disable")
            .map_or_else(Vec::new, |n| n.list_of(errors, |n, errors| n.text(errors).map(str::to_owned)));
        if let Some(mut receivers) = fields.take("receivers").and_then(|n| n.fields(errors)) {
            for (name, settings) in SETTINGS {
                if let Some(node) = receivers.take(name) {
                    read_receiver(&node, settings, errors);
                    alerting.receivers.insert(name.to_owned(), node.value.clone());
                }
            }
            receivers.finish(errors);
        }
        fields.finish(errors);
        alerting
    }
}

#[inline(never)]
fn read_receiver(node: &Node<'_>, settings: &[Setting], errors: &mut ConfigErrors) {
    let Some(mut fields) = node.fields(errors) else { return };
    for (key, required, shape) in settings {
        let setting = if *required { fields.require(key, errors) } else { fields.take(key) };
        if let Some(setting) = setting {
            read_setting(&setting, *shape, errors);
        }
    }
    fields.finish(errors);
}

#[inline(never)]
fn read_setting(node: &Node<'_>, shape: Shape, errors: &mut ConfigErrors) {
    let (expected, valid): (&str, &dyn Fn(&str) -> bool) = match shape {
        Shape::Text => ("some text", &|s| !s.is_empty()),
        Shape::File => ("the path of a file that holds the secret, from the root", &|s| s.starts_with('/')),
        Shape::Url => (A_URL, &is_url),
        Shape::Texts(keys) => {
            if let Some(mut fields) = node.fields(errors) {
                for node in keys.iter().filter_map(|key| fields.take(key)).collect::<Vec<_>>() {
                    read_setting(&node, Shape::Text, errors);
                }
                fields.finish(errors);
            }
            return;
        }
    };
    node.text_where(errors, expected, valid);
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
