//! A configuration in, the files around the filter out: pure, text to text.
//!
//! A YAML file begins with how it was made; no file has a time in it, so that the same configuration always gives
//! the same bytes.

pub mod alertmanager;
pub mod catalogue;
pub mod envoy;
pub mod envoy_stats;
pub mod grafana;
pub mod istio;
pub mod kubernetes;
pub mod names;
pub mod plugin;
pub mod prometheus;
pub mod promql;
mod yaml;

pub use envoy::Bootstrap;

use redline::config::{Config, ConfigError};

/// What is wrong with a configuration that the filter takes, once everything around the filter is to be made of it.
pub fn check(config: &Config) -> Vec<ConfigError> {
    let mut mistakes = prometheus::check(config);
    mistakes.extend(alertmanager::check(config));
    mistakes
}

/// One rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its name in a folder.
    pub name: &'static str,
    /// Its contents, ending with a newline.
    pub text: String,
}

#[cfg(test)]
pub(crate) mod tests;
