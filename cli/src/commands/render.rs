//! `redline render`: a configuration in, the files around the filter out.

use super::{Done, Failure};
use crate::address::{AddressError, HostPort};
use crate::checkout;
use crate::document::Document;
use crate::oci::Layout;
use crate::render::istio::{self, Hop, Istio};
use crate::render::kubernetes::{self, Kubernetes};
use crate::render::{Bootstrap, Rendered, alertmanager, envoy_stats, grafana, names, plugin, prometheus};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Write the files around the filter from a configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, clap::Subcommand)]
enum Target {
    /// plugin.json: the filter's configuration as Envoy and Istio hand it over
    Plugin(Common),
    /// envoy-stats.yaml: the key `stats_config` for an Envoy bootstrap of your own
    EnvoyStats(Common),
    /// envoy.yaml: a whole bootstrap, with the filter in front of one upstream
    Envoy(EnvoyArgs),
    /// wasmplugin.yaml and proxyconfig.yaml: the filter in a gateway of Istio's, or in sidecars
    Istio(IstioArgs),
    /// kustomization.yaml and what it lists: a base and overlays for Envoy, Istio and Envoy Gateway
    Kubernetes(KubernetesArgs),
    /// rules.yaml, alerts.yaml, tests.yaml, scrape.yaml: everything that Prometheus needs
    Prometheus(FolderArgs),
    /// alertmanager.yml and templates/: who is told of which alert
    Alertmanager(FolderArgs),
    /// overview.json, slo.json and provisioning/: dashboards for Grafana
    Grafana(GrafanaArgs),
    /// Every target, a folder each
    All(KubernetesArgs),
}

#[derive(Debug, clap::Args)]
struct IstioArgs {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    image: ImageArgs,
    /// For the proxies beside the service's own pods instead of a gateway
    #[arg(long)]
    sidecars: bool,
}

#[derive(Debug, clap::Args)]
struct KubernetesArgs {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    image: ImageArgs,
    /// Where a plain Envoy's requests go; without it, to port 8080 of what has the service's name
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<HostPort>,
}

/// The filter as an image.
#[derive(Debug, clap::Args)]
struct ImageArgs {
    /// Where the proxies find the filter: oci://, https://, http://, or file:// in their own file system
    #[arg(long, value_name = "URL", default_value = istio::IMAGE, value_parser = url)]
    url: String,
    /// Also write the filter as an image, in the OCI layout, to this folder; the rendered files then name its digest
    #[arg(long, value_name = "DIR")]
    oci: Option<PathBuf>,
    /// The filter's module; without it, the one that `make wasm` builds
    #[arg(long, value_name = "PATH")]
    wasm: Option<PathBuf>,
}

impl ImageArgs {
    /// The module's bytes.
    fn module(&self) -> Result<Vec<u8>, Failure> {
        let path = checkout::wasm(self.wasm.as_deref())?;
        let read = |source| Failure::Read { path: path.display().to_string(), source };
        let bytes = std::fs::read(&path).map_err(read)?;
        if !bytes.starts_with(b"\0asm") {
            return Err(read(io::Error::other("this is no WebAssembly module")));
        }
        Ok(bytes)
    }

    /// Writes the layout where one is wanted, and returns its digest where it is the image's that is meant.
    fn layout(&self) -> Result<Option<String>, Failure> {
        let Some(folder) = &self.oci else { return Ok(None) };
        let bytes = self.module()?;
        let layout = Layout::of(&bytes, env!("CARGO_PKG_VERSION")).map_err(Failure::system("the image"))?;
        if let Some((_, named)) = self.url.split_once("@sha256:").filter(|(_, named)| *named != layout.digest)
        {
            let reason = format!("names the digest {named}, but the image has {}", layout.digest);
            return Err(Failure::system("--url")(io::Error::other(reason)));
        }
        let written = layout.write(folder);
        written.map_err(|source| Failure::Write { path: folder.display().to_string(), source })?;
        // Of a file, or what https:// yields, the digest would be the module's own.
        let image = self.url.starts_with("oci://") || !self.url.contains("://");
        Ok(image.then_some(layout.digest))
    }
}

#[derive(Debug, clap::Args)]
struct GrafanaArgs {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct FolderArgs {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Divide every window and pause by so much, for drills and tests
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = time_scale)]
    time_scale: u64,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// The configuration, JSON or YAML; - reads standard input
    #[arg(long)]
    config: PathBuf,
    /// The file to write, or a folder for it; without it, standard output
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct EnvoyArgs {
    #[command(flatten)]
    common: Common,
    /// Where requests go
    #[arg(long, value_name = "HOST:PORT")]
    upstream: HostPort,
    /// Where requests come from; a port alone is on every IPv4 address
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "10000", value_parser = listen)]
    listen: HostPort,
    /// Envoy's admin interface; a port alone is on this machine only
    #[arg(long, value_name = "PORT|IP:PORT", default_value = "9901", value_parser = admin)]
    admin: HostPort,
    /// The filter's module, as Envoy will find it
    #[arg(long, value_name = "PATH", default_value = checkout::WASM)]
    wasm: String,
}

/// Where Istio and Envoy Gateway can load a module from; a name alone is an image's.
fn url(text: &str) -> Result<String, &'static str> {
    match text.split_once("://") {
        Some(("oci" | "https" | "http" | "file", rest)) if !rest.is_empty() => Ok(text.to_owned()),
        None if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected oci://, https://, http:// or file://, and what follows it"),
    }
}

fn listen(text: &str) -> Result<HostPort, AddressError> {
    HostPort::parse_with_host(text, "0.0.0.0")
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

fn admin(text: &str) -> Result<HostPort, AddressError> {
    HostPort::parse_with_host(text, "127.0.0.1")
}

/// What `redline check` takes, and nothing else: the whole configuration, with its receivers, is part of several targets.
fn load(path: &Path) -> Result<Document, Failure> {
    let document = Document::load(path)?;
    let mut mistakes = prometheus::check(&document.config);
    mistakes.extend(alertmanager::check(&document.config));
    document.refuse(path, mistakes)?;
    Ok(document)
}

/// The same, without what Istio would read as its own.
fn load_for_mesh(path: &Path) -> Result<Document, Failure> {
    let document = load(path)?;
    document.refuse(path, istio::check(&document.config))?;
    Ok(document)
}

/// Says what about alerts is valid, but hardly meant.
fn warn(document: &Document) {
    for warning in alertmanager::warnings(&document.config) {
        // Where nobody reads standard error, nobody is to be warned.
        let _printed = writeln!(std::io::stderr(), "warning: {warning}");
    }
}

/// Renders one target.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    match &args.target {
        Target::Plugin(common) => {
            let document = load(&common.config)?;
            one_file(common, &plugin::render(&document.value), out)
        }
        Target::EnvoyStats(common) => {
            let document = load(&common.config)?;
            one_file(common, &envoy_stats::render(&document.config), out)
        }
        Target::Envoy(args) => {
            let document = load(&args.common.config)?;
            let EnvoyArgs { upstream, listen, admin, wasm, .. } = args;
            let (upstream, listen, admin) = (upstream.clone(), listen.clone(), admin.clone());
            let wasm = wasm.clone();
            let bootstrap =
                Bootstrap { document: &document, upstream, listen, admin, wasm, flush_seconds: None };
            one_file(&args.common, &bootstrap.render(), out)
        }
        Target::Istio(args) => {
            let document = load_for_mesh(&args.config)?;
            let digest = args.image.layout()?;
            let hop = if args.sidecars { Hop::Sidecars } else { Hop::Gateway };
            let istio = Istio { document: &document, url: &args.image.url, sha256: digest.as_deref(), hop };
            write_all(&args.out, &istio.render())
        }
        Target::Kubernetes(args) => {
            let document = load_for_mesh(&args.config)?;
            warn(&document);
            args.kubernetes(&document, args.image.layout()?.as_deref(), &args.out)
        }
        Target::Prometheus(args) => {
            let document = load(&args.config)?;
            write_all(&args.out, &prometheus::render(&document.config, args.time_scale))
        }
        Target::Alertmanager(args) => {
            let document = load(&args.config)?;
            warn(&document);
            write_all(&args.out, &alertmanager::render(&document.config, args.time_scale))
        }
        Target::Grafana(args) => {
            let document = load(&args.config)?;
            write_all(&args.out, &grafana::render(&document.config))
        }
        Target::All(args) => all(args),
    }
}

impl KubernetesArgs {
    /// Where a plain Envoy's requests go.
    fn upstream(&self, document: &Document) -> HostPort {
        let service = || HostPort { host: names::label_value(&document.config.service), port: 8080 };
        self.upstream.clone().unwrap_or_else(service)
    }

    /// The files into a folder, and the module beside those of the plain Envoy.
    fn kubernetes(&self, document: &Document, digest: Option<&str>, folder: &Path) -> Result<Done, Failure> {
        let url = &self.image.url;
        if url.starts_with("file://") {
            return Err(Failure::Url { url: url.clone() });
        }
        let module = self.image.module()?;
        let upstream = self.upstream(document);
        let done =
            write_all(folder, &Kubernetes { document, url, sha256: digest, upstream: &upstream }.render())?;
        let copy = folder.join(kubernetes::MODULE);
        std::fs::write(&copy, module)
            .map_err(|source| Failure::Write { path: copy.display().to_string(), source })?;
        Ok(done)
    }
}

/// Every target into a folder of its name.
fn all(args: &KubernetesArgs) -> Result<Done, Failure> {
    let document = load_for_mesh(&args.config)?;
    warn(&document);
    let config = &document.config;
    let digest = args.image.layout()?;
    let istio =
        Istio { document: &document, url: &args.image.url, sha256: digest.as_deref(), hop: Hop::Gateway };
    let bootstrap = Bootstrap {
        document: &document,
        upstream: args.upstream(&document),
        listen: HostPort { host: "0.0.0.0".to_owned(), port: 10000 },
        admin: HostPort { host: "127.0.0.1".to_owned(), port: 9901 },
        wasm: args.image.wasm.as_ref().map_or(checkout::WASM.to_owned(), |path| path.display().to_string()),
        flush_seconds: None,
    };
    // First what needs the module: where there is none, nothing is written.
    let done = args.kubernetes(&document, digest.as_deref(), &args.out.join("kubernetes"))?;
    for (name, files) in [
        ("plugin", vec![plugin::render(&document.value)]),
        ("envoy-stats", vec![envoy_stats::render(config)]),
        ("envoy", vec![bootstrap.render()]),
        ("istio", istio.render()),
        ("prometheus", prometheus::render(config, 1)),
        ("alertmanager", alertmanager::render(config, 1)),
        ("grafana", grafana::render(config)),
    ] {
        write_all(&args.out.join(name), &files)?;
    }
    Ok(done)
}

/// To standard output, or where the user says.
fn one_file(common: &Common, rendered: &Rendered, out: &mut impl Write) -> Result<Done, Failure> {
    match &common.out {
        None => out.write_all(rendered.text.as_bytes())?,
        Some(path) => write_file(path, rendered)?,
    }
    Ok(Done::Good)
}

/// Several files into a folder, which is made where it is not there; what else is in it stays.
fn write_all(folder: &Path, files: &[Rendered]) -> Result<Done, Failure> {
    for file in files {
        let path = folder.join(file.name);
        let write = |path: &Path| {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, &file.text)
        };
        write(&path).map_err(|source| Failure::Write { path: path.display().to_string(), source })?;
    }
    Ok(Done::Good)
}

/// Writes into `path`; where it is a folder, under the file's own name.
fn write_file(path: &Path, rendered: &Rendered) -> Result<(), Failure> {
    let path = if path.is_dir() { path.join(rendered.name) } else { path.to_owned() };
    // As for targets of several files: their folder need not be there.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, &rendered.text))
        .map_err(|source| Failure::Write { path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests;
