//! One alert about one SLO as data; its query, and whether it holds with given figures, out.
//!
//! What is rendered and what a backtest evaluates are the same [`SloAlert`]s, so that they cannot drift apart.

use super::super::disable::Disabled;
use super::super::tiers::{Factor, Severity, Tier, tiers};
use super::super::timing::{QUIET as QUIET_RANGE, QUIET_STEP};
use super::super::words;
use redline::config::{Config, Duration, Slo};
use redline::slo::Window;

/// The alert on errors that are too few for any pair of windows.
pub(in crate::render::prometheus) const QUIET: &str = "SLOQuietErrors";
/// One alert about one SLO.
#[derive(Debug, Clone, PartialEq)]
pub struct SloAlert {
    /// Label `alertname`.
    pub name: &'static str,
    /// Label `severity`.
    pub severity: Severity,
    /// How long it must hold before it fires (`for`); zero where it fires at once.
    pub hold: Duration,
    /// What must hold, all of it.
    pub terms: Vec<Term>,
    /// Between the terms of the query.
    joined: &'static str,
}

/// One comparison of an alert's query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// The budget burns faster than this.
    Burns {
        /// Over this window.
        window: Window,
        /// The factor.
        over: Factor,
    },
    /// There were at least so many bad events.
    Fails {
        /// In this window.
        window: Window,
        /// That many.
        at_least: u64,
    },
    /// In at least so many of the last hours, three days of them, something failed.
    FailsAgain {
        /// That many.
        hours: u64,
    },
    /// Less than so many percent of the error budget is left; at 0 it is overspent.
    Left {
        /// Two digits, or 0.
        percent: u64,
    },
    /// Over the period fewer events were good than promised.
    Missed,
}

/// What the recording rules know of one SLO at one time; `None` where a rule has no result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// `slo_burn_rate`, in the order of [`Window::ALL`].
    pub burn: [Option<f64>; 8],
    /// `slo:bad_events:increase`, likewise.
    pub bad: [Option<f64>; 8],
    /// In how many of the steps that quiet errors are looked for in something failed.
    pub hours_with_bad: u64,
    /// `slo_error_budget_remaining`.
    pub remaining: Option<f64>,
    /// `slo_availability`.
    pub availability: Option<f64>,
    /// `slo_objective`.
    pub objective: f64,
}

impl Figures {
    /// Nothing is known yet.
    pub fn none(slo: &Slo) -> Self {
        Self {
            burn: [None; 8],
            bad: [None; 8],
            hours_with_bad: 0,
            remaining: None,
            availability: None,
            objective: f64::from(slo.objective.ppm()) / 1e6,
        }
    }
}

const MINUTES_5: Duration = Duration::from_secs(300);
const MINUTES_15: Duration = Duration::from_secs(900);
const IGNORING_WINDOW: &str = "and ignoring (window)";
const ON_SLO: &str = "and on (service, slo)";

impl SloAlert {
    /// Both windows of a pair burn faster than its factor.
    pub(super) fn burn(tier: &Tier, at_least: u64) -> Self {
        let Tier { long, short, factor, .. } = *tier;
        let burns = |window| Term::Burns { window, over: factor };
        Self {
            name: tier.alert,
            severity: tier.severity,
            hold: Duration::default(),
            terms: vec![burns(long), burns(short), Term::Fails { window: long, at_least }],
            joined: IGNORING_WINDOW,
        }
    }

    /// Errors that are too few for any pair, and do not end; nothing where not even an outage of three days burns as
    /// fast as the slowest pair.
    pub(super) fn quiet(slo: &Slo) -> Option<Self> {
        let over = tiers(slo.period).last().filter(|tier| tier.can_fire(slo))?.factor;
        Some(Self {
            name: QUIET,
            severity: Severity::Warning,
            hold: Duration::default(),
            terms: vec![Term::FailsAgain { hours: 6 }, Term::Burns { window: QUIET_RANGE, over }],
            joined: IGNORING_WINDOW,
        })
    }

    /// So little of the budget remains.
    pub(super) fn budget(name: &'static str, severity: Severity, percent: u64, at_least: u64) -> Self {
        let terms = vec![Term::Left { percent }, Term::Fails { window: Window::Period, at_least }];
        Self { name, severity, hold: MINUTES_5, terms, joined: ON_SLO }
    }

    /// An hour burned ten times too fast, for whatever reason.
    pub(super) fn burning(at_least: u64) -> Self {
        let (window, over) = (Window::Hour1, Factor(10_000_000));
        Self {
            name: "ErrorBudgetBurnRateHigh",
            severity: Severity::Warning,
            hold: MINUTES_5,
            terms: vec![Term::Burns { window, over }, Term::Fails { window, at_least }],
            joined: "and",
        }
    }

    /// The objective is missed over the period.
    pub(super) fn violated(at_least: u64) -> Self {
        Self {
            name: "SLOViolation",
            severity: Severity::Critical,
            hold: MINUTES_15,
            terms: vec![
                Term::Missed,
                Term::Left { percent: 0 },
                Term::Fails { window: Window::Period, at_least },
            ],
            joined: ON_SLO,
        }
    }

    /// The two on what is left of the budget, the graver first.
    pub(super) fn budgets(at_least: u64) -> [(Self, u64); 2] {
        let of = |name, severity, percent| (Self::budget(name, severity, percent, at_least), percent);
        [of("ErrorBudgetCritical", Severity::Critical, 10), of("ErrorBudgetLow", Severity::Warning, 25)]
    }

    /// The query's template, of the SLOs that a selector selects.
    pub(super) fn promql(&self, selector: &str) -> String {
        let terms: Vec<String> = self.terms.iter().map(|term| term.promql(selector)).collect();
        terms.join(&format!("\n{}\n", self.joined))
    }

    /// Whether it is active with these figures.
    pub fn holds(&self, figures: &Figures) -> bool {
        self.terms.iter().all(|term| term.holds(figures))
    }
}

impl Term {
    fn promql(&self, selector: &str) -> String {
        let of = |name: &str, window: Window| match window {
            Window::Period => format!("${name}{{{selector},$PERIOD}}"),
            _ => format!("${name}{{{selector},window=\"{}\"}}", length(window)),
        };
        match self {
            Self::Burns { window, over } => format!("{} > {over}", of("slo_burn_rate", *window)),
            Self::Fails { window, at_least } => {
                format!("{} >= {at_least}", of("slo:bad_events:increase", *window))
            }
            Self::FailsAgain { hours } => {
                let failed = of("slo:bad_events:increase", QUIET_STEP);
                let steps = format!("[{}:{}]", length(QUIET_RANGE), length(QUIET_STEP));
                format!("count_over_time(({failed} > 0){steps}) >= {hours}")
            }
            Self::Left { percent: 0 } => format!("$slo_error_budget_remaining{{{selector}}} < 0"),
            Self::Left { percent } => format!("$slo_error_budget_remaining{{{selector}}} < 0.{percent:02}"),
            Self::Missed => {
                format!("$slo_availability{{{selector}}} < on (service, slo) $slo_objective{{{selector}}}")
            }
        }
    }

    /// As Prometheus compares: what is not there is neither more nor less than anything.
    fn holds(&self, figures: &Figures) -> bool {
        let at = |values: &[Option<f64>; 8], window: Window| values.get(window as usize).copied().flatten();
        match self {
            Self::Burns { window, over } => {
                at(&figures.burn, *window).is_some_and(|burn| burn > over.0 as f64 / 1e6)
            }
            Self::Fails { window, at_least } => {
                at(&figures.bad, *window).is_some_and(|bad| bad >= *at_least as f64)
            }
            Self::FailsAgain { hours } => figures.hours_with_bad >= *hours,
            Self::Left { percent } => figures.remaining.is_some_and(|left| left < *percent as f64 / 100.0),
            Self::Missed => figures.availability.is_some_and(|good| good < figures.objective),
        }
    }
}

/// The length of a window that is not the period.
fn length(window: Window) -> Duration {
    window.length(Duration::default())
}

/// The alerts on the errors of an SLO that a configuration has: those on burn rates and budgets. `SLONoTraffic` and
/// `SLOMetricAbsent`, which are about there being nothing to judge, are not among them.
pub fn slo_alerts(config: &Config, slo: &Slo) -> Vec<SloAlert> {
    let min = words::min_failures(config);
    let pairs = tiers(slo.period);
    let mut alerts: Vec<SloAlert> =
        pairs.iter().filter(|tier| tier.can_fire(slo)).map(|tier| SloAlert::burn(tier, min)).collect();
    alerts.extend(SloAlert::quiet(slo));
    alerts.extend(SloAlert::budgets(min).map(|(alert, _)| alert));
    alerts.extend([SloAlert::burning(min), SloAlert::violated(min)]);
    alerts.retain(|alert| !Disabled::of(config).for_slo(alert.name, slo));
    alerts
}
