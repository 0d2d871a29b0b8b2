//! Why a command could not do its work.

use crate::checkout::NoWasm;
use crate::document::DocumentError;
use crate::envoy::EnvoyError;
use crate::scrape::ScrapeError;
use host_harness::replay::ReplayError;
use host_harness::traffic::BadRecord;
use std::io;

/// A command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Exit code 0.
    Good,
    /// Exit code 1: what was checked or compared is not as it should be, and the output says so.
    CheckFailed,
}

/// A command that did not; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The filter's module.
    #[error(transparent)]
    NoWasm(#[from] NoWasm),
    /// Envoy.
    #[error(transparent)]
    Envoy(#[from] EnvoyError),
    /// The state of SLOs.
    #[error(transparent)]
    Slo(#[from] crate::slo::SloError),
    /// An Envoy that should be examined.
    #[error(transparent)]
    Doctor(#[from] crate::doctor::DoctorError),
    /// An Envoy that should be watched.
    #[error(transparent)]
    Top(#[from] super::top::TopError),
    /// Envoy's metrics.
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
    /// What should be replayed.
    #[error(transparent)]
    Input(#[from] BadRecord),
    /// A replay.
    #[error(transparent)]
    Replay(crate::replay::Error),
    /// A backtest.
    #[error(transparent)]
    Backtest(crate::backtest::Error),
    /// A file that should be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file that should be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Where a report should be written.
    #[error(transparent)]
    Report(#[from] crate::report::html::FileError),
    /// A report.
    #[error("--report: {0}")]
    Page(#[from] crate::report::html::PageError),
    /// Standard output.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// A place where not every proxy can find the filter.
    #[error("--url {url}: Envoy Gateway loads oci:// and https:// only")]
    Url {
        /// What was given.
        url: String,
    },
    /// An address that something else listens on.
    #[error("cannot listen on {address} ({source}); {option} chooses another address")]
    Listen {
        /// What was asked for.
        address: String,
        /// The option that says so.
        option: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Threads, signals, sockets of our own.
    #[error("{what}: {source}")]
    System {
        /// What was to be made.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl Failure {
    /// For `map_err`: an error of the system about `what`.
    pub fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }

    /// Whether the reader of standard output is gone.
    pub(super) fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// As it is printed: mistakes in a file begin with the file's name, as compilers do it.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Document(error) => error.to_string(),
            Self::Input(error) => error.to_string(),
            other => format!("redline: {other}"),
        }
    }
}

impl From<crate::replay::Error> for Failure {
    fn from(error: crate::replay::Error) -> Self {
        match error {
            crate::replay::Error::Replay(ReplayError::Bad(bad)) => Self::Input(bad),
            other => Self::Replay(other),
        }
    }
}

impl From<crate::backtest::Error> for Failure {
    fn from(error: crate::backtest::Error) -> Self {
        match error {
            crate::backtest::Error::Replay(error) => error.into(),
            other => Self::Backtest(other),
        }
    }
}
