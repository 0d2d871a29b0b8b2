//! Redline: request, tenant and SLO metrics for Envoy and Istio gateways, as one Wasm filter.
//!
//! Everything here but [`abi`](self) is pure: bytes, configuration and host ports are arguments, and it builds and
//! is tested natively. Per request:
//!
//! ```text
//! host bytes -> attributes -> exchange -> (endpoint, source, tenant) -> recorder -> registry (caps) -> MetricSink
//! ```
//!
//! On tick, apart from any request: the recorder says that it lives, and whoever holds the lease publishes.
//!
//! No arrow points back. The modules, in that order:
//!
//! - [`config`]: a document in, validated settings out, or every mistake
//! - [`attributes`]: the port for reading, and the decoding of the host's bytes
//! - [`exchange`]: the facts of one HTTP exchange
//! - [`endpoint`]: path to endpoint template
//! - [`source`]: who asks, and for whose: the values of headers, tokens, paths, hosts and queries
//! - [`signals`]: response headers to timings, load reports, cache outcomes and quotas
//! - [`tenant`], [`label_values`]: client's value to bounded label value
//! - [`active_users`]: users seen to how many there were
//! - `matcher`: endpoint, method and tenant to the SLOs or custom metrics that ask for all three
//! - [`rules`]: custom metrics: an exchange and its headers to observations
//! - [`recorder`]: a stream's beginning and end to observations
//! - [`registry`]: series to stat name and metric id, and the caps
//! - [`sink`]: the port for writing
//! - [`shared`]: the port for what VMs share, and its keys
//! - [`fleet`]: who is alive, who publishes
//! - [`in_progress`]: the gauge that heals after a VM died
//! - [`roster`]: what all VMs admitted, and [`candidates`]: what may be admitted next
//! - [`metric`]: the catalogue
//! - [`objectives`]: SLOs in the filter, from requests to gauges
//! - [`slo`]: which requests count, windows, burn rates and budgets
//! - [`stat_name`]: labels to stat name and back
//! - `json`, `base64`: decoders that several of them use
//! - `faults`: traps on demand, for tests only
//! - `memory_host`: all ports over plain memory, for tests and benches
//! - `abi`: exports and hostcalls, the only room that knows proxy-wasm; Wasm only

#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

// Unit tests run in Wasm too, in a host that has none of Envoy's functions.
#[cfg(all(target_family = "wasm", not(test)))]
mod abi;
pub mod active_users;
pub mod attributes;
mod base64;
pub mod candidates;
pub mod config;
pub mod endpoint;
pub mod exchange;
#[cfg(feature = "fault-injection")]
pub mod faults;
pub mod fleet;
pub mod in_progress;
mod json;
pub mod label_values;
mod matcher;
#[cfg(any(test, not(target_family = "wasm")))]
pub mod memory_host;
pub mod metric;
pub mod objectives;
pub mod recorder;
pub mod registry;
pub mod roster;
pub mod rules;
pub mod shared;
pub mod signals;
pub mod sink;
pub mod slo;
pub mod source;
pub mod stat_name;
pub mod tenant;

/// The version of filter and command line: label `version` of `redline_build_info`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
