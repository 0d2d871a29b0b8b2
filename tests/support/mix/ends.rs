//! A kind of stream in, out how Envoy says that it ends.

/// Status, flags and details as [`Row::end`](super::Row::end) puts them: the first must occur, the others may.
pub type Ends = &'static [&'static str];

/// The ends of a kind over a protocol.
pub fn of(kind: &str, protocol: &str) -> Ends {
    match (kind, protocol) {
        ("get" | "get chunked" | "head" | "odd method" | "slow" | "health" | "health by header", _) => OK,
        (
            "old" | "old without host" | "query" | "tenant that is no text" | "expects 100" | "pipelined",
            _,
        ) => OK,
        ("informational" | "retry that succeeds", _) => OK,
        // The upstream sends the request's back.
        ("trailers" | "http2 trailers", _) => &["200 - via_upstream, trailer 420"],
        ("post" | "post chunked", _) => &["201 - via_upstream"],
        ("put", _) => &["204 - via_upstream"],
        ("not modified", _) => &["304 - via_upstream"],
        ("unauthorized", _) => &["401 - via_upstream"],
        ("forbidden", _) => &["403 - via_upstream"],
        ("delete", _) => &["404 - via_upstream"],
        ("early answer", _) => &["413 - via_upstream"],
        ("too many", _) => &["429 - via_upstream"],
        ("error" | "upload to an error", _) => &["500 - via_upstream"],

        ("direct response", _) => &["202 - direct_response"],
        ("no host", _) => &["400 - missing_host_header"],
        ("query of no type", _) => &["400 - query_missing_content_type"],
        ("denied", _) => &["403 - rbac_access_denied_matched_policy[denied]"],
        ("asterisk", _) => &["404 - absolute_path_rejected"],
        ("no route", _) => &["404 NR route_not_found"],
        ("no healthy upstream" | "connect to nowhere", _) => &["503 UH no_healthy_upstream"],
        // One token for the first.
        ("limited", _) => &["429 RL local_rate_limited", "200 - via_upstream"],
        ("shed", _) => &["503 RL local_rate_limited", "200 - via_upstream"],
        // The codec refuses what has no headers yet, hence no kind.
        ("", _) => &["400 DPE http1.codec_error", "431 DPE http1.headers_too_large"],

        ("redirect", _) => &["302 - internal_redirect", "302 - via_upstream"],
        ("retries used up", _) => &["503 URX via_upstream"],
        ("retries of garbage", _) => &["502 URX,UPE upstream_reset_before_response_started{protocol_error}"],
        ("retries reset", _) => {
            &["503 URX,UC upstream_reset_before_response_started{connection_termination}"]
        }
        ("timeout", _) => &["504 UT response_timeout"],
        ("idle before headers", _) => &["504 SI stream_idle_timeout"],
        ("idle after headers", _) => &["200 SI stream_idle_timeout"],

        // An HTTP/1 response that is cut short is an error of the upstream's protocol, by whatever it is cut.
        ("cut after headers" | "reset after headers", _) => {
            &["200 UPE upstream_reset_after_response_started{protocol_error}"]
        }
        ("reset before headers", _) => {
            &["503 UC upstream_reset_before_response_started{connection_termination}"]
        }
        ("http2 reset before headers", _) => &["503 UR upstream_reset_before_response_started{remote_reset}"],
        ("http2 reset after headers", _) => &["200 UR upstream_reset_after_response_started{remote_reset}"],

        ("grpc" | "grpc server streaming" | "grpc both ways", _) => &["200 - via_upstream, grpc 0"],
        ("grpc error", _) => &["200 - via_upstream, grpc 13"],
        ("grpc trailers-only", _) => &["200 - via_upstream, grpc 5"],
        ("grpc unknown code", _) => &["200 - via_upstream, grpc 99"],
        ("grpc no code", _) => &["200 - via_upstream, grpc 2"],
        ("grpc no code and an error", _) => &["503 - via_upstream, grpc 14"],
        ("grpc cut", _) => &["200 UR upstream_reset_after_response_started{remote_reset}, grpc 2"],
        ("grpc denied", _) => &["200 - rbac_access_denied_matched_policy[denied], grpc 7"],
        ("grpc left before headers", "HTTP/3") => &["0 - -, grpc -"],
        ("grpc left before headers", _) => &["0 DR http2.remote_reset, grpc -"],
        ("grpc left in the response", "HTTP/3") => &["200 - via_upstream, grpc 2"],
        ("grpc left in the response", _) => &["200 DR http2.remote_reset, grpc 2"],

        ("left before headers" | "left in the upload", "HTTP/1.1") => &["0 DC downstream_remote_disconnect"],
        ("left before headers" | "left in the upload", "HTTP/2") => &["0 DR http2.remote_reset"],
        ("connect" | "left in the response", "HTTP/1.1") => &["200 DC downstream_remote_disconnect"],
        ("connect" | "left in the response", "HTTP/2") => &["200 DR http2.remote_reset"],
        ("websocket closed by the client", "HTTP/1.1") => &["101 DC downstream_remote_disconnect"],
        ("websocket closed by the client", "HTTP/2") => &["101 DR http2.remote_reset"],
        ("websocket closed by the upstream", _) => {
            &["101 UC upstream_reset_after_response_started{connection_termination}"]
        }
        // Over HTTP/3 no flag says that a client left, be it by its stream or its connection.
        ("left before headers" | "left in the upload" | "connection closed in the upload", "HTTP/3") => {
            &["0 - -"]
        }
        (
            "left in the response" | "stopped in the response" | "connection closed in the response",
            "HTTP/3",
        ) => OK,
        _ => panic!("nobody said how {kind:?} over {protocol} ends"),
    }
}

const OK: Ends = &["200 - via_upstream"];
