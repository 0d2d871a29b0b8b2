//! Goldens, beside this file in `goldens/`. `BLESS=1 cargo test -p redline-cli` writes them anew.

use super::*;
#[path = "fixtures/profile.rs"]
pub(super) mod profile;

use crate::document::{Document, DocumentError};
use std::path::Path;

fn must_equal_golden(rendered: &Rendered) {
    must_equal_golden_in("cli/src/render/goldens", rendered);
}

/// Compares with a file in a folder of the checkout.
pub(crate) fn must_equal_golden_in(folder: &str, rendered: &Rendered) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(rendered.name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &rendered.text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == rendered.text,
        "{} is not as rendered; BLESS=1 writes it anew:\n{}",
        path.display(),
        rendered.text
    );
}

fn bootstrap(document: &Document) -> Bootstrap<'_> {
    Bootstrap {
        document,
        upstream: "shop.internal:8080".parse().unwrap(),
        listen: "0.0.0.0:10000".parse().unwrap(),
        admin: "127.0.0.1:9901".parse().unwrap(),
        wasm: "/etc/envoy/redline.wasm".to_owned(),
        flush_seconds: None,
    }
}

/// The example of every key.
pub(crate) fn example() -> Result<Document, DocumentError> {
    Document::from_text("redline.example.yaml", include_str!("../../../envoy/redline.example.yaml"))
}

#[test]
fn the_example_is_a_valid_configuration() {
    let document = example().unwrap();
    assert_eq!(document.config.service, "shop");
    assert_eq!(crate::estimate::Estimate::of(&document.config).overflow(), None);
}

#[test]
fn the_example_renders_as_the_goldens() {
    let document = example().unwrap();
    must_equal_golden(&plugin::render(&document.value));
    must_equal_golden(&envoy_stats::render(&document.config));
    must_equal_golden(&bootstrap(&document).render());
}

#[test]
fn every_file_is_what_its_format_reads() {
    let document = example().unwrap();
    let plugin = plugin::render(&document.value).text;
    assert_eq!(Document::from_text("plugin.json", &plugin).unwrap().config, document.config);

    let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    let stats = read(&envoy_stats::render(&document.config).text);
    assert_eq!(stats.as_object().unwrap().keys().collect::<Vec<_>>(), ["stats_config"]);
    let bootstrap = read(&bootstrap(&document).render().text);
    assert_eq!(bootstrap["stats_config"], stats["stats_config"]);
    let tags: Vec<(String, String)> = stats["stats_config"]["stats_tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["tag_name"].as_str().unwrap().to_owned(), tag["regex"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(tags, document.config.stat_tags());
    let configuration = bootstrap
        .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config")
        .and_then(|filter| filter.pointer("/config/configuration/value")?.as_str());
    assert_eq!(configuration, Some(plugin.as_str()));
}

#[test]
fn an_address_needs_no_dns_and_texts_are_quoted() {
    let document =
        Document::from_text("a", "service: x\nlimits: {max_series: 100}\ntenant: {max: 5}").unwrap();
    let wasm = "/a \"b\"\n#.wasm".to_owned();
    let bootstrap = Bootstrap { upstream: "[::1]:80".parse().unwrap(), wasm, ..bootstrap(&document) };
    let text = Bootstrap { flush_seconds: Some(1), ..bootstrap }.yaml();
    assert!(text.contains("type: STATIC\n") && !text.contains("dns_lookup_family"), "{text}");
    assert!(
        text.contains("filename: \"/a \\\"b\\\"\\n#.wasm\"") && text.contains("stats_flush_interval: 1s\n"),
        "{text}"
    );
    assert!(text.contains("socket_address: {address: \"::1\", port_value: 80}"), "{text}");
}

#[test]
fn without_histograms_there_are_no_buckets() {
    let names = redline::metric::Metric::ALL.map(|m| m.name(redline::metric::DurationUnit::Milliseconds));
    let document = Document::from_text("a", &format!("service: x\ndisable: {names:?}")).unwrap();
    assert!(!envoy_stats::stats_config(&document.config).contains("histogram_bucket_settings"));
}

#[test]
fn whatever_loads_the_filter_gets_a_new_vm_after_a_trap() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/goldens")];
    let (mut loads, mut opened) = (0, 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // Envoy's way to load it, and Istio's.
            let here = text.matches("vm_config:").count() + text.matches("kind: WasmPlugin\n").count();
            assert_eq!(text.matches(": FAIL_RELOAD\n").count(), here, "{}", path.display());
            loads += here;
            // Envoy Gateway has no such thing.
            let gateway = text.matches("kind: EnvoyExtensionPolicy\n").count();
            assert_eq!(text.matches("failOpen: true\n").count(), gateway, "{}", path.display());
            opened += gateway;
        }
    }
    assert!(loads > 3 && opened > 0, "{loads} {opened}");
}
