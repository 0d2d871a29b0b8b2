//! Prometheus' and Alertmanager's own tools, as the tests run them.

use redline::config::Config;
use redline_cli::document::Document;
use redline_cli::render::{Rendered, prometheus};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

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

/// An Alertmanager that runs in `folder`.
///
/// Debian's looks for its templates in /usr/share, where they are not when its package is only unpacked. A copy then
/// looks for them from its working directory: the path in it is replaced by one of the same length.
pub fn alertmanager(folder: &Path) -> PathBuf {
    const INSTALLED: &str = "/usr/share/prometheus/alertmanager";
    const HERE: &str = "./usr/share/prometheus/alertmanage";
    let program = tool("alertmanager");
    let templates = super::root().join(".tools/debian").join(INSTALLED.trim_start_matches('/'));
    if Path::new(INSTALLED).is_dir() || !templates.is_dir() {
        return program;
    }
    let mut bytes = std::fs::read(&program).expect("the program");
    let places: Vec<usize> = bytes
        .windows(INSTALLED.len())
        .enumerate()
        .filter_map(|(at, window)| (window == INSTALLED.as_bytes()).then_some(at))
        .collect();
    for at in places {
        bytes[at..at + HERE.len()].copy_from_slice(HERE.as_bytes());
    }
    std::fs::create_dir_all(folder.join(HERE)).expect("a folder");
    for file in std::fs::read_dir(templates).expect("the templates").flatten() {
        if file.path().is_file() {
            std::fs::copy(file.path(), folder.join(HERE).join(file.file_name())).expect("a copy");
        }
    }
    let copy = folder.join("alertmanager");
    std::fs::copy(&program, &copy).expect("a copy, with its mode");
    std::fs::write(&copy, bytes).expect("the copy");
    copy
}

/// What is rendered for Prometheus, in a folder.
pub fn rendered(config: &Config, scale: u64) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &prometheus::render(config, scale));
    folder
}

/// A configuration that is right.
pub fn read(text: &str) -> Config {
    Document::from_text("test", text).expect("the test's configuration is right").config
}
