//! What `redline render` is told on its command line.

use crate::address::{AddressError, HostPort, Upstream};
use crate::checkout;
use crate::render::istio;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Target {
    /// plugin.json: the filter's configuration as Envoy and Istio hand it over
    Plugin(File),
    /// envoy-stats.yaml: the key `stats_config` for an Envoy bootstrap of your own
    EnvoyStats(File),
    /// envoy.yaml: a whole bootstrap, with the filter in front of one upstream
    Envoy(Envoy),
    /// wasmplugin.yaml and proxyconfig.yaml: the filter in a gateway of Istio's, or in sidecars
    Istio(Istio),
    /// kustomization.yaml and what it lists: a base and overlays for Envoy, Istio and Envoy Gateway
    Kubernetes(Kubernetes),
    /// rules.yaml, alerts.yaml, tests.yaml, scrape.yaml: everything that Prometheus needs
    Prometheus(Scaled),
    /// alertmanager.yml and templates/: who is told of which alert
    Alertmanager(Scaled),
    /// overview.json, slo.json and provisioning/: dashboards for Grafana
    Grafana(Folder),
    /// Every target, a folder each
    All(Kubernetes),
}

/// For a target that is one file.
#[derive(Debug, clap::Args)]
pub(super) struct File {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    pub(super) config: PathBuf,
    /// The file to write, or a folder for it; without it, standard output
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
}

/// For a target that is several.
#[derive(Debug, clap::Args)]
pub(super) struct Folder {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    pub(super) config: PathBuf,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Scaled {
    #[command(flatten)]
    pub(super) folder: Folder,
    /// Divide every window and pause by so much, for drills and tests
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = time_scale)]
    pub(super) time_scale: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct Envoy {
    #[command(flatten)]
    pub(super) file: File,
    /// Where requests go; h2c:// is for HTTP/2 without TLS, which gRPC needs
    #[arg(long, value_name = "[h2c://]HOST:PORT")]
    pub(super) upstream: Upstream,
    /// Where requests come from; a port alone is on every IPv4 address
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "10000", value_parser = listen)]
    pub(super) listen: HostPort,
    /// Envoy's admin interface; a port alone is on this machine only
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "9901", value_parser = admin)]
    pub(super) admin: HostPort,
    /// The filter's module, as Envoy will find it
    #[arg(long, value_name = "PATH", default_value = checkout::WASM)]
    pub(super) wasm: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Istio {
    #[command(flatten)]
    pub(super) folder: Folder,
    #[command(flatten)]
    pub(super) image: Image,
    /// For the proxies beside the service's own pods instead of a gateway
    #[arg(long)]
    pub(super) sidecars: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Kubernetes {
    #[command(flatten)]
    pub(super) folder: Folder,
    #[command(flatten)]
    pub(super) image: Image,
    /// Where a plain Envoy's requests go, with h2c:// in front for gRPC; without it, to port 8080 of what has the service's
    /// name
    #[arg(long, value_name = "[h2c://]HOST:PORT")]
    pub(super) upstream: Option<Upstream>,
}

/// The filter as an image.
#[derive(Debug, clap::Args)]
pub(super) struct Image {
    /// Where the proxies find the filter: oci://, https://, http://, or file:// in their own file system
    #[arg(long, value_name = "URL", default_value = istio::IMAGE, value_parser = url)]
    pub(super) url: String,
    /// Also write the filter as an image, in the OCI layout, to this folder; the rendered files then name its digest
    #[arg(long, value_name = "DIR")]
    pub(super) oci: Option<PathBuf>,
    /// The filter's module; without it, the one that `make wasm` builds
    #[arg(long, value_name = "PATH")]
    pub(super) wasm: Option<PathBuf>,
}

/// Where Istio and Envoy Gateway can load a module from; a name alone is an image's.
fn url(text: &str) -> Result<String, &'static str> {
    match text.split_once("://") {
        Some(("oci" | "https" | "http" | "file", rest)) if !rest.is_empty() => Ok(text.to_owned()),
        None if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected oci://, https://, http:// or file://, and what follows it"),
    }
}

/// The shortest window of an alert is two minutes, and Prometheus scrapes once a second at most: with less than two
/// samples in a window, no rate is computed and no alert fires.
fn time_scale(text: &str) -> Result<u64, &'static str> {
    match text.parse() {
        Ok(scale @ 1..=60) => Ok(scale),
        _ => Err(
            "expected 1 to 60: at 60 the shortest window is two seconds, which is as long as Prometheus needs for two scrapes",
        ),
    }
}

fn listen(text: &str) -> Result<HostPort, AddressError> {
    HostPort::parse_with_host(text, "0.0.0.0")
}

fn admin(text: &str) -> Result<HostPort, AddressError> {
    HostPort::parse_with_host(text, "127.0.0.1")
}
