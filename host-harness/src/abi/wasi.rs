//! WASI preview 1, as much as a filter needs: output to the log, the virtual clock, seeded random numbers.

use super::memory::{Answer, Stop, open_any, read, reply, write, write_u32, write_u64};
use super::state::HostState;
use crate::log::LogLevel;
use crate::status::Status;
use wasmtime::{Caller, ExternType, ImportType, Linker, Val};

const MODULES: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];
const BADF: u32 = 8;
const NOENT: u32 = 44;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOSYS: u32 = 52;
const NOTSUP: u32 = 58;
const RANDOM_MAX: u32 = 64 * 1024;

/// WASI has error numbers of its own.
fn errno(answer: Answer) -> wasmtime::Result<u32> {
    match answer {
        Err(Stop::Answer(Status::InvalidMemoryAccess)) => Ok(FAULT),
        other => reply(other),
    }
}

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    MODULES.into_iter().try_for_each(|module| register_in(linker, module))
}

fn register_in(linker: &mut Linker<HostState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(module, "fd_write", fd_write)?;
    linker.func_wrap(
        module,
        "clock_time_get",
        |mut caller: Caller<'_, HostState>, clock: u32, _precision: u64, out: u32| {
            let time = &caller.data().common.clock;
            let now = match clock {
                0 => time.now_ns(),
                1 => time.elapsed_ns(),
                _ => return Ok(NOTSUP),
            };
            errno(open_any(&mut caller).and_then(|(memory, _)| write_u64(memory, out, now)))
        },
    )?;
    linker.func_wrap(module, "random_get", |mut caller: Caller<'_, HostState>, at: u32, length: u32| {
        if length > RANDOM_MAX {
            return Ok(INVAL);
        }
        errno((|| {
            let (memory, state) = open_any(&mut caller)?;
            let bytes: Vec<u8> = std::iter::repeat_with(|| random(&mut state.random).to_le_bytes())
                .flatten()
                .take(length as usize)
                .collect();
            write(memory, at, &bytes)
        })())
    })?;
    environment(linker, module)?;
    files(linker, module)?;
    linker.func_wrap(module, "proc_exit", |_: Caller<'_, HostState>, code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("the filter called proc_exit({code})")))
    })?;
    Ok(())
}

/// The environment is the plugin's; there are no arguments.
fn environment(linker: &mut Linker<HostState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "environ_sizes_get",
        |mut caller: Caller<'_, HostState>, count_at: u32, length_at: u32| {
            errno((|| {
                let (memory, state) = open_any(&mut caller)?;
                let variables = &state.common.plugin.environment;
                let length: usize = variables.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
                write_u32(memory, count_at, variables.len() as u32)?;
                write_u32(memory, length_at, length as u32)
            })())
        },
    )?;
    linker.func_wrap(module, "environ_get", |mut caller: Caller<'_, HostState>, list: u32, text: u32| {
        errno((|| {
            let (memory, state) = open_any(&mut caller)?;
            let (mut place, mut at) = (list, text);
            for (name, value) in &state.common.plugin.environment {
                let variable = format!("{name}={value}\0");
                write_u32(memory, place, at)?;
                write(memory, at, variable.as_bytes())?;
                place = place.saturating_add(4);
                at = at.saturating_add(variable.len() as u32);
            }
            Ok(())
        })())
    })?;
    linker.func_wrap(
        module,
        "args_sizes_get",
        |mut caller: Caller<'_, HostState>, count_at: u32, length_at: u32| {
            errno((|| {
                let (memory, _) = open_any(&mut caller)?;
                write_u32(memory, count_at, 0)?;
                write_u32(memory, length_at, 0)
            })())
        },
    )?;
    linker.func_wrap(module, "args_get", |_: Caller<'_, HostState>, _list: u32, _text: u32| 0u32)?;
    Ok(())
}

/// There are no files but the two outputs, which cannot be closed or moved in.
fn files(linker: &mut Linker<HostState>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "path_open",
        |_: Caller<'_, HostState>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32, _: u32| {
            NOENT
        },
    )?;
    // Measured: neither does anything, and neither says so.
    linker.func_wrap(module, "fd_seek", |_: Caller<'_, HostState>, _: u32, _: i64, _: u32, _: u32| 0u32)?;
    linker.func_wrap(module, "fd_close", |_: Caller<'_, HostState>, _fd: u32| 0u32)?;
    linker.func_wrap(module, "fd_prestat_get", |_: Caller<'_, HostState>, _fd: u32, _out: u32| BADF)?;
    linker.func_wrap(module, "fd_fdstat_get", |mut caller: Caller<'_, HostState>, fd: u32, out: u32| {
        if !matches!(fd, 1 | 2) {
            return Ok(BADF);
        }
        // Of the three words only the rights say something: FD_WRITE.
        let words = [0u64, 64, 0].map(u64::to_le_bytes).concat();
        errno(open_any(&mut caller).and_then(|(memory, _)| write(memory, out, &words)))
    })?;
    Ok(())
}

/// Text for file descriptor 1 is logged as info, for 2 as error.
fn fd_write(
    mut caller: Caller<'_, HostState>,
    fd: u32,
    vectors: u32,
    count: u32,
    written_at: u32,
) -> wasmtime::Result<u32> {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Ok(BADF),
    };
    errno((|| {
        let (memory, state) = open_any(&mut caller)?;
        let mut text = Vec::new();
        for vector in
            read(memory, vectors, count.checked_mul(8).ok_or(Status::InvalidMemoryAccess)?)?.chunks_exact(8)
        {
            if let [a, b, c, d, e, f, g, h] = *vector {
                let (at, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
                text.extend_from_slice(read(memory, at, length)?);
            }
        }
        if !text.is_empty() {
            state.log(level, text.strip_suffix(b"\n").unwrap_or(&text));
        }
        write_u32(memory, written_at, text.len() as u32)
    })())
}

/// SplitMix64: enough to seed a guest's hash maps the same way in each run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Defines a WASI function that is not there yet as one that answers ENOSYS; false where the import is none.
pub(super) fn stub(linker: &mut Linker<HostState>, import: &ImportType<'_>) -> bool {
    let ExternType::Func(signature) = import.ty() else { return false };
    if !MODULES.contains(&import.module()) {
        return false;
    }
    // An error says that the function is there.
    let _ = linker.func_new(import.module(), import.name(), signature, |_, _, results| {
        if let Some(result) = results.first_mut() {
            *result = Val::I32(NOSYS as i32);
        }
        Ok(())
    });
    true
}
