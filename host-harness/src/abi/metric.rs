//! `proxy_define_metric`, `proxy_increment_metric`, `proxy_record_metric`, `proxy_get_metric`: see
//! [`MetricTable`](crate::stats::MetricTable).

use super::memory::{open, read, reply, write_u32, write_u64};
use super::state::HostState;
use crate::stats::MetricType;
use crate::status::Status;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut caller: Caller<'_, HostState>, kind: u32, name: u32, length: u32, out: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let name = read(memory, name, length)?;
                let kind = MetricType::from_abi(kind).ok_or(Status::BadArgument)?;
                let id = state.metrics.define(kind, name);
                write_u32(memory, out, id)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |mut caller: Caller<'_, HostState>, id: u32, offset: i64| {
            reply(open(&mut caller).and_then(|(_, state)| done(state.metrics.increment(id, offset))))
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |mut caller: Caller<'_, HostState>, id: u32, value: u64| {
            reply(open(&mut caller).and_then(|(_, state)| done(state.metrics.record(id, value))))
        },
    )?;
    linker.func_wrap("env", "proxy_get_metric", |mut caller: Caller<'_, HostState>, id: u32, out: u32| {
        reply((|| {
            let (memory, state) = open(&mut caller)?;
            let value = state.metrics.get(id)?;
            write_u64(memory, out, value)
        })())
    })?;
    Ok(())
}

fn done(status: Status) -> super::memory::Answer {
    match status {
        Status::Ok => Ok(()),
        other => Err(other.into()),
    }
}
