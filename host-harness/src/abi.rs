//! The hostcalls of proxy-wasm ABI 0.2.1 and WASI preview 1, with the statuses that Envoy 1.40 answers.
//!
//! One file per family. Each was compared with the real binary: a probe filter called every hostcall with good, bad
//! and out-of-phase arguments in each callback; what it saw is what the tests here ask for.

mod buffer;
mod callout;
mod header_map;
mod log;
mod memory;
mod metric;
mod property;
mod shared_data;
pub(crate) mod state;
mod stream;
mod time;
mod wasi;

pub use crate::status::Status;
pub use state::Plugin;

use crate::error::HostError;
use state::HostState;
use wasmtime::{Engine, Linker, Module};

/// The hostcalls of ABI 0.2.1, by family.
pub const HOSTCALLS: [&str; 39] = [
    "proxy_log",
    "proxy_get_log_level",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_value",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_set_header_map_pairs",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_metric",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_send_local_response",
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_get_status",
    "proxy_call_foreign_function",
];

/// Every hostcall, linked for one module.
///
/// WASI functions that no filter here has a use for answer ENOSYS; any other unknown import is an error.
pub(crate) fn linker(engine: &Engine, module: &Module) -> Result<Linker<HostState>, HostError> {
    let mut linker = Linker::new(engine);
    let registered = [
        buffer::register,
        callout::register,
        header_map::register,
        log::register,
        metric::register,
        property::register,
        shared_data::register,
        stream::register,
        time::register,
        wasi::register,
    ]
    .into_iter()
    .try_for_each(|register| register(&mut linker));
    registered.map_err(|error| HostError::Signature { reason: format!("{error:#}") })?;
    for import in module.imports() {
        let known = match import.module() {
            "env" => HOSTCALLS.contains(&import.name()),
            _ => wasi::stub(&mut linker, &import),
        };
        if !known {
            let (module, name) = (import.module().to_owned(), import.name().to_owned());
            return Err(HostError::Import { module, name });
        }
    }
    Ok(linker)
}

#[cfg(test)]
mod tests;
