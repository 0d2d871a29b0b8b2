//! The head of a page: what was measured, when, by whom, and the figures that matter most.

use super::chart::moment;
use super::input::Input;
use super::parts::Headline;
use crate::report::numbers::{self, count, percent, quantile_of_durations, whole};
use crate::report::quantile::quantile;
use crate::report::slo;
use crate::slo::SloState;
use redline::metric::Metric;
use redline::slo::SloStatus;

pub(super) fn subtitle(input: &Input<'_>) -> Vec<String> {
    let mut lines = vec![format!("Service {}", input.config.service)];
    if let Some((first, last)) = input.span_ns {
        lines.push(match first == last {
            true => format!("{} UTC", input.moment(first)),
            false => {
                let long = span(last.saturating_sub(first));
                format!("{} to {} UTC, {long}", input.moment(first), input.moment(last))
            }
        });
    }
    lines.extend(input.sources.iter().cloned());
    if let Some(version) = filter_version(input) {
        lines.push(format!("Measured by the Redline filter {version}"));
    }
    lines
}

pub(super) fn headlines(input: &Input<'_>) -> Vec<Headline> {
    let headline = |name: &str, value: String, note: &str| Headline {
        name: name.to_owned(),
        // A number stays with its unit.
        value: value.replace(' ', "\u{a0}"),
        note: note.replace(" %", "\u{a0}%"),
    };
    let mut headlines = Vec::new();
    if input.scrape.is_some() {
        let total = input.red().total();
        let seconds = input.seconds();
        let rate = if seconds > 0.0 { numbers::rate(total.requests, seconds) } else { String::new() };
        headlines.push(headline("Requests", whole(total.requests), &rate));
        let errors = format!("{}: 5xx or no answer", whole(total.errors));
        headlines.push(headline("Errors", percent(total.errors, total.requests), &errors));
        let per_ms = numbers::per_millisecond(input.config.duration_unit);
        for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            let value = quantile_of_durations(quantile(q, &total.durations), per_ms);
            headlines.push(headline(&format!("Duration, {name}"), value, ""));
        }
    }
    if let Some(most) = input.most_in_flight {
        headlines.push(headline("In flight, most", count(most), "requests at one time"));
    }
    if let Some(states) = input.slos {
        let (seen, silent): (Vec<&SloState>, Vec<&SloState>) =
            states.slos.iter().partition(|state| slo::had_events(state));
        let healthy = seen.iter().filter(|state| state.report.status == SloStatus::Healthy).count();
        let least = seen.iter().map(|state| slo::budget_left_ppm(state)).min();
        let least = least.map(|least| format!("least budget left: {}", slo::percent(least, 1)));
        let none = (!silent.is_empty()).then(|| format!("{} had no events", silent.len()));
        let notes: Vec<String> = least.into_iter().chain(none).collect();
        let value = format!("{healthy} of {}", states.slos.len());
        headlines.push(headline("SLOs healthy", value, &notes.join("; ")));
    }
    if let Some(firings) = input.firings {
        let pages = firings.iter().filter(|firing| firing.pages()).count();
        headlines.push(headline(
            "Alerts fired",
            firings.len().to_string(),
            &format!("{pages} would have paged"),
        ));
    }
    headlines
}

pub(super) fn made(input: &Input<'_>) -> String {
    format!(
        "Made by redline {} on {} UTC. All times are UTC.",
        input.made.version,
        moment(input.made.at_ns, u64::MAX)
    )
}

/// What the filter says of itself.
fn filter_version(input: &Input<'_>) -> Option<String> {
    let name = input.config.metric_name(Metric::BuildInfo);
    let sample = input.scrape?.named(&name).find(|sample| sample.label("service") == input.config.service)?;
    Some(sample.label("version").to_owned()).filter(|version| !version.is_empty())
}

/// How long something was: `250 ms`, `20.3 s`, `30d 2h`.
fn span(ns: u64) -> String {
    match ns {
        ns if ns < 1_000_000_000 => numbers::milliseconds(ns as f64 / 1e6),
        ns if ns < 60_000_000_000 => format!("{:.1} s", ns as f64 / 1e9),
        ns => numbers::coarse(ns / 1_000_000_000),
    }
}
