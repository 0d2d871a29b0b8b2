//! `proxy_get_shared_data`, `proxy_set_shared_data`, and the shared queues, of which there are none.

use super::memory::{Answer, give, open, read, reply, write_u32};
use super::state::HostState;
use super::status::Status;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut caller: Caller<'_, HostState>,
         key: u32,
         length: u32,
         address_at: u32,
         length_at: u32,
         cas_at: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let key = read(memory, key, length)?;
                state.scratch.clear();
                let cas = state.common.shared.get(key, &mut state.scratch)?;
                give(&mut caller, address_at, length_at)?;
                let (memory, _) = open(&mut caller)?;
                write_u32(memory, cas_at, cas)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut caller: Caller<'_, HostState>, key: u32, key_length: u32, value: u32, length: u32, cas: u32| {
            reply((|| -> Answer {
                let (memory, state) = open(&mut caller)?;
                let (key, value) = (read(memory, key, key_length)?, read(memory, value, length)?);
                match state.common.shared.set(key, value, cas) {
                    Status::Ok => Ok(()),
                    other => Err(other.into()),
                }
            })())
        },
    )?;
    queues(linker)
}

fn queues(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_register_shared_queue",
        |_: Caller<'_, HostState>, _name: u32, _length: u32, _out: u32| Status::Unimplemented as u32,
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |_: Caller<'_, HostState>, _vm: u32, _vm_length: u32, _name: u32, _length: u32, _out: u32| {
            Status::NotFound as u32
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |_: Caller<'_, HostState>, _queue: u32, _address_at: u32, _length_at: u32| Status::NotFound as u32,
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |_: Caller<'_, HostState>, _queue: u32, _data: u32, _length: u32| Status::NotFound as u32,
    )?;
    Ok(())
}
