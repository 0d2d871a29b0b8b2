//! In proxies that are told what Istio and Envoy Gateway tell them, every metric has the contract's name and labels, and
//! the mesh's own stats are as they were. And the image that Istio would pull is the filter.

mod support;

use flate2::read::GzDecoder;
use oci_spec::image::{ImageIndex, ImageManifest, MediaType};
use redline_cli::document::Document;
use redline_cli::render::istio::Hop;
use redline_cli::render::kubernetes::Kubernetes;
use redline_cli::scrape::Scrape;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::Command;
use support::client::{Call, Version, send_all};
use support::gateway::{Listener, bootstrap, route};
use support::{World, envoy_minor, eventually, istio, root, wasm};

const CONFIGURATION: &str = r#"{
    "service": "shop", "tick": "100ms",
    "endpoints": {"templates": ["/t/{tenant}/orders/{id}", "/api/v1.1/models/{id}"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}, {"path": "tenant"}], "max": 3,
               "isolation": {"claim": {"header": "x-tenant-id"}, "resource": {"path": "tenant"}}},
    "user": {"sources": [{"header": "x-user-id"}]},
    "slos": [{"name": "availability", "objective": 99.9, "sli": {"availability": {}}},
             {"name": "latency", "objective": 99, "sli": {"latency": {"threshold": "300ms"}}}],
    "metrics": [
        {"name": "models_read_total", "type": "counter", "labels": {"cached": "tenant", "model": {"param": "id"}}},
        {"name": "db_query_duration_milliseconds", "type": "histogram", "value": {"server_timing": "db"},
         "labels": {"operation": {"server_timing": "db"}}},
        {"name": "db_pool_size", "type": "gauge", "value": {"response_header": "x-pool"}, "per_upstream": true}]
}"#;

/// Every metric of the contract, and of the configuration above, with its labels beside `service`.
const CONTRACT: [(&str, &str); 40] = [
    ("http_requests_total", "method endpoint status"),
    ("http_request_duration_milliseconds", "method endpoint"),
    ("http_request_size_bytes", "method endpoint"),
    ("http_response_size_bytes", "method endpoint"),
    ("http_requests_in_progress", "method endpoint"),
    ("http_failures_total", "endpoint reason"),
    ("http_upstream_duration_milliseconds", "endpoint"),
    ("http_retries_total", "endpoint"),
    ("grpc_requests_total", "endpoint grpc_code"),
    ("tenant_requests_total", "tenant code_class"),
    ("tenant_request_bytes_total", "tenant"),
    ("tenant_response_bytes_total", "tenant"),
    ("tenant_rate_limited_total", "tenant"),
    ("tenant_isolation_violations_total", "tenant"),
    ("tenant_active_users", "tenant"),
    ("auth_failures_total", "endpoint"),
    ("access_denied_total", "endpoint"),
    ("slo_events_total", "slo"),
    ("slo_bad_events_total", "slo"),
    ("slo_window_events", "slo window"),
    ("slo_window_bad_events", "slo window"),
    ("slo_error_ratio_ppm", "slo window"),
    ("slo_burn_rate_milli", "slo window"),
    ("slo_window_coverage_seconds", "slo window"),
    ("slo_error_budget_remaining_ppm", "slo"),
    ("slo_error_budget_overspent_ppm", "slo"),
    ("slo_availability_ppm", "slo"),
    ("slo_http_request_success_rate_ppm", "slo"),
    ("slo_http_request_latency_p99_milliseconds", "slo"),
    ("slo_status", "slo"),
    ("redline_series", ""),
    ("redline_label_values", "label"),
    ("redline_label_values_max", "label"),
    ("redline_series_overflow_total", "label"),
    ("redline_dropped_total", "reason"),
    ("redline_last_publish_timestamp_seconds", ""),
    ("redline_build_info", "version"),
    ("models_read_total", "cached model"),
    ("db_query_duration_milliseconds", "operation"),
    ("db_pool_size", "upstream"),
];

/// A proxy of the mesh, with the filter and the annotations or without both.
fn proxy(document: &Document, ours: bool) -> World {
    let world = World::with_bootstrap(2, |upstream| {
        let listener =
            Listener { name: "ingress", configuration: CONFIGURATION, client_values: false, quic: None };
        let module = wasm().display().to_string();
        let text = bootstrap(&[listener], &module, upstream);
        let mut whole: Value = serde_json::from_str(&text).expect("our own JSON");
        let (plugin, annotations) = istio::rendered(document, Hop::Gateway, &module);
        whole["stats_config"] = istio::stats_config(if ours { &annotations } else { &Value::Null });
        let cluster = "outbound|8080||shop.default.svc.cluster.local";
        let text =
            whole.to_string().replace("\"cluster\":\"upstream\"", &format!("\"cluster\":\"{cluster}\""));
        let text = text.replace("\"name\":\"upstream\"", &format!("\"name\":\"{cluster}\""));
        let mut whole: Value = serde_json::from_str(&text).expect("our own JSON");
        let hcm = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let hcm = whole.pointer_mut(hcm).expect("the connection manager");
        hcm["access_log"] = if has_stats_logger() { json!([istio_stats()]) } else { json!([]) };
        let filters = hcm["http_filters"].as_array_mut().expect("filters");
        // The plugin stands where the bootstrap of other tests has its filter.
        if ours {
            filters[1] = istio::http_filter(&plugin);
        } else {
            filters.remove(1);
        }
        whole.to_string()
    });
    world.expect("Envoy starts")
}

/// Envoy has it since 1.37.
fn has_stats_logger() -> bool {
    envoy_minor() >= 37
}

/// Counters and histograms with tags of their own beside the name, as the mesh's `istio_stats` filter defines them; it is
/// not in Envoy, but this logger of Envoy's is.
fn istio_stats() -> Value {
    let tags = [
        ("reporter", "destination"),
        ("source_version", "v1"),
        ("destination_service", "shop.default.svc.cluster.local"),
        ("destination_service_name", "shop"),
        ("request_protocol", "http"),
        ("request_method", "%REQ(:METHOD)%"),
        ("response_code", "%RESPONSE_CODE%"),
        ("grpc_response_status", "%GRPC_STATUS_NUMBER%"),
        ("response_flags", "%RESPONSE_FLAGS%"),
    ];
    let tags: Vec<Value> =
        tags.iter().map(|(name, value)| json!({"name": name, "value_format": value})).collect();
    json!({"name": "istio", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
        "stat_prefix": "istio",
        "counters": [{"stat": {"name": "requests_total", "tags": tags}, "value_fixed": 1}],
        "histograms": [{"stat": {"name": "request_bytes", "tags": tags}, "value_format": "%BYTES_RECEIVED%"}],
    }})
}

/// Calls after which every metric of the contract has a value.
fn calls() -> Vec<Call> {
    let order = |tenant: &str| Call::get(&format!("/t/{tenant}/orders/1"));
    let told = |script: &str| order("acme").header("x-do", script);
    let mut calls = vec![
        order("acme").header("x-user-id", "u1"),
        order("acme").header("x-tenant-id", "globex"),
        // Past half of the limit; with the texts that Istio's own expressions look for.
        order("x").header("x-tenant-id", "cache.example.com"),
        order("y").header("x-tenant-id", "tag.a;.;status=.=200;.;"),
        Call::get("/api/v1.1/models/m.shadow_allowed"),
        told("status=401"),
        told("status=403"),
        told("status=429"),
        told("status=503"),
        told("wait=400"),
        told("header=server-timing:db;desc=\"select\";dur=12"),
        told("header=x-pool:7"),
        // No number: dropped, and counted as such.
        told("header=x-pool:many"),
        Call::get(route::DENIED),
        Call::get(route::NO_HEALTHY_UPSTREAM),
        Call::get(route::RETRY).header("x-do", "first=503"),
    ];
    let mut grpc = told("header=content-type:application/grpc trailer=grpc-status:0");
    (grpc.version, grpc.method) = (Version::H2, "POST".to_owned());
    calls.push(grpc.header("content-type", "application/grpc").header("te", "trailers"));
    calls
}

fn send(world: &World) {
    let address = world.envoy.listener("ingress").expect("the listener");
    world.runtime.block_on(send_all(address, 1, &calls()));
}

type Labels = BTreeMap<String, String>;

fn samples(world: &World) -> Vec<(String, Labels, f64)> {
    let scrape = Scrape::parse(&world.envoy.scrape().expect("Envoy answers")).expect("its own format");
    scrape.samples.into_iter().map(|s| (s.name, s.labels, s.value)).collect()
}

/// A histogram's name for its samples' names.
fn base(name: &str) -> &str {
    let ending = ["_bucket", "_sum", "_count"].into_iter().find_map(|ending| name.strip_suffix(ending));
    ending.filter(|base| CONTRACT.iter().any(|(known, _)| known == base)).unwrap_or(name)
}

fn is_ours(name: &str) -> bool {
    !name.starts_with("envoy_")
}

#[test]
fn every_metric_has_the_contracts_name_and_labels() {
    let document = Document::from_text("test", CONFIGURATION).expect("it is right");
    let world = proxy(&document, true);
    send(&world);
    must_have_the_contracts_labels(&world, &document);
    must_be_well(&world);
}

fn must_have_the_contracts_labels(world: &World, document: &Document) {
    let expected: BTreeSet<&str> = CONTRACT.iter().map(|(name, _)| *name).collect();
    let samples = eventually("every metric", || {
        let samples = samples(world);
        let seen: BTreeSet<&str> = samples.iter().map(|(name, ..)| base(name)).collect();
        expected.is_subset(&seen).then_some(samples)
    });
    for (name, labels, _) in samples.iter().filter(|(name, ..)| is_ours(name)) {
        let (_, expected) =
            CONTRACT.iter().find(|(known, _)| *known == base(name)).unwrap_or_else(|| panic!("{name}"));
        let mut expected: BTreeSet<&str> = expected.split_whitespace().chain(["service"]).collect();
        if name.ends_with("_bucket") {
            expected.insert("le");
        }
        assert_eq!(labels.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{name}");
        assert_eq!(labels["service"], "shop", "{name}");
    }
    let of = |name: &str, label: &str| -> BTreeSet<String> {
        samples.iter().filter(|(n, ..)| n == name).map(|(_, labels, _)| labels[label].clone()).collect()
    };
    let endpoints = of("http_requests_total", "endpoint");
    let known = ["/api/v1.1/models/{id}", "/t/{tenant}/orders/{id}", "_other"].map(str::to_owned);
    assert_eq!(endpoints, known.into());
    let tenants = ["acme", "globex", "_other", "_none"].map(str::to_owned);
    assert_eq!(of("tenant_requests_total", "tenant"), tenants.into());

    // Each histogram has its own bounds, not Envoy's.
    for (prefix, bounds) in document.config.histogram_buckets() {
        let name = prefix.trim_start_matches("wasmcustom.").trim_end_matches('.');
        let expected = bounds.iter().map(u64::to_string).chain(["+Inf".to_owned()]).collect();
        assert_eq!(of(&format!("{name}_bucket"), "le"), expected, "{name}");
    }
}

/// A proxy as Envoy Gateway runs it: the policy's filter is in the chain, switched off, and each route switches it on.
#[test]
fn a_proxy_of_envoy_gateways_shows_the_contracts_labels() {
    let document = Document::from_text("test", CONFIGURATION).expect("it is right");
    let upstream = "127.0.0.1:1".parse().expect("an address");
    let files =
        Kubernetes { document: &document, url: "oci://r.example/x:1", sha256: None, upstream: &upstream }
            .render();
    let object = |name: &str| -> Value {
        let file = files.iter().find(|file| file.name == name).expect("it is rendered");
        serde_saphyr::from_str(&file.text).expect("YAML")
    };
    let proxy = object("overlays/envoy-gateway/envoyproxy.yaml");
    let stats: Value =
        serde_saphyr::from_str(proxy["spec"]["bootstrap"]["value"].as_str().expect("a text")).expect("YAML");
    let wasm_of = object("overlays/envoy-gateway/envoyextensionpolicy.yaml")["spec"]["wasm"][0].clone();
    const NAME: &str = "envoy.filters.http.wasm/envoyextensionpolicy/default/redline-shop/wasm/0";
    let filter = json!({"name": NAME, "disabled": true, "typed_config": {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
    "config": {
        "name": wasm_of["name"], "root_id": wasm_of["rootID"], "fail_open": wasm_of["failOpen"],
        "vm_config": {"vm_id": NAME, "runtime": "envoy.wasm.runtime.v8",
                      "code": {"local": {"filename": wasm().display().to_string()}}},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue",
                          "value": wasm_of["config"].to_string()},
    }}});
    let world = World::with_bootstrap(2, |upstream| {
        let listener =
            Listener { name: "ingress", configuration: CONFIGURATION, client_values: false, quic: None };
        let text = bootstrap(&[listener], &wasm().display().to_string(), upstream);
        let mut whole: Value = serde_json::from_str(&text).expect("our own JSON");
        whole["stats_config"] = stats["stats_config"].clone();
        let hcm = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
        let hcm = whole.pointer_mut(hcm).expect("the connection manager");
        hcm["access_log"] = json!([]);
        hcm["http_filters"].as_array_mut().expect("filters")[1] = filter.clone();
        let routes = "/route_config/virtual_hosts/0/routes";
        for route in hcm.pointer_mut(routes).and_then(Value::as_array_mut).expect("routes") {
            route["typed_per_filter_config"][NAME] =
                json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}});
        }
        whole.to_string()
    });
    let world = world.expect("Envoy starts");
    send(&world);
    must_have_the_contracts_labels(&world, &document);
    must_be_well(&world);
}

/// The doctor has nothing to say but that some of what was sent could not be recorded, as it was meant to.
fn must_be_well(world: &World) {
    let output = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["doctor", "--envoy", &format!("http://{}", world.envoy.admin())])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let faults: Vec<&str> =
        said.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    let faults: Vec<&str> = faults.iter().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(faults, ["overflow", "dropped"], "{said}");
}

#[test]
fn the_meshs_own_stats_are_as_they_were() {
    let document = Document::from_text("test", CONFIGURATION).expect("it is right");
    let read = |ours: bool| {
        let world = proxy(&document, ours);
        send(&world);
        let count = |samples: &[(String, Labels, f64)], name: &str| -> f64 {
            samples.iter().filter(|(n, ..)| n == name).map(|(_, _, value)| value).sum()
        };
        let sent = calls().len() as f64;
        let samples = eventually("the mesh's own count", || {
            let samples = samples(&world);
            if !has_stats_logger() {
                return Some(samples);
            }
            let counted = count(&samples, "envoy_istio_requests_total") == sent;
            (counted && count(&samples, "envoy_istio_request_bytes_count") == sent).then_some(samples)
        });
        // What Envoy says of Wasm is there with a filter only.
        let kept = |name: &str| !is_ours(name) && !name.starts_with("envoy_wasm_");
        let named = samples.iter().filter(|(name, ..)| kept(name));
        let named: BTreeSet<(String, Labels)> = named.map(|(n, l, _)| (n.clone(), l.clone())).collect();
        let counted = samples.into_iter().filter(|(name, ..)| name.starts_with("envoy_istio_"));
        (named, counted.map(|(n, l, v)| (format!("{n}{l:?}"), v)).collect::<BTreeMap<_, _>>())
    };
    let (with, without) = (read(true), read(false));
    if has_stats_logger() {
        assert!(
            with.1.keys().any(|key| key.contains("grpc_response_status") && key.contains("source_version"))
        );
    } else {
        eprintln!("NOT CHECKED: this Envoy has no logger that writes stats as istio_stats does");
    }
    assert_eq!(with.1, without.1);
    assert_eq!(with.0, without.0);
    assert!(with.0.len() > 40, "{}", with.0.len());
}

#[test]
fn the_image_is_the_filter_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, layout) = (folder.path().join("istio"), folder.path().join("image"));
    let rendered = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["render", "istio", "--config", "envoy/redline.example.yaml", "--out"])
        .args([&out, std::path::Path::new("--oci"), &layout])
        .arg("--wasm")
        .arg(wasm())
        .current_dir(root())
        .output()
        .expect("it runs");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let blob = |digest: &str| std::fs::read(layout.join("blobs/sha256").join(digest)).expect("the blob");
    let index = ImageIndex::from_file(layout.join("index.json")).expect("an index");
    let digest = index.manifests()[0].digest().digest();
    let plugin = std::fs::read_to_string(out.join("wasmplugin.yaml")).expect("the plugin");
    let plugin: Value = serde_saphyr::from_str(&plugin).expect("YAML");
    assert_eq!(plugin["spec"]["sha256"], digest);
    let manifest = ImageManifest::from_reader(blob(digest).as_slice()).expect("a manifest");
    let layer = &manifest.layers()[0];
    assert_eq!(*layer.media_type(), MediaType::ImageLayerGzip);
    let layer = blob(layer.digest().digest());
    let mut archive = tar::Archive::new(GzDecoder::new(layer.as_slice()));
    let mut entry = archive.entries().expect("a tar").next().expect("one file").expect("a file");
    assert_eq!(entry.path().expect("a path").to_str(), Some("plugin.wasm"));
    let mut module = Vec::new();
    entry.read_to_end(&mut module).expect("the module");
    assert!(module == std::fs::read(wasm()).expect("the filter"));
}
