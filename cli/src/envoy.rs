//! A bootstrap in, a running Envoy out: found or installed, started, read from, and stopped whatever happens.
//!
//! ```no_run
//! use redline_cli::envoy::{Envoy, Launch};
//!
//! # let bootstrap = String::new();
//! // Listeners and admin on port 0: the system chooses free ports, and `Envoy` knows them.
//! let envoy = Envoy::start(&Launch::new(bootstrap).workers(2))?;
//! let address = envoy.listener("ingress")?;
//! let metrics = envoy.scrape()?;
//! drop(envoy); // Stopped, and its files removed.
//! # Ok::<(), redline_cli::envoy::EnvoyError>(())
//! ```

mod child;
mod error;
mod install;
mod log;
mod version;

pub use error::EnvoyError;
pub use install::Installation;
pub use version::Version;

use crate::http::Client;
use child::Guarded;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long an admin request may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often something that is waited for is looked at.
const POLL: Duration = Duration::from_millis(10);

/// How an Envoy is started.
#[derive(Debug, Clone)]
pub struct Launch {
    bootstrap: String,
    installation: Option<Installation>,
    workers: Option<u32>,
    log_level: String,
    hot_restart: bool,
    arguments: Vec<String>,
}

impl Launch {
    /// With this bootstrap, as YAML; the workers are as many as Envoy sees cores.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            installation: None,
            workers: None,
            log_level: "warning".to_owned(),
            hot_restart: false,
            arguments: Vec::new(),
        }
    }

    /// This Envoy, instead of the one that [`Installation::find`] finds.
    pub fn installation(self, installation: Installation) -> Self {
        Self { installation: Some(installation), ..self }
    }

    /// As many worker threads.
    pub fn workers(self, workers: u32) -> Self {
        Self { workers: Some(workers), ..self }
    }

    /// Envoy's `--log-level`: `trace` to `off`; `warning` where not said.
    pub fn log_level(self, level: impl Into<String>) -> Self {
        Self { log_level: level.into(), ..self }
    }

    /// Lets another Envoy take over from this one, or this one from another: `argument` says who is who, with Envoy's
    /// `--base-id` and `--restart-epoch`. Without it, instances on one machine do not meet.
    pub fn hot_restart(self) -> Self {
        Self { hot_restart: true, ..self }
    }

    /// One more argument for Envoy.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// An Envoy that runs, and is stopped when this is dropped.
#[derive(Debug)]
pub struct Envoy {
    child: Guarded,
    version: Version,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
    client: Client,
    log_file: PathBuf,
    /// Last, so that the files go after the process.
    _folder: TempDir,
}

impl Envoy {
    /// Starts an Envoy and waits until it is ready; where it cannot be, the error has the end of its log.
    pub fn start(launch: &Launch) -> Result<Self, EnvoyError> {
        let installation = match &launch.installation {
            Some(installation) => installation.clone(),
            None => Installation::find_or_install()?,
        };
        let folder = tempfile::Builder::new().prefix("redline-envoy-").tempdir();
        let folder = folder.map_err(EnvoyError::io("a temporary folder"))?;
        let bootstrap = folder.path().join("envoy.yaml");
        std::fs::write(&bootstrap, &launch.bootstrap).map_err(EnvoyError::io(bootstrap.display()))?;
        let log_file = folder.path().join("envoy.log");
        let address_file = folder.path().join("admin-address");

        let mut command = Command::new(&installation.path);
        command.arg("--config-path").arg(&bootstrap).arg("--admin-address-path").arg(&address_file);
        command.args(["--log-level", launch.log_level.as_str()]);
        if !launch.hot_restart {
            command.arg("--disable-hot-restart");
        }
        if let Some(workers) = launch.workers {
            command.args(["--concurrency", workers.to_string().as_str()]);
        }
        command.args(&launch.arguments);
        let log = std::fs::File::create(&log_file).map_err(EnvoyError::io(log_file.display()))?;
        let child = Guarded::spawn(command, log, folder.path())
            .map_err(EnvoyError::io(installation.path.display()))?;

        let starting = Starting { child, log_file: &log_file, deadline: Instant::now() + READY_WITHIN };
        let client = Client::new(ADMIN_TIMEOUT);
        let (child, admin) = starting.wait(&address_file, &client)?;
        let listeners = read_listeners(&client.get(&format!("http://{admin}/listeners?format=json"))?)?;
        Ok(Self { child, version: installation.version, admin, listeners, client, log_file, _folder: folder })
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Where its admin interface is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where a listener of the bootstrap can be reached from this machine, by its name.
    pub fn listener(&self, name: &str) -> Result<SocketAddr, EnvoyError> {
        self.listeners.get(name).copied().ok_or_else(|| EnvoyError::NoListener {
            name: name.to_owned(),
            known: self.listeners.keys().cloned().collect(),
        })
    }

    /// A listener's port.
    pub fn port(&self, name: &str) -> Result<u16, EnvoyError> {
        self.listener(name).map(|address| address.port())
    }

    /// What the admin interface answers to a GET, such as `/clusters`.
    pub fn admin_get(&self, path: &str) -> Result<String, EnvoyError> {
        Ok(self.client.get(&format!("http://{}{path}", self.admin))?)
    }

    /// What the admin interface answers to a POST, such as `/drain_listeners`.
    pub fn admin_post(&self, path: &str) -> Result<String, EnvoyError> {
        Ok(self.client.post(&format!("http://{}{path}", self.admin))?)
    }

    /// Its metrics, as Prometheus would read them.
    pub fn scrape(&self) -> Result<String, EnvoyError> {
        self.admin_get("/stats/prometheus")
    }

    /// Its log up to now.
    pub fn log(&self) -> String {
        log::read(&self.log_file)
    }

    /// How it ended, where it has: nobody asked it to.
    pub fn ended(&mut self) -> Option<EnvoyError> {
        let status = self.child.ended()?;
        Some(EnvoyError::Ended { status: status.to_string(), log: log::excerpt(&self.log()) })
    }

    /// Stops it: SIGTERM, and after a while SIGKILL. Dropping does the same.
    pub fn stop(mut self) {
        self.child.stop();
    }
}

/// An Envoy that is not ready yet.
struct Starting<'a> {
    child: Guarded,
    log_file: &'a Path,
    deadline: Instant,
}

impl Starting<'_> {
    /// Waits until `/ready` answers 200; the admin interface's address is in `address_file` as soon as it has one.
    fn wait(mut self, address_file: &Path, client: &Client) -> Result<(Guarded, SocketAddr), EnvoyError> {
        let began = Instant::now();
        loop {
            let log = || log::excerpt(&log::read(self.log_file));
            if let Some(status) = self.child.ended() {
                return Err(EnvoyError::Ended { status: status.to_string(), log: log() });
            }
            let text = std::fs::read_to_string(address_file).unwrap_or_default();
            if let Ok(address) = text.trim().parse::<SocketAddr>() {
                let address = reachable(address);
                if client.get(&format!("http://{address}/ready")).is_ok() {
                    return Ok((self.child, address));
                }
            }
            if Instant::now() >= self.deadline {
                return Err(EnvoyError::NotReady { seconds: began.elapsed().as_secs(), log: log() });
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Listener name to address, from `/listeners?format=json`; only those on TCP or UDP.
fn read_listeners(json: &str) -> Result<BTreeMap<String, SocketAddr>, EnvoyError> {
    let unexpected = || EnvoyError::Listeners { json: json.to_owned() };
    let value: serde_json::Value = serde_json::from_str(json).map_err(|_| unexpected())?;
    let mut listeners = BTreeMap::new();
    // Without listeners Envoy leaves the list out.
    for status in value.get("listener_statuses").and_then(|v| v.as_array()).into_iter().flatten() {
        let name = status.get("name").and_then(|v| v.as_str()).ok_or_else(unexpected)?;
        let socket = status.pointer("/local_address/socket_address");
        let host = socket.and_then(|s| s.get("address")?.as_str()?.parse::<IpAddr>().ok());
        let port = socket.and_then(|s| u16::try_from(s.get("port_value")?.as_u64()?).ok());
        if let (Some(host), Some(port)) = (host, port) {
            listeners.insert(name.to_owned(), reachable(SocketAddr::new(host, port)));
        }
    }
    Ok(listeners)
}

/// An address that a client on this machine can connect to: what listens everywhere is reached on the loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_with_addresses_that_can_be_reached() {
        let json = r#"{"listener_statuses":[
            {"name":"ingress","local_address":{"socket_address":{"address":"0.0.0.0","port_value":41841}}},
            {"name":"six","local_address":{"socket_address":{"address":"::1","port_value":80}}},
            {"name":"pipe","local_address":{"pipe":{"path":"/tmp/x"}}}]}"#;
        let listeners = read_listeners(json).unwrap();
        assert_eq!(listeners.get("ingress").unwrap().to_string(), "127.0.0.1:41841");
        assert_eq!(listeners.get("six").unwrap().to_string(), "[::1]:80");
        assert_eq!(listeners.len(), 2);
        assert!(read_listeners("{}").unwrap().is_empty());
        assert!(read_listeners("no JSON").is_err());
    }
}
