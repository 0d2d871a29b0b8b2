//! The alerts that are the same for every configuration, by category: each with what it waits for, what it says, and
//! the traffic at which it must fire and must not.
//!
//! Counters are summed over all proxies. A gauge that an upstream reports is the same figure in each of them: the most
//! of any proxy counts, and is summed over upstreams. A counter begins with its first event: where its absence means 0,
//! the alert says so by `or 0 *` what is there.

mod alert;
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

pub use alert::Category;
pub(super) use alert::{Alert, Case};
pub(super) use traps::{TRAPS, Trap};

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
