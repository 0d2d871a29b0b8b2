//! The gauges of one or more proxies, or the counters in a Prometheus, in; how each SLO stands out.
//!
//! Events are whole and are summed; ratios, burn rates and budgets are computed from the sums, never averaged.

mod prometheus;
mod proxies;

pub use prometheus::from_prometheus;
pub(crate) use proxies::stats_url;
pub use proxies::{from_envoys, from_scrape};

use crate::http::HttpError;
use crate::scrape::ScrapeError;
use redline::config::{Config, Duration, Slo};
use redline::slo::{Report, Tally, Window};

/// How one SLO of a configuration stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SloState {
    /// The SLO.
    pub slo: Slo,
    /// Its windows, budget and status, all sources together.
    pub report: Report,
    /// The 99th percentile of the last hour in milliseconds, of a latency SLO that had events; the highest of any proxy.
    pub p99_ms: Option<u64>,
}

/// What was read, from where, with what is odd about it.
#[derive(Debug, Clone, PartialEq)]
pub struct SloStates {
    /// In the configuration's order.
    pub slos: Vec<SloState>,
    /// What a reader should know, a sentence each.
    pub remarks: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum SloError {
    /// The configuration has no SLOs.
    #[error("the configuration of the service {service} has no slos")]
    NoSlos {
        /// Its service.
        service: String,
    },
    /// A metric that a report needs is not emitted.
    #[error("{metric} is in the configuration's `disable`: without it there is no report")]
    Disabled {
        /// Its full name.
        metric: String,
    },
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// No metrics.
    #[error("{url}: {source}")]
    Scrape {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        source: ScrapeError,
    },
    /// The filter is not there, or has another configuration.
    #[error("{url}: no {series}; {hint}")]
    Missing {
        /// What was asked.
        url: String,
        /// What is missing, in words.
        series: String,
        /// What may be the cause.
        hint: &'static str,
    },
    /// What answers is no Prometheus, or refuses the query.
    #[error("{url}: {reason}")]
    Query {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// What was seen of one SLO, in the order of [`Window::ALL`].
type Seen = [(Tally, Duration); 8];

impl SloState {
    fn new(slo: &Slo, seen: Seen, p99_ms: Option<u64>) -> Self {
        Self { slo: slo.clone(), report: Report::of(seen, slo.period, slo.objective), p99_ms }
    }
}

/// An address without a scheme is one of HTTP.
fn with_scheme(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.contains("://") { url.to_owned() } else { format!("http://{url}") }
}

fn require_slos(config: &Config) -> Result<(), SloError> {
    match config.slos.is_empty() {
        true => Err(SloError::NoSlos { service: config.service.clone() }),
        false => Ok(()),
    }
}

/// A window as the label has it: `5m`, or the period.
pub fn window_name(slo: &Slo, window: Window) -> String {
    window.length(slo.period).to_string()
}
