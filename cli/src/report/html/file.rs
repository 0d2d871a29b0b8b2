//! A path in; a page in that file, whole or not at all, out.

use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that can be written, before there is anything to write.
#[derive(Debug)]
pub struct Destination {
    path: PathBuf,
    /// Beside it, so that it can be renamed into its place; `None` where that is a link or a device, which is written through.
    beside: Option<NamedTempFile>,
}

/// Why a page cannot be written there.
#[derive(Debug, thiserror::Error)]
#[error("--report {path}: {reason}")]
pub struct FileError {
    /// As the user named it.
    path: String,
    /// What is wrong with it.
    reason: String,
}

impl Destination {
    /// Looks whether the file can be written; what is there stays as it is until [`Self::write`].
    pub fn prepare(path: &Path) -> Result<Self, FileError> {
        let failed = |reason: String| FileError { path: path.display().to_string(), reason };
        if path.as_os_str() == "-" {
            return Err(failed("standard output has the tables; name a file".to_owned()));
        }
        if path.is_dir() {
            return Err(failed("this is a folder; name a file in it".to_owned()));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        // A file that is there may be one that must not be replaced.
        if path.exists() {
            std::fs::OpenOptions::new().append(true).open(path).map_err(|error| failed(error.to_string()))?;
        }
        let plain = std::fs::symlink_metadata(path).map_or(true, |known| known.is_file());
        if !plain {
            return Ok(Self { path: path.to_owned(), beside: None });
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".redline-report-").suffix(".html");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As for any new file; the user's umask still applies.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let beside = builder.tempfile_in(folder).map_err(|error| failed(error.to_string()))?;
        Ok(Self { path: path.to_owned(), beside: Some(beside) })
    }

    /// Writes the page.
    pub fn write(self, html: &str) -> Result<(), FileError> {
        let Self { path, beside } = self;
        let written = match beside {
            Some(mut beside) => beside
                .write_all(html.as_bytes())
                .and_then(|()| beside.persist(&path).map(drop).map_err(|error| error.error)),
            None => std::fs::write(&path, html),
        };
        written.map_err(|error| FileError { path: path.display().to_string(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_replaces_a_file_at_the_end_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        std::fs::write(&path, "old").unwrap();
        drop(Destination::prepare(&path).unwrap());
        let destination = Destination::prepare(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        destination.write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let in_nowhere = folder.path().join("nowhere/report.html");
        let table =
            [(Path::new("-"), "name a file"), (folder.path(), "folder"), (&in_nowhere, "No such file")];
        for (path, reason) in table {
            let error = Destination::prepare(path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--report {}: ", path.display())), "{error}");
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target.html", "link.html"].map(|name| folder.path().join(name));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        Destination::prepare(&link).unwrap().write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
    }
}
