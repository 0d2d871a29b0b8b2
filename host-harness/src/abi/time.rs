//! `proxy_get_current_time_nanoseconds`, `proxy_set_tick_period_milliseconds`.

use super::memory::{open, reply, write_u64};
use super::state::HostState;
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |mut caller: Caller<'_, HostState>, out: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                write_u64(memory, out, state.common.clock.now_ns())
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |mut caller: Caller<'_, HostState>, period: u32| {
            reply((|| {
                let (_, state) = open(&mut caller)?;
                state.tick_request = Some(period);
                Ok(())
            })())
        },
    )?;
    Ok(())
}
