//! One alert of the catalogue as data: what it is about, what it waits for, and the traffic of its test.

use super::super::tiers::Severity;

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
pub(in super::super) struct Alert {
    pub(in super::super) name: &'static str,
    pub(in super::super) category: Category,
    pub(in super::super) severity: Severity,
    /// How long it must hold; empty for not at all.
    pub(in super::super) hold: &'static str,
    pub(in super::super) expr: &'static str,
    /// One line, which is the notification's title.
    pub(in super::super) summary: &'static str,
    /// What happens and what to do; `%` stands for the value, formatted by `format`.
    pub(in super::super) description: &'static str,
    /// The function of Prometheus' templates that formats the value.
    pub(in super::super) format: &'static str,
    pub(in super::super) case: Case,
}

/// Traffic for `promtool test rules`, a sample a minute.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Case {
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
