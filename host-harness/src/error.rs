//! What can go wrong between a gateway and its filter.

use crate::log::{LogLine, VmRole};
use crate::stats::StatError;

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
    /// The stream's VM has trapped before: Envoy answers 503 to such a request.
    #[error("the {vm} VM has failed before")]
    Failed {
        /// Which.
        vm: VmRole,
    },
}

/// The last lines of a log, each on a line of its own.
fn told(log: &[LogLine]) -> String {
    let from = log.len().saturating_sub(20);
    log.iter().skip(from).map(|line| format!("\n  {line}")).collect()
}
