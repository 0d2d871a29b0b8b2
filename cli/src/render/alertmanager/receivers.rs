//! The section `alerting.receivers` in; Alertmanager's receivers out.

use crate::render::yaml::quoted;
use redline::config::Config;
use serde_json::Value;

/// A way to tell somebody.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The one PagerDuty service.
    PagerDuty,
    /// A key of `slack.channels`, and the channel where that is not written.
    Slack(&'static str, &'static str),
    /// A key of `email.to`.
    Email(&'static str),
}

/// Every receiver: its name, and by which ways it tells whom.
const RECEIVERS: [(&str, &[Wanted]); 11] = [
    ("alerts", &[Wanted::Slack("alerts", "#alerts")]),
    ("pagerduty", &[Wanted::PagerDuty]),
    ("slo-page", &[Wanted::PagerDuty, Wanted::Slack("slo", "#slo-alerts")]),
    ("slo", &[Wanted::Slack("slo", "#slo-alerts")]),
    (
        "security-page",
        &[Wanted::PagerDuty, Wanted::Slack("security", "#security-alerts"), Wanted::Email("security")],
    ),
    ("security", &[Wanted::Slack("security", "#security-alerts"), Wanted::Email("security")]),
    ("performance", &[Wanted::Slack("performance", "#performance-alerts")]),
    ("platform", &[Wanted::Slack("platform", "#platform-alerts")]),
    ("tenants", &[Wanted::Slack("tenants", "#tenant-alerts")]),
    ("business", &[Wanted::Email("business")]),
    ("ops-email", &[Wanted::Email("ops")]),
];

/// One receiver of Alertmanager.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) name: &'static str,
    /// Its integrations as YAML at column 4; empty where it tells nobody.
    pub(super) integrations: String,
}

/// Every receiver. What a receiver wants and is not configured goes to operations by email, else to Slack.
pub(super) fn all(config: &Config) -> Vec<Receiver> {
    let mut receivers: Vec<Receiver> = RECEIVERS
        .into_iter()
        .map(|(name, wanted)| {
            let mut integrations: String =
                wanted.iter().filter_map(|way| integration(config, *way)).collect();
            for way in [Wanted::Email("ops"), Wanted::Slack("alerts", "#alerts"), Wanted::PagerDuty] {
                if integrations.is_empty() {
                    integrations.extend(integration(config, way));
                }
            }
            Receiver { name, integrations }
        })
        .collect();
    if let Some(webhook) = config.alerting.receivers.get("webhook") {
        let (key, address) = match setting(webhook, "url_file") {
            // Alertmanager 0.26 and later.
            Some(file) => ("url_file", file),
            None => ("url", setting(webhook, "url").unwrap_or_default()),
        };
        let mut text = format!(
            "    webhook_configs:\n      - {key}: {}\n        send_resolved: true\n",
            quoted(address)
        );
        if let Some(file) = setting(webhook, "credentials_file") {
            text.push_str(&format!(
                "        http_config: {{authorization: {{credentials_file: {}}}}}\n",
                quoted(file)
            ));
        }
        receivers.push(Receiver { name: "webhook", integrations: text });
    }
    receivers
}

/// What Slack and email have in common, for Alertmanager's `global`.
pub(super) fn global(config: &Config) -> String {
    let mut lines: Vec<String> = vec!["  resolve_timeout: 5m".to_owned()];
    let mut add = |key: &str, value: Option<&str>| {
        lines.extend(value.map(|value| format!("  {key}: {}", quoted(value))));
    };
    let receivers = &config.alerting.receivers;
    if let Some(slack) = receivers.get("slack") {
        add("slack_api_url_file", setting(slack, "api_url_file"));
    }
    if let Some(email) = receivers.get("email") {
        add("smtp_from", setting(email, "from"));
        add("smtp_smarthost", setting(email, "smarthost"));
        add("smtp_auth_username", setting(email, "username"));
        add("smtp_auth_password_file", setting(email, "password_file"));
    }
    format!("global:\n{}\n", lines.join("\n"))
}

fn setting<'v>(receiver: &'v Value, key: &str) -> Option<&'v str> {
    receiver.get(key)?.as_str()
}

fn integration(config: &Config, wanted: Wanted) -> Option<String> {
    let receivers = &config.alerting.receivers;
    Some(match wanted {
        Wanted::PagerDuty => {
            let file = setting(receivers.get("pagerduty")?, "routing_key_file")?;
            format!(
                "    pagerduty_configs:\n      - routing_key_file: {}\n        send_resolved: true\n        \
                 severity: '{{{{ if eq .CommonLabels.severity \"critical\" }}}}critical{{{{ else }}}}warning{{{{ end }}}}'\n        \
                 description: '{{{{ template \"redline.title\" . }}}}'\n        \
                 details: {{text: '{{{{ template \"redline.text\" . }}}}'}}\n",
                quoted(file)
            )
        }
        Wanted::Slack(key, default) => {
            let channels = receivers.get("slack")?.get("channels");
            let channel = channels.and_then(|channels| setting(channels, key)).unwrap_or(default);
            format!(
                "    slack_configs:\n      - channel: {}\n        send_resolved: true\n        \
                 color: '{{{{ template \"redline.color\" . }}}}'\n        \
                 title: '{{{{ template \"redline.title\" . }}}}'\n        \
                 title_link: '{{{{ template \"redline.runbook\" . }}}}'\n        \
                 text: '{{{{ template \"redline.text\" . }}}}'\n",
                quoted(channel)
            )
        }
        Wanted::Email(key) => {
            let to = receivers.get("email")?.get("to")?.as_object()?;
            let address = to.get(key).or_else(|| to.get("ops")).or_else(|| to.values().next())?.as_str()?;
            format!(
                "    email_configs:\n      - to: {}\n        send_resolved: true\n        \
                 headers: {{subject: '{{{{ template \"redline.title\" . }}}}'}}\n        \
                 html: '{{{{ template \"redline.html\" . }}}}'\n",
                quoted(address)
            )
        }
    })
}
