//! Which alerts would have fired in; tables for people or JSON out.

use super::json::SCHEMA_VERSION;
use super::numbers::{coarse, count};
use super::replay::{remarks, untimed};
use super::table::{self, Align};
use crate::backtest::{Backtest, Episode, SloOutcome};
use crate::course::length::S;
use jiff::Timestamp;
use redline::slo::Window;
use serde_json::{Value, json};

/// A backtest and the file of its configuration.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// As the user named it.
    pub config: &'a str,
    /// What it gave.
    pub backtest: &'a Backtest,
}

/// What was replayed, how each SLO fared, and each alert that fired; with another configuration beside it, of both.
pub fn table(this: Named<'_>, against: Option<Named<'_>>) -> String {
    let replay = &this.backtest.replay;
    let exchanges = count(replay.summary.exchanges);
    let mut text = match replay.span_ns {
        Some((first, last)) => format!(
            "Service {}, {} to {}, {exchanges} exchanges\n\n",
            this.backtest.service,
            time(first / S),
            time(last.div_ceil(S))
        ),
        None => format!("Service {}, {exchanges} exchanges\n\n", this.backtest.service),
    };
    text.push_str(&match against {
        None => summary(this.backtest),
        Some(other) => comparison([this, other]),
    });
    for named in std::iter::once(this).chain(against) {
        if against.is_some() {
            text.push_str(&format!("\nWith {}:\n", named.config));
        }
        text.push_str(&alerts(named.backtest));
    }
    let notes = notes(this, against);
    let remarks = remarks(replay);
    if !notes.is_empty() || !remarks.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text + &remarks
}

fn summary(backtest: &Backtest) -> String {
    let columns = [
        ("SLO", Align::Left),
        ("OBJECTIVE", Align::Right),
        ("PERIOD", Align::Right),
        ("EVENTS", Align::Right),
        ("BAD", Align::Right),
        ("ERRORS", Align::Right),
        ("BUDGET LEFT", Align::Right),
        ("ALERTS", Align::Right),
        ("FIRING", Align::Right),
    ];
    let row = |outcome: &SloOutcome| {
        let SloOutcome { slo, total, budget_left, .. } = outcome;
        vec![
            slo.name.clone(),
            format!("{} %", slo.objective),
            slo.period.to_string(),
            count(total.events),
            count(total.bad),
            super::numbers::percent(total.bad as f64, total.events as f64),
            left(*budget_left),
            count_of(backtest.episodes_of(&slo.name)),
            length(backtest.firing_seconds(&slo.name)),
        ]
    };
    table::render(&columns, &backtest.slos.iter().map(row).collect::<Vec<_>>())
}

/// One SLO after the other, a line for each configuration that has it.
fn comparison(both: [Named<'_>; 2]) -> String {
    let columns = [
        ("SLO", Align::Left),
        ("CONFIG", Align::Left),
        ("OBJECTIVE", Align::Right),
        ("ALERTS", Align::Right),
        ("FIRING", Align::Right),
        ("FIRST FIRING", Align::Left),
        ("BUDGET LEFT", Align::Right),
    ];
    table::render(&columns, &comparison_rows(both))
}

/// For each SLO and configuration: the SLO, the configuration, objective, alerts, how long they fired, when first, budget.
pub(super) fn comparison_rows(both: [Named<'_>; 2]) -> Vec<Vec<String>> {
    let [this, other] = both;
    let mut names: Vec<&str> = this.backtest.slos.iter().map(|outcome| outcome.slo.name.as_str()).collect();
    for outcome in &other.backtest.slos {
        if !names.contains(&outcome.slo.name.as_str()) {
            names.push(&outcome.slo.name);
        }
    }
    let mut rows = Vec::new();
    for name in names {
        for Named { config, backtest } in both {
            let Some(outcome) = backtest.slos.iter().find(|outcome| outcome.slo.name == name) else {
                rows.push(vec![name.to_owned(), config.to_owned(), "none".to_owned()]);
                continue;
            };
            let first = backtest.episodes_of(name).next();
            rows.push(vec![
                name.to_owned(),
                config.to_owned(),
                format!("{} %", outcome.slo.objective),
                count_of(backtest.episodes_of(name)),
                length(backtest.firing_seconds(name)),
                first.map_or_else(|| "-".to_owned(), |episode| short_time(episode.firing_s)),
                left(outcome.budget_left),
            ]);
        }
    }
    rows
}

/// Of each SLO that has any, its alerts.
fn alerts(backtest: &Backtest) -> String {
    let columns = [
        ("ALERT", Align::Left),
        ("SEVERITY", Align::Left),
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("DURATION", Align::Right),
        ("BUDGET LEFT", Align::Right),
    ];
    let (_, end_s) = backtest.span_s;
    let row = |episode: &Episode| {
        vec![
            episode.alert.to_owned(),
            episode.severity.as_str().to_owned(),
            short_time(episode.firing_s),
            episode.resolved_s.map_or_else(|| "still firing".to_owned(), short_time),
            length(episode.firing_seconds(end_s)),
            left(episode.budget_left),
        ]
    };
    let mut text = String::new();
    for outcome in &backtest.slos {
        let rows: Vec<Vec<String>> = backtest.episodes_of(&outcome.slo.name).map(row).collect();
        if !rows.is_empty() {
            text.push_str(&format!("\n{}\n{}", outcome.slo.name, table::render(&columns, &rows)));
        }
    }
    if text.is_empty() { "\nNo alert fires.\n".to_owned() } else { text }
}

/// What a reader should know, a sentence each.
pub(super) fn notes(this: Named<'_>, against: Option<Named<'_>>) -> Vec<String> {
    let slos = std::iter::once(this).chain(against).flat_map(|named| &named.backtest.slos);
    let untimed = untimed(&this.backtest.replay.summary, slos.map(|outcome| &outcome.slo));
    unseen(this, against).into_iter().chain(untimed).collect()
}

/// Windows that are longer than the traffic.
fn unseen(this: Named<'_>, against: Option<Named<'_>>) -> Vec<String> {
    let Some((first, last)) = this.backtest.replay.span_ns else { return Vec::new() };
    let span_s = last.saturating_sub(first).div_ceil(S);
    let outcomes = std::iter::once(this).chain(against).flat_map(|named| &named.backtest.slos);
    let mut unseen: Vec<_> = outcomes
        .flat_map(|outcome| {
            let longer = [Window::Hour1, Window::Hours6, Window::Day1, Window::Days3, Window::Period];
            longer.map(|window| window.length(outcome.slo.period))
        })
        // The first request need not be the first thing of its month.
        .filter(|window| window.as_secs() > span_s.saturating_add(span_s / 100))
        .collect();
    unseen.sort_unstable();
    unseen.dedup();
    if unseen.is_empty() {
        return Vec::new();
    }
    let windows: Vec<String> = unseen.iter().map(ToString::to_string).collect();
    vec![
        format!(
            "in {} of traffic these windows are never seen whole: {}",
            length((span_s + 30) / 60 * 60),
            windows.join(", ")
        ),
        "their alerts judge what there is; the rest of a period counts as time without errors".to_owned(),
    ]
}

/// Everything, for programs: times as RFC 3339, ratios as decimal strings.
pub fn json(this: Named<'_>, against: Option<Named<'_>>) -> Value {
    let replay = &this.backtest.replay;
    let (from, to) = this.backtest.span_s;
    json!({
        "schema_version": SCHEMA_VERSION,
        "service": this.backtest.service,
        "exchanges": replay.summary.exchanges,
        "skipped": replay.summary.skipped,
        "first_time": replay.span_ns.map(|(first, _)| time(first / S)),
        "last_time": replay.span_ns.map(|(_, last)| time(last.div_ceil(S))),
        "evaluated_from": time(from),
        "evaluated_to": time(to),
        "config": this.config,
        "slos": slos(this.backtest),
        "alerts": this.backtest.episodes.iter().map(|episode| alert(episode, to)).collect::<Vec<_>>(),
        "against": against.map(|Named { config, backtest }| json!({
            "config": config,
            "service": backtest.service,
            "slos": slos(backtest),
            "alerts": backtest.episodes.iter().map(|episode| alert(episode, backtest.span_s.1)).collect::<Vec<_>>(),
        })),
        "remarks": notes(this, against),
    })
}

fn slos(backtest: &Backtest) -> Vec<Value> {
    let one = |outcome: &SloOutcome| {
        let SloOutcome { slo, total, budget_left, budget } = outcome;
        let errors = total.bad as f64 / total.events as f64;
        let first = backtest.episodes_of(&slo.name).next();
        let point = |(at, left): &(u64, f64)| json!({"time": time(*at), "remaining_ratio": ratio(*left)});
        json!({
            "slo": slo.name,
            "objective": ratio(f64::from(slo.objective.ppm()) / 1e6),
            "period": slo.period.to_string(),
            "events": total.events,
            "bad_events": total.bad,
            "error_ratio": (total.events > 0).then(|| ratio(errors)),
            "budget_remaining_ratio": budget_left.map(ratio),
            "alerts": backtest.episodes_of(&slo.name).count(),
            "firing_seconds": backtest.firing_seconds(&slo.name),
            "first_firing_at": first.map(|episode| time(episode.firing_s)),
            "budget": budget.iter().map(point).collect::<Vec<_>>(),
        })
    };
    backtest.slos.iter().map(one).collect()
}

fn alert(episode: &Episode, end_s: u64) -> Value {
    json!({
        "alert": episode.alert,
        "slo": episode.slo,
        "severity": episode.severity.as_str(),
        "pending_at": time(episode.pending_s),
        "firing_at": time(episode.firing_s),
        "resolved_at": episode.resolved_s.map(time),
        "firing_seconds": episode.firing_seconds(end_s),
        "budget_remaining_ratio": episode.budget_left.map(ratio),
    })
}

fn count_of<'e>(episodes: impl Iterator<Item = &'e Episode>) -> String {
    count(u64::try_from(episodes.count()).unwrap_or(u64::MAX))
}

/// A share as percent; below 0 it is overspent.
fn left(share: Option<f64>) -> String {
    share.map_or_else(
        || "-".to_owned(),
        |share| format!("{} %", without_minus_0(format!("{:.2}", share * 100.0))),
    )
}

fn ratio(share: f64) -> String {
    without_minus_0(format!("{share:.6}"))
}

fn without_minus_0(text: String) -> String {
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| matches!(b, b'0' | b'.')) => digits.to_owned(),
        _ => text,
    }
}

fn length(seconds: u64) -> String {
    if seconds == 0 { "-".to_owned() } else { coarse(seconds) }
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// The same in a table, in which everything is UTC.
fn short_time(seconds: u64) -> String {
    time(seconds).replace('T', " ").replace('Z', "")
}

#[cfg(test)]
mod tests;
