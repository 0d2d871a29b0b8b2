//! An alert's name and words in; what it says, as Prometheus' templates and as they are sent, out.

use redline::config::Config;
use std::collections::BTreeMap;

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
