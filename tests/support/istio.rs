//! What Istio makes of the rendered files: a pod's annotations become the proxy's `stats_config`, a WasmPlugin an HTTP
//! filter. Written after Istio's own bootstrap template and pilot, and sharing no code with what renders.

use redline_cli::document::Document;
use redline_cli::render::istio::{Hop, Istio};
use serde_json::{Map, Value, json};

/// Istio's own tags, before and after the extra ones.
const BEFORE: [(&str, &str); 8] = [
    ("cluster_name", r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)"),
    ("tcp_prefix", r"^tcp\.((.*?)\.)\w+?$"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
    (
        "http_conn_manager_listener_prefix",
        r"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",
    ),
    ("http_conn_manager_prefix", r"^http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("listener_address", r"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("mongo_prefix", r"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$"),
];
const AFTER: [(&str, &str); 7] = [
    ("cache", r"(cache\.(.+?)\.)"),
    ("component", r"(component\.(.+?)\.)"),
    ("tag", r"(tag\.(.+?);\.)"),
    ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
    ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
    ("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
    ("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
];
/// What every proxy keeps, whatever it is told.
const PREFIXES: [&str; 5] = ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];
const SUFFIXES: [&str; 4] = ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied"];

/// The rendered files as objects: the WasmPlugin, and the annotations of the pod.
pub fn rendered(document: &Document, hop: Hop, module: &str) -> (Value, Value) {
    let istio = Istio { document, url: &format!("file://{module}"), sha256: None, hop };
    let read = |text: String| serde_saphyr::from_str::<Value>(&text).expect("YAML");
    let patch = read(istio.annotations());
    (read(istio.plugin()), patch["spec"]["template"]["metadata"]["annotations"].clone())
}

/// The `stats_config` of a proxy whose pod has these annotations.
pub fn stats_config(annotations: &Value) -> Value {
    let words = |name: &str| {
        let value = annotations[format!("sidecar.istio.io/{name}")].as_str().unwrap_or_default();
        value.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let extra = words("extraStatTags");
    let extra = extra.iter().map(|tag| extra_tag(tag));
    let tags: Vec<Value> = BEFORE.iter().map(own_tag).chain(extra).chain(AFTER.iter().map(own_tag)).collect();
    let prefixes = words("statsInclusionPrefixes");
    let prefixes = prefixes.iter().map(String::as_str).chain(PREFIXES);
    let mut patterns = vec![json!({"prefix": "reporter="})];
    patterns.extend(prefixes.map(|prefix| json!({"prefix": prefix})));
    patterns.extend(SUFFIXES.map(|suffix| json!({"suffix": suffix})));
    patterns.push(json!({"safe_regex": {"regex": r"vhost\.*\.route\.*"}}));
    patterns.extend(["component", "istio"].map(|prefix| json!({"prefix": prefix})));
    let mut config = json!({
        "use_all_default_tags": false,
        "stats_tags": tags,
        "stats_matcher": {"inclusion_list": {"patterns": patterns}},
    });
    if let Some(buckets) = annotations["sidecar.istio.io/statsHistogramBuckets"].as_str() {
        let buckets: Map<String, Value> = serde_json::from_str(buckets).expect("prefixes and bounds");
        let setting = |(prefix, bounds)| json!({"match": {"prefix": prefix}, "buckets": bounds});
        config["histogram_bucket_settings"] = buckets.into_iter().map(setting).collect();
    }
    config
}

/// Those of Istio's own tags that are read from a stat name whoever made it, which could meet one of ours, before the
/// extra ones.
pub fn unanchored(extra: &[&str]) -> Value {
    let own = BEFORE.iter().chain(&AFTER).filter(|(_, regex)| !regex.starts_with('^'));
    own.map(own_tag).chain(extra.iter().map(|tag| extra_tag(tag))).collect()
}

fn own_tag((name, regex): &(&str, &str)) -> Value {
    json!({"tag_name": name, "regex": regex})
}

fn extra_tag(name: &str) -> Value {
    json!({"tag_name": name, "regex": format!(r"({name}=\.=(.*?);\.;)")})
}

/// The HTTP filter that pilot makes of a WasmPlugin of the namespace `istio-system`.
pub fn http_filter(plugin: &Value) -> Value {
    let spec = &plugin["spec"];
    let name = format!("istio-system.{}", plugin["metadata"]["name"].as_str().expect("a name"));
    let file = spec["url"].as_str().and_then(|url| url.strip_prefix("file://")).expect("a file");
    let policy = spec["failStrategy"].as_str().unwrap_or("FAIL_CLOSE").replace("FAIL_CLOSE", "FAIL_CLOSED");
    json!({
        "name": format!("extensions.istio.io/wasmplugin/{name}"),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": spec["pluginName"],
                "failure_policy": policy,
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": file}},
                    "environment_variables": {"key_values": {
                        "ISTIO_META_WASM_IMAGE_PULL_POLICY": spec["imagePullPolicy"],
                        "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION": "1"}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": spec["pluginConfig"].to_string(),
                },
            },
        },
    })
}
