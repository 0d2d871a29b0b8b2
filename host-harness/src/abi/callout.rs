//! HTTP and gRPC calls, foreign functions: there is nobody to call. Statuses are those for unknown names.

use super::memory::{open, reply, write, write_u32};
use super::state::HostState;
use super::status::Status;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |_: Caller<'_, HostState>,
         _upstream: u32,
         _: u32,
         _headers: u32,
         _: u32,
         _body: u32,
         _: u32,
         _trailers: u32,
         _: u32,
         _timeout: u32,
         _out: u32| { Status::BadArgument as u32 },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |_: Caller<'_, HostState>,
         _upstream: u32,
         _: u32,
         _service: u32,
         _: u32,
         _method: u32,
         _: u32,
         _metadata: u32,
         _: u32,
         _message: u32,
         _: u32,
         _timeout: u32,
         _out: u32| { Status::ParseFailure as u32 },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |_: Caller<'_, HostState>,
         _upstream: u32,
         _: u32,
         _service: u32,
         _: u32,
         _method: u32,
         _: u32,
         _metadata: u32,
         _: u32,
         _out: u32| { Status::ParseFailure as u32 },
    )?;
    // The two low bits of a token are its kind: 1 a call, 2 a stream.
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |_: Caller<'_, HostState>, token: u32, _: u32, _: u32, _: u32| {
            if token & 3 == 2 { Status::NotFound as u32 } else { Status::BadArgument as u32 }
        },
    )?;
    for name in ["proxy_grpc_cancel", "proxy_grpc_close"] {
        linker.func_wrap("env", name, |_: Caller<'_, HostState>, token: u32| {
            if matches!(token & 3, 1 | 2) { Status::NotFound as u32 } else { Status::BadArgument as u32 }
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
         _: u32,
         _: u32,
         _address_at: u32,
         _length_at: u32| {
            reply((|| {
                let (memory, _) = open(&mut caller)?;
                super::memory::read(memory, name, length)?;
                write(memory, 0, &[])?;
                Err(Status::NotFound.into())
            })())
        },
    )?;
    Ok(())
}
