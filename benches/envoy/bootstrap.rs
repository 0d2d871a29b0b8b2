//! A variant in, a whole bootstrap out: the same listener and cluster for each, with or without something that measures.

use redline_cli::document::Document;
use redline_cli::render::{envoy, envoy_stats};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

/// What stands between the client and the answer.
#[derive(Debug, Clone)]
pub(crate) enum Variant {
    /// Nothing.
    Bare,
    /// Envoy's own stats access logger, with the counters and histograms of the default configuration.
    Native,
    /// A module that is not ours, and needs no configuration.
    Module(PathBuf),
    /// The filter with a configuration.
    Redline { wasm: PathBuf, document: Rc<Document> },
}

/// Who answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// Envoy itself.
    Direct,
    /// An upstream, over HTTP/1.1.
    Upstream(SocketAddr),
}

/// The bootstrap, as JSON.
pub(crate) fn bootstrap(variant: &Variant, answer: Answer) -> String {
    let (mut filters, mut logs, mut stats) = (Vec::new(), Vec::new(), json!({}));
    match variant {
        Variant::Bare => {}
        Variant::Native => logs.push(native()),
        Variant::Module(path) => filters.push(json!({"name": "module", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {"name": "module", "failure_policy": "FAIL_RELOAD", "vm_config": {
                "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": path}}}}}})),
        Variant::Redline { wasm, document } => {
            let ours = envoy::http_filter(document, &wasm.display().to_string());
            let ours: Value = serde_saphyr::from_str(&ours).expect("YAML");
            filters.extend(ours.as_array().cloned().unwrap_or_default());
            stats = serde_saphyr::from_str(&envoy_stats::stats_config(&document.config)).expect("YAML");
        }
    }
    filters.push(json!({"name": "router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
    let (route, endpoints) = match answer {
        Answer::Direct => {
            (json!({"direct_response": {"status": 200, "body": {"inline_string": "ok"}}}), json!([]))
        }
        Answer::Upstream(a) => (
            json!({"route": {"cluster": "upstream"}}),
            json!([{"lb_endpoints": [{"endpoint": {"address": address(&a.ip().to_string(), a.port())}}]}]),
        ),
    };
    let mut route = route;
    route["match"] = json!({"prefix": "/"});
    let hcm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress", "codec_type": "AUTO", "access_log": logs,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    });
    let mut whole = json!({
        "admin": {"address": address("127.0.0.1", 0)},
        "static_resources": {
            "listeners": [{"name": "ingress", "address": address("127.0.0.1", 0),
                "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]}],
            "clusters": [{"name": "upstream", "type": "STATIC",
                "load_assignment": {"cluster_name": "upstream", "endpoints": endpoints}}],
        },
    });
    if let (Some(whole), Some(stats)) = (whole.as_object_mut(), stats.as_object()) {
        whole.extend(stats.clone());
    }
    whole.to_string()
}

fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}

/// The same observations as far as Envoy's logger can make them: it has no gauge and no SLO of latency, its `endpoint`
/// is the route's name, and for what only it could divide there is one counter each.
fn native() -> Value {
    let tag = |name: &str, format: &str| json!({"name": name, "value_format": format});
    let (method, endpoint) = (tag("method", "%REQ(:METHOD)%"), tag("endpoint", "%ROUTE_NAME%"));
    let (status, tenant) = (tag("status", "%RESPONSE_CODE%"), tag("tenant", "%REQ(X-TENANT-ID)%"));
    let counter = |name: &str, tags: Value, value: Value| {
        let mut counter = json!({"stat": {"name": name, "tags": tags}});
        counter.as_object_mut().expect("an object").extend(value.as_object().cloned().unwrap_or_default());
        counter
    };
    let histogram = |name: &str, value: &str, unit: &str| json!({"stat": {"name": name, "tags": [method, endpoint]}, "value_format": value, "unit": unit});
    json!({"name": "stats", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
        "stat_prefix": "native",
        "counters": [
            counter("http_requests_total", json!([method, endpoint, status]), json!({"value_fixed": 1})),
            counter("tenant_requests_total", json!([tenant, status]), json!({"value_fixed": 1})),
            counter("tenant_response_bytes_total", json!([tenant]), json!({"value_format": "%BYTES_SENT%"})),
            counter("slo_events_total", json!([tag("slo", "availability")]), json!({"value_fixed": 1})),
            counter("slo_latency_events_total", json!([tag("slo", "latency")]), json!({"value_fixed": 1})),
        ],
        "histograms": [
            histogram("http_request_duration_milliseconds", "%DURATION%", "Milliseconds"),
            histogram("http_request_size_bytes", "%BYTES_RECEIVED%", "Bytes"),
            histogram("http_response_size_bytes", "%BYTES_SENT%", "Bytes"),
        ],
    }})
}
