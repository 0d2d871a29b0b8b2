//! `proxy_log`, `proxy_get_log_level`.

use super::memory::{open, open_any, read, reply, write_u32};
use super::state::HostState;
use crate::log::LogLevel;
use crate::status::Status;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |mut caller: Caller<'_, HostState>, level: u32, text: u32, length: u32| {
            reply((|| {
                let level = LogLevel::from_abi(level).ok_or(Status::BadArgument)?;
                let (memory, state) = open_any(&mut caller)?;
                state.log(level, read(memory, text, length)?);
                Ok(())
            })())
        },
    )?;
    linker.func_wrap("env", "proxy_get_log_level", |mut caller: Caller<'_, HostState>, out: u32| {
        reply((|| {
            let (memory, state) = open(&mut caller)?;
            write_u32(memory, out, state.common.level as u32)
        })())
    })?;
    Ok(())
}
