//! `proxy_continue_stream`, `proxy_close_stream`, `proxy_send_local_response`, `proxy_set_effective_context`,
//! `proxy_done`.
//!
//! A replayed exchange has its end on record: a filter cannot pause, close or answer it here.

use super::memory::{Answer, open, reply};
use super::state::HostState;
use super::status::Status;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |_: Caller<'_, HostState>, stream: u32| match stream {
            0..=2 => Status::Ok as u32,
            3 => Status::Unimplemented as u32,
            _ => Status::BadArgument as u32,
        },
    )?;
    linker.func_wrap("env", "proxy_close_stream", |_: Caller<'_, HostState>, stream: u32| match stream {
        0..=3 => Status::Unimplemented as u32,
        _ => Status::BadArgument as u32,
    })?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |_: Caller<'_, HostState>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: i32| {
            Status::Unimplemented as u32
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |mut caller: Caller<'_, HostState>, context: u32| {
            reply((|| -> Answer {
                let (_, state) = open(&mut caller)?;
                let known =
                    context == state.root || state.streams.get(&context).is_some_and(|stream| stream.created);
                if !known {
                    return Err(Status::BadArgument.into());
                }
                state.context = context;
                Ok(())
            })())
        },
    )?;
    // Only after a proxy_on_done that answered false, which streams may not: Envoy goes on regardless.
    linker.func_wrap("env", "proxy_done", |_: Caller<'_, HostState>| Status::NotFound as u32)?;
    Ok(())
}
