//! What a command found in; its page, which nobody has written to a file yet, out.

use super::backtest::{Named, comparison_rows, notes};
use super::html::{Firing, Input, Made, Page, PageError};
use super::numbers::count;
use super::replay::{remarks, untimed};
use crate::backtest::Episode;
use crate::replay::Outcome;
use crate::scrape::Scrape;
use crate::slo::{SloStates, from_scrape};
use redline::config::Config;

/// The page of how SLOs stand, read from `sources`.
pub fn slos(
    config: &Config,
    states: &SloStates,
    sources: Vec<String>,
    made: Made,
) -> Result<Page, PageError> {
    Page::of(&Input {
        config,
        title: format!("SLOs of {}", config.service),
        span_ns: None,
        scrape: None,
        course: None,
        most_in_flight: None,
        slos: Some(states),
        firings: None,
        sources,
        remarks: Vec::new(),
        made,
    })
}

/// The page of a replay, with the alerts that fired where somebody has evaluated them.
pub fn replay(
    config: &Config,
    outcome: &Outcome,
    title: String,
    firings: Option<&[Firing]>,
    made: Made,
) -> Result<Page, PageError> {
    let notes = untimed(&outcome.summary, &config.slos).into_iter().collect();
    replayed(config, outcome, title, firings, notes, made)
}

/// The same with these notes behind the remarks.
fn replayed(
    config: &Config,
    outcome: &Outcome,
    title: String,
    firings: Option<&[Firing]>,
    notes: Vec<String>,
    made: Made,
) -> Result<Page, PageError> {
    let scrape = Scrape::parse(&outcome.prometheus)?;
    let slos = from_scrape(config, "the replay", scrape.clone(), 0).ok();
    let remarks = format!("{} exchanges replayed\n{}", count(outcome.summary.exchanges), remarks(outcome));
    Page::of(&Input {
        config,
        title,
        span_ns: outcome.span_ns,
        scrape: Some(&scrape),
        course: outcome.course.as_ref(),
        most_in_flight: Some(outcome.summary.most_open),
        slos: slos.as_ref(),
        firings,
        sources: Vec::new(),
        remarks: remarks.lines().map(|line| line.trim().to_owned()).chain(notes).collect(),
        made,
    })
}

/// The page of a backtest: the replay's, with the alerts that fired, and how another configuration would have fared.
pub fn backtest(
    config: &Config,
    this: Named<'_>,
    against: Option<Named<'_>>,
    title: String,
    made: Made,
) -> Result<Page, PageError> {
    let firings: Vec<Firing> = this.backtest.episodes.iter().map(firing).collect();
    let mut page =
        replayed(config, &this.backtest.replay, title, Some(&firings), notes(this, against), made)?;
    if let Some(other) = against {
        let columns =
            ["SLO", "Configuration", "Objective", "Alerts", "Firing", "First firing (UTC)", "Budget left"];
        page.compare("The same traffic with both configurations", &columns, comparison_rows([this, other]));
    }
    Ok(page)
}

fn firing(episode: &Episode) -> Firing {
    Firing {
        alert: episode.alert.to_owned(),
        slo: episode.slo.clone(),
        severity: episode.severity.as_str().to_owned(),
        from_s: episode.firing_s,
        to_s: episode.resolved_s,
    }
}
