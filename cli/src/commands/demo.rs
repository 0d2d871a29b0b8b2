//! `redline demo`: everything of our own together, and the tables that a real Envoy's metrics give.

use super::{Done, Failure};
use crate::address::HostPort;
use crate::checkout;
use crate::course::{Course, Totals};
use crate::demo::{self, Load, Sent, Upstream};
use crate::document::Document;
use crate::envoy::{Envoy, Launch};
use crate::render::{Bootstrap, envoy::LISTENER};
use crate::report;
use crate::report::custom::CustomRow;
use crate::report::html::{Destination, Input, Made, Page};
use crate::report::numbers::{count, whole};
use crate::report::red::{Peaks, Red};
use crate::scrape::Scrape;
use crate::slo::{SloState, SloStates, from_scrape};
use crate::stop::Stop;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use redline::metric::Metric;
use redline::slo::Window;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Start a demo upstream and a real Envoy with the filter, send traffic, and show what Envoy has counted
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to send traffic; 0 is until Ctrl-C
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=86_400))]
    seconds: u64,
    /// The filter's module; without it, the one that `make wasm` builds
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
    /// Write a page with charts, too: one file that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

const WORKERS: u32 = 2;
/// How often the gauges are read while the load runs.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often what is counted is noted for a report.
const NOTED_EVERY_NS: u64 = 1_000_000_000;
const LAG: &str =
    "Envoy merges histograms once a second: percentiles may show a second later than their requests.";
/// How long Envoy may take to show what it has counted; it merges histograms once a second here.
const SETTLE_WITHIN: Duration = Duration::from_secs(20);
/// How long a tick may be away, and a second; the example's is 10 s.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(15);

/// Runs the demo; fails where a request failed, or where Envoy has not counted each exactly once.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    let stop = Stop::on_signals().map_err(Failure::system("signals"))?;
    let wasm = checkout::wasm(args.wasm.as_deref())?;
    let destination = args.report.as_deref().map(|path| Destination::prepare(path, &[])).transpose()?;
    let document = demo::document()?;
    let upstream = Upstream::start().map_err(Failure::system("the demo upstream"))?;
    let bootstrap = Bootstrap {
        document: &document,
        upstream: upstream.address().into(),
        listen: HostPort::loopback(),
        admin: HostPort::loopback(),
        wasm: wasm.display().to_string(),
        flush_seconds: Some(1),
    };
    let mut envoy = Envoy::start(&Launch::new(bootstrap.yaml()).workers(WORKERS))?;
    let gateway = envoy.listener(LISTENER)?;
    writeln!(
        out,
        "Envoy {} with {} workers and {}\n  gateway  http://{gateway}\n  metrics  http://{}/stats/prometheus\n",
        envoy.version(),
        WORKERS,
        wasm.display(),
        envoy.admin(),
    )?;
    out.flush()?;

    let mut course = Course::new(NOTED_EVERY_NS);
    let first_ns = now_ns();
    course.note(first_ns, Totals::of_scrape(&document.config, &scrape(&envoy)?));
    let mut load = Load::start(gateway).map_err(Failure::system("the load"))?;
    let began = Instant::now();
    let mut peaks = Peaks::default();
    let bar = progress(args.seconds);
    let wanted = (args.seconds > 0).then(|| Duration::from_secs(args.seconds));
    while wanted.is_none_or(|wanted| began.elapsed() < wanted) && !stop.wait(LOOK_EVERY) {
        if let Some(error) = envoy.ended() {
            return Err(error.into());
        }
        let scrape = scrape(&envoy)?;
        peaks.look(&Red::of(&document.config, &scrape));
        let now = now_ns();
        if course.is_due(now) {
            course.note(now, Totals::of_scrape(&document.config, &scrape));
        }
        bar.set_position(began.elapsed().as_secs());
        bar.set_message(format!("{} requests", count(load.sent().answered)));
    }
    let seconds = began.elapsed().as_secs_f64();
    bar.set_message("waiting for the last answers");
    let last_ns = now_ns();
    let sent = load.finish();
    bar.finish_and_clear();
    let red = settle(&envoy, &document, sent)?;

    let unit = document.config.duration_unit;
    writeln!(out, "Requests, errors (5xx or no answer) and durations in {seconds:.0} s\n")?;
    writeln!(out, "{}", red.endpoint_table(unit, seconds, Some(&peaks)))?;
    writeln!(out, "Tenants\n\n{}", red.tenant_table())?;
    let custom = report::custom::rows(&document.config, &Scrape::parse(&envoy.scrape()?)?);
    writeln!(out, "Business, database, cache and queue\n\n{}", report::custom::table(&custom))?;
    let slos = slos(&envoy, &document)?;
    writeln!(out, "SLOs\n\n{}", report::slo::table(&slos))?;
    let mut done = verdict(sent, &red, load.failure(), out)?;
    // Zeros that agree with zeros are no proof; who stopped it early has seen enough.
    let events = slos.slos.iter().all(|state| state.report.window(Window::Hour1).tally.events > 0);
    let all_seen = events && custom.iter().all(CustomRow::is_seen);
    let seen = red.requests() > 0.0 && peaks.any() && red.names_a_tenant() && all_seen;
    if !seen && !stop.requested() {
        writeln!(
            out,
            "FAILED: no requests, nothing in flight, no tenant, no event of an SLO or nothing of a metric was ever seen"
        )?;
        done = Done::CheckFailed;
    }
    if let Some(destination) = destination {
        let scrape = scrape(&envoy)?;
        course.end(last_ns, Totals::of_scrape(&document.config, &scrape));
        let page = Page::of(&Input {
            config: &document.config,
            title: format!("Demo of Redline in Envoy {}", envoy.version()),
            span_ns: Some((first_ns, last_ns)),
            scrape: Some(&scrape),
            course: Some(&course),
            most_in_flight: Some(peaks.all() as u64),
            slos: Some(&slos),
            firings: None,
            sources: vec![format!("Envoy {} with {WORKERS} workers", envoy.version())],
            remarks: vec![LAG.to_owned()],
            made: Made::now(),
        })?;
        destination.write(&page.html()?)?;
    }
    writeln!(out, "{}", next_steps())?;
    drop(load);
    envoy.stop();
    Ok(done)
}

fn scrape(envoy: &Envoy) -> Result<Scrape, Failure> {
    Ok(Scrape::parse(&envoy.scrape()?)?)
}

fn red(envoy: &Envoy, document: &Document) -> Result<Red, Failure> {
    Ok(Red::of(&document.config, &scrape(envoy)?))
}

/// Nanoseconds since 1970.
fn now_ns() -> u64 {
    u64::try_from(Timestamp::now().as_nanosecond()).unwrap_or_default()
}

/// Reads until a tick has seen all events: the filter publishes every `tick`.
fn slos(envoy: &Envoy, document: &Document) -> Result<SloStates, Failure> {
    let config = &document.config;
    let deadline = Instant::now() + PUBLISHED_WITHIN;
    let mut complete = false;
    loop {
        let scrape = Scrape::parse(&envoy.scrape()?)?;
        let counted = config.metric_name(Metric::SloEvents);
        let counted: Vec<f64> =
            config.slos.iter().map(|slo| scrape.sum(&counted, &[("slo", slo.name.as_str())])).collect();
        let now_s = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let states = from_scrape(config, &envoy.admin().to_string(), scrape, now_s);
        let hour = |state: &SloState| state.report.window(Window::Hour1).tally.events as f64;
        let all = states.as_ref().is_ok_and(|states| states.slos.iter().map(hour).eq(counted));
        // A scrape may fall into a tick, and show some gauges of before: the next one does not.
        if (all && complete) || Instant::now() >= deadline {
            return Ok(states?);
        }
        complete = all;
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Reads until all that was answered is counted and timed, and nothing is in flight.
fn settle(envoy: &Envoy, document: &Document, sent: Sent) -> Result<Red, Failure> {
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let red = red(envoy, document)?;
        let settled =
            red.requests() >= expected(sent) && red.timed() >= red.requests() && red.in_flight() == 0.0;
        if settled || Instant::now() >= deadline {
            return Ok(red);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether the numbers are what was sent, in words.
fn verdict(sent: Sent, red: &Red, failure: Option<String>, out: &mut impl Write) -> Result<Done, Failure> {
    let (answered, excluded) = (count(sent.answered), count(sent.excluded));
    let counted = whole(red.requests());
    let good =
        sent.failed == 0 && failure.is_none() && red.requests() == expected(sent) && red.in_flight() == 0.0;
    writeln!(
        out,
        "{answered} requests answered, {counted} counted; {excluded} were to /healthz, which the configuration excludes."
    )?;
    if let Some(reason) = failure {
        writeln!(out, "FAILED: {} requests were not answered; the first: {reason}", sent.failed)?;
    }
    if good {
        return Ok(Done::Good);
    }
    let in_flight = whole(red.in_flight());
    writeln!(
        out,
        "FAILED: {} should have been counted, and {in_flight} are still in flight",
        whole(expected(sent))
    )?;
    Ok(Done::CheckFailed)
}

fn next_steps() -> String {
    let program = std::env::args().next().unwrap_or_else(|| "redline".to_owned());
    let config = demo::CONFIG;
    format!(
        "All of it was read from Envoy's own /stats/prometheus; Envoy and the upstream are stopped again. Next:\n\
         \x20 {program} run\n\
         \x20     the same Envoy, to look at: http://127.0.0.1:10000/api/v1/models/1 and\n\
         \x20     http://127.0.0.1:9901/stats/prometheus\n\
         \x20 {program} run --upstream HOST:PORT --config FILE\n\
         \x20     in front of your own service; {config} is what the demo used and explains every key\n\
         \x20 {program} check FILE\n\
         \x20     which metrics a configuration gives, and how many series at most\n\
         \x20 {program} render envoy --config FILE --upstream HOST:PORT\n\
         \x20     a bootstrap for an Envoy of your own"
    )
}

/// A bar on standard error, where that is a terminal.
fn progress(seconds: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match seconds {
        0 => (ProgressBar::new_spinner(), "{spinner} {elapsed} {msg} (Ctrl-C ends the traffic)"),
        seconds => (ProgressBar::new(seconds), "{bar:40} {pos}/{len} s  {msg}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// How many requests Envoy should have counted.
fn expected(sent: Sent) -> f64 {
    // Exact up to 2^53, as every number in a scrape.
    sent.answered.saturating_sub(sent.excluded) as f64
}
