//! A command in, a process out that does not outlive us, not even where we are killed.
//!
//! The process has a group of its own, so that Ctrl-C in the terminal reaches us alone and the stop is orderly. A
//! shell beside it reads from a pipe that only we hold: when we are gone, by whatever signal, the pipe closes, and
//! the shell stops the process and removes its folder. Linux's parent-death signal would need unsafe code to set,
//! comes when the starting thread ends rather than the process, and exists on Linux only.

use super::POLL;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to stop by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// In: process id, folder. `read` ends when the pipe does.
const WATCH: &str = r#"
read -r _
kill -TERM "$1" 2>/dev/null
for _ in 1 2 3 4 5; do
    kill -0 "$1" 2>/dev/null || break
    sleep 1
done
kill -KILL "$1" 2>/dev/null
rm -rf -- "$2"
"#;

/// A process, and the shell that watches over us.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Child,
    watch: Child,
}

impl Guarded {
    /// Starts `command`, both outputs into `log`; `folder` is removed should we be killed.
    pub(super) fn spawn(mut command: Command, log: File, folder: &Path) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = command.spawn()?;
        let watch = Command::new("sh")
            .args(["-c", WATCH, "redline-watch", child.id().to_string().as_str()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match watch {
            Ok(watch) => Ok(Self { child, watch }),
            Err(error) => {
                let _stopped = (child.kill(), child.wait());
                Err(error)
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, where it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Stops it and waits until it is gone; nothing where it is.
    pub(super) fn stop(&mut self) {
        if self.ended().is_none() {
            let asked = rustix::process::kill_process(
                rustix::process::Pid::from_child(&self.child),
                rustix::process::Signal::TERM,
            );
            let deadline = Instant::now() + PATIENCE;
            while asked.is_ok() && self.ended().is_none() && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
            // Both do nothing where it has ended; an error would mean that it is not ours.
            let _gone = (self.child.kill(), self.child.wait());
        }
        // It still reads: there is nothing left for it to do.
        let _gone = (self.watch.kill(), self.watch.wait());
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str, folder: &Path) -> Guarded {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Guarded::spawn(command, File::create(folder.join("log")).unwrap(), folder).unwrap()
    }

    fn is_alive(pid: u32) -> bool {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::test_kill_process(pid).is_ok()
    }

    fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_dropped_process_is_gone_and_so_is_its_watch() {
        let folder = tempfile::tempdir().unwrap();
        let guarded = start("exec sleep 600", folder.path());
        let pids = [guarded.child.id(), guarded.watch.id()];
        assert!(pids.iter().all(|pid| is_alive(*pid)));
        drop(guarded);
        assert!(!pids.iter().any(|pid| is_alive(*pid)));
        assert!(folder.path().exists());
    }

    #[test]
    fn a_process_that_ends_by_itself_is_seen_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut guarded = start("exit 7", folder.path());
        wait_until("it ends", || guarded.ended().is_some());
        assert_eq!(guarded.ended().and_then(|s| s.code()), Some(7));
    }

    #[test]
    fn a_closed_pipe_stops_the_process_and_removes_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let mut guarded = start("exec sleep 600", &path);
        // What happens to the pipe when we are killed.
        drop(guarded.watch.stdin.take());
        wait_until("the process is stopped", || guarded.ended().is_some());
        wait_until("the folder is removed", || !path.exists());
    }
}
