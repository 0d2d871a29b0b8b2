//! Hosts any proxy-wasm HTTP filter as Envoy 1.40 does, replays recorded traffic through it, and checks the numbers.
//!
//! ```text
//! traffic (files) -> Record -> replay -> Gateway (VMs) -> stats -> snapshot, Prometheus text
//!                        \---> oracle (the `prometheus` crate) ---------> diff
//! ```
//!
//! * [`abi`]: the 39 hostcalls of proxy-wasm ABI 0.2.1 and WASI, one file per family, with Envoy's statuses.
//! * [`upstream`]: the HTTP calls that a filter makes, and their answers.
//! * [`stats`]: counters, gauges and histograms as Envoy keeps, names and prints them.
//! * [`shared_data`], [`shared_queue`]: the key-value store and the queues that the VMs share.
//! * [`vm`]: one VM: start, configure, callbacks; a trap fails it.
//! * [`workers`]: a gateway: canary, main-thread and worker VMs over one stat store, on a virtual clock.
//! * [`traffic`]: recorded traffic of any format in, one kind of record out.
//! * [`replay`]: records in, callbacks in Envoy's order out.
//! * [`oracle`]: the same records counted natively, and the difference in words.
//!
//! docs/harness.md is its guide, with an example for filters of one's own. The harness knows nothing of the filter's
//! inside. Only [`oracle`] reads Redline's configuration schema.
//!
//! # Example
//!
//! ```
//! use host_harness::{Filter, Gateway, GatewayConfig, replay, traffic};
//!
//! // Counts requests; a real filter comes from `std::fs::read("filter.wasm")`.
//! let wasm = wat::parse_str(
//!     r#"(module
//!         (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
//!         (import "env" "proxy_increment_metric" (func $add (param i32 i64) (result i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "requests")
//!         (func (export "_initialize"))
//!         (func (export "proxy_abi_version_0_2_1"))
//!         (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
//!         (func (export "proxy_on_configure") (param i32 i32) (result i32)
//!             (drop (call $define (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 16)))
//!             (i32.const 1))
//!         (func (export "proxy_on_log") (param i32)
//!             (drop (call $add (i32.load (i32.const 16)) (i64.const 1)))))"#,
//! )?;
//! let line = br#"{"time":"2026-01-01T00:00:00Z","path":"/","status":200}"#;
//! let records = traffic::read("example", &line[..], traffic::Format::Exchanges);
//!
//! let filter = Filter::compile(&wasm)?;
//! let mut gateway = Gateway::start(&filter, GatewayConfig::default())?;
//! let summary = replay::replay(&mut gateway, records, replay::Options::default())?;
//! assert_eq!(summary.exchanges, 1);
//! assert_eq!(gateway.stats().prometheus_text(), "# TYPE requests counter\nrequests{} 1\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

// What docs/harness.md shows is run with the other examples.
#[cfg(doctest)]
#[doc = include_str!("../../docs/harness.md")]
struct Guide;

// The tests' guests are built by a file that the tests of the command line include too.
#[cfg(test)]
extern crate self as host_harness;

#[cfg(feature = "host")]
pub mod abi;
#[cfg(feature = "host")]
pub mod clock;
#[cfg(feature = "host")]
pub mod error;
pub mod headers;
#[cfg(feature = "host")]
pub mod log;
#[cfg(feature = "host")]
pub mod oracle;
#[cfg(feature = "host")]
pub mod replay;
#[cfg(feature = "host")]
pub mod shared_data;
#[cfg(feature = "host")]
pub mod shared_queue;
#[cfg(feature = "host")]
pub mod stats;
#[cfg(feature = "host")]
mod status;
pub mod stream;
#[cfg(all(test, feature = "host"))]
mod testing;
pub mod traffic;
#[cfg(feature = "host")]
pub mod upstream;
#[cfg(feature = "host")]
pub mod vm;
#[cfg(feature = "host")]
pub mod workers;

#[cfg(feature = "host")]
pub use error::HostError;
#[cfg(feature = "host")]
pub use vm::Filter;
#[cfg(feature = "host")]
pub use workers::{FailurePolicy, Gateway, GatewayConfig};
