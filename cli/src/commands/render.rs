//! `redline render`: a configuration in, the files around the filter out.

mod args;

use super::{Done, Failure, warn};
use crate::address::{HostPort, Upstream};
use crate::checkout;
use crate::document::Document;
use crate::oci::Layout;
use crate::render::kubernetes::{self, Kubernetes};
use crate::render::{
    self,
    istio::{self, Hop, Istio},
};
use crate::render::{Bootstrap, Rendered, alertmanager, envoy_stats, grafana, names, plugin, prometheus};
use args::Target;
use std::io::{self, Write};
use std::path::Path;

/// Write the files around the filter from a configuration
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    target: Target,
}

/// What `redline check` takes, and nothing else: the whole configuration, with its receivers, is part of several targets.
fn load(path: &Path) -> Result<Document, Failure> {
    let document = Document::load(path)?;
    document.refuse(path, render::check(&document.config))?;
    Ok(document)
}

/// The same, without what Istio would read as its own.
fn load_for_mesh(path: &Path) -> Result<Document, Failure> {
    let document = load(path)?;
    document.refuse(path, istio::check(&document.config))?;
    Ok(document)
}

/// Says what about alerts is valid, but hardly meant.
fn warn_of_alerts(document: &Document) {
    alertmanager::warnings(&document.config).iter().for_each(|warning| warn(warning));
}

/// Renders one target.
pub fn run(args: &Args, out: &mut impl Write) -> Result<Done, Failure> {
    match &args.target {
        Target::Plugin(file) => {
            let document = load(&file.config)?;
            one_file(file, &plugin::render(&document.value), out)
        }
        Target::EnvoyStats(file) => {
            let document = load(&file.config)?;
            one_file(file, &envoy_stats::render(&document.config), out)
        }
        Target::Envoy(args) => {
            let document = load(&args.file.config)?;
            let done = one_file(&args.file, &args.bootstrap(&document).render(), out)?;
            // An absolute path may be one of the machine or the container that Envoy runs in.
            let wasm = Path::new(&args.wasm);
            if wasm.is_relative() && !wasm.is_file() {
                let wasm = wasm.display();
                warn(&format!(
                    "there is no {wasm} here; Envoy looks for it from the folder in which it is started"
                ));
            }
            Ok(done)
        }
        Target::Istio(args) => {
            let document = load_for_mesh(&args.folder.config)?;
            let digest = args.image.layout()?;
            let hop = if args.sidecars { Hop::Sidecars } else { Hop::Gateway };
            write_all(&args.folder.out, &args.image.istio(&document, digest.as_deref(), hop).render())
        }
        Target::Kubernetes(args) => {
            let document = load_for_mesh(&args.folder.config)?;
            warn_of_alerts(&document);
            let upstream = args.upstream(&document);
            args.kubernetes(&document, &upstream, args.image.layout()?.as_deref(), &args.folder.out)
        }
        Target::Prometheus(args::Scaled { folder, time_scale }) => {
            let document = load(&folder.config)?;
            write_all(&folder.out, &prometheus::render(&document.config, *time_scale))
        }
        Target::Alertmanager(args::Scaled { folder, time_scale }) => {
            let document = load(&folder.config)?;
            warn_of_alerts(&document);
            write_all(&folder.out, &alertmanager::render(&document.config, *time_scale))
        }
        Target::Grafana(folder) => {
            let document = load(&folder.config)?;
            write_all(&folder.out, &grafana::render(&document.config))
        }
        Target::All(args) => all(args),
    }
}

impl args::Envoy {
    fn bootstrap<'d>(&self, document: &'d Document) -> Bootstrap<'d> {
        Bootstrap {
            document,
            upstream: self.upstream.clone(),
            listen: self.listen.clone(),
            admin: self.admin.clone(),
            wasm: self.wasm.clone(),
            flush_seconds: None,
        }
    }
}

impl args::Image {
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

    fn istio<'a>(&'a self, document: &'a Document, digest: Option<&'a str>, hop: Hop) -> Istio<'a> {
        Istio { document, url: &self.url, sha256: digest, hop }
    }
}

impl args::Kubernetes {
    /// Where a plain Envoy's requests go. A guess is said.
    fn upstream(&self, document: &Document) -> Upstream {
        let guessed = || {
            let host = names::label_value(&document.config.service);
            let guess = Upstream::from(HostPort { host, port: 8080 });
            warn(&format!("a plain Envoy sends requests to {guess}; --upstream names another place"));
            guess
        };
        self.upstream.clone().unwrap_or_else(guessed)
    }

    /// The files into a folder, and the module beside those of the plain Envoy.
    fn kubernetes(
        &self,
        document: &Document,
        upstream: &Upstream,
        digest: Option<&str>,
        folder: &Path,
    ) -> Result<Done, Failure> {
        let url = &self.image.url;
        if url.starts_with("file://") {
            return Err(Failure::Url { url: url.clone() });
        }
        let module = self.image.module()?;
        let done = write_all(folder, &Kubernetes { document, url, sha256: digest, upstream }.render())?;
        let copy = folder.join(kubernetes::MODULE);
        std::fs::write(&copy, module)
            .map_err(|source| Failure::Write { path: copy.display().to_string(), source })?;
        Ok(done)
    }
}

/// Every target into a folder of its name.
fn all(args: &args::Kubernetes) -> Result<Done, Failure> {
    let document = load_for_mesh(&args.folder.config)?;
    warn_of_alerts(&document);
    let (config, out) = (&document.config, &args.folder.out);
    let digest = args.image.layout()?;
    let upstream = args.upstream(&document);
    let bootstrap = Bootstrap {
        document: &document,
        upstream: upstream.clone(),
        listen: HostPort { host: "0.0.0.0".to_owned(), port: 10000 },
        admin: HostPort { host: "127.0.0.1".to_owned(), port: 9901 },
        wasm: args.image.wasm.as_ref().map_or(checkout::WASM.to_owned(), |path| path.display().to_string()),
        flush_seconds: None,
    };
    // First what needs the module: where there is none, nothing is written.
    let done = args.kubernetes(&document, &upstream, digest.as_deref(), &out.join("kubernetes"))?;
    for (name, files) in [
        ("plugin", vec![plugin::render(&document.value)]),
        ("envoy-stats", vec![envoy_stats::render(config)]),
        ("envoy", vec![bootstrap.render()]),
        ("istio", args.image.istio(&document, digest.as_deref(), Hop::Gateway).render()),
        ("prometheus", prometheus::render(config, 1)),
        ("alertmanager", alertmanager::render(config, 1)),
        ("grafana", grafana::render(config)),
    ] {
        write_all(&out.join(name), &files)?;
    }
    Ok(done)
}

/// To standard output, or where the user says.
fn one_file(to: &args::File, rendered: &Rendered, out: &mut impl Write) -> Result<Done, Failure> {
    match &to.out {
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
