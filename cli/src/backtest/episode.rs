//! Whether an alert's query has a result, at each evaluation, in; when it was pending, firing and resolved out.

use crate::render::prometheus::{Severity, SloAlert};
use redline::config::Duration;

/// An alert that fired, from beginning to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// Label `alertname`.
    pub alert: &'static str,
    /// Label `slo`.
    pub slo: String,
    /// Label `severity`.
    pub severity: Severity,
    /// When its query first had a result, seconds since 1970.
    pub pending_s: u64,
    /// When it fired: at once, or when it had been pending for as long as its `for` says.
    pub firing_s: u64,
    /// The first evaluation without a result; `None` where it still fires at the end.
    pub resolved_s: Option<u64>,
    /// What was left of the error budget when it fired, as a share; below 0 it is overspent, `None` where no rule says.
    pub budget_left: Option<f64>,
}

impl Episode {
    /// How long it fired, or has fired by `end_s`.
    pub fn firing_seconds(&self, end_s: u64) -> u64 {
        self.resolved_s.unwrap_or(end_s).saturating_sub(self.firing_s)
    }
}

/// One alert and what it is doing.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) alert: SloAlert,
    hold_s: u64,
    /// Since when its query has a result.
    active_s: Option<u64>,
    /// What it fires, since when.
    firing: Option<Episode>,
}

impl Watched {
    /// An alert that is inactive; `scale` divides its `for`.
    pub(super) fn new(alert: SloAlert, scale: u64) -> Self {
        let hold = Duration::from_millis(alert.hold.as_millis() / scale.max(1));
        Self { alert, hold_s: hold.as_millis().div_ceil(1000), active_s: None, firing: None }
    }

    /// One evaluation; returns what has ended with it.
    pub(super) fn evaluate(
        &mut self,
        at_s: u64,
        active: bool,
        slo: &str,
        budget_left: Option<f64>,
    ) -> Option<Episode> {
        if !active {
            self.active_s = None;
            let resolved_s = Some(at_s);
            return self.firing.take().map(|episode| Episode { resolved_s, ..episode });
        }
        let pending_s = *self.active_s.get_or_insert(at_s);
        if self.firing.is_none() && at_s.saturating_sub(pending_s) >= self.hold_s {
            self.firing = Some(Episode {
                alert: self.alert.name,
                slo: slo.to_owned(),
                severity: self.alert.severity,
                pending_s,
                firing_s: at_s,
                resolved_s: None,
                budget_left,
            });
        }
        None
    }

    /// What still fires.
    pub(super) fn end(self) -> Option<Episode> {
        self.firing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::prometheus::slo_alerts;
    use redline::config::Config;

    fn watched(name: &str) -> Watched {
        let text = br#"{"service":"x","slos":[{"name":"a","objective":99.9,"sli":{"availability":{}}}]}"#;
        let config = Config::from_json(text).unwrap();
        let mut alerts = slo_alerts(&config, &config.slos[0]);
        alerts.retain(|alert| alert.name == name);
        Watched::new(alerts.remove(0), 1)
    }

    /// Evaluations every 30 s, a sign for each: active or not; the episodes as (pending, firing, resolved).
    fn episodes(name: &str, signs: &str) -> Vec<(u64, u64, Option<u64>)> {
        let mut watched = watched(name);
        let mut ended: Vec<Episode> = signs
            .bytes()
            .enumerate()
            .filter_map(|(n, sign)| watched.evaluate(n as u64 * 30, sign == b'x', "a", None))
            .collect();
        ended.extend(watched.end());
        ended.iter().map(|e| (e.pending_s, e.firing_s, e.resolved_s)).collect()
    }

    #[test]
    fn without_a_for_an_alert_fires_at_once() {
        let fired = episodes("SLOBurnRateFast", ".xx..x.x");
        assert_eq!(fired, [(30, 30, Some(90)), (150, 150, Some(180)), (210, 210, None)]);
    }

    #[test]
    fn with_one_it_must_hold_so_long_without_a_break() {
        // Five minutes are ten evaluations later.
        assert_eq!(episodes("ErrorBudgetLow", "xxxxxxxxxx.x"), []);
        assert_eq!(episodes("ErrorBudgetLow", "xxxxx.xxxxxxxxxxxx."), [(180, 480, Some(540))]);
    }
}
