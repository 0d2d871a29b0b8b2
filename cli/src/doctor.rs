//! What a live Envoy says of itself in; what is wrong with how it runs the filter, and the mend of each fault, out.
//!
//! Pure but for [`Live::read`]: the configuration dump, the stats and the server's own description are data.

mod bootstrap;
mod dump;
mod example;
mod finding;
mod matcher;
mod placement;
mod running;
mod silent;
mod stats;
mod tags;

pub use finding::{Fault, Finding};

use crate::document::Document;
use crate::envoy::Version;
use crate::http::{Client, HttpError};
use dump::Proxy;
use serde_json::Value;
use stats::Stats;

/// What one Envoy's admin interface answered.
#[derive(Debug, Clone)]
pub struct Live {
    /// `/config_dump`.
    pub config_dump: Value,
    /// `/stats`, of Wasm: one `name: value` a line, names as they are, without tags taken out.
    pub stats: String,
    /// `/server_info`.
    pub server_info: Value,
}

/// Why an Envoy could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// It does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What answers is no admin interface of Envoy's.
    #[error("{url}: this is no answer of Envoy's admin interface: {source}")]
    NotEnvoy {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        source: serde_json::Error,
    },
    /// What answers is JSON, but not Envoy's.
    #[error("{url}: this is no answer of Envoy's admin interface: it has no `{key}`")]
    Without {
        /// What was asked for.
        url: String,
        /// What Envoy's answer always has.
        key: &'static str,
    },
    /// An address without `http://`.
    #[error("{url}: the scheme is missing; write http://{url}")]
    NoScheme {
        /// What was given.
        url: String,
    },
}

impl Live {
    /// Asks the admin interface at `url`, such as `http://127.0.0.1:9901`.
    pub fn read(client: &Client, url: &str) -> Result<Self, DoctorError> {
        let url = url.trim_end_matches('/');
        if !url.contains("://") {
            return Err(DoctorError::NoScheme { url: url.to_owned() });
        }
        let json = |path: &str, key: &'static str| -> Result<Value, DoctorError> {
            let url = format!("{url}{path}");
            let text = client.get(&url)?;
            match serde_json::from_str::<Value>(&text) {
                Ok(value) if value.get(key).is_some() => Ok(value),
                Ok(_) => Err(DoctorError::Without { url, key }),
                Err(source) => Err(DoctorError::NotEnvoy { url, source }),
            }
        };
        let server_info = json("/server_info", "version")?;
        let config_dump = json("/config_dump", "configs")?;
        let stats = client.get(&format!("{url}/stats?filter=%5Ewasm"))?;
        Ok(Self { config_dump, stats, server_info })
    }

    /// Envoy's version, as far as it says one.
    pub fn version(&self) -> Option<Version> {
        Version::in_build(self.server_info.get("version")?.as_str()?)
    }

    /// The services whose filters it runs, and the versions of these filters.
    pub fn filters(&self) -> Vec<(String, Vec<String>)> {
        let stats = Stats::parse(&self.stats);
        let proxy = Proxy::of(&self.config_dump);
        proxy.configs().map(|config| (config.service.clone(), running::versions(&stats, config))).collect()
    }
}

/// What is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The configuration that should run, where one is given.
    pub document: Option<&'a Document>,
    /// The version that the filter should have.
    pub version: &'a str,
    /// Seconds since 1970.
    pub now_s: u64,
}

/// Every fault, the gravest kinds first; empty where all is well.
pub fn examine(live: &Live, expected: Expected<'_>) -> Vec<Finding> {
    let proxy = Proxy::of(&live.config_dump);
    let stats = Stats::parse(&live.stats);
    let mut findings = Vec::new();
    version(live, &mut findings);
    silent::loading(&stats, &proxy, &mut findings);
    if proxy.filters.is_empty() {
        findings.push(Finding {
            fault: Fault::NoFilter,
            what: "no listener has the filter".to_owned(),
            mend: "put it before the router of a listener: `redline render envoy`, `istio` or `kubernetes` shows how; \
                   where it should be there, Envoy's log says why it was refused"
                .to_owned(),
        });
        findings.sort();
        return findings;
    }
    placement::check(&proxy, expected.document, &mut findings);
    for config in proxy.configs() {
        let dropped = bootstrap::check(&proxy.stats_config, config, &mut findings);
        silent::service(&stats, config, &dropped, &mut findings);
        running::check(&stats, config, expected.version, expected.now_s, &mut findings);
    }
    running::crashes(&stats, &proxy, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

fn version(live: &Live, findings: &mut Vec<Finding>) {
    let (oldest, newest) = (Version::OLDEST, Version::NEWEST);
    let what = match live.version() {
        Some(version) if (oldest..=newest).contains(&version) => return,
        Some(version) => format!("Envoy {version} is none of those that Redline is tested with"),
        None => "Envoy does not say its version".to_owned(),
    };
    let mend =
        format!("run Envoy 1.{} to 1.{}, or an Istio built on one of them", oldest.minor, newest.minor);
    findings.push(Finding { fault: Fault::EnvoyVersion, what, mend });
}

#[cfg(test)]
mod tests;
