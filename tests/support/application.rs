//! An example's application in, a process on a free port that ends with the test out.

use super::{eventually, root};
use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What it prints goes into a file.
pub struct Application {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Application {
    /// Starts `python`, one of those that `make setup` installs, with `arguments`, in the root of the checkout; waits until
    /// it prints `before` and, after it, its address.
    pub fn start(python: &str, arguments: &[&str], before: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a file");
        let child = Command::new(root().join(".tools/bin").join(python))
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the Python that `make setup` installs");
        let mut application = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), child, folder };
        application.address = eventually("the application's address", || {
            if let Some(status) = application.child.try_wait().expect("our own process") {
                panic!("{arguments:?} ended, {status}:\n{}", application.log());
            }
            let log = application.log();
            let (_, after) = log.split_once(before)?;
            // A line that is not yet whole may end within the port.
            let (address, _) = after.split_once(char::is_whitespace)?;
            address.parse().ok()
        });
        application
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _gone = (self.child.kill(), self.child.wait());
    }
}
