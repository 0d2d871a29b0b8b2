//! `redline top`: a live Envoy in; a screen that is drawn anew with each scrape, or with `--once` plain tables, out.

use super::{Done, Failure};
use crate::http::{Client, HttpError};
use crate::scrape::{Scrape, ScrapeError};
use crate::slo::stats_url;
use crate::stop::Stop;
use crate::top::view::View;
use crate::top::{Now, Source, Top, draw::draw};
use jiff::Timestamp;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Watch requests, tenants and SLO burn of a live Envoy: sort, filter, pause; ? shows the keys
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Envoy's admin interface, such as http://127.0.0.1:9901
    #[arg(long, value_name = "URL")]
    envoy: String,
    /// Print plain tables once, of two scrapes, and end
    #[arg(long)]
    once: bool,
    /// Time between two scrapes, at least 250ms; without it 1s, with --once 5s
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
    /// Only this service; without it, all that are there
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// Envoy does not answer.
    #[error("cannot reach {0}")]
    Http(#[from] HttpError),
    /// It does not answer with metrics.
    #[error("{url}: {source}")]
    Scrape {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        source: ScrapeError,
    },
    /// None of Redline's.
    #[error("{0}")]
    Missing(String),
    /// There is no screen.
    #[error("standard output is no terminal: --once prints plain tables")]
    NoTerminal,
}

const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(3600);
const LIVE: Duration = Duration::from_secs(1);
/// Envoy merges its histograms every 5 s where its bootstrap does not say otherwise: there is one merge in it.
const ONCE: Duration = Duration::from_secs(5);
/// Envoy answers at once, or its main thread hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a signal waits at most.
const POLL: Duration = Duration::from_millis(50);
/// At least so often the screen is drawn anew: it says how long Envoy is away.
const REDRAW: Duration = Duration::from_secs(1);
/// Our stats and the age of the process, by Envoy's own names.
const FILTER: &str = r"^(wasmcustom\.|server\.uptime$)";

fn interval(text: &str) -> Result<Duration, String> {
    let duration = redline::config::parse_duration(text).map(|d| Duration::from_nanos(d.as_nanos()));
    let duration = duration.ok_or("expected a duration, such as 1s or 500ms")?;
    match (SHORTEST..=LONGEST).contains(&duration) {
        true => Ok(duration),
        false => Err("from 250ms to 1h".to_owned()),
    }
}

/// Shows until the user leaves, or a signal comes; a bad status is no failure of the command.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    let interval = args.interval.unwrap_or(if args.once { ONCE } else { LIVE });
    let source = Source { url: args.envoy.clone(), interval, service: args.service.clone() };
    // As https://no-color.org has it: any value but an empty one.
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let top = Top::new(source, View::new(colour));
    let clock = Clock(Instant::now());
    if args.once {
        return once(top, &clock, out);
    }
    let stop = Stop::on_signals().map_err(Failure::system("signals"))?;
    if !std::io::stdout().is_terminal() {
        return Err(TopError::NoTerminal.into());
    }
    if is_dumb(std::env::var("TERM").ok().as_deref()) {
        return tables(top, &clock, &stop, out);
    }
    live(top, &clock, &stop)
}

/// Whether a terminal only writes one line after the other.
fn is_dumb(term: Option<&str>) -> bool {
    matches!(term, None | Some("" | "dumb"))
}

struct Clock(Instant);

impl Clock {
    fn now(&self) -> Now {
        let unix_s = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        Now { steady: self.0.elapsed(), unix_s }
    }
}

/// Asks one admin interface, again and again.
struct Scraper {
    client: Client,
    url: String,
    interval: Duration,
    /// Whether it is Envoy itself, and not a page of somebody's own that may not know Envoy's filter.
    filtered: bool,
}

impl Scraper {
    fn new(source: &Source) -> Self {
        let url = stats_url(&source.url);
        let filtered = url != source.url;
        Self { client: Client::new(ANSWER_WITHIN), url, interval: source.interval, filtered }
    }

    fn scrape(&self) -> Result<Scrape, TopError> {
        let text = match self.filtered {
            true => self.client.get_with(&self.url, &[("filter", FILTER)])?,
            false => self.client.get(&self.url)?,
        };
        Scrape::parse(&text).map_err(|source| TopError::Scrape { url: self.url.clone(), source })
    }
}

fn once(mut top: Top, clock: &Clock, out: &mut impl Write) -> Result<Done, Failure> {
    let scraper = Scraper::new(&top.source);
    let began = Instant::now();
    top.answered(clock.now(), &scraper.scrape()?);
    if let Some(missing) = top.missing() {
        return Err(TopError::Missing(missing).into());
    }
    std::thread::sleep(top.source.interval.saturating_sub(began.elapsed()));
    top.answered(clock.now(), &scraper.scrape()?);
    write!(out, "{}", top.text(&format!("{:.3}", Timestamp::now())))?;
    Ok(Done::Good)
}

/// The tables of `--once`, one after the other.
fn tables(mut top: Top, clock: &Clock, stop: &Stop, out: &mut impl Write) -> Result<Done, Failure> {
    let scraper = Scraper::new(&top.source);
    loop {
        let began = Instant::now();
        match scraper.scrape() {
            Ok(scrape) => top.answered(clock.now(), &scrape),
            Err(error) => top.failed(clock.now(), &reason(&error)),
        }
        writeln!(out, "{}", top.text(&format!("{:.3}", Timestamp::now())))?;
        out.flush()?;
        if stop.wait(top.source.interval.saturating_sub(began.elapsed())) {
            return Ok(Done::Good);
        }
    }
}

/// The terminal, given back as it was however this ends; a panic does so before it says anything.
struct Terminal(ratatui::DefaultTerminal);

impl Terminal {
    fn take() -> Result<Self, Failure> {
        Ok(Self(ratatui::try_init().map_err(Failure::system("the terminal"))?))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn live(mut top: Top, clock: &Clock, stop: &Stop) -> Result<Done, Failure> {
    let (inputs, listener) = channel();
    let scraper = Scraper::new(&top.source);
    start("scrapes", &inputs, move |inputs| scrapes(&scraper, inputs))?;
    let mut terminal = Terminal::take()?;
    start("keys", &inputs, keys)?;
    drop(inputs);
    let mut due = Instant::now();
    while !stop.requested() {
        // All that wait, before the screen is drawn again.
        let first = listener.recv_timeout(POLL);
        let changed = first.is_ok();
        for input in first.into_iter().chain(listener.try_iter()) {
            match input {
                Input::Key(key) if !top.key(key) => return Ok(Done::Good),
                Input::Key(_) | Input::Resized => {}
                Input::NoKeys(error) => return Err(Failure::system("the terminal")(error)),
                Input::Answer(Ok(scrape)) => top.answered(clock.now(), &scrape),
                Input::Answer(Err(error)) => top.failed(clock.now(), &reason(&error)),
            }
        }
        if changed || Instant::now() >= due {
            top.at(clock.now());
            terminal.0.draw(|frame| draw(frame, &top)).map_err(Failure::system("the terminal"))?;
            due = Instant::now() + REDRAW;
        }
    }
    Ok(Done::Good)
}

/// What the screen waits for.
enum Input {
    Key(KeyEvent),
    Resized,
    NoKeys(std::io::Error),
    Answer(Result<Scrape, TopError>),
}

/// Starts a thread of its own for something that blocks. None is waited for: they end with the process.
///
/// Envoy may take its time; and reading keys never returns once the terminal is gone.
fn start(
    name: &str,
    inputs: &Sender<Input>,
    work: impl FnOnce(&Sender<Input>) + Send + 'static,
) -> Result<(), Failure> {
    let (thread, inputs) = (std::thread::Builder::new().name(name.to_owned()), inputs.clone());
    thread.spawn(move || work(&inputs)).map(drop).map_err(Failure::system("a thread"))
}

fn keys(inputs: &Sender<Input>) {
    loop {
        let input = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
            Ok(Event::Resize(..)) => Input::Resized,
            Ok(_) => continue,
            Err(error) => Input::NoKeys(error),
        };
        let last = matches!(input, Input::NoKeys(_));
        if inputs.send(input).is_err() || last {
            return;
        }
    }
}

fn scrapes(scraper: &Scraper, inputs: &Sender<Input>) {
    loop {
        let began = Instant::now();
        if inputs.send(Input::Answer(scraper.scrape())).is_err() {
            return;
        }
        std::thread::sleep(scraper.interval.saturating_sub(began.elapsed()));
    }
}

/// The reason alone: the screen says of whom.
fn reason(error: &TopError) -> String {
    match error {
        TopError::Http(HttpError::Transport { source, .. }) => source.to_string(),
        TopError::Http(HttpError::Status { status, .. }) => format!("answered {status}"),
        TopError::Scrape { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_a_unit_and_limits() {
        assert_eq!(interval("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(interval("2s"), Ok(Duration::from_secs(2)));
        for bad in ["", "1", "249ms", "2h", "-1s", "1 s"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_of_somebodys_own_is_asked_for_as_it_is() {
        let scraper =
            |url: &str| Scraper::new(&Source { url: url.to_owned(), interval: LIVE, service: None });
        let (envoy, own) = (scraper("127.0.0.1:9901"), scraper("http://pod:15020/stats/prometheus"));
        assert_eq!((envoy.url.as_str(), envoy.filtered), ("http://127.0.0.1:9901/stats/prometheus", true));
        assert_eq!((own.url.as_str(), own.filtered), ("http://pod:15020/stats/prometheus", false));
    }

    #[test]
    fn a_terminal_without_a_name_is_a_dumb_one() {
        assert_eq!([None, Some(""), Some("dumb"), Some("xterm")].map(is_dumb), [true, true, true, false]);
    }
}
