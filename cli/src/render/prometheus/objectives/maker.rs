//! An alert's words and condition in; the alert, and the traffic of its tests, out.

use super::super::catalogue::Category;
use super::super::disable::Disabled;
use super::super::promtool::ramp;
use super::super::rule::{Rule, labels};
use super::super::texts::Texts;
use super::super::tiers::Severity;
use super::super::words;
use crate::render::promql::{self, Vocabulary};
use redline::config::{Config, Duration, Slo};

/// Events in each step of a test; divisible by whatever share of them may fail.
pub(super) const EVENTS: u64 = 1_000_000_000;
pub(super) const MINUTE_S: u64 = 60;
/// The step of what is added up over a period.
pub(super) const STEP_S: u64 = 300;

/// What the alerts of one configuration are made with.
pub(super) struct Maker<'c> {
    pub(super) config: &'c Config,
    pub(super) vocabulary: &'c Vocabulary,
}

/// What one alert is made of, before its words are filled in.
pub(super) struct Draft<'d> {
    pub(super) name: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    pub(super) hold: Duration,
    pub(super) expr: &'d str,
    pub(super) summary: &'d str,
    pub(super) description: &'d str,
}

impl Maker<'_> {
    /// An alert without tests; nothing where this configuration has not the metrics. `own` are labels of its own.
    pub(super) fn rule(&self, draft: Draft<'_>, own: &[(&str, &str)]) -> Option<Rule> {
        let Draft { name, category, severity, hold, expr, summary, description } = draft;
        let mut labels = labels(self.config, category, severity);
        labels.extend(own.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())));
        Some(Rule {
            name,
            category,
            severity,
            hold: match hold > Duration::default() {
                true => self.vocabulary.scaled(hold),
                false => String::new(),
            },
            expr: self.vocabulary.expand(expr)?,
            labels,
            texts: Texts::plain(self.config, name, summary, description),
            tests: Vec::new(),
        })
    }

    /// The two counters of an SLO with these phases of (bad, all) events a step, for so many steps.
    pub(super) fn counters(&self, slo: &Slo, phases: &[(u64, u64, u64)]) -> Vec<(String, String)> {
        let of = |name: &str, pick: fn(&(u64, u64, u64)) -> u64| {
            let series = self.vocabulary.expand(&format!("{name}{{$S,slo=\"{}\"}}", slo.name));
            let values: Vec<(u64, u64)> = phases.iter().map(|phase| (pick(phase), phase.2)).collect();
            series.map(|series| (series, ramp(&values)))
        };
        [of("$slo_bad_events_total", |p| p.0), of("$slo_events_total", |p| p.1)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Whether an SLO has this alert.
    pub(super) fn has(&self, alert: &str, slo: &Slo) -> bool {
        !Disabled::of(self.config).for_slo(alert, slo)
    }

    /// The SLOs that have this alert.
    pub(super) fn slos(&self, alert: &str) -> Vec<&Slo> {
        self.config.slos.iter().filter(|slo| self.has(alert, slo)).collect()
    }

    /// What selects these SLOs.
    pub(super) fn selector(&self, slos: &[&Slo]) -> String {
        if slos.len() == self.config.slos.len() {
            return "$S".to_owned();
        }
        let names: Vec<&str> = slos.iter().map(|slo| slo.name.as_str()).collect();
        ["$S".to_owned()].into_iter().chain(promql::one_of("slo", &names)).collect::<Vec<_>>().join(",")
    }

    /// Fewest failures in a window for an alert.
    pub(super) fn min_failures(&self) -> u64 {
        words::min_failures(self.config)
    }
}

/// A length of time as people say it: days from three on, else hours, with a tenth where it is needed.
pub(super) fn in_words(duration: Duration) -> String {
    let (unit, name) = if duration.as_secs() >= 3 * 86_400 { (86_400, "days") } else { (3600, "hours") };
    let tenths = duration.as_secs().saturating_mul(10).saturating_add(unit / 2) / unit;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_said_in_days_or_hours() {
        for (seconds, words) in
            [(180_000, "50 hours"), (432_000, "5 days"), (45_000, "12.5 hours"), (617_143, "7.1 days")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
