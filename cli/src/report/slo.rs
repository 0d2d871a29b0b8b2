//! How SLOs stand in; tables or JSON out.

use super::json::SCHEMA_VERSION;
use super::numbers::{self, coarse, count};
use super::table::{self, Align};
use crate::slo::{SloState, SloStates, window_name};
use redline::config::{Duration, Sli};
use redline::slo::{BurnMilli, BurnPair, Ppm, Report, SloStatus, Window};
use serde_json::{Value, json};

/// One table of how they stand, one of burn rates, and the remarks.
pub fn table(states: &SloStates) -> String {
    let left = |title| (title, Align::Left);
    let right = |title| (title, Align::Right);
    let columns = [
        left("SLO"),
        left("STATUS"),
        right("SLI"),
        right("OBJECTIVE"),
        right("EVENTS"),
        right("BAD"),
        right("BUDGET LEFT"),
        right("EVENTS LEFT"),
        right("MINUTES LEFT"),
        right("EXHAUSTED IN"),
        right("P99, 1H"),
    ];
    let rows: Vec<Vec<String>> = states.slos.iter().map(row).collect();
    let mut text = table::render(&columns, &rows);
    text.push_str(
        "\nBurn rate (1 uses up the budget in just the period; * the window has not been seen whole)\n\n",
    );
    let mut columns = vec![left("SLO")];
    columns.extend(["5M", "30M", "1H", "2H", "6H", "1D", "3D", "PERIOD"].map(right));
    columns.push(left("OVER"));
    let rows: Vec<Vec<String>> = states.slos.iter().map(burn_row).collect();
    text.push_str(&table::render(&columns, &rows));
    if !states.remarks.is_empty() {
        text.push('\n');
    }
    for remark in &states.remarks {
        text.push_str(&format!("note: {remark}\n"));
    }
    text
}

fn row(state: &SloState) -> Vec<String> {
    let SloState { slo, report, p99_ms } = state;
    let period = report.window(Window::Period);
    let left = Left::of(state);
    vec![
        slo.name.clone(),
        standing(state).to_owned(),
        sli(state),
        format!("{} %", slo.objective),
        count(period.tally.events),
        count(period.tally.bad),
        percent(left.ppm, 2),
        events_left(state, left.events),
        minutes_left(state),
        exhausted_in(state),
        p99_ms.map_or_else(|| "-".to_owned(), |ms| numbers::milliseconds(ms as f64)),
    ]
}

/// Bad events that are left, at the traffic so far; `-` where less than an hour has been seen, which says nothing of a month.
fn events_left(state: &SloState, left: i64) -> String {
    let seen = state.report.window(Window::Period).coverage_s;
    if seen < Window::Hour1.length(state.slo.period).as_secs() { "-".to_owned() } else { signed(left) }
}

fn burn_row(state: &SloState) -> Vec<String> {
    let mut cells = vec![state.slo.name.clone()];
    for window in Window::ALL {
        let seen = state.report.window(window);
        cells.push(match seen.tally.events {
            0 => "-".to_owned(),
            _ => format!("{}{}", burn(seen.burn), if partly_seen(state, window) { "*" } else { "" }),
        });
    }
    cells.push(pairs_over(state).join(", "));
    cells
}

/// Whether a window had events and has not been seen whole.
pub fn partly_seen(state: &SloState, window: Window) -> bool {
    let seen = state.report.window(window);
    seen.tally.events > 0 && seen.coverage_s < window.length(state.slo.period).as_secs()
}

/// The good ratio over the period in percent; `-` without events.
pub fn sli(state: &SloState) -> String {
    match state.report.window(Window::Period).tally.events {
        0 => "-".to_owned(),
        _ => percent(i64::from_ppm(state.report.availability), 4),
    }
}

/// What is left of the budget in parts per million; below 0 where it is overspent.
pub fn budget_left_ppm(state: &SloState) -> i64 {
    Left::of(state).ppm
}

/// What is left of the budget in minutes without a good event: `432.0`.
pub fn minutes_left(state: &SloState) -> String {
    format!("{:.1}", Left::of(state).minutes())
}

/// In how long the budget is used up, at the burn rate of the last hour; `-` where nothing burns.
pub fn exhausted_in(state: &SloState) -> String {
    match state.report.exhaustion_s {
        Some(0) => "now".to_owned(),
        Some(seconds) => coarse(seconds),
        None => "-".to_owned(),
    }
}

/// The pairs of windows that burn too fast: `1h/5m over 14.4`.
pub fn pairs_over(state: &SloState) -> Vec<String> {
    let pair = |pair: BurnPair| {
        let [long, short] = [pair.long, pair.short].map(|window| window_name(&state.slo, window));
        format!("{long}/{short} over {}", burn(pair.factor))
    };
    over(&state.report).map(pair).collect()
}

fn over(report: &Report) -> impl Iterator<Item = BurnPair> {
    BurnPair::ALL.into_iter().zip(report.over).filter(|(_, over)| *over).map(|(pair, _)| pair)
}

/// What is left of a budget; below 0 where it is overspent.
struct Left {
    ppm: i64,
    /// Bad events, at the traffic of the period so far.
    events: i64,
    /// Of the period without a good event, in ms.
    milliseconds: i64,
}

impl Left {
    fn of(state: &SloState) -> Self {
        let report = &state.report;
        let ppm = i64::from_ppm(report.remaining).saturating_sub(i64::from_ppm(report.overspent));
        let budget = i128::from(state.slo.objective.budget_ppm());
        let seen = report.window(Window::Period);
        // How many events a whole period has, at the traffic so far.
        let period_s = i128::from(state.slo.period.as_secs());
        let events = i128::from(seen.tally.events).saturating_mul(period_s);
        let events = events.checked_div(i128::from(seen.coverage_s)).unwrap_or(0);
        let share = |whole: i128| {
            let part = whole.saturating_mul(budget).saturating_mul(i128::from(ppm)) / (ONE * ONE);
            i64::try_from(part).unwrap_or(if part < 0 { i64::MIN } else { i64::MAX })
        };
        Self { ppm, events: share(events), milliseconds: share(period_s.saturating_mul(1000)) }
    }

    fn minutes(&self) -> f64 {
        self.milliseconds as f64 / 60_000.0
    }
}

const ONE: i128 = 1_000_000;

trait FromPpm {
    fn from_ppm(ppm: Ppm) -> Self;
}

impl FromPpm for i64 {
    fn from_ppm(ppm: Ppm) -> Self {
        Self::try_from(ppm.0).unwrap_or(Self::MAX)
    }
}

/// `99.9000 %`: all of it where four decimals are shown.
pub fn percent(ppm: i64, decimals: usize) -> String {
    format!("{:.decimals$} %", ppm as f64 / 10_000.0)
}

fn signed(n: i64) -> String {
    format!("{}{}", if n < 0 { "-" } else { "" }, count(n.unsigned_abs()))
}

/// A burn rate with as many decimals as it needs: `14.4`.
pub fn burn(BurnMilli(milli): BurnMilli) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// How an SLO stands in words, for people: what never had an event is neither well nor unknown, but `no events`.
pub fn standing(state: &SloState) -> &'static str {
    match state.report.status {
        SloStatus::Healthy | SloStatus::Unknown if !had_events(state) => "no events",
        known => status(known),
    }
}

/// Whether the period had any event.
pub fn had_events(state: &SloState) -> bool {
    state.report.window(Window::Period).tally.events > 0
}

/// A status in words, for programs.
pub fn status(status: SloStatus) -> &'static str {
    match status {
        SloStatus::Healthy => "healthy",
        SloStatus::AtRisk => "at risk",
        SloStatus::Critical => "critical",
        SloStatus::Exhausted => "exhausted",
        SloStatus::Unknown => "unknown",
    }
}

/// Everything, for programs. `source` says where it was read, `time` is RFC 3339.
pub fn json(service: &str, source: Value, time: &str, states: &SloStates) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "time": time,
        "service": service,
        "source": source,
        "slos": states.slos.iter().map(state_json).collect::<Vec<_>>(),
        "remarks": states.remarks,
    })
}

fn state_json(state: &SloState) -> Value {
    let SloState { slo, report, p99_ms } = state;
    let left = Left::of(state);
    let period = report.window(Window::Period);
    let windows = Window::ALL.map(|window| {
        let seen = report.window(window);
        json!({
            "window": window_name(slo, window),
            "seconds": window.length(slo.period).as_secs(),
            "coverage_seconds": seen.coverage_s,
            "events": seen.tally.events,
            "bad_events": seen.tally.bad,
            "error_ratio": seen.error_ratio.to_string(),
            "burn_rate": seen.burn.to_string(),
        })
    });
    let pairs: Vec<Value> = BurnPair::ALL
        .into_iter()
        .zip(report.over)
        .map(|(pair, over)| {
            json!({
                "long": window_name(slo, pair.long),
                "short": window_name(slo, pair.short),
                "factor": pair.factor.to_string(),
                "over": over,
            })
        })
        .collect();
    json!({
        "slo": slo.name,
        "type": match slo.sli { Sli::Availability { .. } => "availability", Sli::Latency { .. } => "latency" },
        "objective": ratio(i64::from(slo.objective.ppm())),
        "period": slo.period.to_string(),
        "status": status(report.status),
        "compliant": report.compliant,
        "sli": (period.tally.events > 0).then(|| report.availability.to_string()),
        "sli_1h": (report.window(Window::Hour1).tally.events > 0).then(|| report.success_rate.to_string()),
        "events": period.tally.events,
        "bad_events": period.tally.bad,
        "error_budget": {
            "remaining_ratio": ratio(left.ppm),
            "remaining_events": left.events,
            "remaining_seconds": decimal(left.milliseconds, 1000, 3),
        },
        "exhausted_in_seconds": report.exhaustion_s,
        "latency_threshold_seconds": threshold(&slo.sli),
        "latency_p99_1h_milliseconds": p99_ms,
        "windows": windows,
        "pairs": pairs,
    })
}

fn threshold(sli: &Sli) -> Option<String> {
    let seconds = |d: Duration| {
        let micros = i64::try_from(d.as_nanos() / 1000).unwrap_or(i64::MAX);
        decimal(micros, 1_000_000, 6)
    };
    match sli {
        Sli::Latency { threshold, .. } => Some(seconds(*threshold)),
        Sli::Availability { .. } => None,
    }
}

/// Parts per million as a decimal: `-0.120000`.
fn ratio(ppm: i64) -> String {
    decimal(ppm, 1_000_000, 6)
}

fn decimal(n: i64, unit: u64, digits: usize) -> String {
    let sign = if n < 0 { "-" } else { "" };
    let n = n.unsigned_abs();
    format!("{sign}{}.{:0digits$}", n / unit, n % unit)
}

#[cfg(test)]
mod tests;
