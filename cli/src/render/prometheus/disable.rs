//! `alerting.disable` in; whether an alert is left out, for every SLO or for one, and what it names that is not there, out.

use redline::config::{Config, ConfigError, Slo};
use std::collections::BTreeSet;

/// How many names a message offers instead of one that nothing has.
const OFFERED: usize = 3;

/// What stands in `alerting.disable`: `ALERT`, or `ALERT/SLO` for one SLO alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disabled<'c>(&'c [String]);

impl<'c> Disabled<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        Self(&config.alerting.disable)
    }

    /// Whether nothing at all has this alert.
    pub(super) fn everywhere(self, alert: &str) -> bool {
        self.0.iter().any(|name| name == alert)
    }

    /// Whether this SLO does not have it.
    pub(super) fn for_slo(self, alert: &str, slo: &Slo) -> bool {
        let named = |name: &String| name.split_once('/') == Some((alert, slo.name.as_str()));
        self.everywhere(alert) || self.0.iter().any(named)
    }

    /// The names of alerts and SLOs that nothing has; of the `known` alerts, those `of_slos` may be left out for one SLO.
    pub(super) fn mistakes(
        self,
        config: &Config,
        known: &BTreeSet<&'static str>,
        of_slos: &[&str],
    ) -> Vec<ConfigError> {
        let slos: Vec<&str> = config.slos.iter().map(|slo| slo.name.as_str()).collect();
        let reason = |name: &str| -> Option<String> {
            let (alert, slo) = name.split_once('/').map_or((name, None), |(alert, slo)| (alert, Some(slo)));
            if !known.contains(alert) {
                let near = nearest(alert, known.iter().copied());
                return Some(format!(
                    "no alert has this name; did you mean {near}? docs/runbooks has a page for each"
                ));
            }
            let slo = slo?;
            if !of_slos.contains(&alert) {
                return Some(format!("{alert} is not about an SLO; expected {alert} alone"));
            }
            (!slos.contains(&slo)).then(|| match slos.as_slice() {
                [] => "no SLO is configured".to_owned(),
                _ => {
                    let near: Vec<String> = slos.iter().map(|slo| format!("{alert}/{slo}")).collect();
                    format!(
                        "no SLO has this name; did you mean {}?",
                        nearest(name, near.iter().map(String::as_str))
                    )
                }
            })
        };
        let mistake = |(i, name): (usize, &String)| {
            let path = format!("$.alerting.disable[{i}]");
            Some(ConfigError { path, value: crate::render::promql::literal(name), reason: reason(name)? })
        };
        self.0.iter().enumerate().filter_map(mistake).collect()
    }
}

/// The names that are spelt most like this one.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_by(|a, b| strsim::jaro_winkler(name, b).total_cmp(&strsim::jaro_winkler(name, a)));
    known.truncate(OFFERED);
    match known.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
