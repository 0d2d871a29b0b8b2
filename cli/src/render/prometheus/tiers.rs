//! An SLO's period in; the four pairs of windows and how fast the budget must burn for each alert out.
//!
//! SRE Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".

use redline::config::{Duration, Slo};
use redline::slo::Window;
use std::fmt;

/// How bad an alert is: its label `severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Act now.
    Critical,
    /// Act soon.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A burn rate in millionths; prints as a decimal, `14.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(pub u64);

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// One pair of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The alert's name.
    pub alert: &'static str,
    /// Label `tier`: 1 is the fastest.
    pub number: u8,
    /// The window that is sure of it.
    pub long: Window,
    /// The window that says whether it goes on.
    pub short: Window,
    /// What both must exceed.
    pub factor: Factor,
    /// Pages or tickets.
    pub severity: Severity,
}

/// What the four have in common for every period: name, windows, severity, the share of the budget of four weeks and
/// longer that is spent when it fires (in millionths), and the factor of a week (in millionths).
const TIERS: [(&str, Window, Window, Severity, u64, u64); 4] = [
    ("SLOBurnRateFast", Window::Hour1, Window::Minutes5, Severity::Critical, 20_000, 13_440_000),
    ("SLOBurnRateMedium", Window::Hours6, Window::Minutes30, Severity::Critical, 50_000, 3_500_000),
    ("SLOBurnRateSlow", Window::Day1, Window::Hours2, Severity::Warning, 100_000, 1_400_000),
    ("SLOBurnRateSlowest", Window::Days3, Window::Hours6, Severity::Warning, 100_000, 980_000),
];

const WEEK_S: u64 = 7 * 86_400;
const FOUR_WEEKS_S: u64 = 28 * 86_400;

/// The four pairs for a period, the fastest first.
///
/// From four weeks on a factor is share × period / long window: 14.4, 6, 3, 1 at 30 days. A week has factors of its
/// own, because two percent of its budget is little to be woken for; between the two they are interpolated.
pub fn tiers(period: Duration) -> [Tier; 4] {
    let mut number = 0_u8;
    TIERS.map(|(alert, long, short, severity, share, of_week)| {
        number = number.saturating_add(1);
        let of_share = |period_s: u64| {
            share.saturating_mul(period_s).checked_div(long.length(period).as_secs()).unwrap_or(u64::MAX)
        };
        let period_s = period.as_secs();
        let factor = if period_s >= FOUR_WEEKS_S {
            of_share(period_s)
        } else {
            let past = i128::from(period_s.saturating_sub(WEEK_S));
            let rise = i128::from(of_share(FOUR_WEEKS_S)).saturating_sub(i128::from(of_week));
            let between = rise.saturating_mul(past) / i128::from(FOUR_WEEKS_S - WEEK_S);
            u64::try_from(i128::from(of_week).saturating_add(between)).unwrap_or(of_week)
        };
        Tier { alert, number, long, short, factor: Factor(factor), severity }
    })
}

impl Tier {
    /// The label `window` of the long one and of the short one, for a period.
    pub fn labels(&self, period: Duration) -> [String; 2] {
        [self.long, self.short].map(|window| window.length(period).to_string())
    }

    /// Whether a full outage of this SLO would burn fast enough: factor × (1 − objective) below 1.
    pub fn can_fire(&self, slo: &Slo) -> bool {
        self.factor.0.saturating_mul(u64::from(slo.objective.budget_ppm())) < 1_000_000_000_000
    }

    /// The objective, as a percentage, that must be exceeded for this pair to fire at all.
    pub fn least_objective(&self) -> String {
        // 1 − 1/factor in hundredths of a percent, rounded up.
        let left = 10_000_000_000_u64.checked_div(self.factor.0).unwrap_or(10_000);
        let least = 10_000_u64.saturating_sub(left);
        format!("{}.{:02}", least / 100, least % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_the_table() {
        for (days, factors) in [
            (30, ["14.4", "6", "3", "1"]),
            (28, ["13.44", "5.6", "2.8", "0.933333"]),
            (7, ["13.44", "3.5", "1.4", "0.98"]),
            (90, ["43.2", "18", "9", "3"]),
        ] {
            let got = tiers(Duration::from_days(days)).map(|tier| tier.factor.to_string());
            assert_eq!(got, factors, "{days} days");
        }
    }

    #[test]
    fn between_a_week_and_four_a_factor_lies_between_theirs() {
        let at = |days| tiers(Duration::from_days(days)).map(|tier| tier.factor.0);
        for days in 7..28 {
            for ((here, next), (week, month)) in
                at(days).iter().zip(at(days + 1)).zip(at(7).iter().zip(at(28)))
            {
                assert!((*here).abs_diff(*week) <= month.abs_diff(*week), "{days}");
                assert!(here.abs_diff(next) <= month.abs_diff(*week) / 20, "{days}: no step");
            }
        }
    }

    #[test]
    fn windows_are_those_of_the_table() {
        let labels =
            tiers(Duration::from_days(30)).map(|tier| tier.labels(Duration::from_days(30)).join("/"));
        assert_eq!(labels, ["1h/5m", "6h/30m", "1d/2h", "3d/6h"]);
        assert_eq!(
            tiers(Duration::from_days(30)).map(|tier| tier.least_objective()),
            ["93.06", "83.34", "66.67", "0.00"]
        );
    }
}
