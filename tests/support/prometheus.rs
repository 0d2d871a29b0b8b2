//! A real Prometheus that scrapes what a test names; it ends with the test.

use super::server::Server;
use super::tools::{must, tool};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use tempfile::TempDir;

/// A running server.
pub struct Prometheus(Server);

impl Prometheus {
    /// Starts one that scrapes Envoy's metrics at each of `targets`, five times a second.
    pub fn start(targets: &[SocketAddr]) -> Self {
        Self::start_with(targets, "")
    }

    /// The same, which remembers these samples; OpenMetrics, without the end.
    pub fn start_with(targets: &[SocketAddr], samples: &str) -> Self {
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let configuration = serde_json::json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{
                "job_name": "envoy", "metrics_path": "/stats/prometheus", "honor_labels": true,
                "static_configs": [{"targets": targets}],
            }],
        });
        let folder = tempfile::tempdir().expect("a folder");
        if !samples.is_empty() {
            fs::write(folder.path().join("samples"), format!("{samples}# EOF\n")).expect("a file");
            must(
                "promtool",
                folder.path(),
                &["tsdb", "create-blocks-from", "openmetrics", "samples", "data"],
            );
        }
        Self::start_in(folder, &configuration.to_string())
    }

    /// Starts one with a configuration of the test's own, whose files are in the folder.
    pub fn start_in(folder: TempDir, configuration: &str) -> Self {
        fs::write(folder.path().join("prometheus.yml"), configuration).expect("a file");
        let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data"];
        Self(Server::start(&tool("prometheus"), folder, &arguments))
    }

    /// `http://HOST:PORT`.
    pub fn url(&self) -> String {
        self.0.url("")
    }

    /// The labels and values that a query gives now; an error where Prometheus refuses it.
    pub fn query(&self, query: &str) -> Result<Vec<(Value, f64)>, String> {
        let body = self.0.get(&format!("/api/v1/query?query={}", encoded(query)))?;
        let body: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let result = body["data"]["result"].as_array().cloned().unwrap_or_default();
        let number =
            |sample: &Value| sample["value"][1].as_str().and_then(|v| v.parse().ok()).unwrap_or(f64::NAN);
        Ok(result.iter().map(|sample| (sample["metric"].clone(), number(sample))).collect())
    }

    /// The value of a query with one result.
    pub fn number(&self, query: &str) -> Option<f64> {
        match self.query(query).ok()?.as_slice() {
            [(_, value)] => Some(*value),
            _ => None,
        }
    }

    /// Every rule that it evaluates: its name, its health, and what went wrong last.
    pub fn rules(&self) -> Vec<(String, String, String)> {
        let body = self.0.json("/api/v1/rules");
        let groups = body["data"]["groups"].as_array().expect("groups").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.map(|rule| (text(&rule["name"]), text(&rule["health"]), text(&rule["lastError"]))).collect()
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
