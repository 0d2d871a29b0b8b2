//! A path in; a page in that file, whole or not at all, out.

use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that can be written, before there is anything to write.
#[derive(Debug)]
pub struct Destination {
    /// As the user named it.
    named: PathBuf,
    /// Where links lead to.
    target: PathBuf,
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
    /// Looks whether the file can be written, and is none of those that the command reads; what is there stays as it is
    /// until [`Self::write`], and nothing is left where that does not come.
    pub fn prepare(path: &Path, inputs: &[&Path]) -> Result<Self, FileError> {
        let failed = |reason: String| FileError { path: path.display().to_string(), reason };
        if path.as_os_str() == "-" {
            return Err(failed("standard output has the tables; name a file".to_owned()));
        }
        if path.is_dir() {
            return Err(failed("this is a folder; name a file in it".to_owned()));
        }
        let target = match std::fs::canonicalize(path) {
            Ok(target) => target,
            Err(_) => {
                let folder = folder_of(path);
                let folder = std::fs::canonicalize(folder)
                    .map_err(|error| failed(format!("{}: {error}", folder.display())))?;
                folder.join(path.file_name().ok_or_else(|| failed("this names no file".to_owned()))?)
            }
        };
        if let Ok(known) = std::fs::metadata(&target) {
            if !known.is_file() {
                return Err(failed("this is no regular file; name one".to_owned()));
            }
            // A file that is there may be one that must not be replaced.
            std::fs::OpenOptions::new()
                .append(true)
                .open(&target)
                .map_err(|error| failed(error.to_string()))?;
        }
        if inputs.iter().any(|input| std::fs::canonicalize(input).is_ok_and(|input| input == target)) {
            return Err(failed("this is what the command reads; name another file".to_owned()));
        }
        let destination = Self { named: path.to_owned(), target };
        drop(destination.beside()?);
        Ok(destination)
    }

    /// Writes the page, whole or not at all.
    pub fn write(self, html: &str) -> Result<(), FileError> {
        let mut beside = self.beside()?;
        beside
            .write_all(html.as_bytes())
            .and_then(|()| beside.persist(&self.target).map(drop).map_err(|error| error.error))
            .map_err(|error| FileError { path: self.named.display().to_string(), reason: error.to_string() })
    }

    /// A new file beside it, so that it can be renamed into its place.
    fn beside(&self) -> Result<NamedTempFile, FileError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".redline-report-").suffix(".html");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As for any new file; the user's umask still applies.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(folder_of(&self.target)).map_err(|error| FileError {
            path: self.named.display().to_string(),
            reason: format!("nothing can be written in its folder: {error}"),
        })
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_replaces_a_file_at_the_end_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        std::fs::write(&path, "old").unwrap();
        drop(Destination::prepare(&path, &[]).unwrap());
        let destination = Destination::prepare(&path, &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        destination.write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let [input, link, in_nowhere] =
            ["log.json", "link.html", "nowhere/report.html"].map(|name| folder.path().join(name));
        std::fs::write(&input, "{}").unwrap();
        std::os::unix::fs::symlink(&input, &link).unwrap();
        let table = [
            (Path::new("-"), "name a file"),
            (folder.path(), "folder"),
            (&in_nowhere, "No such file"),
            (Path::new("/dev/null"), "regular file"),
            (&input, "what the command reads"),
            (&link, "what the command reads"),
        ];
        for (path, reason) in table {
            let error = Destination::prepare(path, &[&input]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--report {}: ", path.display())), "{error}");
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left");
    }

    #[test]
    fn a_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target.html", "link.html"].map(|name| folder.path().join(name));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        Destination::prepare(&link, &[]).unwrap().write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
    }
}
