//! `redline replay`: recorded traffic through the filter, outside Envoy; what Envoy would show.

use super::traffic::Traffic;
use super::{Done, Failure};
use crate::document::Document;
use crate::replay::{self, Outcome};
use crate::report::html::Made;
use crate::report::page;
use crate::report::replay::{json, table};
use std::io::Write;
use std::path::PathBuf;

/// Replay recorded traffic through the filter on a virtual clock; print what Envoy would show
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    #[command(flatten)]
    traffic: Traffic,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write a page with charts, too: one file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Compute the same numbers natively, and show any difference
    #[arg(long)]
    verify: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Tables for people
    Table,
    /// As Envoy's /stats/prometheus
    Prometheus,
    /// Everything, with a schema_version
    Json,
}

/// Replays every input; fails the check where `--verify` finds a difference.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    args.traffic.read_once(&args.config)?;
    let document = Document::load(&args.config)?;
    let module = args.traffic.module()?;
    let (inputs, bar) = args.traffic.open()?;
    let destination = args.traffic.destination(args.report.as_deref(), [&args.config])?;
    let settings = args.traffic.settings(args.verify, destination.is_some());
    let outcome = replay::run(&document, &module, inputs, settings, |opened| bar.show(opened));
    drop(bar);
    let outcome = outcome?;
    if let Some(destination) = destination {
        let title = format!("Replay of {}", args.traffic.names());
        let page = page::replay(&document.config, &outcome, title, None, Made::now())?;
        destination.write(&page.html()?)?;
    }
    match args.output {
        Output::Table => out.write_all(table(&document.config, &outcome)?.as_bytes())?,
        Output::Json => writeln!(out, "{:#}", json(&document.config, &outcome)?)?,
        // Nothing but the metrics goes to standard output.
        Output::Prometheus => {
            out.write_all(outcome.prometheus.as_bytes())?;
            out.flush()?;
            write!(std::io::stderr(), "{}", crate::report::replay::remarks(&outcome))?;
        }
    }
    Ok(if agrees(&outcome) { Done::Good } else { Done::CheckFailed })
}

fn agrees(outcome: &Outcome) -> bool {
    outcome.verified.as_ref().is_none_or(|verified| verified.differences.is_empty())
}
