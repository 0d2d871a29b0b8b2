//! A program that serves HTTP and says in its log where: Prometheus or Alertmanager. It ends with the test.

use super::eventually;
use redline_cli::http::Client;
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running server.
pub struct Server {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
    client: Client,
}

impl Server {
    /// Starts a program in a folder, on a free port; returns when it is ready.
    pub fn start(program: &Path, folder: TempDir, arguments: &[&str]) -> Self {
        let name = program.file_name().expect("a name").display();
        let log = File::create(folder.path().join("log")).expect("a file");
        let child = Command::new(program)
            .args(arguments)
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}; `make setup` installs it"));
        let client = Client::new(Duration::from_secs(20));
        let mut server = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child, folder, client };
        server.address = eventually(&format!("{name}"), || {
            if let Some(status) = server.child.try_wait().expect("our own process") {
                panic!("{name} ended, {status}:\n{}", server.log());
            }
            server.log().lines().find_map(listens_on)
        });
        eventually(&format!("{name} is ready"), || server.get("/-/ready").ok());
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://HOST:PORT` and a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it answers; an error where that is none.
    pub fn get(&self, path: &str) -> Result<String, String> {
        self.client.get(&self.url(path)).map_err(|error| error.to_string())
    }

    /// What it answers, as JSON.
    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).expect("an answer")).expect("JSON")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}

/// The address in the line of a log in which Prometheus or Alertmanager says where it listens.
fn listens_on(line: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once("Listening on")?;
    let (_, address) = after.split_once("address=")?;
    address.split_whitespace().next()?.parse().ok()
}
