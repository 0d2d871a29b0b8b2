//! Goldens in `goldens/kubernetes`, of what no other rendering has already.

use super::super::tests::{example, must_equal_golden_in};
use super::super::{alertmanager, grafana, prometheus};
use super::*;
use serde_json::Value;

/// What other goldens have, or is put together from them.
const ELSEWHERE: [&str; 8] = [
    "base/rules.yaml",
    "base/alerts.yaml",
    "base/overview.json",
    "base/slo.json",
    "base/datasource.yaml",
    "base/dashboards.yaml",
    "base/alertmanager.yaml",
    "base/redline.tmpl",
];

fn rendered(document: &Document) -> Vec<Rendered> {
    let upstream = "shop:8080".parse().unwrap();
    let url = "oci://registry.example.com/redline:0.1.0";
    Kubernetes { document, url, sha256: None, upstream: &upstream }.render()
}

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn named<'f>(files: &'f [Rendered], name: &str) -> &'f str {
    &files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("{name}")).text
}

#[test]
fn the_example_renders_as_the_goldens() {
    let document = example().unwrap();
    let golden =
        |file: &&Rendered| !ELSEWHERE.contains(&file.name) && file.name != "operator/prometheusrule.yaml";
    for file in rendered(&document).iter().filter(golden) {
        must_equal_golden_in("cli/src/render/goldens/kubernetes", file);
    }
}

#[test]
fn what_watches_is_what_the_other_targets_render() {
    let config = crate::demo::document().unwrap().config;
    let files =
        monitoring::base(&config).into_iter().chain(monitoring::operator(&config)).collect::<Vec<_>>();
    let others: Vec<Rendered> =
        prometheus::render(&config, 1).into_iter().chain(grafana::render(&config)).collect();
    for (ours, theirs) in [
        ("base/rules.yaml", "rules.yaml"),
        ("base/alerts.yaml", "alerts.yaml"),
        ("base/overview.json", "overview.json"),
        ("base/slo.json", "slo.json"),
        ("base/datasource.yaml", "provisioning/datasources/redline.yaml"),
        ("base/dashboards.yaml", "provisioning/dashboards/redline.yaml"),
    ] {
        assert!(named(&files, ours) == named(&others, theirs), "{ours}");
    }
    // All groups, in their order, and nothing else.
    let groups = |text: &str| read(text)["groups"].as_array().unwrap().clone();
    let expected = [groups(named(&others, "rules.yaml")), groups(named(&others, "alerts.yaml"))].concat();
    let rule = read(named(&files, "operator/prometheusrule.yaml"));
    assert!(expected.len() > 5);
    assert_eq!(rule["spec"]["groups"], Value::from(expected));

    let theirs = alertmanager::render(&config, 1);
    let mut ours = read(named(&files, "base/alertmanager.yaml"));
    assert_eq!(ours["templates"], serde_json::json!(["/etc/alertmanager/config/*.tmpl"]));
    ours["templates"] = serde_json::json!(["templates/*.tmpl"]);
    assert_eq!(ours, read(named(&theirs, "alertmanager.yml")));
}

#[test]
fn envoy_gateway_takes_an_image_or_a_download() {
    let document = example().unwrap();
    let upstream = "shop:8080".parse().unwrap();
    for (url, expected) in [
        (
            "oci://r.example/a:1",
            serde_json::json!({"type": "Image", "image": {"url": "r.example/a:1", "sha256": "ab"}}),
        ),
        (
            "r.example/a:1",
            serde_json::json!({"type": "Image", "image": {"url": "r.example/a:1", "sha256": "ab"}}),
        ),
        (
            "https://r.example/a",
            serde_json::json!({"type": "HTTP", "http": {"url": "https://r.example/a", "sha256": "ab"}}),
        ),
    ] {
        let files = Kubernetes { document: &document, url, sha256: Some("ab"), upstream: &upstream }.render();
        let policy = read(named(&files, "overlays/envoy-gateway/envoyextensionpolicy.yaml"));
        let wasm = &policy["spec"]["wasm"][0];
        assert_eq!(wasm["code"], expected);
        assert_eq!(redline::config::Config::from_value(&wasm["config"]).unwrap(), document.config);
        assert_eq!(wasm["failOpen"], true);
    }
}
