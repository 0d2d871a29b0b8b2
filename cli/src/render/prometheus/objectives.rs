//! SLOs in; the alerts about them out, with the traffic at which each must fire, computed from the objective.

mod budget;
mod burn;
mod condition;

pub use condition::{Figures, SloAlert, Term, slo_alerts};

use super::alerts::{Rule, Texts, labels};
use super::cases::{Check, Test, ramp};
use super::catalogue::Category;
use super::disable::Disabled;
use super::tiers::{Severity, Tier, tiers};
use super::{MIN_FAILURES, Vocabulary};
use crate::render::promql;
use redline::config::{Config, Duration, Slo};

/// The alert on errors that are too few for any pair of windows.
pub(super) const QUIET: &str = "SLOQuietErrors";
/// The alert on counters that are gone.
const ABSENT: &str = "SLOMetricAbsent";

/// The alerts that are about SLOs.
pub(super) const NAMES: [&str; 11] = [
    "SLOBurnRateFast",
    "SLOBurnRateMedium",
    "SLOBurnRateSlow",
    "SLOBurnRateSlowest",
    QUIET,
    "ErrorBudgetCritical",
    "ErrorBudgetLow",
    "ErrorBudgetBurnRateHigh",
    "SLOViolation",
    ABSENT,
    "SLONoTraffic",
];

/// Events in each step of a test; divisible by whatever share of them may fail.
const EVENTS: u64 = 1_000_000_000;
const MINUTE_S: u64 = 60;
/// The step of what is added up over a period.
const STEP_S: u64 = 300;

/// The alerts of every SLO.
pub(super) fn rules(config: &Config, vocabulary: &Vocabulary) -> Vec<Rule> {
    let maker = Maker { config, vocabulary };
    let mut rules = Vec::new();
    for slo in &config.slos {
        let has = |alert: &str| maker.has(alert, slo);
        let fires = |tier: &&Tier| tier.can_fire(slo) && has(tier.alert);
        rules.extend(tiers(slo.period).iter().filter(fires).filter_map(|tier| maker.burn(slo, tier)));
        rules.extend(has(QUIET).then(|| maker.quiet(slo)).flatten());
        rules.extend(has(ABSENT).then(|| maker.absent(slo)).flatten());
    }
    for (alert, percent) in SloAlert::budgets(maker.min_failures()) {
        rules.extend(maker.budget(&alert, percent));
    }
    rules.extend(maker.burning());
    rules.extend(maker.violated());
    rules.extend(maker.no_traffic());
    rules
}

struct Maker<'c> {
    config: &'c Config,
    vocabulary: &'c Vocabulary,
}

/// What one alert is made of, before its words are filled in.
struct Draft<'d> {
    name: &'static str,
    category: Category,
    severity: Severity,
    hold: Duration,
    expr: &'d str,
    summary: &'d str,
    description: &'d str,
}

impl Maker<'_> {
    fn rule(&self, draft: Draft<'_>, own: &[(&str, &str)]) -> Option<Rule> {
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
    fn counters(&self, slo: &Slo, phases: &[(u64, u64, u64)]) -> Vec<(String, String)> {
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
    fn has(&self, alert: &str, slo: &Slo) -> bool {
        !Disabled::of(self.config).for_slo(alert, slo)
    }

    /// The SLOs that have this alert.
    fn slos(&self, alert: &str) -> Vec<&Slo> {
        self.config.slos.iter().filter(|slo| self.has(alert, slo)).collect()
    }

    /// What selects these SLOs.
    fn selector(&self, slos: &[&Slo]) -> String {
        if slos.len() == self.config.slos.len() {
            return "$S".to_owned();
        }
        let names: Vec<&str> = slos.iter().map(|slo| slo.name.as_str()).collect();
        ["$S".to_owned()].into_iter().chain(promql::one_of("slo", &names)).collect::<Vec<_>>().join(",")
    }

    fn min_failures(&self) -> u64 {
        self.config.alerting.min_failures.unwrap_or(MIN_FAILURES)
    }

    /// The counters of an SLO are gone.
    fn absent(&self, slo: &Slo) -> Option<Rule> {
        let name = &slo.name;
        let draft = Draft {
            name: ABSENT,
            category: Category::Availability,
            severity: Severity::Warning,
            hold: Duration::from_secs(300),
            expr: &format!("absent($slo_events_total{{$S,slo=\"{name}\"}})"),
            summary: &format!("Nothing is counted for {name} of {{{{ $labels.service }}}}"),
            description: "The counters of this SLO are gone, so none of its alerts can fire. Either the proxies run \
                          another configuration than the rules were made of, or they are not scraped.",
        };
        let mut rule = self.rule(draft, &[("slo", name)])?;
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, series, checks| Test {
            name: format!("{ABSENT} of {name} {what}"),
            slow: false,
            series,
            checks,
        };
        let others = self.config.slos.iter().filter(|other| other.name != slo.name);
        let others: Vec<_> = others.flat_map(|other| self.counters(other, &[(0, 0, 20)])).collect();
        let all = self.config.slos.iter().flat_map(|slo| self.counters(slo, &[(0, 0, 20)])).collect();
        let firing = rule.firing(at(5), &[], "");
        rule.tests = vec![
            test("fires", others, vec![Check { at: at(4), firing: None }, firing]),
            test(
                "is silent without traffic",
                all,
                vec![Check { at: at(5), firing: None }, Check { at: at(15), firing: None }],
            ),
        ];
        Some(rule)
    }

    /// Nothing to judge.
    fn no_traffic(&self) -> Option<Rule> {
        let slos = self.slos("SLONoTraffic");
        let slo = *slos.first()?;
        let selector = self.selector(&slos);
        let draft = Draft {
            name: "SLONoTraffic",
            category: Category::Availability,
            severity: Severity::Info,
            hold: Duration::from_secs(1800),
            expr: &format!("$slo:events:increase{{{selector},window=\"1h\"}} == 0"),
            summary: "{{ $labels.slo }} of {{ $labels.service }} had no events for an hour",
            description: "Nothing failed because nothing was asked. Where there should be traffic, look at what is in front \
                          of the proxies; where the SLO has a `where`, whether anything still matches it.",
        };
        let mut rule = self.rule(draft, &[])?;
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, events: u64, checks| Test {
            name: format!("SLONoTraffic {what}"),
            slow: false,
            series: self.counters(slo, &[(0, events, 60)]),
            checks,
        };
        let own = [("slo", slo.name.clone()), ("window", "1h".to_owned())];
        let firing = rule.firing(at(31), &own, "");
        rule.tests = vec![
            test("fires", 0, vec![Check { at: at(30), firing: None }, firing]),
            test(
                "is silent with an event a minute",
                1,
                vec![Check { at: at(31), firing: None }, Check { at: at(50), firing: None }],
            ),
        ];
        Some(rule)
    }
}

/// A length of time as people say it: days from three on, else hours, with a tenth where it is needed.
fn in_words(duration: Duration) -> String {
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
