//! Where the program runs in; the files of Redline's checkout, or of the release, around it out.

use std::path::{Path, PathBuf};

/// The module that `make wasm` builds, from the checkout's root.
pub const WASM: &str = "dist/redline.wasm";

/// The first `relative` that is a file in a folder above the current one, or above this program's.
pub fn find_above(relative: impl AsRef<Path>) -> Option<PathBuf> {
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let folders: Vec<PathBuf> = starts.into_iter().flatten().collect();
    let mut candidates =
        folders.iter().flat_map(|start| start.ancestors()).map(|folder| folder.join(relative.as_ref()));
    candidates.find(|path| path.is_file())
}

/// The root of the checkout; other projects' folders are none.
pub fn root() -> Option<PathBuf> {
    let lock = find_above("src/stat_name.rs")?;
    let root = lock.parent()?.parent()?;
    root.join("scripts/setup.py").is_file().then(|| root.to_owned())
}

/// The filter's module: `given`, else the one beside this program, as a release has it, else the one that `make wasm` built.
pub fn wasm(given: Option<&Path>) -> Result<PathBuf, NoWasm> {
    let found = match given {
        Some(path) => path.is_file().then(|| path.to_owned()),
        None => beside_program().or_else(|| find_above(WASM)),
    };
    // Envoy's working directory is ours, but what is printed should be found from anywhere.
    found
        .map(|path| std::path::absolute(&path).unwrap_or(path))
        .ok_or_else(|| NoWasm { path: given.unwrap_or(Path::new(WASM)).display().to_string() })
}

/// The module in the folder of this program.
fn beside_program() -> Option<PathBuf> {
    let module = std::env::current_exe().ok()?.parent()?.join("redline.wasm");
    module.is_file().then_some(module)
}

/// The filter's module is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} is not there; `make wasm` builds dist/redline.wasm, and --wasm names another file")]
pub struct NoWasm {
    /// Where it should be.
    pub path: String,
}
