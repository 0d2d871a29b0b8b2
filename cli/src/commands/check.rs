//! `redline check`: a configuration in; its metrics, their worst case and what cannot be rendered, or every mistake, out.

use super::{Done, Failure};
use crate::document::{Document, DocumentError};
use crate::doubts::doubts;
use crate::estimate::{Estimate, MetricEstimate, STATUSES};
use crate::render::{self, alertmanager, grafana, prometheus};
use crate::report::numbers::{bytes, count};
use crate::report::table::{self, Align};
use redline::config::{Config, EndpointSource};
use std::io::Write;
use std::path::PathBuf;

/// Validate a configuration; print every metric it will emit and the worst-case number of series
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input
    config: PathBuf,
}

/// Prints the estimate; a configuration with mistakes prints those and fails the check.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    // What the filter takes, and what alerts can be made of.
    let document = match Document::load(&args.config) {
        Ok(document) => document,
        Err(error @ DocumentError::Read { .. }) => return Err(error.into()),
        Err(error) => return refused(args, &error, MORE, out),
    };
    if let Err(error) = document.refuse(&args.config, render::check(&document.config)) {
        return refused(args, &error, "", out);
    }
    out.write_all(text(&document.config).as_bytes())?;
    Ok(Done::Good)
}

/// Alerts are made of a configuration that is right.
const MORE: &str = "; once mended, what alerts and receivers need is checked too";

/// Prints every mistake, and how many they are.
fn refused(args: &Args, error: &DocumentError, more: &str, out: &mut impl Write) -> Result<Done, Failure> {
    writeln!(out, "{error}")?;
    let n = error.count();
    let s = if n == 1 { "" } else { "s" };
    writeln!(out, "{n} mistake{s} in {}{more}", Document::name(&args.config))?;
    Ok(Done::CheckFailed)
}

/// What `check` says of a valid configuration.
fn text(config: &Config) -> String {
    let estimate = Estimate::of(config);
    let right = |title| (title, Align::Right);
    let left = |title| (title, Align::Left);
    let columns = [
        left("METRIC"),
        left("TYPE"),
        left("LABELS BESIDE service, WITH MOST VALUES"),
        right("LABEL SETS"),
        right("SERIES"),
    ];
    let mut rows: Vec<Vec<String>> = estimate.metrics.iter().map(row).collect();
    let (sets, series) = (count(estimate.label_sets()), count(estimate.series()));
    rows.push(vec!["total".to_owned(), String::new(), String::new(), sets, series]);
    let mut text = table::render(&columns, &rows);
    text.push_str(&format!(
        "\nThe worst case: {} label sets (redline_* and slo_* aside, limits.max_series caps them at {}), {} Prometheus series.\n\
         It assumes all 11 methods and {STATUSES} statuses (the 62 registered codes, and 0) on each endpoint{}.\n",
        count(estimate.capped_label_sets()),
        count(estimate.max_series),
        count(estimate.series()),
        match config.endpoints.source {
            EndpointSource::Template => "",
            EndpointSource::RouteName =>
                ",\nand as many route names as limits.max_series admits: Envoy's routes are not known here",
        },
    ));
    let memory = estimate.memory();
    text.push_str(&format!(
        "In Envoy, which never frees a label set, {} is about {} and {} for each worker.\n",
        if estimate.capped_label_sets() > estimate.max_series {
            format!("what limits.max_series admits of it ({})", count(estimate.max_series))
        } else {
            "that".to_owned()
        },
        bytes(memory.once as f64),
        bytes(memory.per_worker as f64),
    ));
    if let Some(overflow) = estimate.overflow() {
        text.push_str(&format!(
            "warning: the worst case exceeds limits.max_series: the label `{}` of {} ({} values) overflows first; \
             what is past the limit goes to overflow rows\n",
            overflow.label.name,
            overflow.metric,
            count(overflow.label.values),
        ));
    }
    text.push_str(&not_rendered(config));
    for warning in doubts(config).into_iter().chain(alertmanager::warnings(config)) {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&format!("The configuration of the service {} is valid.\n", config.service));
    text
}

/// The alerts and panels that this configuration cannot have; nothing where it has all.
fn not_rendered(config: &Config) -> String {
    let mut text = String::new();
    let alerts = prometheus::left_out(config);
    if !alerts.is_empty() {
        let all = prometheus::known_alerts().len();
        text.push_str(&format!("\nOf {all} alerts, {} are not rendered:\n\n", alerts.len()));
        let mut by_reason: Vec<(String, Vec<&str>)> = Vec::new();
        for out in alerts {
            match by_reason.iter_mut().find(|(reason, _)| *reason == out.reason) {
                Some((_, names)) => names.push(out.alert),
                None => by_reason.push((out.reason, vec![out.alert])),
            }
        }
        let rows: Vec<Vec<String>> =
            by_reason.into_iter().map(|(reason, names)| vec![reason, names.join(", ")]).collect();
        text.push_str(&table::render(&[("BECAUSE", Align::Left), ("ALERTS", Align::Left)], &rows));
    }
    let panels = grafana::left_out(config);
    if !panels.is_empty() {
        let (n, titles) = (panels.len(), panels.join("; "));
        text.push_str(&format!("\nNor are {n} panels, for want of the same metrics: {titles}.\n"));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn row(metric: &MetricEstimate) -> Vec<String> {
    let labels: Vec<String> =
        metric.labels.iter().map(|l| format!("{} {}", l.name, count(l.values))).collect();
    vec![
        metric.name.clone(),
        metric.kind.as_str().to_owned(),
        labels.join(", "),
        count(metric.label_sets),
        count(metric.series),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_what_is_still_to_be_checked_and_a_valid_configuration_what_is_doubted() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("redline.yaml");
        for (text, done, said) in [
            ("service: x\ntick: 10", Done::CheckFailed, "alerts and receivers need is checked too\n"),
            ("service: x\nalerting: {disable: [None]}", Done::CheckFailed, "redline.yaml\n"),
            ("service: x\nendpoints: {templates: ['/*']}", Done::Good, "service x is valid.\n"),
        ] {
            std::fs::write(&config, text).unwrap();
            let mut printed = Vec::new();
            assert_eq!(run(&Args { config: config.clone() }, &mut printed).unwrap(), done, "{text}");
            let printed = String::from_utf8(printed).unwrap();
            assert!(printed.ends_with(said), "{printed}");
            assert_eq!(
                printed.contains("warning: $.endpoints.templates[0]"),
                done == Done::Good,
                "{printed}"
            );
        }
    }
}
