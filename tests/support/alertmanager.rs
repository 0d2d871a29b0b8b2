//! A real Alertmanager with the rendered configuration; it ends with the test.

use super::eventually;
use super::tools;
use redline::config::Config;
use redline_cli::render::alertmanager;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Label to value.
pub type Labels = BTreeMap<String, String>;

/// A running server.
pub struct Alertmanager {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
    agent: ureq::Agent,
}

impl Alertmanager {
    /// Starts one; whom it tells is the configuration's.
    pub fn start(config: &Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        tools::write(folder.path(), &alertmanager::render(config, 1));
        let log = File::create(folder.path().join("log")).expect("a file");
        let child = Command::new(tools::alertmanager(folder.path()))
            .args(["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="])
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("alertmanager starts; `make setup` installs it");
        let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
        let mut server = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child, folder, agent };
        server.address = eventually("Alertmanager", || {
            if let Some(status) = server.child.try_wait().expect("our own process") {
                panic!("Alertmanager ended, {status}:\n{}", server.log());
            }
            server.log().lines().find_map(tools::listens_on)
        });
        eventually("Alertmanager is ready", || server.agent.get(server.url("/-/ready")).call().ok());
        server
    }

    /// Alerts that fire from now on.
    pub fn post(&self, alerts: &[Labels]) {
        let alerts: Vec<Value> = alerts.iter().map(|labels| json!({"labels": labels})).collect();
        let request = self.agent.post(self.url("/api/v2/alerts")).header("content-type", "application/json");
        request.send(Value::from(alerts).to_string()).expect("Alertmanager takes the alerts");
    }

    /// What it holds: the labels of each alert, and whether another alert hides it.
    pub fn held(&self) -> Vec<(Labels, bool)> {
        let alerts = self.get("/api/v2/alerts");
        let one = |alert: &Value| {
            let hidden = !alert["status"]["inhibitedBy"].as_array().expect("a list").is_empty();
            (serde_json::from_value(alert["labels"].clone()).expect("labels"), hidden)
        };
        alerts.as_array().expect("a list").iter().map(one).collect()
    }

    /// Its configuration as it understood it.
    pub fn configuration(&self) -> Value {
        let status = self.get("/api/v2/status");
        serde_saphyr::from_str(status["config"]["original"].as_str().expect("YAML")).expect("YAML")
    }

    fn get(&self, path: &str) -> Value {
        let mut answer = self.agent.get(self.url(path)).call().expect("an answer");
        let text = answer.body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}
