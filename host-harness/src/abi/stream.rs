//! `proxy_continue_stream`, `proxy_close_stream`, `proxy_send_local_response`, `proxy_set_effective_context`,
//! `proxy_done`.
//!
//! What is asked of a stream happens when the callback has returned. Measured: each answers OK in any callback, also
//! where there is no stream to do it to. On a real Envoy a stream that is continued without having been paused may
//! send its response twice, and one that is closed in `proxy_on_log` crashes the process; here neither happens.

use super::memory::{Answer, open, read, reply};
use super::state::{Action, HostState};
use crate::headers::HeaderMap;
use crate::status::Status;
use crate::stream::{LocalReply, Side};
use wasmtime::{Caller, Linker};

/// The ABI's stream types.
const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
const DOWNSTREAM: u32 = 2;
const UPSTREAM: u32 = 3;

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_continue_stream", |mut caller: Caller<'_, HostState>, stream: u32| {
        reply((|| -> Answer {
            let (_, state) = open(&mut caller)?;
            let side = match stream {
                REQUEST => Side::Request,
                RESPONSE => Side::Response,
                DOWNSTREAM => return Ok(()),
                UPSTREAM => return Err(Status::Unimplemented.into()),
                _ => return Err(Status::BadArgument.into()),
            };
            state.actions.push_back(Action::Continue(state.context, side));
            Ok(())
        })())
    })?;
    linker.func_wrap("env", "proxy_close_stream", |mut caller: Caller<'_, HostState>, stream: u32| {
        reply((|| -> Answer {
            let (_, state) = open(&mut caller)?;
            match stream {
                REQUEST | RESPONSE => state.actions.push_back(Action::Close(state.context)),
                DOWNSTREAM | UPSTREAM => {}
                _ => return Err(Status::BadArgument.into()),
            }
            Ok(())
        })())
    })?;
    linker.func_wrap("env", "proxy_send_local_response", send_local_response)?;
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
    linker.func_wrap("env", "proxy_done", |mut caller: Caller<'_, HostState>| {
        reply(open(&mut caller).and_then(|_| Err(Status::NotFound.into())))
    })?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn send_local_response(
    mut caller: Caller<'_, HostState>,
    code: u32,
    details: u32,
    details_length: u32,
    body: u32,
    body_length: u32,
    headers: u32,
    headers_length: u32,
    grpc_status: i32,
) -> wasmtime::Result<u32> {
    reply((|| -> Answer {
        let (memory, state) = open(&mut caller)?;
        let details = String::from_utf8_lossy(read(memory, details, details_length)?);
        let local = LocalReply {
            code: u16::try_from(code).unwrap_or(u16::MAX),
            body: read(memory, body, body_length)?.to_vec(),
            // Pairs that cannot be read are none.
            headers: HeaderMap::decode(read(memory, headers, headers_length)?).unwrap_or_default(),
            details: details.replace(char::is_whitespace, "_"),
            grpc_status: u32::try_from(grpc_status).ok(),
        };
        state.actions.push_back(Action::Reply(state.context, local));
        Ok(())
    })())
}
