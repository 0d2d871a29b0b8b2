//! What `replay` and `backtest` are given alike: recorded traffic and the filter's module.

use super::Failure;
use crate::checkout;
use crate::replay::{self, Module};
use crate::report::html::{Destination, FileError};
use crate::report::numbers::count;
use host_harness::traffic::{BadRecord, Format, Merged, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Recorded traffic, and what it goes through.
#[derive(Debug, clap::Args)]
pub(super) struct Traffic {
    /// Files of recorded traffic, also .gz and .zst; - reads standard input
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// What the files are; auto looks at their content
    #[arg(long, value_enum, default_value_t = InputFormat::Auto)]
    format: InputFormat,
    /// Worker VMs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
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

impl Traffic {
    /// The filter.
    pub(super) fn module(&self) -> Result<Module, Failure> {
        let wasm = checkout::wasm(self.wasm.as_deref())?;
        let name = wasm.display().to_string();
        let bytes = std::fs::read(&wasm).map_err(|source| Failure::Read { path: name.clone(), source })?;
        Ok(Module { name, bytes })
    }

    /// Every file, opened, and the bar that shows how far they have been read.
    pub(super) fn open(&self) -> Result<(Merged<'static>, Bar), BadRecord> {
        let format = match self.format {
            InputFormat::Auto => Format::Auto,
            InputFormat::Har => Format::Har,
            InputFormat::EnvoyJson => Format::EnvoyJson,
            InputFormat::Combined => Format::Combined,
            InputFormat::Exchanges => Format::Exchanges,
            InputFormat::Scenario => Format::Scenario,
        };
        let inputs = replay::open(&self.input, format)?;
        let progress = inputs.progress();
        let bar = progress_bar(progress.total());
        Ok((inputs, Bar { bar, progress }))
    }

    /// How to replay; `course` is what a report draws.
    pub(super) fn settings(&self, verify: bool, course: bool) -> replay::Settings {
        replay::Settings { workers: usize::from(self.workers), skip_bad: self.skip_bad, verify, course }
    }

    /// An error where standard input is to be read more than once: the configuration may come from there, too.
    pub(super) fn read_once(&self, config: &Path) -> Result<(), BadRecord> {
        let inputs = self.input.iter().filter(|path| is_stdin(path)).count();
        match inputs + usize::from(is_stdin(config)) {
            0 | 1 => Ok(()),
            _ => Err(cannot("named twice with -, but it can be read only once")),
        }
    }

    /// The same where two configurations are two replays.
    pub(super) fn read_twice(&self, config: &Path, against: &Path) -> Result<(), BadRecord> {
        let input = self.input.iter().any(|path| is_stdin(path));
        match input || (is_stdin(against) && is_stdin(config)) {
            false => Ok(()),
            true => {
                Err(cannot("--against reads the same twice, but this can be read only once; name a file"))
            }
        }
    }

    /// Where a report goes that is asked for: none of the files that are read, these configurations among them.
    pub(super) fn destination<'p>(
        &'p self,
        report: Option<&Path>,
        configs: impl IntoIterator<Item = &'p PathBuf>,
    ) -> Result<Option<Destination>, FileError> {
        let own = self.input.iter().chain(&self.wasm);
        let read: Vec<&Path> = configs.into_iter().chain(own).map(PathBuf::as_path).collect();
        report.map(|path| Destination::prepare(path, &read)).transpose()
    }

    /// The files' names, for a title.
    pub(super) fn names(&self) -> String {
        let name = |path: &PathBuf| {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
            if name == "-" { STDIN.to_owned() } else { name.into_owned() }
        };
        self.input.iter().map(name).collect::<Vec<_>>().join(", ")
    }
}

/// As errors and titles name it.
const STDIN: &str = "standard input";

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn cannot(reason: &str) -> BadRecord {
    BadRecord { file: STDIN.to_owned(), line: 0, reason: reason.to_owned() }
}

/// How far a replay is, on standard error where that is a terminal; gone when it is dropped.
pub(super) struct Bar {
    bar: ProgressBar,
    progress: Progress,
}

impl Bar {
    /// So many exchanges have begun.
    pub(super) fn show(&self, opened: u64) {
        if opened.is_multiple_of(1000) {
            self.bar.set_message(format!("{} exchanges", count(opened)));
            self.bar.set_position(self.progress.read());
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How much of the files has been read, or just that something moves.
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
