//! SLOs in; the alerts about them out, with the traffic at which each must fire, computed from the objective.

mod absence;
mod budget;
mod burn;
mod condition;
mod maker;

pub(super) use condition::QUIET;
pub use condition::{Figures, SloAlert, Term, slo_alerts};

use super::rule::Rule;
use super::tiers::{Tier, tiers};
use crate::render::promql::Vocabulary;
use absence::ABSENT;
use maker::Maker;
use redline::config::Config;

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
