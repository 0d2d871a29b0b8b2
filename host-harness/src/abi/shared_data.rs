//! `proxy_get_shared_data`, `proxy_set_shared_data`, and the shared queues.

use super::memory::{Answer, give, open, read, reply, write_u32};
use super::state::HostState;
use crate::status::Status;
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
        |mut caller: Caller<'_, HostState>, name: u32, length: u32, out: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let name = read(memory, name, length)?;
                let vm_id = state.common.plugin.vm_id.as_bytes();
                let token = state.common.queues.register(vm_id, name, state.role);
                write_u32(memory, out, token)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |mut caller: Caller<'_, HostState>,
         vm_id: u32,
         vm_id_length: u32,
         name: u32,
         length: u32,
         out: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let (vm_id, name) = (read(memory, vm_id, vm_id_length)?, read(memory, name, length)?);
                // No vm_id is the VM's own.
                let vm_id = if vm_id.is_empty() { state.common.plugin.vm_id.as_bytes() } else { vm_id };
                let token = state.common.queues.resolve(vm_id, name)?;
                write_u32(memory, out, token)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |mut caller: Caller<'_, HostState>, queue: u32, address_at: u32, length_at: u32| {
            reply((|| {
                let (_, state) = open(&mut caller)?;
                state.scratch = state.common.queues.dequeue(queue)?;
                give(&mut caller, address_at, length_at)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |mut caller: Caller<'_, HostState>, queue: u32, data: u32, length: u32| {
            reply((|| -> Answer {
                let (memory, state) = open(&mut caller)?;
                Ok(state.common.queues.enqueue(queue, read(memory, data, length)?)?)
            })())
        },
    )?;
    Ok(())
}
