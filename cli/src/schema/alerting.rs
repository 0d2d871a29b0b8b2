//! Nothing in; the schema of `alerting` out.

use super::shapes::{
    defaulted, exactly_one, integer, label_name, list, object, optional, required, text, with,
};
use crate::render::prometheus::{known_alerts, slo_alert_names, taken_labels};
use serde_json::{Value, json};

pub(super) fn alerting() -> Value {
    let of_one_slo = format!("^({})/[a-z0-9_]{{1,40}}$", slo_alert_names().join("|"));
    let alert = json!({"anyOf": [{"enum": known_alerts()}, {"type": "string", "pattern": of_one_slo}]});
    object(vec![
        optional("runbook_base", "In front of each alert's page: BASE/HighErrorRate.md.", no_template(url())),
        optional(
            "labels",
            "On every alert.",
            json!({
                "type": "object",
                "propertyNames": label_name(taken_labels()),
                "additionalProperties": no_template(json!({"type": "string"})),
            }),
        ),
        optional(
            "min_failures",
            "Fewer failures in a window are no reason to alert.",
            defaulted(integer(0, 1_000_000), 10),
        ),
        optional(
            "disable",
            "Alerts that are not rendered; ALERT/SLO leaves one out for one SLO.",
            list(alert),
        ),
        optional(
            "receivers",
            "Who is told. Secrets are never written here: only the files, on Alertmanager's machine, that hold them.",
            receivers(),
        ),
    ])
}

fn receivers() -> Value {
    let slack_channels = texts(
        &["alerts", "slo", "security", "performance", "platform", "tenants"],
        "A channel, such as #slo-alerts.",
    );
    let recipients =
        with(texts(&["ops", "business", "security"], "An address."), json!({"minProperties": 1}));
    let pagerduty = object(vec![required("routing_key_file", "The file with the routing key.", file())]);
    let slack = object(vec![
        required("api_url_file", "The file with the incoming webhook's URL.", file()),
        optional("channels", "Channels by what an alert is about; each has a default.", slack_channels),
    ]);
    let email = object(vec![
        required("from", "The sender's address.", text()),
        required(
            "smarthost",
            "The mail server, with its port.",
            json!({"type": "string", "pattern": ":[0-9]+$", "examples": ["smtp.example.com:587"]}),
        ),
        optional("username", "The user's name at the mail server.", text()),
        optional("password_file", "The file with the user's password.", file()),
        required("to", "Addresses by whom an alert is for.", recipients),
    ]);
    object(vec![
        optional("pagerduty", "Is woken by critical alerts.", pagerduty),
        optional("slack", "Is told in channels.", slack),
        optional("email", "Is told by mail.", email),
        optional("webhook", "Is told of every alert.", webhook()),
    ])
}

/// One of the URL and its file, and perhaps a token.
fn webhook() -> Value {
    let webhook = object(vec![
        optional("url", "Where alerts are posted, without a password or a query.", plain_url()),
        optional("url_file", "The file with the URL, where the URL is a secret itself.", file()),
        optional("credentials_file", "The file with a token for the header `authorization`.", file()),
    ]);
    with(webhook, exactly_one(&["url", "url_file"]))
}

/// An object of texts.
fn texts(keys: &[&'static str], description: &str) -> Value {
    object(keys.iter().map(|key| optional(key, description, text())).collect())
}

/// The path of a file that holds a secret.
fn file() -> Value {
    json!({"type": "string", "pattern": "^/"})
}

fn url() -> Value {
    json!({"type": "string", "pattern": "^https?://"})
}

/// Prometheus would read `{{` in an alert as a template.
fn no_template(text: Value) -> Value {
    with(text, json!({"not": {"type": "string", "pattern": "\\{\\{"}}))
}

/// A URL without what would be a secret.
fn plain_url() -> Value {
    json!({"type": "string", "pattern": "^https?://[^?@/#]*([/#][^?]*)?$"})
}
