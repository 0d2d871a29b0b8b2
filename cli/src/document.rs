//! A configuration file or standard input in; the validated configuration out, or every mistake with its line.
//!
//! JSON is read as the YAML that it is, so both have line numbers and neither may repeat a key. What is wrong with
//! the configuration itself is said by [`redline::config`], in the words that the filter writes to Envoy's log.

mod tree;

use redline::config::{Config, ConfigError};
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use tree::Tree;

/// Larger files are no configurations.
const MAX_BYTES: u64 = 16 << 20;
/// The file name that means standard input.
const STDIN: &str = "-";

/// A configuration that is valid, with the document that it was read from.
#[derive(Debug, Clone)]
pub struct Document {
    /// The document as JSON, keys in alphabetical order: what Envoy's plugin configuration holds.
    pub value: Value,
    /// What it means.
    pub config: Config,
    /// JSON path to line.
    lines: HashMap<String, u64>,
}

/// One mistake, and the line where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// From 1, where it is known.
    pub line: Option<u64>,
    /// The mistake.
    pub error: ConfigError,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// As the user named it.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not text, or too long.
    #[error("{file}: {reason}")]
    NotText {
        /// As the user named it.
        file: String,
        /// What it is.
        reason: &'static str,
    },
    /// It is neither JSON nor YAML.
    #[error("{file}{}: {reason}", at(*.line))]
    Syntax {
        /// As the user named it.
        file: String,
        /// From 1, where it is known.
        line: Option<u64>,
        /// What the parser says.
        reason: String,
    },
    /// It says something that cannot be; one line per mistake.
    #[error("{}", lines(.file, .mistakes))]
    Refused {
        /// As the user named it.
        file: String,
        /// Every mistake, never empty.
        mistakes: Vec<Mistake>,
    },
}

impl DocumentError {
    /// How many mistakes it holds.
    pub fn count(&self) -> usize {
        match self {
            Self::Refused { mistakes, .. } => mistakes.len(),
            Self::Read { .. } | Self::NotText { .. } | Self::Syntax { .. } => 1,
        }
    }
}

fn at(line: Option<u64>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

fn lines(file: &str, mistakes: &[Mistake]) -> String {
    let line = |m: &Mistake| format!("{file}{}: {}", at(m.line), m.error);
    mistakes.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Document {
    /// Reads a file, or standard input where `path` is `-`.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        let stdin = path.as_os_str() == STDIN;
        let file = Self::name(path);
        let mut bytes = Vec::new();
        let read = if stdin {
            std::io::stdin().take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path)
                .and_then(|f| f.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes))
        };
        if let Err(source) = read {
            return Err(DocumentError::Read { file, source });
        }
        Self::from_bytes(&file, bytes)
    }

    /// What a file is called in messages.
    pub fn name(path: &Path) -> String {
        if path.as_os_str() == STDIN { "standard input".to_owned() } else { path.display().to_string() }
    }

    /// An error with every mistake that somebody else found, and its line; fine where there is none.
    pub fn refuse(&self, path: &Path, mistakes: Vec<ConfigError>) -> Result<(), DocumentError> {
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(refused(&Self::name(path), mistakes, &self.lines))
    }

    /// Reads bytes; `file` is named in errors.
    fn from_bytes(file: &str, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let file = file.to_owned();
        if u64::try_from(bytes.len()).is_ok_and(|n| n > MAX_BYTES) {
            return Err(DocumentError::NotText {
                file,
                reason: "larger than 16 MiB: this is no configuration",
            });
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::from_text(&file, &text),
            Err(_) => {
                Err(DocumentError::NotText { file, reason: "not UTF-8 text: this is no configuration" })
            }
        }
    }

    /// Reads text; `file` is named in errors.
    pub fn from_text(file: &str, text: &str) -> Result<Self, DocumentError> {
        // YAML forgives what JSON does not; the filter, which has the words for it, reads JSON.
        let is_json = is_meant_as_json(file, text);
        if text.trim().is_empty() || (is_json && serde_json::from_str::<IgnoredAny>(text).is_err()) {
            return Err(match Config::from_json(text.as_bytes()) {
                Ok(_) => syntax(file, None, "not a JSON document"),
                Err(errors) => refused(file, errors.0, &HashMap::new()),
            });
        }
        let (value, lines) = match Tree::read(text) {
            Ok(tree) => tree.split(),
            Err(yaml) => match serde_json::from_str::<Value>(text) {
                // JSON that YAML cannot say.
                Ok(value) if yaml.may_be_json => (value, HashMap::new()),
                Ok(_) | Err(_) => return Err(syntax(file, yaml.line, yaml.reason)),
            },
        };
        match Config::from_value(&value) {
            Ok(config) => Ok(Self { value, config, lines }),
            Err(errors) => Err(refused(file, errors.0, &lines)),
        }
    }
}

fn syntax(file: &str, line: Option<u64>, reason: impl Into<String>) -> DocumentError {
    DocumentError::Syntax { file: file.to_owned(), line, reason: reason.into() }
}

fn refused(file: &str, errors: Vec<ConfigError>, lines: &HashMap<String, u64>) -> DocumentError {
    let mistake = |error: ConfigError| Mistake { line: lines.get(&error.path).copied(), error };
    let mut mistakes: Vec<Mistake> = errors.into_iter().map(mistake).collect();
    // In the order of the file, as a person goes through it.
    mistakes.sort_by_key(|mistake| mistake.line);
    DocumentError::Refused { file: file.to_owned(), mistakes }
}

/// By the file's name, or because it begins as JSON objects do and YAML written by people does not.
fn is_meant_as_json(file: &str, text: &str) -> bool {
    let quoted_key = |rest: &str| rest.trim_start().starts_with(['"', '}']);
    file.ends_with(".json") || text.trim_start().strip_prefix('{').is_some_and(quoted_key)
}

#[cfg(test)]
mod tests;
