//! What the end-to-end tests share: a real Envoy with the filter, an upstream that does as it is told, a client,
//! and the comparison of what was sent with what was counted.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part of this module")]

pub mod alertmanager;
pub mod application;
pub mod client;
pub mod doctor;
pub mod flood;
pub mod gateway;
pub mod hanging;
pub mod http2;
pub mod istio;
pub mod json_log;
pub mod kubernetes;
pub mod load;
pub mod metrics;
pub mod mix;
pub mod native;
pub mod prometheus;
pub mod random;
pub mod raw;
pub mod raw_upstream;
pub mod replaceable;
pub mod server;
pub mod signals;
pub mod tools;
pub mod upstream;
pub mod webhook;

use redline_cli::document::Document;
use redline_cli::envoy::{Envoy, EnvoyError, Installation, Launch};
use redline_cli::render::envoy::Bootstrap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use upstream::{Addresses, Upstream};

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The filter that a user loads, built from the sources as they are now.
pub fn wasm() -> &'static Path {
    static WASM: OnceLock<PathBuf> = OnceLock::new();
    WASM.get_or_init(|| built("wasm", "dist/redline.wasm"))
}

/// The same filter, which also traps on demand (src/faults.rs).
pub fn faulty_wasm() -> &'static Path {
    static WASM: OnceLock<PathBuf> = OnceLock::new();
    WASM.get_or_init(|| built("faulty-wasm", "dist/faults/redline.wasm"))
}

fn built(target: &str, file: &str) -> PathBuf {
    let built = Command::new("make")
        .args(["-s", target])
        .current_dir(root())
        // `make test` is above us; this make is not its part.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .expect("make runs");
    assert!(built.status.success(), "make {target}: {}", String::from_utf8_lossy(&built.stderr));
    root().join(file).canonicalize().expect("make made it")
}

/// A file of real traffic that is not part of the project; where it is absent the test says so.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("REDLINE_DATA").map_or(root().join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("NOT CHECKED: {name} is not in {}; REDLINE_DATA names the folder", folder.display());
    None
}

/// How the tests start an Envoy: one whose log of streams, where it is in a file, comes at once.
pub fn launch(bootstrap: String) -> Launch {
    Launch::new(bootstrap).argument("--file-flush-interval-msec").argument("100")
}

/// The minor version of the Envoy of these tests, 1.x.
pub fn envoy_minor() -> u32 {
    static MINOR: OnceLock<u32> = OnceLock::new();
    *MINOR.get_or_init(|| Installation::find_or_install().expect("an Envoy").version.minor)
}

/// Polls until `probe` yields something; panics with `what` when it takes too long.
pub fn eventually<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(30, what, probe)
}

/// The same, of what takes longer: in so many seconds.
pub fn within<T>(seconds: u64, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A real Envoy with the filter in front of an [`Upstream`].
pub struct World {
    pub envoy: Envoy,
    pub upstream: Upstream,
    pub runtime: Runtime,
}

impl World {
    /// Starts both; `configuration` is the filter's, as JSON.
    pub fn start(configuration: &str, workers: u32) -> Self {
        let document = Document::from_text("test", configuration).expect("the test's configuration is right");
        let world = Self::with_bootstrap(workers, |upstream| {
            Bootstrap {
                document: &document,
                upstream: upstream.scripted.to_string().parse().expect("an address"),
                listen: "127.0.0.1:0".parse().expect("an address"),
                admin: "127.0.0.1:0".parse().expect("an address"),
                wasm: wasm().display().to_string(),
                flush_seconds: Some(1),
            }
            .yaml()
        });
        world.expect("Envoy starts")
    }

    /// Starts both with a bootstrap of the test's own, made for the upstream.
    pub fn with_bootstrap(
        workers: u32,
        bootstrap: impl FnOnce(Addresses) -> String,
    ) -> Result<Self, EnvoyError> {
        Self::launch(bootstrap, |launch| launch.workers(workers))
    }

    /// [`World::with_bootstrap`] with an Envoy that is started as the test says.
    pub fn launch(
        bootstrap: impl FnOnce(Addresses) -> String,
        how: impl FnOnce(Launch) -> Launch,
    ) -> Result<Self, EnvoyError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a tokio runtime");
        let upstream = runtime.block_on(Upstream::start());
        let envoy = Envoy::start(&how(launch(bootstrap(upstream.addresses()))))?;
        Ok(Self { envoy, upstream, runtime })
    }

    /// The metrics as they are now.
    pub fn scrape(&self) -> metrics::Metrics {
        metrics::Metrics::parse(&self.envoy.scrape().expect("Envoy answers"))
    }

    /// The metrics once every histogram has as many samples as its streams had: Envoy merges them now and then.
    pub fn scrape_when_merged(&self, samples: u64) -> metrics::Metrics {
        eventually("the histograms' merge", || {
            let metrics = self.scrape();
            (metrics.total("http_response_size_bytes_count") == samples).then_some(metrics)
        })
    }
}
