//! How SLOs stand in; tables or JSON out.

use super::numbers::{self, count};
use super::replay::SCHEMA_VERSION;
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
        status(report.status).to_owned(),
        match period.tally.events {
            0 => "-".to_owned(),
            _ => percent(i64::from_ppm(report.availability), 4),
        },
        format!("{} %", slo.objective),
        count(period.tally.events),
        count(period.tally.bad),
        percent(left.ppm, 2),
        signed(left.events),
        format!("{:.1}", left.minutes()),
        match report.exhaustion_s {
            Some(0) => "now".to_owned(),
            Some(seconds) => coarse(seconds),
            None => "-".to_owned(),
        },
        p99_ms.map_or_else(|| "-".to_owned(), |ms| numbers::milliseconds(ms as f64)),
    ]
}

fn burn_row(state: &SloState) -> Vec<String> {
    let mut cells = vec![state.slo.name.clone()];
    for window in Window::ALL {
        let seen = state.report.window(window);
        let partly = seen.coverage_s < window.length(state.slo.period).as_secs();
        cells.push(match seen.tally.events {
            0 => "-".to_owned(),
            _ => format!("{}{}", burn(seen.burn), if partly { "*" } else { "" }),
        });
    }
    let over: Vec<String> = over(&state.report)
        .map(|pair| {
            let [long, short] = [pair.long, pair.short].map(|window| window_name(&state.slo, window));
            format!("{long}/{short} over {}", burn(pair.factor))
        })
        .collect();
    cells.push(over.join(", "));
    cells
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
fn percent(ppm: i64, decimals: usize) -> String {
    format!("{:.decimals$} %", ppm as f64 / 10_000.0)
}

fn signed(n: i64) -> String {
    format!("{}{}", if n < 0 { "-" } else { "" }, count(n.unsigned_abs()))
}

fn burn(BurnMilli(milli): BurnMilli) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// Two units, the largest first: `2d 3h`, `5m 20s`.
pub(super) fn coarse(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        let n = rest / size;
        rest %= size;
        if n > 0 || !parts.is_empty() {
            parts.push((n, name));
        }
    }
    let parts: Vec<String> =
        parts.iter().take(2).filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n}{name}")).collect();
    parts.join(" ")
}

/// A status in words.
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
mod tests {
    use super::*;
    use redline::config::Config;
    use redline::slo::Tally;

    fn states() -> SloStates {
        let document = json!({"service": "shop", "slos": [
            {"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
            {"name": "latency", "objective": 99, "period": "7d", "sli": {"latency": {"threshold": "300ms"}}},
            {"name": "silent", "objective": 99, "sli": {"availability": {}}},
        ]});
        let config = Config::from_value(&document).unwrap();
        let state = |index: usize, events, bad, hours: u64, p99_ms| {
            let slo: &redline::config::Slo = &config.slos[index];
            let seen = Window::ALL.map(|window| {
                let coverage = Duration::from_secs(hours * 3600).min(window.length(slo.period));
                (Tally { events, bad }, coverage)
            });
            let report = Report::of(seen, slo.period, slo.objective);
            SloState { slo: slo.clone(), report, p99_ms }
        };
        SloStates {
            slos: vec![
                state(0, 1_000_000, 20_000, 72, None),
                state(1, 36_000, 36, 168, Some(212)),
                state(2, 0, 0, 1, None),
            ],
            remarks: vec!["one: silent".to_owned()],
        }
    }

    #[test]
    fn the_tables_show_what_is_left_and_which_windows_burn() {
        let expected = "\
SLO           STATUS           SLI  OBJECTIVE     EVENTS     BAD  BUDGET LEFT  EVENTS LEFT  MINUTES LEFT  EXHAUSTED IN  P99, 1H
availability  exhausted  98.0000 %     99.9 %  1,000,000  20,000    -100.00 %      -10,000         -43.2           now        -
latency       healthy    99.9000 %       99 %     36,000      36      90.00 %          324          90.7           63d   212 ms
silent        healthy            -       99 %          0       0     100.00 %            0         432.0             -        -

Burn rate (1 uses up the budget in just the period; * the window has not been seen whole)

SLO            5M  30M   1H   2H   6H   1D   3D  PERIOD  OVER
availability   20   20   20   20   20   20   20     20*  1h/5m over 14.4, 6h/30m over 6, 1d/2h over 3, 3d/6h over 1
latency       0.1  0.1  0.1  0.1  0.1  0.1  0.1     0.1
silent          -    -    -    -    -    -    -       -

note: one: silent
";
        assert_eq!(table(&states()), expected);
    }

    #[test]
    fn programs_read_exact_decimals_and_seconds() {
        let value = json("shop", json!({"envoy": ["one"]}), "2026-01-01T00:00:00.000Z", &states());
        assert_eq!((&value["schema_version"], &value["service"]), (&json!(1), &json!("shop")));
        let [availability, latency, silent] = [0, 1, 2].map(|index| &value["slos"][index]);
        let budget = json!({
            "remaining_ratio": "-1.000000", "remaining_events": -10_000, "remaining_seconds": "-2592.000",
        });
        assert_eq!(availability["error_budget"], budget);
        assert_eq!(
            (&availability["objective"], &availability["sli"]),
            (&json!("0.999000"), &json!("0.980000"))
        );
        let hour = json!({
            "window": "1h", "seconds": 3600, "coverage_seconds": 3600, "events": 1_000_000,
            "bad_events": 20_000, "error_ratio": "0.020000", "burn_rate": "20.000",
        });
        assert_eq!(availability["windows"][2], hour);
        let pair = json!({"long": "6h", "short": "30m", "factor": "6.000", "over": true});
        assert_eq!(availability["pairs"][1], pair);
        assert_eq!(latency["latency_threshold_seconds"], json!("0.300000"));
        assert_eq!(latency["latency_p99_1h_milliseconds"], json!(212));
        assert_eq!(latency["windows"][7]["window"], json!("7d"));
        assert_eq!((&silent["sli"], &silent["exhausted_in_seconds"]), (&Value::Null, &Value::Null));
    }

    /// Every key of an object and of what is in it, but not of `source`, whose keys are the command's.
    fn keys<'v>(value: &'v Value, into: &mut std::collections::BTreeSet<&'v str>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    into.insert(key);
                    keys(value, into);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_key_and_every_status_is_documented() {
        let page = include_str!("../../../docs/json.md");
        let value = json("shop", json!({"envoy": [], "prometheus": ""}), "", &states());
        let mut all = std::collections::BTreeSet::new();
        keys(&value, &mut all);
        assert!(all.len() > 30, "{all:?}");
        for key in all {
            let written = [format!("`{key}`"), format!("\"{key}\"")];
            assert!(written.iter().any(|written| page.contains(written)), "{key}");
        }
        use SloStatus::{AtRisk, Critical, Exhausted, Healthy, Unknown};
        for known in [Healthy, AtRisk, Critical, Exhausted, Unknown] {
            assert!(page.contains(&format!("`{}`", status(known))), "{known:?}");
        }
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        assert_eq!([1, 61, 3600, 90_061, 86_400 * 63].map(coarse), ["1s", "1m 1s", "1h", "1d 1h", "63d"]);
    }
}
