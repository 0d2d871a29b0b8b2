//! Recorded traffic and a configuration in; which of its alerts on SLOs would have fired, from when to when, out.
//!
//! ```text
//! traffic -> replay through the filter -> scrapes of its counters -> recording rules -> alerts -> episodes
//! ```
//!
//! The alerts are those that `render prometheus` writes ([`slo_alerts`](crate::render::prometheus::slo_alerts)), evaluated
//! as a Prometheus evaluates them that scrapes this one proxy. It ends with the traffic: nobody knows what came then, and
//! what fires at that time is said to fire still.

mod burndown;
mod counter;
mod episode;
mod evaluator;
mod steps;
mod watch;

pub use counter::Ranges;
pub use episode::Episode;
pub use evaluator::{Evaluated, Evaluator, SloOutcome, Timing};

use crate::document::Document;
use crate::replay::{self, Module, Outcome, Settings};
use host_harness::traffic::Merged;
use redline::config::Config;
use redline::metric::Metric;
use watch::Watch;

/// What a backtest gave.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// Label `service`.
    pub service: String,
    /// When rules were first and last evaluated, seconds since 1970.
    pub span_s: (u64, u64),
    /// Each SLO, in the configuration's order.
    pub slos: Vec<SloOutcome>,
    /// Every alert that fired, in the order in which they did.
    pub episodes: Vec<Episode>,
    /// What the replay gave.
    pub replay: Outcome,
}

impl Backtest {
    /// What one SLO's alerts did.
    pub fn episodes_of<'b>(&'b self, slo: &'b str) -> impl Iterator<Item = &'b Episode> {
        self.episodes.iter().filter(move |episode| episode.slo == slo)
    }

    /// How long at least one alert of an SLO fired, in seconds: what overlaps counts once.
    pub fn firing_seconds(&self, slo: &str) -> u64 {
        let (_, end_s) = self.span_s;
        let (mut seconds, mut covered_until) = (0_u64, 0);
        // They are in the order in which they began.
        for episode in self.episodes_of(slo) {
            let (from, to) = (episode.firing_s.max(covered_until), episode.resolved_s.unwrap_or(end_s));
            seconds = seconds.saturating_add(to.saturating_sub(from));
            covered_until = covered_until.max(to);
        }
        seconds
    }
}

/// Why there is no backtest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is promised.
    #[error(
        "the configuration of the service {service} has no slos, so it has no alerts on burn rates; \
         docs/slo.md shows how to write one"
    )]
    NoSlos {
        /// Its service.
        service: String,
    },
    /// The alerts' counters are not emitted.
    #[error("{metric} is in the configuration's `disable`: without it there are no alerts on burn rates")]
    Disabled {
        /// Its full name.
        metric: String,
    },
    /// The replay.
    #[error(transparent)]
    Replay(#[from] replay::Error),
}

/// An error where a configuration has no alerts on SLOs.
pub fn require_alerts(config: &Config) -> Result<(), Error> {
    if config.slos.is_empty() {
        return Err(Error::NoSlos { service: config.service.clone() });
    }
    match [Metric::SloEvents, Metric::SloBadEvents].into_iter().find(|metric| config.disable.contains(metric))
    {
        Some(disabled) => Err(Error::Disabled { metric: config.metric_name(disabled) }),
        None => Ok(()),
    }
}

/// Replays `inputs` and evaluates the alerts over them; `progress` hears how many exchanges have begun.
pub fn run(
    document: &Document,
    module: &Module,
    mut inputs: Merged<'_>,
    settings: Settings,
    progress: impl FnMut(u64),
) -> Result<Backtest, Error> {
    let config = &document.config;
    require_alerts(config)?;
    let mut watch = Watch::new(config, inputs.first_time_ns().unwrap_or(0));
    let until = |time_ns, stats: &_| watch.until(time_ns, stats);
    let replay = replay::run_scraped(document, module, inputs, settings, progress, until)?;
    let Evaluated { span_s, slos, episodes } = watch.finish(config, &replay.samples);
    Ok(Backtest { service: config.service.clone(), span_s, slos, episodes, replay })
}
