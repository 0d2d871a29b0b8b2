//! The totals of every SLO at each scrape in; what the recording rules and the alerts make of them out.
//!
//! A Prometheus that scrapes one proxy and evaluates every group of rules at the same instants, each as often as it is
//! rendered: windows and periods first, then alerts, each reading what was recorded last.

use super::burndown::Burndown;
use super::counter::{Counter, Ranges, Scrapes};
use super::episode::{Episode, Watched};
use super::steps::Steps;
use crate::render::prometheus::timing::{
    OFTEN, OFTEN_S, QUIET, QUIET_STEP, SCRAPE_S, SELDOM, SELDOM_S, STEP,
};
use crate::render::prometheus::{Figures, Term, slo_alerts};
use redline::config::{Config, Duration, Slo};
use redline::slo::{Tally, Window};

const HOUR_MS: i64 = 3_600_000;

/// When is scraped and evaluated; milliseconds, times since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The first scrape.
    pub first_scrape_ms: u64,
    /// Between two scrapes.
    pub scrape_ms: u64,
    /// Between two evaluations of alerts and of windows up to six hours.
    pub often_ms: u64,
    /// Between two evaluations of longer windows, a multiple of that.
    pub seldom_ms: u64,
    /// Evaluations are so long after multiples of these.
    pub phase_ms: u64,
    /// Divides windows and the alerts' `for`.
    pub scale: u64,
    /// Which instants a range holds.
    pub ranges: Ranges,
}

impl Timing {
    /// What is rendered, for traffic that begins at a time. Scrapes are at multiples of their interval since 1970, the
    /// first of them before the traffic. Rules are evaluated in the middle between two scrapes, which is how late they see
    /// a scrape on average; and where the versions of Prometheus do not differ, because nothing lies on the ends of a range.
    pub fn of_replay(begin_ns: u64) -> Self {
        let begin_s = begin_ns / 1_000_000_000;
        Self {
            first_scrape_ms: (begin_s - begin_s % SCRAPE_S) * 1000,
            scrape_ms: SCRAPE_S * 1000,
            often_ms: OFTEN_S * 1000,
            seldom_ms: SELDOM_S * 1000,
            phase_ms: SCRAPE_S / 2 * 1000,
            scale: 1,
            ranges: Ranges::LeftOpen,
        }
    }

    /// A duration divided by the scale, as it is rendered.
    fn scaled(&self, duration: Duration) -> i64 {
        signed((duration.as_millis() / self.scale.max(1)).max(1))
    }

    fn is_due(&self, at_ms: i64, every_ms: u64) -> bool {
        (at_ms - signed(self.phase_ms)).rem_euclid(signed(every_ms.max(1))) == 0
    }
}

/// What became of one SLO.
#[derive(Debug, Clone, PartialEq)]
pub struct SloOutcome {
    /// The SLO.
    pub slo: Slo,
    /// Events and bad ones of all the traffic, as they were counted.
    pub total: Tally,
    /// What was left of the error budget at the end, as a share; below 0 it is overspent, `None` without events.
    pub budget_left: Option<f64>,
    /// What was left when, evenly spaced but for the last: seconds since 1970 and the share; at most 721.
    pub budget: Vec<(u64, f64)>,
}

/// What became of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// When rules were first and last evaluated, seconds since 1970.
    pub span_s: (u64, u64),
    /// In the configuration's order.
    pub slos: Vec<SloOutcome>,
    /// Every alert that fired, in the order in which they did.
    pub episodes: Vec<Episode>,
}

/// Prometheus, fed with scrapes.
#[derive(Debug, Clone)]
pub struct Evaluator {
    timing: Timing,
    slos: Vec<State>,
    episodes: Vec<Episode>,
    next_scrape_ms: i64,
    next_evaluation_ms: i64,
    /// The first and the last one.
    evaluated_s: Option<(u64, u64)>,
    /// What was jumped, see [`Evaluator::steady`]; our own times are so much earlier.
    skipped_ms: i64,
    /// Scrapes since a counter rose.
    quiet: u64,
    /// After so many of them nothing is left in any window.
    forgotten: u64,
}

/// One SLO as Prometheus has it.
#[derive(Debug, Clone)]
struct State {
    slo: Slo,
    total: Tally,
    events: Counter,
    bad: Counter,
    figures: Figures,
    period_events: Steps,
    period_bad: Steps,
    failed: Steps,
    alerts: Vec<Watched>,
    budget: Burndown,
}

impl Evaluator {
    /// Nothing has been scraped yet.
    pub fn new(config: &Config, timing: Timing) -> Self {
        let first = signed(timing.first_scrape_ms);
        let (often, phase) = (signed(timing.often_ms.max(1)), signed(timing.phase_ms));
        let longest = config.slos.iter().map(|slo| slo.period).max().unwrap_or_default();
        // The period is added up from windows of five minutes, and quiet errors from hours of three days.
        let forgotten_ms = timing.scaled(longest).saturating_add(2 * HOUR_MS);
        Self {
            timing,
            slos: config.slos.iter().map(|slo| State::new(config, slo, timing)).collect(),
            episodes: Vec::new(),
            next_scrape_ms: first,
            next_evaluation_ms: Ranges::Closed.first(first - phase, 0, often) * often + phase,
            evaluated_s: None,
            skipped_ms: 0,
            quiet: 0,
            forgotten: unsigned(forgotten_ms) / timing.scrape_ms.max(1),
        }
    }

    /// When the next scrape is, milliseconds since 1970.
    pub fn next_scrape_ms(&self) -> u64 {
        unsigned(self.next_scrape_ms.saturating_add(self.skipped_ms))
    }

    /// Between two scrapes, milliseconds.
    pub fn scrape_ms(&self) -> u64 {
        self.timing.scrape_ms.max(1)
    }

    /// One scrape, with the totals of each SLO in the configuration's order; and the evaluations until the next one.
    pub fn scrape(&mut self, totals: &[Tally]) {
        let mut rose = false;
        for (state, total) in self.slos.iter_mut().zip(totals) {
            rose |= state.total != *total;
            state.total = *total;
            state.events.push(total.events);
            state.bad.push(total.bad);
        }
        self.quiet = if rose { 0 } else { self.quiet.saturating_add(1) };
        self.next_scrape_ms += signed(self.timing.scrape_ms.max(1));
        while self.next_evaluation_ms < self.next_scrape_ms {
            self.evaluate(self.next_evaluation_ms);
            self.next_evaluation_ms += signed(self.timing.often_ms.max(1));
        }
    }

    /// So many scrapes that find the same totals. Of years without an event, which no window remembers, whole hours are
    /// left out.
    pub fn steady(&mut self, totals: &[Tally], mut scrapes: u64) {
        let an_hour = unsigned(HOUR_MS) / self.timing.scrape_ms.max(1);
        while scrapes > 0 {
            self.scrape(totals);
            scrapes -= 1;
            if self.quiet > self.forgotten && self.timing.scale == 1 && scrapes > an_hour {
                let hours = scrapes / an_hour;
                scrapes -= hours * an_hour;
                self.skipped_ms = self.skipped_ms.saturating_add(signed(hours).saturating_mul(HOUR_MS));
            }
        }
    }

    /// The end: what fires now still fires.
    pub fn finish(mut self) -> Evaluated {
        let mut slos = Vec::with_capacity(self.slos.len());
        for state in self.slos {
            self.episodes.extend(state.alerts.into_iter().filter_map(Watched::end));
            slos.push(SloOutcome {
                slo: state.slo,
                total: state.total,
                budget_left: state.budget.left(),
                budget: state.budget.into_points(),
            });
        }
        // Stable: of one time in the order of the SLOs.
        self.episodes.sort_by_key(|episode| episode.firing_s);
        Evaluated { span_s: self.evaluated_s.unwrap_or_default(), slos, episodes: self.episodes }
    }

    fn evaluate(&mut self, at_ms: i64) {
        let at_s = unsigned(at_ms.saturating_add(self.skipped_ms)) / 1000;
        let (first_s, _) = self.evaluated_s.unwrap_or((at_s, at_s));
        self.evaluated_s = Some((first_s, at_s));
        let seldom = self.timing.is_due(at_ms, self.timing.seldom_ms);
        for state in &mut self.slos {
            state.record(&self.timing, at_ms, seldom);
            if seldom && let Some(left) = state.figures.remaining {
                state.budget.push(at_s, left);
            }
            for watched in &mut state.alerts {
                let active = watched.alert.holds(&state.figures);
                let ended = watched.evaluate(at_s, active, &state.slo.name, state.figures.remaining);
                self.episodes.extend(ended);
            }
        }
    }
}

impl State {
    fn new(config: &Config, slo: &Slo, timing: Timing) -> Self {
        let longest = timing.scaled(Window::Days3.length(slo.period));
        let kept = usize::try_from(unsigned(longest) / timing.scrape_ms.max(1)).unwrap_or(usize::MAX);
        let counter = Counter::keeping(kept.saturating_add(2));
        let steps = |range: Duration, step: Duration| {
            Steps::new(timing.scaled(range), timing.scaled(step), timing.ranges)
        };
        let period = || steps(slo.period, STEP);
        Self {
            slo: slo.clone(),
            total: Tally::default(),
            events: counter.clone(),
            bad: counter,
            figures: Figures::none(slo),
            period_events: period(),
            period_bad: period(),
            failed: steps(QUIET.length(slo.period), QUIET_STEP.length(slo.period)),
            alerts: slo_alerts(config, slo)
                .into_iter()
                .map(|alert| Watched::new(alert, timing.scale))
                .collect(),
            budget: Burndown::new(),
        }
    }

    /// What the recording rules make of the last scrape.
    fn record(&mut self, timing: &Timing, at_ms: i64, seldom: bool) {
        for window in OFTEN {
            self.window(timing, at_ms, window);
        }
        if seldom {
            for window in SELDOM {
                self.window(timing, at_ms, window);
            }
            self.period(at_ms);
        }
        if self.alerts.iter().any(|watched| watched.alert.terms.iter().any(is_quiet)) {
            self.failed.look_back(at_ms);
            self.figures.hours_with_bad = self.failed.above_0();
        }
    }

    fn window(&mut self, timing: &Timing, at_ms: i64, window: Window) {
        let range = timing.scaled(window.length(self.slo.period));
        let scrapes =
            Scrapes { first_ms: signed(timing.first_scrape_ms), every_ms: signed(timing.scrape_ms.max(1)) };
        let of = |counter: &Counter| counter.increase(scrapes, timing.ranges, at_ms, range);
        // Before the second scrape there is nothing to record, and from then on there always is.
        let (Some(events), Some(bad)) = (of(&self.events), of(&self.bad)) else { return };
        self.set(window, events, bad);
        if window == Window::Minutes5 {
            self.period_events.record(at_ms, events);
            self.period_bad.record(at_ms, bad);
        }
        if window == QUIET_STEP {
            self.failed.record(at_ms, bad);
        }
    }

    fn period(&mut self, at_ms: i64) {
        self.period_events.look_back(at_ms);
        self.period_bad.look_back(at_ms);
        let (Some(events), Some(bad)) = (self.period_events.sum(), self.period_bad.sum()) else { return };
        let ratio = self.set(Window::Period, events, bad);
        // Of the whole period, whatever the scale.
        let whole = self.slo.period.as_secs() / STEP.as_secs();
        let coverage = (self.period_events.count() as f64 / whole as f64).min(1.0);
        let burn = self.figures.burn.last().copied().flatten();
        self.figures.remaining = burn.map(|burn| 1.0 - burn * coverage);
        self.figures.availability = ratio.map(|ratio| 1.0 - ratio);
    }

    /// `slo:bad_events:increase`, `slo_burn_rate`; returns `slo_error_ratio`.
    fn set(&mut self, window: Window, events: f64, bad: f64) -> Option<f64> {
        let ratio = (events > 0.0).then(|| bad / events);
        let budget = f64::from(self.slo.objective.budget_ppm()) / 1e6;
        let place = window as usize;
        if let (Some(burns), Some(fails)) =
            (self.figures.burn.get_mut(place), self.figures.bad.get_mut(place))
        {
            *burns = ratio.map(|ratio| ratio / budget);
            *fails = Some(bad);
        }
        ratio
    }
}

fn is_quiet(term: &Term) -> bool {
    matches!(term, Term::FailsAgain { .. })
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default()
}

#[cfg(test)]
mod tests;
