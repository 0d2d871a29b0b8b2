//! What is rendered for Kubernetes, as objects, and what kustomize makes of it.

use super::{root, tools};
use redline_cli::document::Document;
use redline_cli::render::Rendered;
use redline_cli::render::kubernetes::{Kubernetes, MODULE};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Configurations that make names, texts and files different.
pub fn documents() -> Vec<Document> {
    let read = |name: &str| {
        let text = std::fs::read_to_string(root().join(name)).expect("the file");
        Document::from_text(name, &text).expect("it is right")
    };
    let long = "a".repeat(63);
    let made = [
        "service: x".to_owned(),
        format!("service: {long}\nslos: [{{name: a, objective: 99.9, sli: {{availability: {{}}}}}}]"),
        "service: '-'\nalerting: {labels: {team: \"# - {é} \u{1f600}\"}}".to_owned(),
        "service: '007'\nmetric_prefix: edge_\nduration_unit: us".to_owned(),
    ];
    let made = made.iter().map(|text| Document::from_text("test.yaml", text).expect("it is right"));
    ["envoy/redline.example.yaml", "envoy/profiles/ml-platform.yaml"]
        .map(read)
        .into_iter()
        .chain(made)
        .collect()
}

pub fn rendered(document: &Document, sha256: Option<&str>) -> Vec<Rendered> {
    let upstream = "shop:8080".parse().expect("an address");
    let url = "oci://registry.example.com/redline:0.1.0";
    Kubernetes { document, url, sha256, upstream: &upstream }.render()
}

/// The objects among rendered files: those that say what they are.
pub fn objects(files: &[Rendered]) -> Vec<(&str, Value)> {
    let yaml = files.iter().filter(|file| file.name.ends_with(".yaml"));
    let read = yaml.map(|file| (file.name, serde_saphyr::from_str::<Value>(&file.text).expect("YAML")));
    read.filter(|(_, value)| value.get("apiVersion").is_some_and(Value::is_string)).collect()
}

/// The names of a list of files, `KEY=FILE` included.
pub fn files_of(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.map(|item| item.rsplit('=').next().unwrap_or(item).to_owned()).collect()
}

/// What kustomize makes of a folder; `None`, and a word, where kubectl is not installed.
pub fn kustomize(folder: &Path) -> Option<Vec<Value>> {
    let Ok(output) = Command::new("kubectl").arg("kustomize").arg(folder).output() else {
        eprintln!("NOT CHECKED: kubectl, which has kustomize in it, is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", folder.display());
    let text = String::from_utf8(output.stdout).expect("text");
    let options = || serde_saphyr::options! { budget: None };
    let parts =
        text.split("\n---\n").map(|part| serde_saphyr::from_str_with_options(part, options()).expect("YAML"));
    Some(parts.collect())
}

pub fn write(folder: &Path, files: &[Rendered]) {
    tools::write(folder, files);
    // Any bytes: what is in it is Envoy's concern.
    std::fs::write(folder.join(MODULE), b"\0asm\x01\0\0\0").expect("a file");
}
