//! `proxy_get_buffer_bytes`, `proxy_get_buffer_status`, `proxy_set_buffer_bytes`: the configurations, bodies, and the
//! answers to HTTP calls.
//!
//! Measured: a body that cannot be seen now reads as empty, one that can be seen takes bytes at its beginning (in
//! place of as many as are named), at its end, or in place of all of it, but not in its middle.

use super::memory::{Answer, Stop, give, open, read, reply, write_u32};
use super::state::{HostState, Phase};
use crate::status::Status;
use crate::stream::Side;
use wasmtime::{Caller, Linker};

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const DOWNSTREAM_DATA: u32 = 2;
const UPSTREAM_DATA: u32 = 3;
const HTTP_CALL_BODY: u32 = 4;
const GRPC_MESSAGE: u32 = 5;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const CALL_DATA: u32 = 8;

fn buffer(state: &mut HostState, buffer: u32) -> Result<&[u8], Stop> {
    match buffer {
        REQUEST_BODY => Ok(state.body(Side::Request).map_or(b"", |body| body)),
        RESPONSE_BODY => Ok(state.body(Side::Response).map_or(b"", |body| body)),
        HTTP_CALL_BODY => match &state.answer {
            Some(answer) => Ok(&answer.body),
            None => Err(Status::NotFound.into()),
        },
        VM_CONFIGURATION => Ok(&state.common.plugin.vm_configuration),
        PLUGIN_CONFIGURATION if state.phase == Phase::Configure => Ok(&state.common.plugin.configuration),
        PLUGIN_CONFIGURATION => Err(Status::NotFound.into()),
        DOWNSTREAM_DATA | UPSTREAM_DATA | GRPC_MESSAGE | CALL_DATA => Ok(b""),
        _ => Err(Status::BadArgument.into()),
    }
}

/// Puts bytes into a body.
fn change(body: &mut Vec<u8>, start: u32, length: u32, bytes: &[u8]) -> Answer {
    let (start, length) = (start as usize, length as usize);
    if start == 0 {
        body.splice(..length.min(body.len()), bytes.iter().copied());
    } else if start >= body.len() {
        body.extend_from_slice(bytes);
    } else {
        return Err(Status::BadArgument.into());
    }
    Ok(())
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
        |mut caller: Caller<'_, HostState>, kind: u32, start: u32, length: u32, data: u32, size: u32| {
            reply((|| -> Answer {
                let (memory, state) = open(&mut caller)?;
                buffer(state, kind)?;
                let bytes = read(memory, data, size)?;
                let body = match kind {
                    REQUEST_BODY => state.body(Side::Request),
                    RESPONSE_BODY => state.body(Side::Response),
                    _ => None,
                };
                change(body.ok_or(Status::BadArgument)?, start, length, bytes)
            })())
        },
    )?;
    Ok(())
}
