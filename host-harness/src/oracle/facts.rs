//! A record in, single label values out, by the contract's tables.

use crate::stream::ResponseFlags;
use crate::traffic::{Headers, Record};

pub(super) const OTHER: &str = "_other";
pub(super) const NONE: &str = "_none";
pub(super) const OTHER_METHOD: &str = "_OTHER";

/// RFC 9110's methods, PATCH and QUERY.
const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

/// Label `method`.
pub(super) fn method(method: Option<&[u8]>) -> &'static str {
    let known = METHODS.iter().find(|name| Some(name.as_bytes()) == method);
    known.copied().unwrap_or(OTHER_METHOD)
}

/// Label `code_class`; 0 is no response.
pub(super) fn code_class(status: u16) -> &'static str {
    match status / 100 {
        0 => "none",
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => OTHER,
    }
}

/// Upgrades and CONNECT: their duration is no latency.
pub(super) fn is_tunnel(method: &str, status: u16) -> bool {
    status == 101 || (method == "CONNECT" && code_class(status) == "2xx")
}

/// The long names of Envoy's flags, those that are failures. Used-up retries come last: another flag says why.
const FAILURES: [(&str, &str); 28] = [
    ("LH", "failed_local_health_check"),
    ("UH", "no_healthy_upstream"),
    ("UT", "upstream_request_timeout"),
    ("LR", "local_reset"),
    ("UR", "upstream_remote_reset"),
    ("UF", "upstream_connection_failure"),
    ("UC", "upstream_connection_termination"),
    ("UO", "upstream_overflow"),
    ("NR", "no_route_found"),
    ("FI", "fault_injected"),
    ("RL", "rate_limited"),
    ("UAEX", "unauthorized_external_service"),
    ("RLSE", "rate_limit_service_error"),
    ("DC", "downstream_connection_termination"),
    ("SI", "stream_idle_timeout"),
    ("IH", "invalid_envoy_request_headers"),
    ("DPE", "downstream_protocol_error"),
    ("UMSDR", "upstream_max_stream_duration_reached"),
    ("NFCF", "no_filter_config_found"),
    ("DT", "duration_timeout"),
    ("UPE", "upstream_protocol_error"),
    ("NC", "no_cluster_found"),
    ("OM", "overload_manager_terminated"),
    ("DF", "dns_resolution_failed"),
    ("DO", "drop_overload"),
    ("DR", "downstream_remote_reset"),
    ("UDO", "unconditional_drop_overload"),
    ("URX", "upstream_retry_limit_exceeded"),
];

/// Label `reason`; `None` where nothing failed.
pub(super) fn failure(flags: ResponseFlags) -> Option<&'static str> {
    let text = flags.to_string();
    let set: Vec<&str> = text.split(',').collect();
    FAILURES.iter().find(|(short, _)| set.contains(short)).map(|(_, long)| *long)
}

fn header<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
}

/// The first value that is not empty.
fn filled<'a>(headers: &'a Headers, name: &[u8]) -> Option<&'a [u8]> {
    headers.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_slice())
}

/// Whether it is a gRPC call: `application/grpc`, `application/grpc+…`, but not gRPC-Web.
pub(super) fn is_grpc(record: &Record) -> bool {
    let Some(content_type) = filled(&record.request_headers, b"content-type") else { return false };
    let media_type = content_type.split(|b| *b == b';').next().unwrap_or_default();
    media_type == b"application/grpc" || media_type.starts_with(b"application/grpc+")
}

const CODES: [&str; 17] =
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

/// Label `grpc_code`: trailers, headers, who left or failed, or what gRPC makes of the HTTP code or of no answer.
pub(super) fn grpc_code(record: &Record) -> &'static str {
    let sent = record.status.and_then(|_| {
        header(&record.response_trailers, b"grpc-status")
            .or_else(|| header(&record.response_headers, b"grpc-status"))
    });
    if let Some(text) = sent {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok());
        return number.and_then(|number| CODES.get(number)).copied().unwrap_or("2");
    }
    let client_left =
        ["DC", "DR"].iter().any(|name| ResponseFlags::parse(name).is_ok_and(|f| record.flags.intersects(f)));
    match record.status {
        _ if client_left => "1",
        _ if failure(record.flags).is_some() => "14",
        Some(400) => "13",
        Some(401) => "16",
        Some(403) => "7",
        Some(404) => "12",
        Some(429 | 502..=504) => "14",
        Some(_) => "2",
        None => "14",
    }
}

/// A whole number in a response header.
pub(super) fn response_number(record: &Record, name: &[u8]) -> Option<u64> {
    record.status?;
    let text = filled(&record.response_headers, name)?;
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text)?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number < 10u64.pow(19))
}
