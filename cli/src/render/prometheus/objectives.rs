//! SLOs in; the alerts about them out, with the traffic at which each must fire, computed from the objective.

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

    /// Both windows of a pair burn faster than its factor.
    fn burn(&self, slo: &Slo, tier: &Tier) -> Option<Rule> {
        let [long, short] = tier.labels(slo.period);
        let Tier { factor, number, alert, severity, .. } = *tier;
        let (name, period) = (&slo.name, slo.period);
        let expr = format!(
            "$slo_burn_rate{{$S,slo=\"{name}\",window=\"{long}\"}} > {factor}\n\
             and ignoring (window)\n\
             $slo_burn_rate{{$S,slo=\"{name}\",window=\"{short}\"}} > {factor}\n\
             and ignoring (window)\n\
             $slo:bad_events:increase{{$S,slo=\"{name}\",window=\"{long}\"}} >= $MIN"
        );
        let spent = format!("{:.0}", share_spent(tier, slo) * 100.0);
        let what = match severity {
            Severity::Critical => "Find what changed and take it back now",
            _ => "Nobody has to get up for it, but it has to be found this week",
        };
        let draft = Draft {
            name: alert,
            category: Category::ErrorBudget,
            severity,
            hold: "",
            expr: &expr,
            summary: &format!(
                "{name} of {{{{ $labels.service }}}} burns its error budget over {factor} times too fast"
            ),
            description: &format!(
                "Over {long} and still over the last {short}. A {long} like this costs {spent} % of what may fail in {period}. \
                 {what}; the SLO dashboard shows since when, and which endpoints."
            ),
        };
        let mut rule = self.rule(draft, &[("slo", name), ("tier", &number.to_string())])?;
        // The slower a pair, the longer its test takes: it stands for all SLOs of the same period.
        let same = |other: &&Slo| {
            other.period == slo.period
                && tier.can_fire(other)
                && (tier.number > 1 || other.objective == slo.objective)
        };
        if self.config.slos.iter().find(same).is_some_and(|first| first.name == slo.name) {
            rule.tests = self.burn_tests(&rule, slo, tier);
        }
        Some(rule)
    }

    /// A full outage after clean traffic: fires and ends when the windows' arithmetic says so. And just below for ever.
    fn burn_tests(&self, rule: &Rule, slo: &Slo, tier: &Tier) -> Vec<Test> {
        let [long, short] = [tier.long, tier.short].map(|window| window.length(slo.period).as_secs());
        // A sample a minute; what takes days is evaluated every five.
        let slow = long > 21_600;
        let step = if slow { STEP_S } else { MINUTE_S };
        let window = tier.labels(slo.period).first().cloned().unwrap_or_default();
        let own = [("window", window)];
        // Millionths of seconds: factor and budget are millionths each.
        let threshold = tier.factor.0.saturating_mul(u64::from(slo.objective.budget_ppm()));
        let crossing = u128::from(threshold).saturating_mul(u128::from(long)) / 1_000_000;
        let seconds = |micros: u128| u64::try_from(micros / 1_000_000).unwrap_or(u64::MAX);
        let detected = seconds(crossing);
        let last_silent =
            detected.saturating_sub(1).checked_div(step).unwrap_or_default().saturating_mul(step);
        let first_firing =
            detected.checked_div(step).unwrap_or_default().saturating_add(1).saturating_mul(step);
        // Long enough that the short window is full of it, and that the long one remembers.
        let outage = short.max(detected.saturating_mul(3).checked_div(2).unwrap_or_default());
        let outage = outage.div_ceil(step).saturating_mul(step);
        let good_share = u128::from(1_000_000_000_000_u64.saturating_sub(threshold));
        let left = seconds(good_share.saturating_mul(u128::from(short)) / 1_000_000);
        let last_firing = left.saturating_sub(1).checked_div(step).unwrap_or_default().saturating_mul(step);
        let first_silent = left.checked_div(step).unwrap_or_default().saturating_add(2).saturating_mul(step);
        let steps = |seconds: u64| seconds.checked_div(MINUTE_S).unwrap_or_default();
        let after = |seconds: u64| Duration::from_secs(long.saturating_add(seconds));
        let firing = |at| rule.firing(at, &own, "");
        let silent = |at| Check { at, firing: None };
        let mut checks = vec![silent(after(last_silent)), firing(after(first_firing))];
        if outage.saturating_add(last_firing) < long {
            checks.push(firing(after(outage.saturating_add(last_firing))));
            checks.push(silent(after(outage.saturating_add(first_silent))));
        }
        let phases = [(0, EVENTS, steps(long)), (EVENTS, EVENTS, steps(outage)), (0, EVENTS, steps(long))];
        let test = |what: &str, phases: &[(u64, u64, u64)], checks| Test {
            name: format!("{} of {} {what}", rule.name, slo.name),
            slow,
            series: self.counters(slo, phases),
            checks,
        };
        // 98 % of it.
        let below = u64::try_from(u128::from(threshold).saturating_mul(98) / 100_000).unwrap_or(u64::MAX);
        let hour = steps(3600);
        let mut tests = vec![
            test("fires and ends on time", &phases, checks),
            test(
                "is silent just below",
                &[(below, EVENTS, hour)],
                vec![silent(Duration::from_secs(1800)), silent(Duration::from_secs(3600))],
            ),
        ];
        let min = self.min_failures();
        if tier.number == 1 && min > 1 {
            // Everything fails, but there is little of it.
            let each = min.div_ceil(10);
            let enough = min.div_ceil(each);
            let at = |steps: u64| Duration::from_secs(steps.saturating_mul(step));
            tests.push(test(
                "waits for enough failures",
                &[(each, each, 40)],
                vec![silent(at(enough.saturating_sub(1))), firing(at(enough))],
            ));
        }
        tests
    }

    /// Errors that are too few for any pair, and do not end.
    fn quiet(&self, slo: &Slo) -> Option<Rule> {
        let name = &slo.name;
        let factor = tiers(slo.period).last().map(|tier| tier.factor)?;
        let expr = format!(
            "count_over_time(($slo:bad_events:increase{{$S,slo=\"{name}\",window=\"1h\"}} > 0)[3d:1h]) >= 6\n\
             and ignoring (window)\n\
             $slo_burn_rate{{$S,slo=\"{name}\",window=\"3d\"}} > {factor}"
        );
        let draft = Draft {
            name: "SLOQuietErrors",
            category: Category::ErrorBudget,
            severity: Severity::Warning,
            hold: "",
            expr: &expr,
            summary: &format!("{name} of {{{{ $labels.service }}}} fails a little, again and again"),
            description: "In six of the last 72 hours something failed, and together it is more than the budget allows, \
                          with too few failures for the other alerts. With little traffic this is how an outage looks.",
        };
        let mut rule = self.rule(draft, &[("slo", name), ("tier", "5")])?;
        let test = |what: &str, hours: u64, checks| {
            let mut phases = Vec::new();
            for _ in 0..hours {
                phases.extend([(0, 0, 29), (1, 1, 1), (0, 0, 30)]);
            }
            phases.push((0, 0, 240));
            Test {
                name: format!("SLOQuietErrors of {name} {what}"),
                slow: true,
                series: self.counters(slo, &phases),
                checks,
            }
        };
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let own = [("window", "1h".to_owned())];
        if self
            .config
            .slos
            .iter()
            .find(|other| other.period == slo.period)
            .is_none_or(|first| first.name != slo.name)
        {
            return Some(rule);
        }
        rule.tests = vec![
            test("fires", 6, vec![Check { at: at(355), firing: None }, rule.firing(at(360), &own, "")]),
            test("is silent just below", 5, vec![Check { at: at(400), firing: None }]),
        ];
        Some(rule)
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

/// The share of the period's budget that is spent when a pair fires.
fn share_spent(tier: &Tier, slo: &Slo) -> f64 {
    let long = tier.long.length(slo.period).as_secs() as f64;
    tier.factor.0 as f64 / 1e6 * long / slo.period.as_secs() as f64
}
