//! Values in; the colours that a panel has from each of them on out, as Grafana's JSON.

use serde_json::{Value, json};

/// Colours from a value on, the first from the start.
#[derive(Debug, Clone)]
pub(super) struct Thresholds(Vec<(&'static str, Option<f64>)>);

impl Thresholds {
    pub(super) fn rising(steps: &[(&'static str, Option<f64>)]) -> Self {
        Self(steps.to_vec())
    }

    /// As Grafana reads them.
    pub(super) fn json(&self) -> Value {
        let steps: Vec<Value> =
            self.0.iter().map(|(colour, value)| json!({"color": colour, "value": value})).collect();
        json!({"mode": "absolute", "steps": steps})
    }
}

/// A threshold for all SLOs but those that are named with one of their own.
pub(super) struct BySlo {
    pub(super) first: Thresholds,
    pub(super) others: Vec<(String, Thresholds)>,
}
