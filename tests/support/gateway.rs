//! A bootstrap with everything that ends a stream in its own way, and Envoy's own logger beside the filter.

use super::native;
use super::upstream::Addresses;
use redline_cli::document::Document;
use redline_cli::render::{envoy, envoy_stats};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// One listener: its name is also the prefix of its native counters.
pub struct Listener<'a> {
    pub name: &'a str,
    pub configuration: &'a str,
    /// Whether the native logger's tags have what clients send: the path, the tenant.
    pub client_values: bool,
    /// Certificate and key, for HTTP/3.
    pub quic: Option<(&'a str, &'a str)>,
}

/// A path of each route, beside `/` which goes to the upstream.
pub mod route {
    pub const NO_HEALTHY_UPSTREAM: &str = "/unhealthy";
    pub const NO_ROUTE: &str = "/unrouted";
    pub const TIMEOUT: &str = "/timeout";
    pub const RETRY: &str = "/retry";
    pub const IDLE: &str = "/idle";
    pub const DIRECT: &str = "/direct";
    pub const REDIRECT: &str = "/redirect";
    pub const LIMITED: &str = "/limited";
    /// Limited too, but the refusal's status is 503.
    pub const SHED: &str = "/shed";
    /// To the upstream over HTTP/2; gRPC goes there from everywhere.
    pub const HTTP2: &str = "/http2";
    /// To the upstream that answers as hyper would not.
    pub const RAW: &str = "/raw";
    pub const RAW_RETRY: &str = "/raw-retry";
    /// Refused by a filter that stands before ours.
    pub const DENIED: &str = "/denied";
}

/// The bootstrap, as JSON.
pub fn bootstrap(listeners: &[Listener<'_>], wasm: &str, upstream: Addresses) -> String {
    let documents: Vec<Document> = listeners
        .iter()
        .map(|l| Document::from_text("test", l.configuration).expect("the test's configuration is right"))
        .collect();
    let stats = envoy_stats::stats_config(&documents.first().expect("a listener").config);
    let stats: Value = serde_saphyr::from_str(&stats).expect("YAML");
    let listeners: Vec<Value> = listeners
        .iter()
        .zip(&documents)
        .map(|(listener, document)| self::listener(listener, document, wasm))
        .collect();
    let http1 = json!({"explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}});
    // So small that the beginning of a long body has to be received before the upstream can go on.
    let window = json!({"initial_stream_window_size": 65535});
    let http2 = json!({"explicit_http_config": {"http2_protocol_options": window}});
    let mut bootstrap = json!({
        "stats_flush_interval": "1s",
        "admin": {"address": address("127.0.0.1", 0, "TCP")},
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                cluster("upstream", Some(upstream.scripted), &http1),
                cluster("http2", Some(upstream.scripted), &http2),
                cluster("raw", Some(upstream.raw), &http1),
                cluster("empty", None, &http1),
            ],
        },
    });
    if let (Some(whole), Some(stats)) = (bootstrap.as_object_mut(), stats.as_object()) {
        whole.extend(stats.clone());
    }
    bootstrap.to_string()
}

fn address(host: &str, port: u16, protocol: &str) -> Value {
    json!({"socket_address": {"address": host, "port_value": port, "protocol": protocol}})
}

fn cluster(name: &str, upstream: Option<SocketAddr>, protocol: &Value) -> Value {
    let endpoints: Vec<Value> = upstream
        .iter()
        .map(|a| json!({"lb_endpoints": [{"endpoint": {"address": address(&a.ip().to_string(), a.port(), "TCP")}}]}))
        .collect();
    let mut options = protocol.clone();
    options["@type"] = json!("type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
    json!({
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "circuit_breakers": {"thresholds": [{"max_connections": 10000, "max_pending_requests": 10000,
                                             "max_requests": 10000, "max_retries": 1000}]},
    })
}

fn listener(listener: &Listener<'_>, document: &Document, wasm: &str) -> Value {
    let ours: Value = serde_saphyr::from_str(&envoy::http_filter(document, wasm)).expect("YAML");
    let ours = ours.as_array().and_then(|list| list.first()).cloned().expect("one filter");
    let native: Value =
        serde_saphyr::from_str(&native::access_log(listener.name, listener.client_values)).expect("YAML");
    let denied = json!({"url_path": {"path": {"prefix": route::DENIED}}});
    let mut hcm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": listener.name,
        "codec_type": if listener.quic.is_some() { "HTTP3" } else { "AUTO" },
        "http_protocol_options": {
            "accept_http_10": true, "default_host_for_http_10": "test.example", "enable_trailers": true},
        "http2_protocol_options": {"allow_connect": true},
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
        "access_log": [native],
        "route_config": {"virtual_hosts": [{
            "name": "all", "domains": ["*"], "routes": routes(),
            "include_request_attempt_count": true, "include_attempt_count_in_response": true,
        }]},
        "http_filters": [
            {"name": "rbac", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
                "rules": {"action": "DENY", "policies": {"denied": {
                    "permissions": [denied], "principals": [{"any": true}]}}}}},
            ours,
            {"name": "limit", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "limit"}},
            {"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
        ],
    });
    if listener.quic.is_some() {
        hcm["upgrade_configs"] = json!([]);
    }
    let mut chain = json!({"filters": [{"name": "hcm", "typed_config": hcm}]});
    let mut whole = json!({"name": listener.name, "stat_prefix": listener.name, "address": address("127.0.0.1", 0, "TCP")});
    if let Some((certificate, key)) = listener.quic {
        whole["address"] = address("127.0.0.1", 0, "UDP");
        whole["udp_listener_config"] = json!({"quic_options": {}});
        chain["transport_socket"] = json!({"name": "quic", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport",
            "downstream_tls_context": {"common_tls_context": {"tls_certificates": [
                {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}]}},
        }});
    }
    whole["filter_chains"] = json!([chain]);
    whole
}

fn routes() -> Value {
    let to = |prefix: &str, action: Value| json!({"match": {"prefix": prefix}, "route": action});
    let retried = |cluster: &str| {
        json!({"cluster": cluster, "timeout": "0s", "retry_policy": {
            "retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}}})
    };
    let limited = |prefix: &str, status: u16| {
        let mut route = to(prefix, json!({"cluster": "upstream"}));
        route["typed_per_filter_config"] = json!({"limit": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit", "status": {"code": status},
            "token_bucket": {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
            "filter_enabled": {"default_value": {"numerator": 100}},
            "filter_enforced": {"default_value": {"numerator": 100}},
        }});
        route
    };
    let tunnel = json!({"cluster": "upstream", "timeout": "0s",
        "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]});
    let grpc = json!({"match": {"prefix": "/", "grpc": {}}, "route": {"cluster": "http2", "timeout": "0s"}});
    json!([
        to(route::NO_HEALTHY_UPSTREAM, json!({"cluster": "empty"})),
        to(route::TIMEOUT, json!({"cluster": "upstream", "timeout": "0.2s"})),
        to(route::RETRY, retried("upstream")),
        to(route::IDLE, json!({"cluster": "upstream", "timeout": "0s", "idle_timeout": "0.2s"})),
        {"match": {"prefix": route::DIRECT}, "direct_response": {"status": 202, "body": {"inline_string": "direct"}}},
        to(route::REDIRECT, json!({"cluster": "upstream",
            "internal_redirect_policy": {"max_internal_redirects": 1}})),
        limited(route::LIMITED, 429),
        limited(route::SHED, 503),
        grpc,
        to(route::HTTP2, json!({"cluster": "http2", "timeout": "0s"})),
        to(route::RAW_RETRY, retried("raw")),
        to(route::RAW, json!({"cluster": "raw", "timeout": "0s"})),
        // Everything else but what begins with the path that has no route.
        {"match": {"safe_regex": {"regex": "/([^u].*|u[^n].*|un[^r].*)?"}}, "route": {"cluster": "upstream", "timeout": "0s"}},
        {"match": {"connect_matcher": {}, "headers": [{"name": "x-nowhere", "present_match": true}]},
            "route": {"cluster": "empty"}},
        {"match": {"connect_matcher": {}}, "route": tunnel},
    ])
}
