//! HTTP calls, which a test answers; gRPC calls and foreign functions, of which none are known.
//!
//! gRPC answers as Envoy does for an unknown service, foreign functions as for an unknown name.

use super::memory::{Answer, open, read, reply, write_u32};
use super::state::HostState;
use crate::headers::HeaderMap;
use crate::status::Status;
use crate::upstream::HttpCall;
use wasmtime::{Caller, Linker};

#[expect(clippy::too_many_arguments, reason = "the ABI's")]
fn http_call(
    mut caller: Caller<'_, HostState>,
    upstream: u32,
    upstream_length: u32,
    headers: u32,
    headers_length: u32,
    body: u32,
    body_length: u32,
    trailers: u32,
    trailers_length: u32,
    timeout_ms: u32,
    out: u32,
) -> wasmtime::Result<u32> {
    reply((|| {
        let (memory, state) = open(&mut caller)?;
        let upstream = String::from_utf8_lossy(read(memory, upstream, upstream_length)?).into_owned();
        let body = read(memory, body, body_length)?.to_vec();
        let headers = HeaderMap::decode(read(memory, headers, headers_length)?).unwrap_or_default();
        let trailers = HeaderMap::decode(read(memory, trailers, trailers_length)?).unwrap_or_default();
        // Before anything happens the place for the token is tried.
        write_u32(memory, out, 0)?;
        let whole = [&b":method"[..], b":path", b":authority"].iter().all(|name| headers.get(name).is_some());
        if !state.common.upstreams.contains(&upstream) || !whole {
            return Err(Status::BadArgument.into());
        }
        // Measured: 0 is no timeout.
        let timeout = (timeout_ms > 0).then(|| u64::from(timeout_ms) * 1_000_000);
        let deadline_ns = timeout.map(|timeout| state.common.clock.now_ns().saturating_add(timeout));
        let token = state.calls.make(HttpCall { upstream, headers, body, trailers, deadline_ns });
        write_u32(memory, out, token)
    })())
}

/// Whatever these parts of the memory are, they must be in it.
fn unknown_service(mut caller: Caller<'_, HostState>, parts: &[(u32, u32)]) -> wasmtime::Result<u32> {
    reply((|| -> Answer {
        let (memory, _) = open(&mut caller)?;
        for (at, length) in parts {
            read(memory, *at, *length)?;
        }
        Err(Status::ParseFailure.into())
    })())
}

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_http_call", http_call)?;
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |caller: Caller<'_, HostState>,
         upstream: u32,
         upstream_length: u32,
         service: u32,
         service_length: u32,
         method: u32,
         method_length: u32,
         metadata: u32,
         metadata_length: u32,
         message: u32,
         message_length: u32,
         _timeout: u32,
         _out: u32| {
            unknown_service(
                caller,
                &[
                    (upstream, upstream_length),
                    (service, service_length),
                    (method, method_length),
                    (metadata, metadata_length),
                    (message, message_length),
                ],
            )
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |caller: Caller<'_, HostState>,
         upstream: u32,
         upstream_length: u32,
         service: u32,
         service_length: u32,
         method: u32,
         method_length: u32,
         metadata: u32,
         metadata_length: u32,
         _out: u32| {
            unknown_service(
                caller,
                &[
                    (upstream, upstream_length),
                    (service, service_length),
                    (method, method_length),
                    (metadata, metadata_length),
                ],
            )
        },
    )?;
    // The two low bits of a token are its kind: 1 a call, 2 a stream.
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |mut caller: Caller<'_, HostState>, token: u32, message: u32, length: u32, _end: u32| {
            reply((|| -> Answer {
                let (memory, _) = open(&mut caller)?;
                read(memory, message, length)?;
                Err(if token & 3 == 2 { Status::NotFound } else { Status::BadArgument }.into())
            })())
        },
    )?;
    for name in ["proxy_grpc_cancel", "proxy_grpc_close"] {
        linker.func_wrap("env", name, |mut caller: Caller<'_, HostState>, token: u32| {
            reply((|| -> Answer {
                open(&mut caller)?;
                Err(if matches!(token & 3, 1 | 2) { Status::NotFound } else { Status::BadArgument }.into())
            })())
        })?;
    }
    linker.func_wrap(
        "env",
        "proxy_get_status",
        |mut caller: Caller<'_, HostState>, code_at: u32, address_at: u32, length_at: u32| {
            reply((|| {
                let (memory, _) = open(&mut caller)?;
                [code_at, address_at, length_at].into_iter().try_for_each(|at| write_u32(memory, at, 0))
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |mut caller: Caller<'_, HostState>,
         name: u32,
         length: u32,
         arguments: u32,
         arguments_length: u32,
         _address_at: u32,
         _length_at: u32| {
            reply((|| -> Answer {
                let (memory, _) = open(&mut caller)?;
                read(memory, name, length)?;
                read(memory, arguments, arguments_length)?;
                Err(Status::NotFound.into())
            })())
        },
    )?;
    Ok(())
}
