//! A real Prometheus that scrapes what a test names; it ends with the test.

use super::tools::{self, must};
use super::{eventually, root};
use redline_cli::http::Client;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running server.
pub struct Prometheus {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

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
        let path = |name: &str| folder.path().join(name);
        fs::write(path("prometheus.yml"), configuration.to_string()).expect("a file");
        if !samples.is_empty() {
            fs::write(path("samples"), format!("{samples}# EOF\n")).expect("a file");
            must(
                "promtool",
                folder.path(),
                &["tsdb", "create-blocks-from", "openmetrics", "samples", "data"],
            );
        }
        let log = File::create(path("log")).expect("a file");
        let installed = root().join(".tools/bin/prometheus");
        let program = if installed.is_file() { installed } else { "prometheus".into() };
        let child = Command::new(program)
            .arg(format!("--config.file={}", path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", path("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("prometheus starts; `make setup` installs it");
        let mut server = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child, folder };
        server.address = eventually("Prometheus", || {
            if let Some(status) = server.child.try_wait().expect("our own process") {
                panic!("Prometheus ended, {status}:\n{}", server.log());
            }
            server.log().lines().find_map(tools::listens_on)
        });
        let client = Client::new(Duration::from_secs(5));
        eventually("Prometheus is ready", || client.get(&format!("{}/-/ready", server.url())).ok());
        server
    }

    /// `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}
