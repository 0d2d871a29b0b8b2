//! An Envoy whose listeners come from a file, which a test replaces while it runs (filesystem LDS).

use super::gateway::{Listener, bootstrap};
use super::upstream::Addresses;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The file, and what its listeners are made from.
pub struct Listeners {
    folder: TempDir,
    upstream: Addresses,
}

impl Listeners {
    /// The first listeners, and the bootstrap that reads them, with ports that are free.
    pub fn start(listeners: &[Listener<'_>], wasm: &Path, upstream: Addresses) -> (Self, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let this = Self { folder, upstream };
        let mut whole = this.whole(listeners, wasm);
        this.write(&whole);
        whole["static_resources"]["listeners"] = json!([]);
        whole["node"] = json!({"id": "test", "cluster": "test"});
        whole["dynamic_resources"] =
            json!({"lds_config": {"path_config_source": {"path": this.file("listeners.json")}}});
        (this, whole.to_string())
    }

    /// Other listeners from now on: Envoy sees the file that takes the old one's place.
    pub fn replace(&self, listeners: &[Listener<'_>], wasm: &Path) {
        self.write(&self.whole(listeners, wasm));
    }

    /// Listeners whose configuration of the filter may be as wrong as the test likes.
    pub fn replace_with(&self, change: impl FnOnce(&mut Value), listeners: &[Listener<'_>], wasm: &Path) {
        let mut whole = self.whole(listeners, wasm);
        change(&mut whole["static_resources"]["listeners"]);
        self.write(&whole);
    }

    fn whole(&self, listeners: &[Listener<'_>], wasm: &Path) -> Value {
        let text = bootstrap(listeners, &wasm.display().to_string(), self.upstream);
        serde_json::from_str(&text).expect("our own JSON")
    }

    fn write(&self, whole: &Value) {
        let mut listeners = whole["static_resources"]["listeners"].clone();
        for listener in listeners.as_array_mut().expect("listeners") {
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        }
        let response = json!({"resources": listeners}).to_string();
        std::fs::write(self.file("new"), response).expect("a file");
        std::fs::rename(self.file("new"), self.file("listeners.json")).expect("a file");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
