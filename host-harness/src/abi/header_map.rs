//! `proxy_get_header_map_value`, `_pairs`, `_size`, and the setters.
//!
//! Each map is there in its own callback, and while that has paused the stream; in the log all but the request's
//! trailers are, to read only. Measured: outside its phase a value is
//! BAD_ARGUMENT but pairs are OK and empty; in the log a missing map's value is NOT_FOUND, and sizes and setters are
//! BAD_ARGUMENT even where the map can be read; in done and delete no map is there.

use super::memory::{Answer, Stop, give, open, read, reply, write_u32};
use super::state::{HostState, MapType, Phase};
use crate::headers::HeaderMap;
use crate::status::Status;
use wasmtime::{Caller, Linker};

fn map_type(number: u32) -> Result<MapType, Stop> {
    MapType::from_abi(number).ok_or(Stop::Answer(Status::BadArgument))
}

fn writable(state: &mut HostState, map: MapType) -> Result<&mut HeaderMap, Stop> {
    state.writable(map).ok_or(Stop::Answer(Status::BadArgument))
}

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    readers(linker)?;
    setters(linker)
}

fn readers(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |mut caller: Caller<'_, HostState>,
         map: u32,
         key: u32,
         key_length: u32,
         address_at: u32,
         length_at: u32| {
            reply((|| {
                let map = map_type(map)?;
                let (memory, state) = open(&mut caller)?;
                let key = read(memory, key, key_length)?;
                let mut value = std::mem::take(&mut state.scratch);
                value.clear();
                let found = match state.readable(map) {
                    Some(headers) => headers.get(key).ok_or(Status::NotFound),
                    None if state.phase == Phase::Log && state.stream().is_some() => Err(Status::NotFound),
                    None => Err(Status::BadArgument),
                }
                .map(|found| value.extend_from_slice(found));
                state.scratch = value;
                found?;
                give(&mut caller, address_at, length_at)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut caller: Caller<'_, HostState>, map: u32, address_at: u32, length_at: u32| {
            reply((|| {
                let map = map_type(map)?;
                let (_, state) = open(&mut caller)?;
                let mut pairs = std::mem::take(&mut state.scratch);
                pairs.clear();
                if let Some(headers) = state.readable(map).filter(|headers| !headers.is_empty()) {
                    pairs.extend_from_slice(headers.encoded());
                }
                state.scratch = pairs;
                give(&mut caller, address_at, length_at)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |mut caller: Caller<'_, HostState>, map: u32, out: u32| {
            reply((|| {
                let map = map_type(map)?;
                let (memory, state) = open(&mut caller)?;
                let size = writable(state, map)?.byte_size() as u32;
                write_u32(memory, out, size)
            })())
        },
    )?;
    Ok(())
}

fn setters(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    for (name, replaces) in [("proxy_add_header_map_value", false), ("proxy_replace_header_map_value", true)]
    {
        linker.func_wrap(
            "env",
            name,
            move |mut caller: Caller<'_, HostState>,
                  map: u32,
                  key: u32,
                  key_length: u32,
                  value: u32,
                  length: u32| {
                reply((|| -> Answer {
                    let map = map_type(map)?;
                    let (memory, state) = open(&mut caller)?;
                    let (key, value) = (read(memory, key, key_length)?, read(memory, value, length)?);
                    let headers = writable(state, map)?;
                    if replaces {
                        headers.remove(key);
                    }
                    headers.add(key, value);
                    Ok(())
                })())
            },
        )?;
    }
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut caller: Caller<'_, HostState>, map: u32, key: u32, key_length: u32| {
            reply((|| {
                let map = map_type(map)?;
                let (memory, state) = open(&mut caller)?;
                let key = read(memory, key, key_length)?;
                writable(state, map)?.remove(key);
                Ok(())
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |mut caller: Caller<'_, HostState>, map: u32, pairs: u32, length: u32| {
            reply((|| {
                let map = map_type(map)?;
                let (memory, state) = open(&mut caller)?;
                let pairs = read(memory, pairs, length)?;
                // Pairs that cannot be read are none: Envoy empties the map.
                *writable(state, map)? = HeaderMap::decode(pairs).unwrap_or_default();
                Ok(())
            })())
        },
    )?;
    Ok(())
}
