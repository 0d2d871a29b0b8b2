//! A configuration in; the alerts that are not rendered for it, each with the reason, out.

use super::alerts::known_alerts;
use super::catalogue::{self, Alert, Case};
use super::disable::Disabled;
use super::set::Set;
use crate::render::promql::{Vocabulary, why_missing};
use redline::config::Config;

/// An alert that some configuration has and this one has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub alert: &'static str,
    /// Why it is not there, in words.
    pub reason: String,
}

/// Every alert that is not rendered, by name.
pub fn left_out(config: &Config) -> Vec<LeftOut> {
    let set = Set::of(config, 1);
    let is_there = |name: &str| set.alerts.iter().any(|rule| rule.name == name);
    known_alerts()
        .into_iter()
        .filter(|name| !is_there(name))
        .map(|alert| LeftOut { alert, reason: reason(config, &set.vocabulary, alert) })
        .collect()
}

fn reason(config: &Config, vocabulary: &Vocabulary, name: &str) -> String {
    let disabled = Disabled::of(config);
    let for_all = !config.slos.is_empty() && config.slos.iter().all(|slo| disabled.for_slo(name, slo));
    if disabled.everywhere(name) || for_all {
        return "alerting.disable has it".to_owned();
    }
    let lacks = |template: &str| why_missing(config, &vocabulary.missing(template));
    match catalogue::all().find(|alert| alert.name == name) {
        Some(alert) => lacks(alert.expr).unwrap_or_else(|| of_its_test(config, vocabulary, alert)),
        None if config.slos.is_empty() => "there are no slos".to_owned(),
        None => lacks("$slo_events_total $slo_bad_events_total")
            .unwrap_or_else(|| "at these objectives it could never fire".to_owned()),
    }
}

/// An alert of which no traffic could be thought that lets it fire.
fn of_its_test(config: &Config, vocabulary: &Vocabulary, alert: &Alert) -> String {
    match alert.case {
        Case::Series { series, .. } => {
            let missing: Vec<&str> = series.iter().flat_map(|(name, _)| vocabulary.missing(name)).collect();
            why_missing(config, &missing).unwrap_or_else(|| "it could never fire".to_owned())
        }
        Case::Quantile { histogram, threshold_ms, .. } => {
            format!("no bucket of {histogram} ends above {threshold_ms} ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::render::prometheus::alerts;
    use crate::render::tests::profile;
    use std::collections::{BTreeMap, BTreeSet};

    fn of(text: &str) -> BTreeMap<&'static str, String> {
        let config = Document::from_text("test", text).unwrap().config;
        left_out(&config).into_iter().map(|out| (out.alert, out.reason)).collect()
    }

    #[test]
    fn an_alert_is_rendered_or_left_out_with_a_reason() {
        for text in ["service: x", "service: x\nmetric_prefix: edge_\nduration_unit: us", profile::TEXT] {
            let config = Document::from_text("test", text).unwrap().config;
            let rendered: BTreeSet<String> = alerts(&config).into_iter().map(|(name, ..)| name).collect();
            let out = of(text);
            assert!(!out.keys().any(|name| rendered.contains(*name)));
            assert_eq!(rendered.len() + out.len(), known_alerts().len());
            for (name, reason) in out {
                // None of the answers that stand for a reason which nobody thought of.
                assert!(!reason.is_empty() && reason != "it could never fire", "{name}: {reason}");
            }
        }
        assert_eq!(left_out(&profile::config()), []);
    }

    #[test]
    fn the_reason_names_what_is_missing_disabled_or_otherwise() {
        let bare = of("service: x");
        for (alert, reason) in [
            ("ErrorBudgetLow", "there are no slos"),
            ("DatabaseConnectionPoolExhausted", "`metrics` has no db_connections, db_pool_size"),
            ("SlowDatabaseQueries", "`metrics` has no db_query_duration_milliseconds"),
            ("HighModelFailureRate", "`metrics` has no predictions_total"),
            ("TenantIsolationViolation", "tenant.isolation is not configured"),
        ] {
            assert_eq!(bare.get(alert).map(String::as_str), Some(reason), "{alert}");
        }
        let odd = of("service: x\ndisable: [http_requests_total, tenant_requests_total, slo_events_total]\n\
             buckets: {duration: [10, 20]}\n\
             slos: [{name: a, objective: 99, sli: {availability: {}}}]\n\
             metrics: [{name: predictions_total, type: counter}, {name: models_created_total, type: histogram, buckets: [1], value: duration}]\n\
             alerting: {disable: [HighLatencyP99]}");
        for (alert, reason) in [
            ("HighErrorRate", "`disable` has http_requests_total"),
            ("TenantTrafficSpike", "`disable` has tenant_requests_total"),
            ("SLOBurnRateFast", "`disable` has slo_events_total"),
            ("HighLatencyP99", "alerting.disable has it"),
            ("HighLatencyP95", "no bucket of http_request_duration_milliseconds ends above 500 ms"),
            ("HighModelFailureRate", "predictions_total has no label of the status or its class"),
        ] {
            assert_eq!(odd.get(alert).map(String::as_str), Some(reason), "{alert}");
        }
        assert!(odd["NoModelsCreated"].contains("models_created_total is a histogram here, not a counter"));
        let slow = of("service: x\nslos: [{name: a, objective: 90, sli: {availability: {}}}]\n\
             alerting: {disable: [SLOBurnRateFast]}");
        assert_eq!(slow["ErrorBudgetBurnRateHigh"], "at these objectives it could never fire");
        assert_eq!(slow["SLOBurnRateFast"], "alerting.disable has it");
    }
}
