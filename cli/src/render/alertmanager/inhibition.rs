//! What is not said because something worse is, as Alertmanager's `inhibit_rules`.
//!
//! An alert hides only what is the same trouble, weaker. Alertmanager takes a label that both alerts lack for an equal
//! one, so each rule asks the worse alert for the labels that they must share.

use crate::render::yaml::quoted;
use std::fmt::Write;

/// What two alerts must share to be the same trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// The service.
    Service,
    /// The service and the SLO.
    Slo,
}

impl Shared {
    const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Service => &["service"],
            Self::Slo => &["service", "slo"],
        }
    }
}

/// The worse alert, what it hides, and what both share.
type Hides = (&'static str, &'static [&'static str], Shared);

/// Which alert hides which; of an SLO's burn rates, the faster hides the slower.
pub(super) const HIDES: [Hides; 12] = [
    (
        "SLOBurnRateFast",
        &[
            "SLOBurnRateMedium",
            "SLOBurnRateSlow",
            "SLOBurnRateSlowest",
            "SLOQuietErrors",
            "ErrorBudgetBurnRateHigh",
        ],
        Shared::Slo,
    ),
    (
        "SLOBurnRateMedium",
        &["SLOBurnRateSlow", "SLOBurnRateSlowest", "SLOQuietErrors", "ErrorBudgetBurnRateHigh"],
        Shared::Slo,
    ),
    ("SLOBurnRateSlow", &["SLOBurnRateSlowest", "SLOQuietErrors"], Shared::Slo),
    ("SLOBurnRateSlowest", &["SLOQuietErrors"], Shared::Slo),
    // What is overspent is low too. How fast it burns now, and whether it is counted at all, is another matter.
    ("SLOViolation", &["ErrorBudgetCritical", "ErrorBudgetLow"], Shared::Slo),
    ("ErrorBudgetCritical", &["ErrorBudgetLow"], Shared::Slo),
    ("HighErrorRate", &["LowAvailability"], Shared::Service),
    ("DatabaseConnectionPoolExhausted", &["DatabasePoolOverflow"], Shared::Service),
    ("DatabaseConnectionErrors", &["HighDatabaseQueryErrorRate"], Shared::Service),
    ("AuthenticationFailuresSpike", &["AuthenticationFailures"], Shared::Service),
    ("QueueStalled", &["QueueBacklogHigh"], Shared::Service),
    ("RedlineVMReloadFailed", &["RedlineVMReloaded"], Shared::Service),
];

/// Without any metrics there are none of SLOs; each SLO says so.
const ABSENT: Hides = ("RedlineAbsent", &["SLOMetricAbsent"], Shared::Service);

/// All by which two alerts of one name may be about different things.
const EVERY_SUBJECT: [&str; 13] = [
    "alertname",
    "service",
    "category",
    "slo",
    "tenant",
    "endpoint",
    "method",
    "reason",
    "label",
    "operation",
    "upstream",
    "instance",
    "job",
];

/// The key `inhibit_rules`.
pub(super) fn rules() -> String {
    let mut out = "inhibit_rules:\n".to_owned();
    // All that a service says while it is down says that it is down.
    rule(
        &mut out,
        &[named("ServiceDown"), present("service")],
        &["alertname!=\"ServiceDown\""],
        &["service"],
    );
    // For alerts of one's own that come in two severities.
    let critical = [present("alertname"), present("service"), "severity=\"critical\"".to_owned()];
    rule(&mut out, &critical, &["severity=~\"warning|info\""], &EVERY_SUBJECT);
    for (worse, weaker, shared) in HIDES.into_iter().chain([ABSENT]) {
        let source: Vec<String> =
            std::iter::once(named(worse)).chain(shared.labels().iter().map(|label| present(label))).collect();
        let target = match weaker {
            [one] => named(one),
            several => format!("alertname=~\"{}\"", several.join("|")),
        };
        rule(&mut out, &source, &[&target], shared.labels());
    }
    out
}

fn named(alert: &str) -> String {
    format!("alertname=\"{alert}\"")
}

fn present(label: &str) -> String {
    format!("{label}=~\".+\"")
}

fn rule(out: &mut String, source: &[String], target: &[&str], equal: &[&str]) {
    let source: Vec<String> = source.iter().map(|matcher| quoted(matcher)).collect();
    let target: Vec<String> = target.iter().map(|matcher| quoted(matcher)).collect();
    let _infallible = write!(
        out,
        "  - source_matchers: [{}]\n    target_matchers: [{}]\n    equal: [{}]\n",
        source.join(", "),
        target.join(", "),
        equal.join(", ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::prometheus::{self, Severity};
    use crate::render::tests::profile;

    #[test]
    fn an_alert_hides_only_alerts_that_exist_and_are_no_worse() {
        let alerts = prometheus::alerts(&profile::config());
        let severity = |name: &str| -> Severity {
            alerts.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("no alert {name}")).2
        };
        for (worse, weaker, shared) in HIDES.into_iter().chain([ABSENT]) {
            for name in weaker {
                assert!(severity(worse) <= severity(name), "{worse} and {name}");
                assert_ne!(&worse, name);
            }
            assert!(rules().contains(&format!("alertname=\\\"{worse}\\\"")), "{worse} {shared:?}");
        }
    }

    #[test]
    fn what_both_alerts_must_share_the_worse_one_must_have() {
        let read: serde_json::Value = serde_saphyr::from_str(&rules()).unwrap();
        let texts = |value: &serde_json::Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let rules = read["inhibit_rules"].as_array().unwrap();
        assert_eq!(rules.len(), HIDES.len() + 3);
        for rule in rules {
            let (equal, source) = (texts(&rule["equal"]), texts(&rule["source_matchers"]));
            let by_name = equal.iter().any(|label| label == "alertname");
            for label in
                equal.iter().filter(|label| !by_name || ["alertname", "service"].contains(&label.as_str()))
            {
                assert!(source.contains(&present(label)), "{label} in {source:?}");
            }
        }
    }
}
