//! `proxy_get_buffer_bytes`, `proxy_get_buffer_status`, `proxy_set_buffer_bytes`: the configurations; bodies are empty.

use super::memory::{Answer, Stop, give, open, read, reply, write_u32};
use super::state::{HostState, Phase};
use super::status::Status;
use wasmtime::{Caller, Linker};

const HTTP_CALL_BODY: u32 = 4;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const CALL_DATA: u32 = 8;

fn buffer(state: &HostState, buffer: u32) -> Result<&[u8], Stop> {
    match buffer {
        VM_CONFIGURATION => Ok(&state.common.plugin.vm_configuration),
        PLUGIN_CONFIGURATION if state.phase == Phase::Configure => Ok(&state.common.plugin.configuration),
        PLUGIN_CONFIGURATION | HTTP_CALL_BODY => Err(Status::NotFound.into()),
        0..=CALL_DATA => Ok(b""),
        _ => Err(Status::BadArgument.into()),
    }
}

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut caller: Caller<'_, HostState>,
         kind: u32,
         start: u32,
         length: u32,
         address_at: u32,
         length_at: u32| {
            reply((|| {
                let (_, state) = open(&mut caller)?;
                let mut part = std::mem::take(&mut state.scratch);
                part.clear();
                // A start past the end is an empty part.
                part.extend(buffer(state, kind)?.iter().skip(start as usize).take(length as usize));
                state.scratch = part;
                give(&mut caller, address_at, length_at)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_buffer_status",
        |mut caller: Caller<'_, HostState>, kind: u32, length_at: u32, flags_at: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let length = buffer(state, kind)?.len() as u32;
                write_u32(memory, length_at, length)?;
                write_u32(memory, flags_at, 0)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |mut caller: Caller<'_, HostState>, kind: u32, _start: u32, _length: u32, data: u32, size: u32| {
            reply((|| -> Answer {
                let (memory, state) = open(&mut caller)?;
                buffer(state, kind)?;
                read(memory, data, size)?;
                // No buffer can be changed: bodies are not replayed.
                Err(Status::BadArgument.into())
            })())
        },
    )?;
    Ok(())
}
