//! What can go wrong between a gateway and its filter.

use crate::log::{LogLine, VmRole};
use crate::stats::StatError;
use std::time::Duration;

/// Why a filter cannot be loaded, started or run on.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Not a WebAssembly module that can be compiled.
    #[error("not a WebAssembly module: {reason}")]
    Compile {
        /// The compiler's words.
        reason: String,
    },
    /// The module does not say which proxy-wasm ABI it speaks, or another one.
    #[error(
        "not a proxy-wasm 0.2.x filter: it exports no proxy_abi_version_0_2_0 or proxy_abi_version_0_2_1"
    )]
    AbiVersion,
    /// The module imports what Envoy does not have.
    #[error("the filter imports {module}.{name}, which no proxy-wasm host has")]
    Import {
        /// Import module.
        module: String,
        /// Import name.
        name: String,
    },
    /// An export has another signature than the ABI says, an import too, or one that is needed is missing.
    #[error("the filter does not fit the proxy-wasm ABI: {reason}")]
    Signature {
        /// Which, and how.
        reason: String,
    },
    /// The stats configuration.
    #[error(transparent)]
    Stats(#[from] StatError),
    /// `proxy_on_vm_start` or `proxy_on_configure` answered false.
    #[error("the filter refused its configuration ({callback} in the {vm} VM){}", told(.log))]
    Refused {
        /// Where.
        vm: VmRole,
        /// Which of the two.
        callback: &'static str,
        /// What the filter logged.
        log: Vec<LogLine>,
    },
    /// The guest trapped, or called what it may not call there; its VM has failed.
    #[error("the filter trapped in {callback} ({vm} VM): {reason}{}", told(.log))]
    Trap {
        /// Where.
        vm: VmRole,
        /// In which callback.
        callback: &'static str,
        /// The trap and the WebAssembly backtrace.
        reason: String,
        /// What the filter logged.
        log: Vec<LogLine>,
    },
    /// A callback took too long; its VM has failed. Envoy would hang.
    #[error("the filter did not come back from {callback} ({vm} VM) within {limit:?}: it was stopped{}", told(.log))]
    Runaway {
        /// Where.
        vm: VmRole,
        /// In which callback.
        callback: &'static str,
        /// How long it may take.
        limit: Duration,
        /// What the filter logged.
        log: Vec<LogLine>,
    },
    /// The guest trapped after it was refused memory; its VM has failed.
    #[error("the filter ran out of memory in {callback} ({vm} VM): it asked for {wanted} bytes, the limit is {limit}: {reason}{}", told(.log))]
    OutOfMemory {
        /// Where.
        vm: VmRole,
        /// In which callback.
        callback: &'static str,
        /// Bytes of linear memory that it asked for.
        wanted: usize,
        /// Bytes that it may have.
        limit: usize,
        /// The trap and the WebAssembly backtrace.
        reason: String,
        /// What the filter logged.
        log: Vec<LogLine>,
    },
    /// The filter answers each item of a shared queue with another one, for ever.
    #[error(
        "the filter was told {told} times of items in its shared queues, and there is no end: it adds one for each that it is told of"
    )]
    QueueStorm {
        /// How many items there were at one instant.
        told: u32,
    },
    /// The stream's VM has trapped before: Envoy answers 503 to such a request.
    #[error("the {vm} VM has failed before")]
    Failed {
        /// Which.
        vm: VmRole,
    },
}

impl HostError {
    /// Whether a callback failed a VM: what Envoy's failure policy is about.
    pub fn is_crash(&self) -> bool {
        matches!(self, Self::Trap { .. } | Self::Runaway { .. } | Self::OutOfMemory { .. })
    }
}

/// The last lines of a log, each on a line of its own.
fn told(log: &[LogLine]) -> String {
    let from = log.len().saturating_sub(20);
    log.iter().skip(from).map(|line| format!("\n  {line}")).collect()
}
