//! SLOs in; the alerts about them out, with the traffic at which each must fire, computed from the objective.

mod burn;

use super::alerts::{Rule, Texts, labels};
use super::cases::{Check, Test, ramp};
use super::catalogue::Category;
use super::tiers::{Severity, Tier, tiers};
use super::{MIN_FAILURES, Vocabulary};
use redline::config::{Config, Duration, Slo};

/// The alerts that are about SLOs.
pub(super) const NAMES: [&str; 11] = [
    "SLOBurnRateFast",
    "SLOBurnRateMedium",
    "SLOBurnRateSlow",
    "SLOBurnRateSlowest",
    "SLOQuietErrors",
    "ErrorBudgetCritical",
    "ErrorBudgetLow",
    "ErrorBudgetBurnRateHigh",
    "SLOViolation",
    "SLOMetricAbsent",
    "SLONoTraffic",
];

/// Events in each step of a test; divisible by whatever share of them may fail.
const EVENTS: u64 = 1_000_000_000;
const MINUTE_S: u64 = 60;
/// The step of what is added up over a period.
const STEP_S: u64 = 300;

/// The alerts of every SLO.
pub(super) fn rules(config: &Config, vocabulary: &Vocabulary) -> Vec<Rule> {
    let Some(first) = config.slos.first() else { return Vec::new() };
    let maker = Maker { config, vocabulary };
    let mut rules = Vec::new();
    for slo in &config.slos {
        let fires = |tier: &Tier| tier.can_fire(slo);
        rules.extend(
            tiers(slo.period).iter().filter(|tier| fires(tier)).filter_map(|tier| maker.burn(slo, tier)),
        );
        rules.extend(maker.quiet(slo));
        rules.extend(maker.absent(slo));
    }
    rules.extend(maker.budget(first, "ErrorBudgetCritical", Severity::Critical, 10));
    rules.extend(maker.budget(first, "ErrorBudgetLow", Severity::Warning, 25));
    rules.extend(maker.burning());
    rules.extend(maker.violated(first));
    rules.extend(maker.no_traffic(first));
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
    hold: &'d str,
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
            hold: self.vocabulary.hold(hold),
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

    fn min_failures(&self) -> u64 {
        self.config.alerting.min_failures.unwrap_or(MIN_FAILURES)
    }

    /// The counters of an SLO are gone.
    fn absent(&self, slo: &Slo) -> Option<Rule> {
        let name = &slo.name;
        let draft = Draft {
            name: "SLOMetricAbsent",
            category: Category::Availability,
            severity: Severity::Warning,
            hold: "5m",
            expr: &format!("absent($slo_events_total{{$S,slo=\"{name}\"}})"),
            summary: &format!("Nothing is counted for {name} of {{{{ $labels.service }}}}"),
            description: "The counters of this SLO are gone, so none of its alerts can fire. Either the proxies run \
                          another configuration than the rules were made of, or they are not scraped.",
        };
        let mut rule = self.rule(draft, &[("slo", name)])?;
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, series, checks| Test {
            name: format!("SLOMetricAbsent of {name} {what}"),
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

    /// So little of the budget remains.
    fn budget(&self, slo: &Slo, name: &'static str, severity: Severity, percent: u64) -> Option<Rule> {
        let expr = format!(
            "$slo_error_budget_remaining{{$S}} < 0.{percent}\n\
             and on (service, slo)\n\
             $slo:bad_events:increase{{$S,$PERIOD}} >= $MIN"
        );
        let what = match severity {
            Severity::Critical => {
                "Stop what adds risk: deployments, migrations, experiments. What is left is for surprises"
            }
            _ => "Slow down with what adds risk, and see what used it: the SLO dashboard has the days",
        };
        let draft = Draft {
            name,
            category: Category::ErrorBudget,
            severity,
            hold: "5m",
            expr: &expr,
            summary: &format!(
                "{{{{ $labels.slo }}}} of {{{{ $labels.service }}}} has less than {percent} % of its error budget left"
            ),
            description: &format!("{what}."),
        };
        let mut rule = self.rule(draft, &[])?;
        // In a full outage from the start, a share of budget goes in each step of what is seen of the period.
        let whole = slo.period.as_secs().checked_div(STEP_S)?;
        let budget = u64::from(slo.objective.budget_ppm());
        let used = 100_u64.saturating_sub(percent);
        let limit = whole.saturating_mul(budget).saturating_mul(used); // in steps, times 10^8
        let steps = limit.checked_div(100_000_000)?.saturating_add(1);
        let at = |steps: u64| Duration::from_secs(steps.saturating_mul(STEP_S));
        let test = |what: &str, bad: u64, checks| Test {
            name: format!("{name} {what}"),
            slow: true,
            series: self.counters(slo, &[(bad, EVENTS, steps.saturating_add(10).saturating_mul(5))]),
            checks,
        };
        // As much as would use nine tenths of that by then.
        let below = u128::from(limit).saturating_mul(9).checked_div(u128::from(steps))?;
        let below = u64::try_from(below).ok()?; // of 10^9 events
        let own = [("slo", slo.name.clone())];
        let firing = rule.firing(at(steps.saturating_add(1)), &own, "");
        rule.tests = vec![
            test("fires", EVENTS, vec![Check { at: at(steps), firing: None }, firing]),
            test(
                "is silent just below",
                below,
                vec![Check { at: at(steps.saturating_add(1)), firing: None }],
            ),
        ];
        Some(rule)
    }

    /// An hour burned ten times too fast, for whatever reason.
    fn burning(&self) -> Option<Rule> {
        // Below an objective of 90 % nothing burns so fast.
        let slo = self.config.slos.iter().find(|slo| slo.objective.budget_ppm() < 95_000)?;
        let draft = Draft {
            name: "ErrorBudgetBurnRateHigh",
            category: Category::ErrorBudget,
            severity: Severity::Warning,
            hold: "5m",
            expr: "$slo_burn_rate{$S,window=\"1h\"} > 10\n\
                   and\n\
                   $slo:bad_events:increase{$S,window=\"1h\"} >= $MIN",
            summary: "{{ $labels.slo }} of {{ $labels.service }} burned its error budget ten times too fast for an hour",
            description: "Three days like this hour use up the budget of a month. If a page came, it is the same; if none \
                          came, it may be over already: find out what it was.",
        };
        let mut rule = self.rule(draft, &[])?;
        // A thousandth of the events, times the budget in millionths, times ten.
        let bad = |times_ten: u64| {
            u64::from(slo.objective.budget_ppm()).saturating_mul(times_ten).saturating_mul(100)
        };
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, bad: u64, checks| Test {
            name: format!("ErrorBudgetBurnRateHigh {what}"),
            slow: false,
            series: self.counters(slo, &[(bad, EVENTS, 60)]),
            checks,
        };
        let own = [("slo", slo.name.clone()), ("window", "1h".to_owned())];
        let firing = rule.firing(at(6), &own, "");
        rule.tests = vec![
            test("fires", bad(105), vec![Check { at: at(5), firing: None }, firing]),
            test(
                "is silent just below",
                bad(98),
                vec![Check { at: at(6), firing: None }, Check { at: at(30), firing: None }],
            ),
        ];
        Some(rule)
    }

    /// The objective is missed over the period.
    fn violated(&self, slo: &Slo) -> Option<Rule> {
        let draft = Draft {
            name: "SLOViolation",
            category: Category::Availability,
            severity: Severity::Critical,
            hold: "15m",
            expr: "$slo_availability{$S} < on (service, slo) $slo_objective{$S}\n\
                   and on (service, slo)\n\
                   $slo_error_budget_remaining{$S} < 0\n\
                   and on (service, slo)\n\
                   $slo:bad_events:increase{$S,$PERIOD} >= $MIN",
            summary: "{{ $labels.slo }} of {{ $labels.service }} is below its objective",
            description: "Over the whole period more failed than may fail, and the error budget is overspent. What was agreed \
                          for this case applies now: as a rule, nothing is released but what mends it.",
        };
        let mut rule = self.rule(draft, &[])?;
        let whole = slo.period.as_secs().checked_div(STEP_S)?;
        let budget = u64::from(slo.objective.budget_ppm());
        let limit = whole.saturating_mul(budget); // in steps of full outage, times 10^6
        let steps = limit.checked_div(1_000_000)?.saturating_add(1);
        let at = |steps: u64| Duration::from_secs(steps.saturating_mul(STEP_S));
        let test = |what: &str, bad: u64, checks| Test {
            name: format!("SLOViolation {what}"),
            slow: true,
            series: self.counters(slo, &[(bad, EVENTS, steps.saturating_add(10).saturating_mul(5))]),
            checks,
        };
        let own = [("slo", slo.name.clone())];
        let firing = rule.firing(at(steps.saturating_add(3)), &own, "");
        // Just under the objective, for ever.
        let below = budget.saturating_mul(990);
        rule.tests = vec![
            test("fires", EVENTS, vec![Check { at: at(steps.saturating_add(2)), firing: None }, firing]),
            test(
                "is silent just below",
                below,
                vec![Check { at: at(steps.saturating_add(4)), firing: None }],
            ),
        ];
        Some(rule)
    }

    /// Nothing to judge.
    fn no_traffic(&self, slo: &Slo) -> Option<Rule> {
        let draft = Draft {
            name: "SLONoTraffic",
            category: Category::Availability,
            severity: Severity::Info,
            hold: "30m",
            expr: "$slo:events:increase{$S,window=\"1h\"} == 0",
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
