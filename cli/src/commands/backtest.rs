//! `redline backtest`: recorded traffic through the filter; which alerts on SLOs would have fired, from when to when.

use super::traffic::Traffic;
use super::{Done, Failure};
use crate::backtest::{self, Backtest};
use crate::document::Document;
use crate::render::prometheus;
use crate::replay::Module;
use crate::report::backtest::{Named, json, table};
use crate::report::html::Made;
use crate::report::page;
use host_harness::traffic::BadRecord;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Replay recorded traffic and evaluate the alerts on SLOs over it: which would have fired, from when to when
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// Another configuration to compare with, over the same traffic
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
    #[command(flatten)]
    traffic: Traffic,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write a page with charts and tables of --config's backtest, too
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Exit with 1 where an alert of --config fires, whatever its severity
    #[arg(long)]
    fail_on_alert: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Tables for people
    Table,
    /// Everything, with a schema_version
    Json,
}

/// Replays every input for each configuration; that alerts fire is no failure but with `--fail-on-alert`.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    args.traffic.read_once(&args.config)?;
    let document = load(&args.config)?;
    let other = match &args.against {
        Some(path) => {
            args.traffic.read_twice(&args.config, path)?;
            Some((path, load(path)?))
        }
        None => None,
    };
    let module = args.traffic.module()?;
    let configs = std::iter::once(&args.config).chain(&args.against);
    let destination = args.traffic.destination(args.report.as_deref(), configs)?;
    let result = evaluate(args, &document, &module, destination.is_some())?;
    let against = match &other {
        Some((path, document)) => {
            Some((path.display().to_string(), evaluate(args, document, &module, false)?))
        }
        None => None,
    };
    if let Some((_, other)) = &against {
        same_traffic(&result, other)?;
    }
    let config = args.config.display().to_string();
    let this = Named { config: &config, backtest: &result };
    let that = against.as_ref().map(|(config, backtest)| Named { config, backtest });
    if let Some(destination) = destination {
        let title = format!("Backtest of {}", args.traffic.names());
        destination.write(&page::backtest(&document.config, this, that, title, Made::now())?.html()?)?;
    }
    match args.output {
        Output::Table => out.write_all(table(this, that).as_bytes())?,
        Output::Json => writeln!(out, "{:#}", json(this, that))?,
    }
    let fired = !result.episodes.is_empty();
    Ok(if fired && args.fail_on_alert { Done::CheckFailed } else { Done::Good })
}

/// A configuration of which alerts can be made, as `render prometheus` takes it.
fn load(path: &Path) -> Result<Document, Failure> {
    let document = Document::load(path)?;
    document.refuse(path, prometheus::check(&document.config))?;
    backtest::require_alerts(&document.config)?;
    Ok(document)
}

fn evaluate(args: &Args, document: &Document, module: &Module, course: bool) -> Result<Backtest, Failure> {
    let (inputs, bar) = args.traffic.open()?;
    let settings = args.traffic.settings(false, course);
    Ok(backtest::run(document, module, inputs, settings, |opened| bar.show(opened))?)
}

/// An error where the second replay did not find what the first one did, as with a pipe.
fn same_traffic(one: &Backtest, other: &Backtest) -> Result<(), BadRecord> {
    let [first, second] = [one, other].map(|backtest| backtest.replay.summary.exchanges);
    if first == second {
        return Ok(());
    }
    let reason = format!(
        "{first} exchanges when it was read first and {second} when it was read again: --against needs files that stay as \
         they are"
    );
    Err(BadRecord { file: "the input".to_owned(), line: 0, reason })
}
