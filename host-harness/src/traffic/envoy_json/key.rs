//! A key of the log in, what it means out.

/// What a key is about; the lower the number, the more it counts where several are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Time(u8),
    Status(u8),
    Method,
    Path,
    OriginalPath,
    Host,
    Scheme,
    Protocol,
    Flags,
    RequestBytes,
    ResponseBytes,
    /// Nanoseconds to the unit.
    Duration(u32),
    GrpcStatus,
    RequestHeaders,
    ResponseHeaders,
    ResponseTrailers,
    RequestHeader(&'a str),
    ResponseHeader(&'a str),
    ResponseTrailer(&'a str),
    Unknown,
}

/// A key as it is compared: `:path`, `PATH` and `path` are one, `-` and `_` too.
fn plain(key: &str) -> String {
    let key = key.trim_start_matches([':', '@']);
    key.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Whether only the keys of Envoy's log have such a one.
pub(in crate::traffic) fn is_envoys(key: &str) -> bool {
    let plain = plain(key);
    matches!(plain.as_str(), "start_time" | "response_code" | "response_flags" | "bytes_received")
}

impl<'a> Key<'a> {
    pub(super) fn read(key: &'a str) -> Self {
        if let Some(header) = operator(key) {
            return header;
        }
        match plain(key).as_str() {
            "start_time" => Self::Time(0),
            "time" => Self::Time(1),
            "timestamp" => Self::Time(if key.starts_with('@') { 3 } else { 2 }),
            "response_code" => Self::Status(0),
            "status_code" => Self::Status(1),
            "status" => Self::Status(2),
            "method" | "request_method" => Self::Method,
            "path" | "request_path" => Self::Path,
            "x_envoy_original_path" | "x_envoy_origin_path" | "original_path" => Self::OriginalPath,
            "authority" | "host" => Self::Host,
            "scheme" | "x_forwarded_proto" => Self::Scheme,
            "protocol" => Self::Protocol,
            "response_flags" => Self::Flags,
            "bytes_received" => Self::RequestBytes,
            "bytes_sent" => Self::ResponseBytes,
            "duration" | "duration_ms" => Self::Duration(1_000_000),
            "duration_us" => Self::Duration(1000),
            "duration_ns" => Self::Duration(1),
            "grpc_status" | "grpc_status_number" => Self::GrpcStatus,
            "request_headers" | "req_headers" => Self::RequestHeaders,
            "response_headers" | "resp_headers" => Self::ResponseHeaders,
            "response_trailers" | "resp_trailers" | "trailers" => Self::ResponseTrailers,
            "upstream_service_time" | "x_envoy_upstream_service_time" => {
                Self::ResponseHeader("x-envoy-upstream-service-time")
            }
            "x_envoy_attempt_count" => Self::ResponseHeader("x-envoy-attempt-count"),
            "user_agent" => Self::RequestHeader("user-agent"),
            "content_type" => Self::RequestHeader("content-type"),
            "request_id" | "x_request_id" => Self::RequestHeader("x-request-id"),
            "x_forwarded_for" => Self::RequestHeader("x-forwarded-for"),
            name if key.contains('-') && of_responses(name) => Self::ResponseHeader(key),
            _ if key.contains('-') => Self::RequestHeader(key),
            _ => Self::Unknown,
        }
    }
}

/// `REQ(NAME)`, `RESP(NAME)`, `TRAILER(NAME)`, as in Envoy's formats: also `%RESP(NAME?OTHER):10%`.
fn operator(key: &str) -> Option<Key<'_>> {
    let key = key.strip_prefix('%').unwrap_or(key);
    let (operator, rest) = key.split_once('(')?;
    let (name, _) = rest.split_once(')')?;
    let name = name.split('?').next().unwrap_or(name);
    match operator.to_ascii_uppercase().as_str() {
        // Those are read as what they are elsewhere, too.
        "REQ" if name.starts_with(':') || name.eq_ignore_ascii_case("x-envoy-original-path") => {
            Some(Key::read(name))
        }
        "REQ" => Some(Key::RequestHeader(name)),
        "RESP" => Some(Key::ResponseHeader(name)),
        "TRAILER" => Some(Key::ResponseTrailer(name)),
        _ => None,
    }
}

/// Whether only a response has a header of this name.
fn of_responses(plain: &str) -> bool {
    matches!(
        plain,
        "server_timing"
            | "cache_status"
            | "x_cache"
            | "retry_after"
            | "set_cookie"
            | "www_authenticate"
            | "endpoint_load_metrics"
            | "endpoint_load_metrics_bin"
    ) || plain.starts_with("ratelimit_")
        || plain.starts_with("x_ratelimit_")
}
