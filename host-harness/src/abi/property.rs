//! `proxy_get_property`, `proxy_set_property`: Envoy's attributes of a stream, in Envoy's encodings.
//!
//! Numbers are 8 bytes little-endian, durations and times nanoseconds, text its bytes, header maps pairs. What is
//! not there is NOT_FOUND; a group alone (`request`) is SERIALIZATION_FAILURE. Measured: figures that come out of a
//! header map are there while the map is, so that in done `request.total_size` lacks the headers. Body sizes grow while the
//! stream runs: the request's as it arrives, the response's once it has passed the filter.

use super::memory::{Answer, give, open, read, reply};
use super::state::{HostState, MapType, Phase};
use crate::headers::HeaderMap;
use crate::status::Status;
use crate::stream::{Stream, grpc_status};
use wasmtime::{Caller, Linker};

pub(super) fn register(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut caller: Caller<'_, HostState>, path: u32, length: u32, address_at: u32, length_at: u32| {
            reply((|| {
                let (memory, state) = open(&mut caller)?;
                let path = read(memory, path, length)?;
                let mut value = std::mem::take(&mut state.scratch);
                value.clear();
                let found = property(state, path, &mut value);
                state.scratch = value;
                found?;
                give(&mut caller, address_at, length_at)
            })())
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut caller: Caller<'_, HostState>, path: u32, length: u32, value: u32, value_length: u32| {
            reply((|| -> Answer {
                let (memory, state) = open(&mut caller)?;
                let (path, value) = (read(memory, path, length)?, read(memory, value, value_length)?);
                let stream = state.streams.get_mut(&state.context).ok_or(Status::NotFound)?;
                stream.filter_state.insert(path.to_vec(), value.to_vec());
                Ok(())
            })())
        },
    )?;
    Ok(())
}

/// What a property is.
enum Found<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Owned(Vec<u8>),
    Map(Option<&'a HeaderMap>),
    /// A group, not a value.
    Group,
}

fn property(state: &HostState, path: &[u8], out: &mut Vec<u8>) -> Result<(), Status> {
    if path.is_empty() {
        return Err(Status::SerializationFailure);
    }
    match find(state, path).ok_or(Status::NotFound)? {
        Found::Number(number) => out.extend_from_slice(&number.to_le_bytes()),
        Found::Bytes(bytes) => out.extend_from_slice(bytes),
        Found::Owned(bytes) => out.extend_from_slice(&bytes),
        Found::Map(Some(map)) => out.extend_from_slice(map.encoded()),
        Found::Map(None) => out.extend_from_slice(&[0; 4]),
        Found::Group => return Err(Status::SerializationFailure),
    }
    Ok(())
}

fn find<'a>(state: &'a HostState, path: &[u8]) -> Option<Found<'a>> {
    let plugin = &state.common.plugin;
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    match path {
        b"plugin_name" => return Some(Found::Bytes(plugin.name.as_bytes())),
        b"plugin_root_id" => return Some(Found::Bytes(plugin.root_id.as_bytes())),
        b"plugin_vm_id" => return Some(Found::Bytes(plugin.vm_id.as_bytes())),
        _ => {}
    }
    let stream = state.stream()?;
    let mut parts = path.splitn(3, |byte| *byte == 0);
    match (parts.next()?, parts.next(), parts.next()) {
        (b"connection_id", None, _) | (b"connection", Some(b"id"), None) => {
            Some(Found::Number(stream.connection))
        }
        (
            b"request" | b"response" | b"connection" | b"source" | b"destination" | b"upstream"
            | b"filter_state",
            None,
            _,
        ) => Some(Found::Group),
        (b"metadata", None, _) => Some(Found::Bytes(b"")),
        (b"request", Some(name), key) => request(state, stream, name, key),
        (b"response", Some(name), key) => response(state, stream, name, key),
        (b"upstream", Some(b"address"), None) => {
            stream.end.upstream.as_deref().filter(|_| over(state)).map(Found::Bytes)
        }
        (b"filter_state", Some(name), None) => {
            let name = name.strip_prefix(b"wasm.")?;
            stream.filter_state.get(name).map(|value| Found::Bytes(value))
        }
        (name, None, _) => stream.filter_state.get(name).map(|value| Found::Bytes(value)),
        _ => None,
    }
}

fn over(state: &HostState) -> bool {
    matches!(state.phase, Phase::Log | Phase::Done | Phase::Delete)
}

fn request<'a>(
    state: &'a HostState,
    stream: &'a Stream,
    name: &[u8],
    key: Option<&[u8]>,
) -> Option<Found<'a>> {
    let headers = state.readable(MapType::Request);
    let header = |name: &[u8]| headers.and_then(|map| map.get(name)).map(Found::Bytes);
    let received = if over(state) { stream.end.request_bytes } else { stream.received };
    let header_bytes = headers.map_or(0, HeaderMap::byte_size);
    match (name, key) {
        (b"headers", None) => Some(Found::Map(headers)),
        (b"headers", Some(key)) => headers?.joined(key).map(Found::Owned),
        (_, Some(_)) => None,
        (b"path", _) => header(b":path"),
        (b"url_path", _) => split_path(headers?).map(|(path, _)| Found::Bytes(path)),
        (b"query", _) => split_path(headers?).map(|(_, query)| Found::Bytes(query)),
        (b"host", _) => header(b":authority"),
        (b"scheme", _) => header(b":scheme"),
        (b"method", _) => header(b":method"),
        (b"referer", _) => header(b"referer"),
        (b"useragent", _) => header(b"user-agent"),
        (b"id", _) => header(b"x-request-id"),
        (b"time", _) => Some(Found::Number(stream.start_ns)),
        (b"protocol", _) => stream.protocol.map(|protocol| Found::Bytes(protocol.as_str().as_bytes())),
        (b"duration", _) => stream.end.duration_ns.filter(|_| over(state)).map(Found::Number),
        (b"size", _) => {
            let declared = headers.and_then(|map| map.get(b"content-length"));
            declared.map_or(Some(received), length).map(Found::Number)
        }
        (b"total_size", _) => Some(Found::Number(received + header_bytes)),
        (b"headers_bytes", _) => Some(Found::Number(header_bytes)),
        _ => None,
    }
}

fn response<'a>(
    state: &'a HostState,
    stream: &'a Stream,
    name: &[u8],
    key: Option<&[u8]>,
) -> Option<Found<'a>> {
    let headers = state.readable(MapType::Response);
    let trailers = state.readable(MapType::ResponseTrailers);
    let code = stream.end.code;
    let sent = if over(state) { stream.end.response_bytes } else { stream.response_flow.passed_bytes };
    let map_bytes = |map: Option<&HeaderMap>| map.map_or(0, HeaderMap::byte_size);
    match (name, key) {
        (b"headers", None) => Some(Found::Map(headers)),
        (b"headers", Some(key)) => headers?.joined(key).map(Found::Owned),
        (b"trailers", None) => Some(Found::Map(trailers)),
        (b"trailers", Some(key)) => trailers?.joined(key).map(Found::Owned),
        (_, Some(_)) => None,
        (b"code", _) => code.map(|code| Found::Number(u64::from(code))),
        (b"code_details", _) => match &stream.local {
            _ if stream.closed && code.is_none() => Some(Found::Bytes(b"wasm_close_stream")),
            // Measured: what the filter gave as the details is not shown here.
            Some(_) => Some(Found::Bytes(b"")),
            None => code.filter(|_| stream.end.flags.is_empty()).map(|_| Found::Bytes(b"via_upstream")),
        },
        (b"flags", _) => Some(Found::Number(if over(state) { stream.end.flags.bits() } else { 0 })),
        (b"grpc_status", _) => {
            // A status that is no code of gRPC's is -1.
            let known = |text: &[u8]| number(text).filter(|code| *code <= 16).unwrap_or(u64::MAX);
            let named = |map: Option<&HeaderMap>| map.and_then(|map| map.get(b"grpc-status")).map(known);
            named(trailers).or_else(|| named(headers)).or(code.map(grpc_status)).map(Found::Number)
        }
        (b"size", _) => Some(Found::Number(sent)),
        (b"total_size", _) => Some(Found::Number(sent + map_bytes(headers) + map_bytes(trailers))),
        (b"headers_bytes", _) => Some(Found::Number(map_bytes(headers))),
        _ => None,
    }
}

/// Path and query; both are empty where they are not there, and the query ends before a fragment.
fn split_path(headers: &HeaderMap) -> Option<(&[u8], &[u8])> {
    let path = headers.get(b":path").unwrap_or_default();
    let mut parts = path.splitn(2, |byte| *byte == b'?');
    let (path, query) = (parts.next()?, parts.next().unwrap_or_default());
    Some((path, query.split(|byte| *byte == b'#').next()?))
}

/// A declared length as Envoy reads it: with a sign and with blanks around it; `None` where it is no number.
fn length(text: &[u8]) -> Option<u64> {
    let length: i64 = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    Some(length.cast_unsigned())
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
