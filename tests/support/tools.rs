//! Prometheus' and Alertmanager's own tools, as the tests run them.

use redline_cli::render::Rendered;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tool of `make setup`, else of the machine.
pub fn tool(name: &str) -> PathBuf {
    let own = super::root().join(".tools/bin").join(name);
    if own.is_file() { own } else { PathBuf::from(name) }
}

/// Writes rendered files into a folder.
pub fn write(folder: &Path, files: &[Rendered]) {
    for file in files {
        let path = folder.join(file.name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, &file.text).expect("a file");
    }
}

/// Runs a tool in a folder; what it says, and whether it is content.
pub fn run(name: &str, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(tool(name)).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}; `make setup` installs it"));
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text)
}

/// Runs a tool that must be content.
pub fn must(name: &str, folder: &Path, arguments: &[&str]) -> String {
    let (good, text) = run(name, folder, arguments);
    assert!(good, "{name} {}:\n{text}", arguments.join(" "));
    text
}
