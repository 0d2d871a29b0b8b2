//! An SLO and a pair of windows in; the alert on how fast the budget burns out, and on what burns too slowly for any pair.

use super::super::catalogue::Category;
use super::super::promtool::{Check, Test};
use super::super::rule::Rule;
use super::super::tiers::{Severity, Tier, tiers};
use super::condition::{QUIET, SloAlert};
use super::maker::{Draft, EVENTS, MINUTE_S, Maker, STEP_S, in_words};
use redline::config::{Duration, Slo};

impl Maker<'_> {
    /// Both windows of a pair burn faster than its factor.
    pub(super) fn burn(&self, slo: &Slo, tier: &Tier) -> Option<Rule> {
        let [long, short] = tier.labels(slo.period);
        let Tier { factor, number, severity, .. } = *tier;
        let (name, period) = (&slo.name, slo.period);
        let alert = SloAlert::burn(tier, self.min_failures());
        let expr = alert.promql(&of_one(slo));
        let spent = (share_spent(tier, slo) * 1000.0).round() / 10.0;
        let gone = period.as_secs().saturating_mul(1_000_000).checked_div(factor.0)?;
        let (gone, whole) = (Duration::from_secs(gone), in_words(period));
        let rate = match gone >= period {
            true => format!("this rate uses up the error budget of {whole}"),
            false => format!("at this rate the error budget of {whole} lasts {}", in_words(gone)),
        };
        let what = match severity {
            Severity::Critical => "Find what changed and take it back now",
            _ => "Nobody has to get up for it, but it has to be found this week",
        };
        let draft = Draft {
            name: alert.name,
            category: Category::ErrorBudget,
            severity,
            hold: alert.hold,
            expr: &expr,
            summary: &format!("{name} of {{{{ $labels.service }}}}: {rate}"),
            description: &format!(
                "The burn rate of the last {long} is over {factor}, and that of the last {short} still is; at 1 the budget \
                 lasts just {whole}. At this rate {long} costs {spent} % of it. {what}; the SLO dashboard shows since when, \
                 and which endpoints."
            ),
        };
        let mut rule = self.rule(draft, &[("slo", name), ("tier", &number.to_string())])?;
        // The slower a pair, the longer its test takes: it stands for all SLOs of the same period.
        let same = |other: &&Slo| {
            other.period == slo.period
                && tier.can_fire(other)
                && self.has(alert.name, other)
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
    pub(super) fn quiet(&self, slo: &Slo) -> Option<Rule> {
        let name = &slo.name;
        let alert = SloAlert::quiet(slo)?;
        let expr = alert.promql(&of_one(slo));
        let draft = Draft {
            name: alert.name,
            category: Category::ErrorBudget,
            severity: alert.severity,
            hold: alert.hold,
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
                name: format!("{QUIET} of {name} {what}"),
                slow: true,
                series: self.counters(slo, &phases),
                checks,
            }
        };
        let at = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        let own = [("window", "1h".to_owned())];
        let same = |other: &&&Slo| {
            other.period == slo.period && tiers(other.period).last().is_some_and(|tier| tier.can_fire(other))
        };
        if self.slos(QUIET).iter().find(same).is_none_or(|first| first.name != slo.name) {
            return Some(rule);
        }
        rule.tests = vec![
            test("fires", 6, vec![Check { at: at(355), firing: None }, rule.firing(at(360), &own, "")]),
            test("is silent just below", 5, vec![Check { at: at(400), firing: None }]),
        ];
        Some(rule)
    }
}

/// What selects one SLO.
fn of_one(slo: &Slo) -> String {
    format!("$S,slo=\"{}\"", slo.name)
}

/// The share of the period's budget that is spent when a pair fires.
fn share_spent(tier: &Tier, slo: &Slo) -> f64 {
    let long = tier.long.length(slo.period).as_secs() as f64;
    tier.factor.0 as f64 / 1e6 * long / slo.period.as_secs() as f64
}
