//! Files of recorded traffic and the filter's module in; what Envoy would show, and how it compares to the oracle, out.

use crate::course::{Course, Recorder};
use crate::document::Document;
use crate::render::plugin;
use host_harness::abi::Plugin;
use host_harness::oracle::{Difference, Oracle, OracleError};
use host_harness::replay::{Event, Options, ReplayError, Summary, Watch, What, replay_watched};
use host_harness::stats::{Sample, StatConfig, StatStore};
use host_harness::traffic::{self, BadRecord, Format, Merged, Record};
use host_harness::{Filter, Gateway, GatewayConfig, HostError};
use std::path::PathBuf;

/// How to replay.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Worker VMs.
    pub workers: usize,
    /// Go on after what is no record.
    pub skip_bad: bool,
    /// Count the same traffic natively, too.
    pub verify: bool,
    /// Keep how the totals grew, for a report.
    pub course: bool,
}

/// What a replay gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How much was replayed.
    pub summary: Summary,
    /// Entries that are no traffic of a gateway, such as a browser's `data:` URLs.
    pub ignored: u64,
    /// When the first request began and the last one ended, nanoseconds since 1970; `None` without any.
    pub span_ns: Option<(u64, u64)>,
    /// Every series.
    pub samples: Vec<Sample>,
    /// The same as Envoy's `/stats/prometheus` has it.
    pub prometheus: String,
    /// Where the oracle was asked: its differences, and how many series it has.
    pub verified: Option<Verified>,
    /// Where it was asked for: how the totals grew.
    pub course: Option<Course>,
}

/// What the oracle says.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Series that it has counted.
    pub series: usize,
    /// Where it does not agree.
    pub differences: Vec<Difference>,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter.
    #[error("{wasm}: {source}")]
    Host {
        /// The module's file.
        wasm: String,
        /// What is wrong.
        source: HostError,
    },
    /// The oracle.
    #[error("--verify: {0}")]
    Oracle(#[from] OracleError),
    /// The input, or the filter while it ran.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Opens every file; an error where one cannot be, whatever may be skipped later.
pub fn open(paths: &[PathBuf], format: Format) -> Result<Merged<'static>, BadRecord> {
    let records = paths.iter().map(|path| traffic::open(path, format)).collect::<Result<Vec<_>, _>>()?;
    Ok(Merged::new(records))
}

/// The filter's module.
#[derive(Debug, Clone)]
pub struct Module {
    /// Its file, for errors.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Replays `inputs` through the filter; `progress` hears how many exchanges have begun.
pub fn run(
    document: &Document,
    module: &Module,
    inputs: Merged<'_>,
    settings: Settings,
    progress: impl FnMut(u64),
) -> Result<Outcome, Error> {
    run_scraped(document, module, inputs, settings, progress, |_, _| {})
}

/// The same, and shows the stats as they change; see [`Watch::until`].
pub fn run_scraped(
    document: &Document,
    module: &Module,
    mut inputs: Merged<'_>,
    settings: Settings,
    progress: impl FnMut(u64),
    until: impl FnMut(u64, &StatStore),
) -> Result<Outcome, Error> {
    let host = |source| Error::Host { wasm: module.name.clone(), source };
    let oracle = if settings.verify { Some(Oracle::new(&document.config)?) } else { None };
    let filter = Filter::compile(&module.bytes).map_err(host)?;
    let config = gateway(document, settings.workers, inputs.first_time_ns().unwrap_or(0));
    let mut gateway = Gateway::start(&filter, config).map_err(host)?;

    let recorder = settings.course.then(|| Recorder::new(&document.config));
    let mut onlooker = Onlooker { span: Span::default(), opened: 0, progress, until, oracle, recorder };
    let options = Options { skip_bad: settings.skip_bad };
    let summary = replay_watched(&mut gateway, &mut inputs, options, &mut onlooker)?;
    let Onlooker { span, oracle, recorder, .. } = onlooker;
    if let (0, Some(bad)) = (summary.exchanges, summary.first_bad.first()) {
        // Nothing could be read: that is no bad line in a good file, and zeros would look like a result.
        return Err(ReplayError::from(bad.clone()).into());
    }
    let samples = gateway.stats().snapshot();
    let verified = oracle
        .map(|oracle| Verified { series: oracle.snapshot().len(), differences: oracle.check(&samples) });
    let prometheus = gateway.stats().prometheus_text();
    let end = span.0.map_or(0, |(_, last)| last);
    let course = recorder.map(|recorder| recorder.finish(end, gateway.stats()));
    Ok(Outcome { summary, ignored: inputs.ignored(), span_ns: span.0, samples, prometheus, verified, course })
}

/// Everyone who looks on while it replays.
struct Onlooker<P, U> {
    span: Span,
    opened: u64,
    progress: P,
    until: U,
    oracle: Option<Oracle>,
    recorder: Option<Recorder>,
}

impl<P: FnMut(u64), U: FnMut(u64, &StatStore)> Watch for Onlooker<P, U> {
    fn event(&mut self, event: Event<'_>) {
        if event.what == What::Opened {
            self.opened = self.opened.saturating_add(1);
            self.span.include(event.record);
            (self.progress)(self.opened);
        }
        if let Some(oracle) = &mut self.oracle {
            oracle.observe(event);
        }
    }

    fn ticked(&mut self, now_ns: u64, stats: &StatStore) {
        if let Some(recorder) = &mut self.recorder {
            recorder.ticked(now_ns, stats);
        }
    }

    fn before_event(&mut self, now_ns: u64, stats: &StatStore) {
        if let Some(recorder) = &mut self.recorder {
            recorder.look(now_ns, stats);
        }
    }

    fn until(&mut self, time_ns: u64, stats: &StatStore) {
        (self.until)(time_ns, stats);
    }
}

/// A gateway as the rendered bootstrap sets Envoy up.
fn gateway(document: &Document, workers: usize, start_ns: u64) -> GatewayConfig {
    let id = || "redline".to_owned();
    let configuration = plugin::render(&document.value).text.into_bytes();
    let plugin = Plugin { name: id(), root_id: id(), vm_id: id(), configuration, ..Plugin::default() };
    let stats =
        StatConfig { tags: document.config.stat_tags(), buckets: document.config.histogram_buckets() };
    GatewayConfig { workers, plugin, stats, start_ns, ..GatewayConfig::default() }
}

/// From the first request's beginning to the last one's end.
#[derive(Default)]
struct Span(Option<(u64, u64)>);

impl Span {
    fn include(&mut self, record: &Record) {
        let end = record.time_ns.saturating_add(record.duration_ns.unwrap_or(0));
        let (first, last) = self.0.unwrap_or((record.time_ns, end));
        self.0 = Some((first.min(record.time_ns), last.max(end)));
    }
}

#[cfg(test)]
mod tests;
