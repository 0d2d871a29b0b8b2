//! The objectives in; the panels and queries that both dashboards begin with out.

use super::objectives::Objectives;
use super::panel::{Look, Panel};
use crate::render::prometheus::{self, Severity};
use crate::render::promql;

/// Good events of all, of each SLO.
pub(super) fn availability(objectives: &Objectives<'_>) -> Panel {
    Panel::new("Availability", Look::Dial, "percentunit", "$slo_availability{$S}", "{{slo}}")
        .says("Good events of all, over the SLO's period.")
        .coloured_by_slo(objectives.of_good_share())
        .between(objectives.lowest(), 1.0)
        .runbook("SLOViolation")
        .wide(6)
}

/// What may still fail, of each SLO.
pub(super) fn budget_left() -> Panel {
    Panel::new("Error budget left", Look::Dial, "percentunit", "$slo_error_budget_remaining{$S}", "{{slo}}")
        .says("What is left of what may fail in the period; below 0 it is overspent.")
        .coloured(Objectives::of_budget())
        .between(0.0, 1.0)
        .runbook("ErrorBudgetLow")
        .wide(6)
}

/// The worst that holds, of each SLO: 0 healthy, 1 at risk, 2 critical, 3 exhausted, 4 nothing known yet.
///
/// By the recording rules alone: the filter's own gauge of it is one proxy's view. Factors are those of each SLO's alerts.
pub(super) fn status(objectives: &Objectives<'_>) -> String {
    // `or` keeps the first of two series with the same labels, so each condition has a label of its own.
    let mut conditions = vec![
        labelled("3 * ($slo_error_budget_remaining{$S} <= bool 0)", "spent"),
        labelled("($slo_error_budget_remaining{$S} < bool 0.25)", "low"),
    ];
    let mut unknown = Vec::new();
    let periods = objectives.periods();
    for (period, names) in &periods {
        let of_these = promql::one_of("slo", names).filter(|_| periods.len() > 1);
        let selector: Vec<String> = std::iter::once("$S".to_owned()).chain(of_these).collect();
        let selector = selector.join(",");
        for tier in prometheus::tiers(*period) {
            let [long, short] = tier.labels(*period).map(|window| {
                format!(
                    "max by (service, slo) ($slo_burn_rate{{{selector},window=\"{window}\"}} > bool {})",
                    tier.factor
                )
            });
            let worth = if tier.severity == Severity::Critical { 2 } else { 1 };
            conditions
                .push(labelled(&format!("{worth} * {long} * {short}"), &format!("{period} {}", tier.number)));
        }
        let hour = 3600.0 / period.as_secs() as f64;
        unknown
            .push(format!("4 * max by (service, slo) ($slo:coverage:ratio{{{selector}}} < bool {hour:.9})"));
    }
    format!(
        "(max by (service, slo) (\n  {}\n) > 0)\nor on (service, slo)\n{}",
        conditions.join("\n  or\n  "),
        unknown.join("\nor on (service, slo)\n")
    )
}

fn labelled(query: &str, condition: &str) -> String {
    format!("label_replace({query}, \"condition\", \"{condition}\", \"\", \"\")")
}
