//! A YAML description of synthetic traffic in; its exchanges, one at a time and in the order of time, out.
//!
//! ```yaml
//! start: 2026-01-01T00:00:00Z      # this is the default
//! duration: 1d
//! seed: 1                          # the same seed gives the same traffic
//! rate:                            # requests a second: a number, or points between which it changes evenly
//!   - {at: 0s, per_second: 5}
//!   - {at: 12h, per_second: 40}
//!   - {at: 24h, per_second: 5}
//! repeat: 24h                      # the points begin again
//! tenants: {count: 50, zipf: 1.1, header: x-tenant-id, prefix: tenant-}   # tenant-1 is asked for the most
//! users: {count: 2000, zipf: 0.9, header: x-user-id, prefix: user-}
//! requests:
//!   - path: /api/v1/models/{id}    # a {name} is a number from 1 to `ids`
//!     ids: 1000
//!     method: GET
//!     weight: 7
//!     status: {200: 98, 404: 2}    # code: weight; 0 is no response
//!     latency: {p50: 12ms, p99: 180ms}       # log-normal; also {mean: 20ms}, {min: 1ms, max: 5ms}, or 20ms
//!     response_bytes: {p50: 2000, p99: 40000}
//!     request_headers: {accept: application/json}
//!     response_headers: {server-timing: "db;dur=3"}
//! episodes:
//!   - {from: 20h, to: 20h30m, path: "/api/v1/models/{id}", errors: {share: 0.2, status: 503, flags: UH}}
//!   - {from: 21h, to: 22h, tenant: tenant-1, latency: 5, rate: 2}    # factors
//! ```
//!
//! Requests arrive at random (a Poisson process) at the rate of the moment. In an episode that is for a path or a tenant
//! the rate's factor is everybody's; the rest is only theirs.

mod build;
mod plan;
mod written;

use super::record::{Headers, Record};
use crate::stream::Protocol;
use plan::{Episode, Plan};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::io::Read;

/// A scenario is written by hand: nothing that is larger is one.
const LARGEST: u64 = 1024 * 1024;

/// Whether a text may be a scenario: it has the two keys that every one has.
pub(super) fn looks_like(text: &[u8]) -> bool {
    let has = |key: &[u8]| text.split(|b| *b == b'\n').any(|line| line.starts_with(key));
    has(b"rate:") && has(b"requests:")
}

/// Reads a description; the error is the line and the reason.
pub(super) fn read(content: impl Read) -> Result<Traffic, (u64, String)> {
    let mut text = String::new();
    content
        .take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| (1, format!("cannot be read: {error}")))?;
    if text.len() as u64 > LARGEST {
        return Err((1, format!("longer than {LARGEST} bytes: not a scenario")));
    }
    let plan = build::parse(text.trim_start_matches('\u{feff}'))?;
    let random = StdRng::seed_from_u64(plan.seed);
    Ok(Traffic { now: 0.0, random, plan })
}

/// The exchanges of a scenario; an iterator.
#[derive(Debug)]
pub(super) struct Traffic {
    plan: Plan,
    random: StdRng,
    /// Seconds since the start.
    now: f64,
}

impl Iterator for Traffic {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            // Candidates come at the highest rate there is; of them as many are taken as the rate of the moment says.
            let step = -(1.0 - self.random.random::<f64>()).ln() / self.plan.highest_rate;
            self.now += step;
            if self.now >= self.plan.seconds {
                return None;
            }
            if self.random.random::<f64>() * self.plan.highest_rate < self.plan.rate_at(self.now) {
                return Some(self.record());
            }
        }
    }
}

impl Traffic {
    fn record(&mut self) -> Record {
        let Self { plan, random, now } = self;
        let kind = plan.kinds.get(plan.kind.draw(random)).unwrap_or(&plan.first);
        let mut request_headers = kind.request_headers.clone();
        let tenant = plan.tenants.as_ref().map(|people| people.draw(random, &mut request_headers));
        if let Some(users) = &plan.users {
            users.draw(random, &mut request_headers);
        }
        let mut status = kind.statuses.get(kind.status.draw(random)).copied().unwrap_or(200);
        let mut flags = Default::default();
        let mut seconds = kind.latency.draw(random);
        let hit = |episode: &&Episode| episode.hits(*now, &kind.template, tenant.as_deref());
        for episode in plan.episodes.iter().filter(hit) {
            seconds *= episode.latency;
            if let Some(errors) = &episode.errors
                && random.random::<f64>() < errors.share
            {
                (status, flags) = (errors.status, errors.flags);
            }
        }
        let path = kind.path(random);
        Record {
            time_ns: plan.start_ns.saturating_add((*now * 1e9) as u64),
            method: Some(kind.method.clone()),
            path: Some(path),
            host: plan.host.clone(),
            request_headers,
            status: (status != 0).then_some(status),
            response_headers: if status == 0 { Headers::new() } else { kind.response_headers.clone() },
            request_bytes: kind.request_bytes.draw(random).round() as u64,
            response_bytes: if status == 0 { 0 } else { kind.response_bytes.draw(random).round() as u64 },
            duration_ns: Some((seconds * 1e9).min(3.2e18).round() as u64),
            flags,
            protocol: Some(Protocol::Http11),
            ..Record::default()
        }
    }
}
