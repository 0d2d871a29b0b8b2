//! The SLOs in; from which value on a panel is yellow or red, of each of them, out.

use super::thresholds::{BySlo, Thresholds};
use crate::render::prometheus::{self, Severity, Tier};
use redline::config::{Config, Duration, Objective, Sli, Slo};

/// What panels know of the objectives.
pub(super) struct Objectives<'c> {
    slos: &'c [Slo],
}

impl<'c> Objectives<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        Self { slos: &config.slos }
    }

    /// The first objective about availability, as a ratio: for what no SLO counts.
    pub(super) fn availability(&self) -> f64 {
        self.slos.iter().find(|slo| matches!(slo.sli, Sli::Availability { .. })).map_or(0.999, ratio_of)
    }

    /// The first threshold of a latency SLO, in seconds: for histograms, which know no SLO.
    pub(super) fn latency_s(&self) -> f64 {
        self.slos.iter().find_map(threshold_s).unwrap_or(1.0)
    }

    /// Where a dial of good events begins: every objective is on it, and as much below as above.
    pub(super) fn lowest(&self) -> f64 {
        let low = |slo: &Slo| 2.0 * ratio_of(slo) - 1.0;
        // Without the dust that binary fractions leave.
        let round = |ratio: f64| (ratio.max(0.0) * 1e6).round() / 1e6;
        self.slos.iter().map(low).map(round).fold(0.99, f64::min)
    }

    /// Red below the objective, yellow where half of what may fail has failed, green above.
    pub(super) fn of_availability(&self) -> Thresholds {
        good_share(self.availability())
    }

    /// The same, with each SLO's own objective.
    pub(super) fn of_good_share(&self) -> BySlo {
        self.by_slo(|slo| Some(slo.objective), |slo| good_share(ratio_of(slo)), || good_share(0.999))
    }

    /// Green below half of the threshold, red above it.
    pub(super) fn of_latency(&self) -> Thresholds {
        duration(self.latency_s())
    }

    /// The same, with each SLO's own threshold.
    pub(super) fn of_p99(&self) -> BySlo {
        self.by_slo(
            |slo| threshold_s(slo).map(f64::to_bits),
            |slo| duration(threshold_s(slo).unwrap_or(1.0)),
            || duration(1.0),
        )
    }

    /// As the alerts have it: 10 % and 25 %.
    pub(super) fn of_budget() -> Thresholds {
        Thresholds::rising(&[
            ("red", None),
            ("orange", Some(0.1)),
            ("yellow", Some(0.25)),
            ("green", Some(0.5)),
        ])
    }

    /// How fast the budget of each SLO may burn in the long window of one alert, the fastest being 0.
    pub(super) fn of_tier(&self, place: usize) -> BySlo {
        self.by_period(|tiers| tiers.get(place).map_or_else(of_period, of_tier))
    }

    /// The same for any window of any SLO: as the two alerts that page for the first.
    pub(super) fn of_burn(&self) -> Thresholds {
        let of_page = |[fast, medium, ..]: &[Tier; 4]| {
            Thresholds::rising(&[
                ("green", None),
                ("yellow", Some(1.0)),
                ("orange", Some(factor(medium))),
                ("red", Some(factor(fast))),
            ])
        };
        self.by_period(of_page).first
    }

    fn by_period(&self, of: impl Fn(&[Tier; 4]) -> Thresholds) -> BySlo {
        let of = |period: Duration| of(&prometheus::tiers(period));
        self.by_slo(|slo| Some(slo.period), |slo| of(slo.period), || of(Duration::from_days(30)))
    }

    /// `key` says which SLOs have the same thresholds; nothing where the panel does not show one.
    fn by_slo<K: PartialEq>(
        &self,
        key: impl Fn(&Slo) -> Option<K>,
        of: impl Fn(&Slo) -> Thresholds,
        without: impl Fn() -> Thresholds,
    ) -> BySlo {
        let mut shown = self.slos.iter().filter_map(|slo| Some((slo, key(slo)?)));
        match shown.next() {
            None => BySlo { first: without(), others: Vec::new() },
            Some((first, same)) => BySlo {
                first: of(first),
                others: shown
                    .filter(|(_, key)| *key != same)
                    .map(|(slo, _)| (slo.name.clone(), of(slo)))
                    .collect(),
            },
        }
    }

    /// SLOs by period, in the configuration's order.
    pub(super) fn periods(&self) -> Vec<(Duration, Vec<&'c str>)> {
        let mut periods: Vec<(Duration, Vec<&str>)> = Vec::new();
        for slo in self.slos {
            match periods.iter_mut().find(|(period, _)| *period == slo.period) {
                Some((_, names)) => names.push(&slo.name),
                None => periods.push((slo.period, vec![&slo.name])),
            }
        }
        periods
    }
}

fn ratio(objective: Objective) -> f64 {
    f64::from(objective.ppm()) / 1e6
}

fn ratio_of(slo: &Slo) -> f64 {
    ratio(slo.objective)
}

fn threshold_s(slo: &Slo) -> Option<f64> {
    match slo.sli {
        Sli::Latency { threshold } => Some(threshold.as_millis() as f64 / 1000.0),
        Sli::Availability { .. } => None,
    }
}

fn good_share(objective: f64) -> Thresholds {
    let middle = objective + (1.0 - objective) / 2.0;
    Thresholds::rising(&[("red", None), ("yellow", Some(objective)), ("green", Some(middle))])
}

fn duration(threshold: f64) -> Thresholds {
    Thresholds::rising(&[("green", None), ("yellow", Some(threshold / 2.0)), ("red", Some(threshold))])
}

fn factor(tier: &Tier) -> f64 {
    tier.factor.0 as f64 / 1e6
}

/// Yellow where the budget will not last, then the colour of the alert.
fn of_tier(tier: &Tier) -> Thresholds {
    let worst = (if tier.severity == Severity::Critical { "red" } else { "orange" }, Some(factor(tier)));
    match factor(tier) > 1.0 {
        true => Thresholds::rising(&[("green", None), ("yellow", Some(1.0)), worst]),
        false => Thresholds::rising(&[("green", None), worst]),
    }
}

/// Over the whole period 1 is all of the budget; from 0.75 on a quarter of it is left.
fn of_period() -> Thresholds {
    Thresholds::rising(&[("green", None), ("yellow", Some(0.75)), ("red", Some(1.0))])
}
