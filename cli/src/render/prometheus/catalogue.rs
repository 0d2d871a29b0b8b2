//! The alerts that are the same for every configuration, by category: each with what it waits for, what it says, and
//! the traffic at which it must fire and must not.
//!
//! Counters are summed over all proxies. A gauge that an upstream reports is the same figure in each of them: the most
//! of any proxy counts, and is summed over upstreams. A counter begins with its first event: where its absence means 0,
//! the alert says so by `or 0 *` what is there.

mod availability;
mod business;
mod database;
mod filter;
mod latency;
mod queues;
mod rate_limiting;
mod security;
mod tenants;
mod traps;

pub(super) use traps::{TRAPS, Trap};

use super::tiers::Severity;

/// What an alert is about: its label `category`, by which Alertmanager routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Whether requests are answered.
    Availability,
    /// How long that takes.
    Latency,
    /// What may still fail.
    ErrorBudget,
    /// Who is turned away.
    RateLimiting,
    /// The database behind the service.
    Database,
    /// The cache behind the service.
    Cache,
    /// What the service is for.
    Business,
    /// Whom it serves.
    Tenants,
    /// Who should not be there.
    Security,
    /// Queues, and Redline itself.
    Infrastructure,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Availability,
        Self::Latency,
        Self::ErrorBudget,
        Self::RateLimiting,
        Self::Database,
        Self::Cache,
        Self::Business,
        Self::Tenants,
        Self::Security,
        Self::Infrastructure,
    ];

    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
            Self::ErrorBudget => "error_budget",
            Self::RateLimiting => "rate_limiting",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Business => "business",
            Self::Tenants => "tenants",
            Self::Security => "security",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// One alert, as templates of [`crate::render::promql`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Alert {
    pub(super) name: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
    /// How long it must hold; empty for not at all.
    pub(super) hold: &'static str,
    pub(super) expr: &'static str,
    /// One line, which is the notification's title.
    pub(super) summary: &'static str,
    /// What happens and what to do; `%` stands for the value, formatted by `format`.
    pub(super) description: &'static str,
    /// The function of Prometheus' templates that formats the value.
    pub(super) format: &'static str,
    pub(super) case: Case,
}

/// Traffic for `promtool test rules`, a sample a minute.
#[derive(Debug, Clone, Copy)]
pub(super) enum Case {
    /// Counters and gauges; `@` in the values is a number just over, or just under, what the alert waits for.
    Series {
        series: &'static [(&'static str, &'static str)],
        over: &'static str,
        under: &'static str,
        /// When it fires, after the start; a minute before it does not.
        fires: &'static str,
        /// Labels beside those of every alert.
        labels: &'static [(&'static str, &'static str)],
        /// The value as the description shows it.
        value: &'static str,
    },
    /// A histogram of durations whose observations are all in the first bucket over `threshold_ms`, or in the last
    /// that is not. Fires after `hold` and a minute.
    Quantile {
        histogram: &'static str,
        labels: &'static [(&'static str, &'static str)],
        /// Of the labels, those that the alert has.
        kept: usize,
        /// In hundredths.
        quantile: u32,
        threshold_ms: u64,
    },
}

pub(super) const RATIO: &str = "humanizePercentage";
pub(super) const COUNT: &str = "printf \"%.0f\"";
pub(super) const SECONDS: &str = "printf \"%.3f\"";

/// Every alert but those of SLOs.
pub(super) fn all() -> impl Iterator<Item = &'static Alert> {
    [
        availability::ALERTS,
        latency::ALERTS,
        rate_limiting::ALERTS,
        database::ALERTS,
        business::ALERTS,
        tenants::ALERTS,
        security::ALERTS,
        queues::ALERTS,
        filter::ALERTS,
    ]
    .into_iter()
    .flatten()
}
