//! Guest addresses in, checked slices out; and values into memory that the guest allocates.

use super::state::HostState;
use crate::status::Status;
use wasmtime::{AsContextMut, Caller, Extern};

/// Why a hostcall ends early.
pub(crate) enum Stop {
    /// With a status.
    Answer(Status),
    /// With a trap: the VM fails.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Answer(status)
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// The result of a hostcall's body.
pub(crate) type Answer = Result<(), Stop>;

/// A hostcall's return value for wasmtime.
pub(crate) fn reply(answer: Answer) -> wasmtime::Result<u32> {
    match answer {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Stop::Answer(status)) => Ok(status as u32),
        Err(Stop::Trap(error)) => Err(error),
    }
}

/// The guest's memory and the host's state, for hostcalls that are allowed at any time.
pub(crate) fn open_any<'a>(
    caller: &'a mut Caller<'_, HostState>,
) -> Result<(&'a mut [u8], &'a mut HostState), Stop> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        // A start function runs before the host has looked at the exports.
        None => match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => memory,
            _ => return Err(wasmtime::Error::msg("the filter exports no memory").into()),
        },
    };
    Ok(memory.data_and_store_mut(caller.as_context_mut()))
}

/// The same, but a trap in `_initialize` and inside the allocator, as in Envoy.
pub(crate) fn open<'a>(
    caller: &'a mut Caller<'_, HostState>,
) -> Result<(&'a mut [u8], &'a mut HostState), Stop> {
    if caller.data().restricted {
        return Err(wasmtime::Error::msg("restricted_callback: this hostcall is not allowed here").into());
    }
    open_any(caller)
}

/// `length` bytes at `at`.
pub(crate) fn read(memory: &[u8], at: u32, length: u32) -> Result<&[u8], Stop> {
    let range = at as usize..at as usize + length as usize;
    memory.get(range).ok_or(Stop::Answer(Status::InvalidMemoryAccess))
}

/// Puts bytes at `at`.
pub(crate) fn write(memory: &mut [u8], at: u32, bytes: &[u8]) -> Answer {
    let range = at as usize..at as usize + bytes.len();
    memory.get_mut(range).ok_or(Status::InvalidMemoryAccess)?.copy_from_slice(bytes);
    Ok(())
}

/// Puts a little-endian `u32` at `at`.
pub(crate) fn write_u32(memory: &mut [u8], at: u32, value: u32) -> Answer {
    write(memory, at, &value.to_le_bytes())
}

/// Puts a little-endian `u64` at `at`.
pub(crate) fn write_u64(memory: &mut [u8], at: u32, value: u64) -> Answer {
    write(memory, at, &value.to_le_bytes())
}

/// Hands `scratch` to the guest: in memory of the guest's allocator, its address and length at the two places.
///
/// Nothing is allocated for an empty value: address 0.
pub(crate) fn give(caller: &mut Caller<'_, HostState>, address_at: u32, length_at: u32) -> Answer {
    let length = caller.data().scratch.len() as u32;
    let mut address = 0;
    if length > 0 {
        let allocate = caller.data().allocate.clone();
        let allocate = allocate.ok_or_else(|| wasmtime::Error::msg("the filter exports no allocator"))?;
        caller.data().common.count_entry();
        let before = std::mem::replace(&mut caller.data_mut().restricted, true);
        let allocated = allocate.call(caller.as_context_mut(), length);
        caller.data_mut().restricted = before;
        address = allocated?;
        if address == 0 {
            return Err(Status::InvalidMemoryAccess.into());
        }
    }
    let (memory, state) = open_any(caller)?;
    write(memory, address, &state.scratch)?;
    write_u32(memory, address_at, address)?;
    write_u32(memory, length_at, length)
}
