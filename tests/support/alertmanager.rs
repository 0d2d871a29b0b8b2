//! A real Alertmanager with the rendered configuration; it ends with the test.

use super::server::Server;
use super::tools;
use redline::config::Config;
use redline_cli::render::alertmanager;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Label to value.
pub type Labels = BTreeMap<String, String>;

/// A running server.
pub struct Alertmanager(Server);

impl Alertmanager {
    /// Starts one; whom it tells is the configuration's. `scale` divides every pause.
    pub fn start(config: &Config, scale: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        tools::write(folder.path(), &alertmanager::render(config, scale));
        let program = tools::alertmanager(folder.path());
        let arguments =
            ["--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address="];
        Self(Server::start(&program, folder, &arguments))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Alerts that fire from now on.
    pub fn post(&self, alerts: &[Labels]) {
        let alerts: Vec<Value> = alerts.iter().map(|labels| json!({"labels": labels})).collect();
        let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
        let request = agent.post(self.0.url("/api/v2/alerts")).header("content-type", "application/json");
        request.send(Value::from(alerts).to_string()).expect("Alertmanager takes the alerts");
    }

    /// What it holds: the labels of each alert, and whether another alert hides it.
    pub fn held(&self) -> Vec<(Labels, bool)> {
        let alerts = self.0.json("/api/v2/alerts");
        let one = |alert: &Value| {
            let hidden = !alert["status"]["inhibitedBy"].as_array().expect("a list").is_empty();
            (serde_json::from_value(alert["labels"].clone()).expect("labels"), hidden)
        };
        alerts.as_array().expect("a list").iter().map(one).collect()
    }

    /// Its configuration as it understood it.
    pub fn configuration(&self) -> Value {
        let status = self.0.json("/api/v2/status");
        serde_saphyr::from_str(status["config"]["original"].as_str().expect("YAML")).expect("YAML")
    }
}
