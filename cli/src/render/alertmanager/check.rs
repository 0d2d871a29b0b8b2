//! A valid configuration in; what Alertmanager would refuse of its receivers, and who would not be told, out.

use super::receivers;
use crate::address::HostPort;
use redline::config::{Config, ConfigError};
use serde_json::Value;

/// What is wrong with `alerting.receivers`: secrets in plain text, and settings that Alertmanager refuses.
pub fn check(config: &Config) -> Vec<ConfigError> {
    let receivers = &config.alerting.receivers;
    let mut errors = Vec::new();
    let mut mistake = |path: &str, value: String, reason: &str| {
        let path = format!("$.alerting.receivers.{path}");
        errors.push(ConfigError { path, value, reason: reason.to_owned() });
    };
    if let Some(webhook) = receivers.get("webhook") {
        match (webhook.get("url").and_then(Value::as_str), webhook.get("url_file").and_then(Value::as_str)) {
            (Some(url), None) if has_credentials(url) => {
                // The value is not repeated: it is a secret, and this may be a log.
                mistake(
                    "webhook.url",
                    String::new(),
                    "a password or a query in a URL is a secret, and secrets are only in files: write the whole URL into \
                     a file and name that as `url_file`, or keep the URL and name a token's file as `credentials_file`",
                );
            }
            (Some(_), None) | (None, Some(_)) => {}
            _ => mistake("webhook", String::new(), "expected exactly one of url, url_file"),
        }
    }
    if let Some(email) = receivers.get("email") {
        let smarthost = email.get("smarthost").and_then(Value::as_str).unwrap_or_default();
        if smarthost.parse::<HostPort>().is_err() {
            mistake(
                "email.smarthost",
                Value::from(smarthost).to_string(),
                "expected HOST:PORT, such as smtp.example.com:587: Alertmanager refuses it without a port",
            );
        }
        if email.get("to").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            let reason = "nobody to write to: expected at least one of ops, business, security";
            mistake("email.to", "{}".to_owned(), reason);
        }
    }
    errors
}

/// Whether a URL has a password (`https://user:pass@host/`), or a query, where tokens stand.
fn has_credentials(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@') || rest.contains('?')
}

/// Who would not be told, a sentence each; empty where every alert reaches somebody and the critical ones wake him.
pub fn warnings(config: &Config) -> Vec<String> {
    let all = receivers::all(config);
    if all.iter().all(|receiver| receiver.integrations.is_empty()) {
        let nobody =
            "nobody is told of any alert: alerting.receivers has no pagerduty, slack, email or webhook";
        return vec![nobody.to_owned()];
    }
    let wakes = |kind: &str| config.alerting.receivers.contains_key(kind);
    if wakes("pagerduty") || wakes("webhook") {
        return Vec::new();
    }
    let ways: Vec<&str> = ["slack", "email"].into_iter().filter(|kind| wakes(kind)).collect();
    vec![format!(
        "critical alerts page nobody: alerting.receivers has neither pagerduty nor webhook, so they go to {} like the others",
        ways.join(" and ")
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn config(receivers: &str) -> Config {
        let text = format!("service: x\nalerting: {{receivers: {{{receivers}}}}}");
        Document::from_text("test", &text).unwrap().config
    }

    #[test]
    fn secrets_are_only_in_files_and_are_not_repeated() {
        for url in
            ["https://me:secret@h/x", "https://secret@h", "http://h/hook?token=secret", "http://h?secret"]
        {
            let errors = check(&config(&format!("webhook: {{url: \"{url}\"}}")));
            let [error] = &errors[..] else { panic!("{url}: {errors:?}") };
            assert_eq!(error.path, "$.alerting.receivers.webhook.url");
            assert!(error.reason.contains("`url_file`") && !error.to_string().contains("secret@"), "{error}");
            assert!(!error.to_string().contains("token="), "{error}");
        }
        for receiver in
            ["url: \"http://h:8080/a/@b\"", "url: http://h, credentials_file: /s/token", "url_file: /s/url"]
        {
            assert_eq!(check(&config(&format!("webhook: {{{receiver}}}"))), [], "{receiver}");
        }
        for receiver in ["", "credentials_file: /s", "url: http://h, url_file: /s", "url_file: null"] {
            let errors = check(&config(&format!("webhook: {{{receiver}}}")));
            assert_eq!(errors.len(), 1, "{receiver}");
            assert_eq!(
                errors[0].to_string(),
                "$.alerting.receivers.webhook: expected exactly one of url, url_file"
            );
        }
    }

    #[test]
    fn a_mail_server_has_a_port_and_mail_has_somebody_to_go_to() {
        let email = |smarthost: &str, to: &str| {
            check(&config(&format!("email: {{from: a@b, smarthost: \"{smarthost}\", to: {{{to}}}}}")))
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        for smarthost in ["mail:25", "smtp.example.com:587", "[::1]:25"] {
            assert_eq!(email(smarthost, "ops: o@p"), [""; 0], "{smarthost}");
        }
        for smarthost in ["mail", "mail:", "mail:smtp", "::1"] {
            let expected =
                format!("$.alerting.receivers.email.smarthost: \"{smarthost}\": expected HOST:PORT");
            let got = email(smarthost, "ops: o@p");
            assert!(got.len() == 1 && got[0].starts_with(&expected), "{got:?}");
        }
        assert_eq!(
            email("mail:25", ""),
            [
                "$.alerting.receivers.email.to: {}: nobody to write to: expected at least one of ops, business, security"
            ]
        );
    }

    #[test]
    fn it_is_said_when_nobody_is_told_or_nobody_is_woken() {
        let said = |receivers: &str| warnings(&config(receivers)).join("\n");
        let nobody = "nobody is told of any alert: ";
        assert!(said("").starts_with(nobody));
        assert!(said("email: {from: a@b, smarthost: 'm:25', to: {}}").starts_with(nobody));
        let (slack, email) =
            ("slack: {api_url_file: /s}", "email: {from: a@b, smarthost: 'm:25', to: {ops: c@d}}");
        for (receivers, ways) in
            [(slack, "slack"), (email, "email"), (&format!("{slack}, {email}"), "slack and email")]
        {
            let warning = said(receivers);
            assert!(
                warning.starts_with("critical alerts page nobody")
                    && warning.ends_with(&format!("go to {ways} like the others")),
                "{warning}"
            );
        }
        for receivers in ["pagerduty: {routing_key_file: /p}", "webhook: {url_file: /s}"] {
            assert_eq!(said(receivers), "", "{receivers}");
        }
    }
}
