//! A release: `make dist` puts everything into one folder, and the same sources give the same bytes.

mod support;

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{root, wasm};

/// Makes a release of the program under test; its folder.
fn release(into: &Path) -> PathBuf {
    wasm();
    let made = Command::new("python3")
        .arg(root().join("scripts/dist.py"))
        .args(["--redline", env!("CARGO_BIN_EXE_redline"), "--out"])
        .arg(into)
        .output()
        .expect("python3 runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    into.join(concat!("redline-", env!("CARGO_PKG_VERSION")))
}

/// Path in the folder to contents.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("a name").to_owned();
                all.insert(name, std::fs::read(path).expect("a file"));
            }
        }
    }
    all
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    let bytes = files.get(name).unwrap_or_else(|| panic!("{name} is not there"));
    String::from_utf8(bytes.clone()).expect("text")
}

#[test]
fn a_release_has_everything_and_is_the_same_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = release(&folder.path().join("first"));
    let files = files(&made);

    let first = |name: &String| name.split('/').next().expect("a name").to_owned();
    let top: BTreeSet<String> = files.keys().map(first).collect();
    let expected = [
        "CHANGELOG.md",
        "LICENSE",
        "SECURITY.md",
        "SHA256SUMS",
        "completions",
        "man",
        "monitoring",
        "oci",
        "redline",
        "redline.cdx.json",
        "redline.debug.wasm",
        "redline.example.yaml",
        "redline.schema.json",
        "redline.wasm",
        "redline.wasm.cdx.json",
        "redline.wasm.sha256",
    ];
    assert_eq!(top, expected.map(str::to_owned).into());
    for name in [
        "completions/_redline",
        "completions/redline.bash",
        "completions/redline.fish",
        "man/redline.1",
        "man/redline-render-istio.1",
        "monitoring/prometheus/rules.yaml",
        "monitoring/grafana/slo.json",
        "monitoring/alertmanager/alertmanager.yml",
        "monitoring/istio/wasmplugin.yaml",
        "monitoring/kubernetes/kustomization.yaml",
        "oci/oci-layout",
    ] {
        assert!(files.contains_key(name), "{name}");
    }

    // Every file but the list itself is in the list, with its sum.
    let sums: BTreeMap<String, String> = text(&files, "SHA256SUMS")
        .lines()
        .map(|line| {
            line.split_once("  ").map(|(sum, name)| (name.to_owned(), sum.to_owned())).expect("two columns")
        })
        .collect();
    let computed = files.iter().filter(|(name, _)| *name != "SHA256SUMS");
    assert_eq!(sums, computed.map(|(name, bytes)| (name.clone(), hex(bytes))).collect());
    let module = hex(&std::fs::read(wasm()).expect("the module"));
    assert_eq!(text(&files, "redline.wasm.sha256"), format!("{module}  redline.wasm\n"));

    // The rendered files name this image and this module, and nothing of this machine.
    let index: Value = serde_json::from_str(&text(&files, "oci/index.json")).expect("JSON");
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
    assert!(text(&files, "monitoring/istio/wasmplugin.yaml").contains(digest));
    assert!(text(&files, "monitoring/envoy/envoy.yaml").contains("filename: \"redline.wasm\""));
    let checkout = root().canonicalize().expect("a path");
    for private in [checkout.to_str().expect("a path"), folder.path().to_str().expect("a path")] {
        for (name, bytes) in files.iter().filter(|(name, _)| *name != "redline") {
            let found = bytes.windows(private.len()).any(|window| window == private.as_bytes());
            assert!(!found, "{name} holds {private}");
        }
    }

    let again = release(&folder.path().join("second"));
    assert_eq!(
        std::fs::read_to_string(again.join("SHA256SUMS")).expect("the list"),
        text(&files, "SHA256SUMS")
    );

    bill_of(
        "redline.wasm",
        &files,
        &["serde_json", "rust-std"],
        &["wasmtime", "proptest", "serde_derive", "clap"],
    );
    bill_of(
        "redline",
        &files,
        &["redline", "host-harness", "wasmtime", "clap"],
        &["proptest", "jsonschema", "serde_derive"],
    );
}

/// What CycloneDX 1.6 demands, and what is in the file and not in it.
fn bill_of(artefact: &str, files: &BTreeMap<String, Vec<u8>>, has: &[&str], has_not: &[&str]) {
    let bill: Value = serde_json::from_str(&text(files, &format!("{artefact}.cdx.json"))).expect("JSON");
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    assert_eq!(bill["version"], 1);
    let serial = bill["serialNumber"].as_str().expect("a number").strip_prefix("urn:uuid:").expect("a UUID");
    assert!(serial.len() == 36 && serial.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{serial}");
    let main = &bill["metadata"]["component"];
    assert_eq!(main["type"], "application");
    assert_eq!(main["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(main["hashes"][0]["alg"], "SHA-256");
    assert_eq!(main["hashes"][0]["content"], hex(&files[artefact]));

    let components = bill["components"].as_array().expect("components");
    let mut names = BTreeSet::new();
    let mut refs: BTreeSet<&str> = [main["bom-ref"].as_str().expect("a reference")].into();
    for component in components {
        let name = component["name"].as_str().expect("a name");
        names.insert(name);
        assert_eq!(component["type"], "library", "{name}");
        assert!(component["version"].is_string() && component["purl"].is_string(), "{name}");
        assert!(component["licenses"][0]["expression"].is_string(), "{name} has no licence");
        let own = ["redline", "host-harness", "rust-std"].contains(&name);
        assert_eq!(
            component["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64),
            !own,
            "{name}"
        );
        assert!(refs.insert(component["bom-ref"].as_str().expect("a reference")), "{name} is there twice");
    }
    for name in has {
        assert!(names.contains(name), "{name} is missing in the bill of {artefact}: {names:?}");
    }
    for name in has_not {
        assert!(!names.contains(name), "{name} is in the bill of {artefact}");
    }
    // The graph has every component once, and leads to components only.
    let graph = bill["dependencies"].as_array().expect("dependencies");
    let nodes: BTreeSet<&str> = graph.iter().map(|node| node["ref"].as_str().expect("a reference")).collect();
    assert_eq!((nodes.len(), &nodes), (graph.len(), &refs));
    for edge in graph.iter().flat_map(|node| node["dependsOn"].as_array().expect("a list")) {
        assert!(refs.contains(edge.as_str().expect("a reference")), "{edge}");
    }
}

#[test]
fn the_program_of_a_release_finds_the_filter_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = release(&folder.path().join("made"));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let line = r#"{"time":"2026-01-01T00:00:00Z","path":"/","status":200,"duration_ms":1}"#;
    for (name, text) in [("redline.yaml", "service: shop"), ("traffic.jsonl", line)] {
        std::fs::write(elsewhere.join(name), text).expect("a file");
    }
    let replay = |program: &Path| {
        let words = ["replay", "--config", "redline.yaml", "traffic.jsonl"];
        Command::new(program).args(words).current_dir(&elsewhere).output().expect("redline runs")
    };
    let output = replay(&made.join("redline"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // And nobody else's: without it, there is none.
    std::fs::remove_file(made.join("redline.wasm")).expect("a file");
    let said = replay(&made.join("redline"));
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("dist/redline.wasm is not there"), "{said:?}");
}

#[test]
fn the_schema_is_printed_as_it_is_in_the_checkout() {
    let printed = Command::new(env!("CARGO_BIN_EXE_redline")).arg("schema").output().expect("redline runs");
    assert!(printed.status.success() && printed.stderr.is_empty());
    let file = std::fs::read(root().join("envoy/redline.schema.json")).expect("the schema");
    assert_eq!(String::from_utf8_lossy(&printed.stdout), String::from_utf8_lossy(&file));
}

#[test]
fn every_page_of_the_documentation_is_in_the_book_once() {
    let docs = root().join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md")).expect("the summary");
    let named: Vec<&str> =
        summary.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(name, _)| name)).collect();
    let pages: BTreeSet<String> =
        files(&docs).into_keys().filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect();
    let once: BTreeSet<String> = named.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(once, pages);
    assert_eq!(named.len(), once.len());
}
