//! SLOs in; the alerts on what is left of their error budgets out.

use super::super::catalogue::Category;
use super::super::promtool::{Check, Test};
use super::super::rule::Rule;
use super::super::tiers::Severity;
use super::condition::SloAlert;
use super::maker::{Draft, EVENTS, Maker, STEP_S, in_words};
use redline::config::{Duration, Slo};

impl Maker<'_> {
    /// So little of the budget remains.
    pub(super) fn budget(&self, alert: &SloAlert, percent: u64) -> Option<Rule> {
        let SloAlert { name, severity, .. } = *alert;
        let slos = self.slos(name);
        let slo = *slos.first()?;
        let expr = alert.promql(&self.selector(&slos));
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
            hold: alert.hold,
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

    /// An hour burned ten times too fast, for whatever reason; one rule for the SLOs of a period.
    pub(super) fn burning(&self) -> Vec<Rule> {
        let slos = self.slos("ErrorBudgetBurnRateHigh");
        let mut periods: Vec<Duration> = slos.iter().map(|slo| slo.period).collect();
        periods.sort_unstable();
        periods.dedup();
        let of = |period| slos.iter().copied().filter(|slo| slo.period == period).collect::<Vec<_>>();
        let several = periods.len() > 1;
        periods.into_iter().filter_map(|period| self.burning_of(period, &of(period), several)).collect()
    }

    /// With `several` periods they tell the rules apart, which would be duplicates else.
    fn burning_of(&self, period: Duration, slos: &[&Slo], several: bool) -> Option<Rule> {
        // At an objective of 90 % and below nothing burns so fast.
        let slo = *slos.iter().find(|slo| slo.objective.budget_ppm() < 100_000)?;
        let alert = SloAlert::burning(self.min_failures());
        let expr = alert.promql(&self.selector(slos));
        let tenth = Duration::from_secs(period.as_secs().checked_div(10)?);
        let draft = Draft {
            name: alert.name,
            category: Category::ErrorBudget,
            severity: alert.severity,
            hold: alert.hold,
            expr: &expr,
            summary: "{{ $labels.slo }} of {{ $labels.service }} burned its error budget ten times too fast for an hour",
            description: &format!(
                "{} like this hour use up the error budget of {}. If a page came, it is the same; if none came, it may be \
                 over already: find out what it was.",
                in_words(tenth),
                in_words(period),
            ),
        };
        let written = period.to_string();
        let label = [("period", written.as_str())];
        let mut rule = self.rule(draft, if several { &label } else { &[] })?;
        // A thousandth of the events, times the budget in millionths, times ten.
        let bad = |times_ten: u64| {
            u64::from(slo.objective.budget_ppm()).saturating_mul(times_ten).saturating_mul(100).min(EVENTS)
        };
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let test = |what: &str, bad: u64, checks| Test {
            name: format!("ErrorBudgetBurnRateHigh of {} {what}", slo.name),
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
    pub(super) fn violated(&self) -> Option<Rule> {
        let alert = SloAlert::violated(self.min_failures());
        let slos = self.slos(alert.name);
        let slo = *slos.first()?;
        let expr = alert.promql(&self.selector(&slos));
        let draft = Draft {
            name: alert.name,
            category: Category::Availability,
            severity: alert.severity,
            hold: alert.hold,
            expr: &expr,
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
}
