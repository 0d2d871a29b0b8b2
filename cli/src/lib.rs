//! The `redline` command as a library: what each command is made of, for the binary and for the end-to-end tests.
//!
//! ```text
//! file -> document -> { estimate (check) ; render ; demo, run: bootstrap -> envoy -> scrape -> report
//!                        ; replay, backtest: traffic -> host harness -> report ; slo: scrapes -> report
//!                        ; top: scrapes and keys -> screens }
//! ```
//!
//! - [`document`]: a configuration file in, the configuration or every mistake with its line out
//! - [`doubts`]: what in a valid configuration is hardly meant
//! - [`estimate`]: configuration to worst-case series
//! - [`render`]: configuration to the files around the filter, pure
//! - [`schema`]: the configuration's JSON Schema
//! - [`oci`]: the filter in an image layout
//! - [`replay`]: recorded traffic through the filter in the host harness
//! - [`backtest`]: the alerts on SLOs, evaluated over such a replay
//! - [`envoy`]: a bootstrap in, a running Envoy out; its files and processes go with it
//! - [`scrape`]: Prometheus' text format to samples
//! - [`course`]: totals at moments to what happened in between
//! - [`slo`]: scrapes or Prometheus' answers to how SLOs stand
//! - [`report`]: samples to tables, and to a page with charts
//! - [`doctor`]: a live Envoy's answers to what is wrong with it
//! - [`top`]: scrapes and keys to a live screen
//! - [`demo`]: an upstream and a bounded load
//! - [`commands`]: one file per command, thin
//! - [`address`], [`checkout`], [`harmless`], [`http`], [`stop`]: what those share

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod address;
pub mod backtest;
pub mod checkout;
pub mod commands;
pub mod course;
pub mod demo;
pub mod doctor;
pub mod document;
pub mod doubts;
pub mod envoy;
pub mod estimate;
pub mod harmless;
pub mod http;
pub mod oci;
pub mod render;
pub mod replay;
pub mod report;
pub mod schema;
pub mod scrape;
pub mod slo;
pub mod stop;
pub mod top;
