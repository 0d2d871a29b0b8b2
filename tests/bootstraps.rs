//! Every bootstrap that is rendered is one that Envoy accepts, with the filter in it: `make test-matrix` asks every
//! supported Envoy.

mod support;

use redline_cli::document::Document;
use redline_cli::envoy::Installation;
use redline_cli::render::istio::Hop;
use redline_cli::render::{Bootstrap, envoy_stats};
use serde_json::{Value, json};
use std::process::Command;
use support::{istio, root, wasm};

/// What configurations can make different in a bootstrap: labels, histograms, texts that YAML could misread, sizes.
fn documents() -> Vec<(String, Document)> {
    let read = |name: &str| {
        let text = std::fs::read_to_string(root().join(name)).expect("the file");
        (name.to_owned(), Document::from_text(name, &text).expect("it is right"))
    };
    let mut all = vec![
        read("envoy/redline.example.yaml"),
        read("envoy/profiles/ml-platform.yaml"),
        read("examples/fastapi/redline.yaml"),
        read("examples/grpc/redline.yaml"),
    ];
    let names = redline::metric::Metric::ALL.map(|m| m.name(redline::metric::DurationUnit::Microseconds));
    let templates: Vec<String> = (0..500).map(|i| format!("/api/v1/resource-{i}/{{id}}/detail")).collect();
    let metrics: Vec<Value> = (0..60)
        .map(|i| {
            json!({"name": format!("custom_{i}_milliseconds"), "type": "histogram", "value": "duration", "max": 10,
                   "labels": {format!("label{i}x"): "method"}})
        })
        .collect();
    for (name, value) in [
        ("the least", json!({"service": "x"})),
        ("no histogram", json!({"service": "x", "duration_unit": "us", "disable": names.to_vec()})),
        (
            "microseconds and a prefix",
            json!({"service": "x", "duration_unit": "us", "metric_prefix": "edge_"}),
        ),
        ("many templates", json!({"service": "x", "endpoints": {"templates": templates}})),
        ("many metrics", json!({"service": "x", "metrics": metrics})),
        (
            "odd texts",
            json!({"service": "x", "alerting": {
                "labels": {"team": "%DOWNSTREAM_REMOTE_ADDRESS% \\ \u{85} \u{2028} # - {é} \u{1f600}"}}}),
        ),
    ] {
        match Document::from_text("test.json", &value.to_string()) {
            Ok(document) => all.push((name.to_owned(), document)),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    all
}

fn must_accept(what: &str, bootstrap: &str) {
    let installation = Installation::find_or_install().expect("an Envoy");
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    std::fs::write(file.path(), bootstrap).expect("a file");
    let output = Command::new(&installation.path)
        .args(["--mode", "validate", "--disable-hot-restart", "--log-level", "warning", "--config-path"])
        .arg(file.path())
        .output()
        .expect("Envoy runs");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(
        output.status.success() && said.contains("OK"),
        "Envoy {}: {what}:\n{said}",
        installation.version
    );
    // What it accepts with a warning, it may refuse in its next release.
    assert!(!said.contains("[warning]"), "Envoy {}: {what}:\n{said}", installation.version);
}

fn bootstrap<'d>(document: &'d Document, upstream: &str, listen: &str) -> Bootstrap<'d> {
    Bootstrap {
        document,
        upstream: upstream.parse().expect("an address"),
        listen: listen.parse().expect("an address"),
        admin: "127.0.0.1:9901".parse().expect("an address"),
        wasm: wasm().display().to_string(),
        flush_seconds: None,
    }
}

#[test]
fn every_configuration_makes_a_bootstrap_that_envoy_accepts() {
    for (name, document) in documents() {
        must_accept(&name, &bootstrap(&document, "127.0.0.1:8080", "0.0.0.0:10000").render().text);
    }
}

#[test]
fn every_kind_of_address_makes_a_bootstrap_that_envoy_accepts() {
    let document = Document::from_text("test", "service: x").expect("it is right");
    for upstream in
        ["127.0.0.1:1", "[::1]:65535", "shop.internal:8080", "localhost:80", "h2c://shop.internal:50051"]
    {
        for listen in ["0.0.0.0:10000", "127.0.0.1:0", "[::]:10000"] {
            must_accept(
                &format!("{listen} to {upstream}"),
                &bootstrap(&document, upstream, listen).render().text,
            );
        }
    }
    // As a pod of Kubernetes has it, with a listener for Prometheus.
    for metrics in ["0.0.0.0:9902", "[::]:9902"] {
        let bootstrap = bootstrap(&document, "shop:8080", "0.0.0.0:10000");
        must_accept(metrics, &bootstrap.yaml_with_metrics(&metrics.parse().expect("an address")));
    }
    let quick = Bootstrap { flush_seconds: Some(1), ..bootstrap(&document, "127.0.0.1:1", "127.0.0.1:0") };
    must_accept("flush_seconds", &quick.render().text);
}

#[test]
fn a_bootstrap_of_ones_own_takes_the_rendered_stats_config_and_istios_the_annotations() {
    for (name, document) in documents() {
        let stats: Value = serde_saphyr::from_str(&envoy_stats::render(&document.config).text).expect("YAML");
        must_accept(&name, &json!({"stats_config": stats["stats_config"]}).to_string());
        let (plugin, annotations) = istio::rendered(&document, Hop::Sidecars, &wasm().display().to_string());
        let bootstrap = bootstrap(&document, "127.0.0.1:1", "127.0.0.1:0").yaml();
        let mut bootstrap: Value = serde_saphyr::from_str(&bootstrap).expect("YAML");
        bootstrap["stats_config"] = istio::stats_config(&annotations);
        let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
        *bootstrap.pointer_mut(filters).expect("the filter") = istio::http_filter(&plugin);
        must_accept(&format!("{name}, Istio"), &bootstrap.to_string());
    }
}
