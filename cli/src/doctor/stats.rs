//! `/stats` in; our stats by metric and labels, and Envoy's own of Wasm, out.

use redline::stat_name::{self, NAMESPACE};
use std::collections::BTreeMap;

/// The stats of one Envoy.
#[derive(Debug, Default)]
pub(super) struct Stats<'t> {
    ours: Vec<Stat<'t>>,
    /// Name to value, of those that are not a filter's.
    pub(super) envoy: BTreeMap<&'t str, u64>,
}

/// One stat of a filter.
#[derive(Debug)]
struct Stat<'t> {
    metric: &'t str,
    labels: Vec<(&'t str, &'t str)>,
    value: u64,
}

impl<'t> Stats<'t> {
    /// Reads lines `name: value`; histograms, whose value is no number, are left out.
    pub(super) fn parse(text: &'t str) -> Self {
        let mut stats = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(": ") else { continue };
            let Ok(value) = value.trim().parse::<u64>() else { continue };
            match name.strip_prefix(NAMESPACE).map(stat_name::decode) {
                None => drop(stats.envoy.insert(name, value)),
                Some(Some((metric, labels))) => stats.ours.push(Stat { metric, labels, value }),
                Some(None) => {}
            }
        }
        stats
    }

    /// What a metric of a service says, by the value of one more label (empty where it has no other).
    pub(super) fn of(&self, metric: &str, service: &str) -> Vec<(&'t str, u64)> {
        let ours = self.ours.iter().filter(|stat| {
            stat.metric == metric && stat.labels.iter().any(|(l, v)| *l == "service" && *v == service)
        });
        ours.map(|stat| {
            let other = stat.labels.iter().find(|(label, _)| *label != "service");
            (other.map_or("", |(_, value)| value), stat.value)
        })
        .collect()
    }
}
