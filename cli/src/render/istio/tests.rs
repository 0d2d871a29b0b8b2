//! Goldens in `goldens/istio` and `goldens/sidecars`, and what Istio makes of them.

use super::super::tests::{example, must_equal_golden_in};
use super::*;

fn istio(document: &Document, hop: Hop) -> Istio<'_> {
    Istio { document, url: "oci://registry.example.com/redline:0.1.0", sha256: None, hop }
}

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_example_renders_as_the_goldens() {
    let document = example().unwrap();
    let digest = "0123456789abcdef".repeat(4);
    let gateway = Istio { sha256: Some(&digest), ..istio(&document, Hop::Gateway) };
    for file in gateway.render() {
        must_equal_golden_in("cli/src/render/goldens/istio", &file);
    }
    for file in istio(&document, Hop::Sidecars).render() {
        must_equal_golden_in("cli/src/render/goldens/sidecars", &file);
    }
}

#[test]
fn the_plugin_carries_the_configuration_and_only_sidecars_are_told_which_side() {
    let text = "service: shop\nalerting: {labels: {team: \"é \\u2028 😀\"}}";
    let document = Document::from_text("a.yaml", text).unwrap();
    for hop in [Hop::Gateway, Hop::Sidecars] {
        let plugin = read(&istio(&document, hop).plugin());
        let config = Config::from_value(&plugin["spec"]["pluginConfig"]).unwrap();
        assert_eq!(config, document.config);
        assert_eq!(plugin["spec"]["failStrategy"], "FAIL_RELOAD");
        let sides = &plugin["spec"]["match"];
        match hop {
            Hop::Gateway => assert!(sides.is_null()),
            Hop::Sidecars => assert_eq!(*sides, serde_json::json!([{"mode": "SERVER"}])),
        }
    }
}

#[test]
fn the_annotations_have_every_label_and_every_histogram() {
    let document = example().unwrap();
    let patch = read(&istio(&document, Hop::Gateway).annotations());
    let annotations = &patch["spec"]["template"]["metadata"]["annotations"];
    let tags: Vec<&str> =
        annotations["sidecar.istio.io/extraStatTags"].as_str().unwrap().split(',').collect();
    let expected = document.config.stat_tags();
    assert_eq!(tags, expected.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    let buckets = annotations["sidecar.istio.io/statsHistogramBuckets"].as_str().unwrap();
    let buckets: Map<String, Value> = serde_json::from_str(buckets).unwrap();
    assert_eq!(buckets.len(), document.config.histogram_buckets().len());
    for (prefix, bounds) in document.config.histogram_buckets() {
        assert_eq!(buckets[&prefix], Value::from(bounds));
    }
}

#[test]
fn what_istio_would_read_as_its_own_is_refused() {
    let text = r#"{"service": "x", "metrics": [
        {"name": "a_total", "type": "counter", "labels": {"cache": "tenant"}},
        {"name": "hits_cache", "type": "counter"},
        {"name": "fine_total", "type": "counter", "labels": {"cached": "tenant"}}]}"#;
    let document = Document::from_text("a.json", text).unwrap();
    let paths: Vec<String> = check(&document.config).into_iter().map(|error| error.path).collect();
    assert_eq!(paths, ["$.metrics[0].labels.cache", "$.metrics[1].name"]);
    assert_eq!(check(&example().unwrap().config), []);
    assert_eq!(check(&crate::demo::document().unwrap().config), []);
}
