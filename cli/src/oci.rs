//! The filter's module in; an image in the OCI layout out, as the loaders of Istio and Envoy Gateway read it.
//!
//! The image is the "compat" variant of the Wasm image specification: one layer of
//! `application/vnd.oci.image.layer.v1.tar+gzip` with `plugin.wasm` in it. No file has a time in it: the same module
//! always gives the same bytes, and the same digest.

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::path::Path;

/// What the loaders look for in the layer.
pub const MODULE: &str = "plugin.wasm";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image layout (OCI image specification 1.1, "Image Layout").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// SHA-256 of the manifest in hexadecimal digits: what an image reference has after `@sha256:`, and what `sha256` of a
    /// WasmPlugin or of an EnvoyExtensionPolicy is compared with.
    pub digest: String,
    /// Path in the layout to contents.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Layout {
    /// The image of a module, tagged with `tag`; the error is the archiver's.
    pub fn of(module: &[u8], tag: &str) -> io::Result<Self> {
        let tar = archive(module)?;
        let layer = compressed(&tar)?;
        let config = text(&json!({
            // As the CNCF's Wasm working group writes it; the loaders do not look at it.
            "architecture": "wasm",
            "os": "wasip1",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]},
        }));
        let manifest = text(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": [descriptor(LAYER, &layer)],
            "annotations": {
                "org.opencontainers.image.title": "redline",
                "org.opencontainers.image.version": tag,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        }));
        let mut entry = descriptor(MANIFEST, &manifest);
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("annotations".to_owned(), json!({"org.opencontainers.image.ref.name": tag}));
        }
        let index = text(&json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}));
        let digest = hex(&manifest);
        let blobs = [layer, config, manifest];
        let blobs = blobs.into_iter().map(|blob| (format!("blobs/sha256/{}", hex(&blob)), blob));
        let head = [
            ("oci-layout".to_owned(), text(&json!({"imageLayoutVersion": "1.0.0"}))),
            ("index.json".to_owned(), index),
        ];
        Ok(Self { digest, files: head.into_iter().chain(blobs).collect() })
    }

    /// Writes the files into a folder, which is made where it is not there; what else is in it stays.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        for (name, contents) in &self.files {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, contents)?;
        }
        Ok(())
    }
}

/// One file, owned by root, of 1970.
fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(u64::try_from(module.len()).map_err(io::Error::other)?);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, MODULE, module)?;
    tar.into_inner()
}

fn compressed(tar: &[u8]) -> io::Result<Vec<u8>> {
    // "Unknown" for the system, whatever system this is.
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    gzip.write_all(tar)?;
    gzip.finish()
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(blob), "size": blob.len()})
}

fn digest(blob: &[u8]) -> String {
    format!("sha256:{}", hex(blob))
}

fn hex(blob: &[u8]) -> String {
    Sha256::digest(blob).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
