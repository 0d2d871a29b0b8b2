//! How a gateway is set up.

use crate::abi::Plugin;
use crate::log::LogLevel;
use crate::stats::StatConfig;
use std::time::Duration;

/// How a gateway is set up.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayConfig {
    /// Worker VMs, at least 1.
    pub workers: usize,
    /// Name, ids and configurations, as in Envoy's plugin configuration.
    pub plugin: Plugin,
    /// `stats_tags` and histogram buckets.
    pub stats: StatConfig,
    /// Where the clock begins, nanoseconds since 1970.
    pub start_ns: u64,
    /// What is logged; Envoy's default is info.
    pub log_level: LogLevel,
    /// What the VMs' random numbers begin with.
    pub seed: u64,
    /// The most linear memory that a VM may have, in bytes; Envoy's limit is 1 GiB.
    pub max_memory_bytes: usize,
    /// How long a callback may take on the real clock before it is stopped; Envoy has no limit.
    pub callback_limit: Duration,
    /// How often timers fire, over all VMs and all the time, in long stretches without events; more is jumped.
    ///
    /// Of a gap that is jumped its first eight periods and its last two are ticked through, so that what came before it
    /// is seen in time, and what is published is new when the traffic goes on. The default is enough for 115 days of
    /// silence with one worker and a tick of 10 s.
    pub max_idle_ticks: u64,
    /// What happens to streams whose VM has trapped.
    pub failure_policy: FailurePolicy,
    /// The clusters that `proxy_http_call` knows; the calls are answered with [`Gateway::answer`](super::Gateway::answer).
    pub upstreams: Vec<String>,
}

/// Envoy's `failure_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FailurePolicy {
    /// Later streams of that worker are refused: Envoy answers 503.
    #[default]
    FailClosed,
    /// Later streams pass without the filter.
    FailOpen,
    /// The next stream gets a new VM, though not within a second of the last one.
    FailReload,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            plugin: Plugin::default(),
            stats: StatConfig::default(),
            start_ns: 0,
            log_level: LogLevel::Info,
            seed: 0,
            max_memory_bytes: 1 << 30,
            callback_limit: Duration::from_secs(10),
            max_idle_ticks: 2_000_000,
            failure_policy: FailurePolicy::default(),
            upstreams: Vec::new(),
        }
    }
}
