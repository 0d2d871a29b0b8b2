//! What filters log, kept for whoever asks: the newest lines, bounded.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which VM of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VmRole {
    /// Configured first and alone, then dropped.
    Canary,
    /// The main thread's: ticks, no streams.
    Main,
    /// A worker's, from 0.
    Worker(usize),
}

impl fmt::Display for VmRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canary => f.write_str("canary"),
            Self::Main => f.write_str("main"),
            Self::Worker(number) => write!(f, "worker {number}"),
        }
    }
}

/// proxy-wasm's log levels, in the ABI's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

impl LogLevel {
    /// From the ABI's number.
    pub fn from_abi(number: u32) -> Option<Self> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Critical]
            .into_iter()
            .nth(number as usize)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Who logged it.
    pub vm: VmRole,
    /// Virtual time, nanoseconds since 1970.
    pub time_ns: u64,
    /// How grave.
    pub level: LogLevel,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warning",
            LogLevel::Error => "error",
            LogLevel::Critical => "critical",
        };
        write!(f, "[{level}] [{}] {}", self.vm, self.text)
    }
}

/// The newest lines of all VMs of a gateway. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<VecDeque<LogLine>>>);

/// How many lines are kept.
pub const LINES: usize = 10_000;

impl Log {
    pub(crate) fn push(&self, line: LogLine) {
        let mut lines = self.lock();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes every line that is kept, oldest first.
    pub fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut *self.lock()).into()
    }

    /// The lines of one VM that are kept, oldest first.
    pub fn of(&self, vm: VmRole) -> Vec<LogLine> {
        self.lock().iter().filter(|line| line.vm == vm).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_lines_are_kept() {
        let log = Log::default();
        for time_ns in 0..=LINES as u64 {
            log.push(LogLine { vm: VmRole::Worker(1), time_ns, level: LogLevel::Warn, text: "x".to_owned() });
        }
        assert_eq!(log.of(VmRole::Main), []);
        let lines = log.take();
        assert_eq!(
            (lines.len(), lines[0].time_ns, lines[0].to_string().as_str()),
            (LINES, 1, "[warning] [worker 1] x")
        );
        assert_eq!(log.take(), []);
    }
}
