//! `redline replay`: recorded traffic through the filter, outside Envoy; what Envoy would show.

use super::{Done, Failure};
use crate::checkout;
use crate::document::Document;
use crate::replay::{self, Outcome, Settings};
use crate::report::html::{Destination, Made};
use crate::report::numbers::count;
use crate::report::replay::{json, page, table};
use host_harness::traffic::Format;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Replay recorded traffic through the filter on a virtual clock; print what Envoy would show
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// Files of recorded traffic, also .gz and .zst; - reads standard input
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// What the files are; auto looks at their content
    #[arg(long, value_enum, default_value_t = InputFormat::Auto)]
    format: InputFormat,
    /// Worker VMs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Write a page with charts, too: one file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Compute the same numbers natively, and show any difference
    #[arg(long)]
    verify: bool,
    /// Go on after lines that cannot be read, and say how many there were
    #[arg(long)]
    skip_bad: bool,
    /// The filter's module; without it, the one that `make wasm` builds
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum InputFormat {
    /// Told from the content
    Auto,
    /// HAR 1.2
    Har,
    /// Envoy's JSON access log
    EnvoyJson,
    /// Apache's and nginx's combined log, also with $request_time
    Combined,
    /// One JSON object a line
    Exchanges,
    /// A YAML description of synthetic traffic
    Scenario,
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
    replay::stdin_once(&args.config, &args.input)?;
    let document = Document::load(&args.config)?;
    let wasm = checkout::wasm(args.wasm.as_deref())?;
    let name = wasm.display().to_string();
    let module = std::fs::read(&wasm).map_err(|source| Failure::Read { path: name.clone(), source })?;
    let format = match args.format {
        InputFormat::Auto => Format::Auto,
        InputFormat::Har => Format::Har,
        InputFormat::EnvoyJson => Format::EnvoyJson,
        InputFormat::Combined => Format::Combined,
        InputFormat::Exchanges => Format::Exchanges,
        InputFormat::Scenario => Format::Scenario,
    };
    let inputs = replay::open(&args.input, format)?;
    let destination = args.report.as_deref().map(Destination::prepare).transpose()?;
    let settings = Settings {
        workers: usize::from(args.workers),
        skip_bad: args.skip_bad,
        verify: args.verify,
        course: destination.is_some(),
    };
    let progress = inputs.progress();
    let bar = progress_bar(progress.total());
    let outcome = replay::run(&document, &name, &module, inputs, settings, |opened| {
        if opened % 1000 == 0 {
            bar.set_message(format!("{} exchanges", count(opened)));
            bar.set_position(progress.read());
        }
    });
    bar.finish_and_clear();
    let outcome = outcome?;
    if let Some(destination) = destination {
        let names: Vec<String> = args.input.iter().map(|path| input_name(path)).collect();
        let title = format!("Replay of {}", names.join(", "));
        let page = page(&document.config, &outcome, title, None, Made::now())?;
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

/// A file without its folder, which says nothing to others.
fn input_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    if name == "-" { "standard input".to_owned() } else { name.into_owned() }
}

fn agrees(outcome: &Outcome) -> bool {
    outcome.verified.as_ref().is_none_or(|verified| verified.differences.is_empty())
}

/// How much of the files has been read, or just that something moves, on standard error where that is a terminal.
fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), "{elapsed} {bar:30} {percent} % {msg}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
