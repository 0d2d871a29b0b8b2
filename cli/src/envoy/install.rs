//! A machine in, an Envoy on it out: named, on PATH, in `.tools/`, or installed there now.

use super::error::EnvoyError;
use super::version::Version;
use crate::checkout;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The environment variable that names a program to use.
const NAMED: &str = "REDLINE_ENVOY";
/// Where `make setup` puts it.
const IN_TOOLS: &str = ".tools/bin/envoy";

/// An Envoy on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The program.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
}

impl Installation {
    /// The program `path`, where it is an Envoy.
    pub fn at(path: &Path) -> Option<Self> {
        let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().ok()?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { path: path.to_owned(), version })
    }

    /// What `REDLINE_ENVOY` names; else the first supported on PATH, then in a `.tools/` above this folder or this
    /// program.
    pub fn find() -> Result<Option<Self>, EnvoyError> {
        if let Some(named) = std::env::var_os(NAMED).filter(|v| !v.is_empty()) {
            return Self::named(Path::new(&named)).map(Some);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|folder| folder.join("envoy")).filter(|p| p.is_file());
        // Other programs have the name too.
        let supported = |path: PathBuf| Self::at(&path).filter(|found| found.version >= Version::OLDEST);
        Ok(on_path.chain(checkout::find_above(IN_TOOLS)).find_map(supported))
    }

    /// [`Installation::find`]; where there is none, the checkout's installer puts one into `.tools/`.
    pub fn find_or_install() -> Result<Self, EnvoyError> {
        if let Some(found) = Self::find()? {
            return Ok(found);
        }
        let root = checkout::root().ok_or(EnvoyError::NotFound)?;
        let mut command = Command::new("python3");
        // `make setup` for this one program. Its words are no result of ours: they go where ours go.
        command.args(["scripts/setup.py", "envoy"]).current_dir(&root).stdin(Stdio::null());
        command.stdout(Stdio::from(std::io::stderr()));
        let status = command.status().map_err(EnvoyError::io("python3"))?;
        if !status.success() {
            let command = "python3 scripts/setup.py envoy".to_owned();
            return Err(EnvoyError::Install { command, status: status.to_string() });
        }
        Self::find()?.ok_or(EnvoyError::NotFound)
    }

    fn named(path: &Path) -> Result<Self, EnvoyError> {
        let name = path.display().to_string();
        match Self::at(path) {
            Some(found) if found.version >= Version::OLDEST => Ok(found),
            Some(found) => Err(EnvoyError::too_old(&name, found.version)),
            None if path.is_file() => {
                Err(EnvoyError::Named { path: name, reason: "this is no Envoy".to_owned() })
            }
            None => Err(EnvoyError::Named { path: name, reason: "no such file".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_no_envoy_is_none() {
        assert_eq!(Installation::at(Path::new("/bin/echo")), None);
        assert_eq!(Installation::at(Path::new("/nowhere/envoy")), None);
        assert!(Installation::named(Path::new("/bin/echo")).unwrap_err().to_string().contains("no Envoy"));
        assert!(
            Installation::named(Path::new("/nowhere/envoy"))
                .unwrap_err()
                .to_string()
                .contains("no such file")
        );
    }
}
