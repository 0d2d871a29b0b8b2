//! An alert and its traffic in, tests for `promtool test rules` out: that it fires when it should, not before, and not
//! just below.

use super::catalogue::{Alert, Case, TRAPS, Trap};
use super::promtool::{Check, MINUTE, Test};
use super::rule::Rule;
use crate::render::promql::Vocabulary;
use redline::config::{Duration, parse_duration};

/// The tests of an alert of the catalogue; nothing where this configuration's buckets could never show it.
pub(super) fn of(alert: &Alert, rule: &Rule, vocabulary: &Vocabulary) -> Option<Vec<Test>> {
    let traps = TRAPS.iter().filter(|trap| trap.alert == alert.name);
    let mut tests = over_and_under(alert, rule, vocabulary)?;
    tests.extend(traps.filter_map(|trap| of_trap(trap, rule, vocabulary)));
    Some(tests)
}

/// Nothing where this configuration does not have the series.
fn of_trap(trap: &Trap, rule: &Rule, vocabulary: &Vocabulary) -> Option<Test> {
    let at = parse_duration(trap.at)?;
    let series = |(name, values): &(&str, &str)| Some((vocabulary.expand(name)?, (*values).to_owned()));
    let check = match trap.fires {
        None => Check { at, firing: None },
        Some((labels, value)) => {
            let labels: Vec<(&str, String)> =
                labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            rule.firing(at, &labels, &vocabulary.expand(value)?)
        }
    };
    Some(Test {
        name: format!("{} {}", rule.name, trap.what),
        slow: false,
        series: trap.series.iter().map(series).collect::<Option<_>>()?,
        checks: vec![check],
    })
}

fn over_and_under(alert: &Alert, rule: &Rule, vocabulary: &Vocabulary) -> Option<Vec<Test>> {
    match alert.case {
        Case::Series { series, over, under, fires, labels, value } => {
            let (over, under) = (vocabulary.expand(over)?, vocabulary.expand(under)?);
            let with = |number: &str| -> Option<Vec<(String, String)>> {
                let one = |(name, values): &(&str, &str)| {
                    Some((vocabulary.expand(name)?.replace('@', number), values.replace('@', number)))
                };
                series.iter().map(one).collect()
            };
            let value = vocabulary.expand(value)?;
            Some(pair(rule, parse_duration(fires)?, with(&over)?, with(&under)?, labels, &value))
        }
        Case::Quantile { histogram, labels, kept, quantile, threshold_ms } => {
            let known = vocabulary.durations().iter().find(|known| known.key == histogram)?;
            let threshold = threshold_ms.checked_mul(known.per_second)?.checked_div(1000)?;
            let above = *known.bounds.iter().find(|bound| **bound > threshold)?;
            let below = known.bounds.iter().rev().find(|bound| **bound <= threshold).copied();
            let series = |first: u64| -> Vec<(String, String)> {
                let mut series = Vec::new();
                let bounds = known.bounds.iter().map(|bound| (bound.to_string(), *bound >= first));
                for (le, counts) in bounds.chain([("+Inf".to_owned(), true)]) {
                    let mut matchers = vec![format!("service=\"{}\"", rule.service())];
                    matchers.extend(labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")));
                    matchers.push(format!("le=\"{le}\""));
                    let values = if counts { "0+100x120" } else { "0x120" };
                    series
                        .push((format!("{}_bucket{{{}}}", known.raw, matchers.join(",")), values.to_owned()));
                }
                series
            };
            // The quantile lies between the two bounds, as if the observations were spread evenly.
            let lower = below.unwrap_or(0) as f64;
            let found = lower + (above as f64 - lower) * f64::from(quantile) / 100.0;
            let value = format!("{:.3}", found / known.per_second as f64);
            let fires = Duration::from_secs(parse_duration(alert.hold)?.as_secs().saturating_add(60));
            let kept = labels.get(..kept)?;
            let under = series(below.unwrap_or(u64::MAX));
            Some(pair(rule, fires, series(above), under, kept, &value))
        }
    }
}

/// Over it, and just under it.
fn pair(
    rule: &Rule,
    fires: Duration,
    over: Vec<(String, String)>,
    under: Vec<(String, String)>,
    labels: &[(&str, &str)],
    value: &str,
) -> Vec<Test> {
    let before = Duration::from_nanos(fires.as_nanos().saturating_sub(MINUTE.as_nanos()));
    let later = Duration::from_nanos(fires.as_nanos().saturating_add(MINUTE.as_nanos().saturating_mul(10)));
    let test = |what: &str, series, checks| Test {
        name: format!("{} {what}", rule.name),
        slow: false,
        series,
        checks,
    };
    let labels: Vec<(&str, String)> =
        labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let silent = |at| Check { at, firing: None };
    vec![
        test("fires", over, vec![silent(before), rule.firing(fires, &labels, value)]),
        test("is silent just below", under, vec![silent(fires), silent(later)]),
    ]
}
