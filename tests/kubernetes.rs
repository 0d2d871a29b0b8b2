//! What is rendered for Kubernetes: every object is as its schema wants it, and every reference is there.

mod support;

use flate2::read::GzDecoder;
use redline_cli::document::Document;
use redline_cli::render::Rendered;
use redline_cli::render::istio::{Hop, Istio};
use redline_cli::render::kubernetes::MODULE;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use support::kubernetes::{documents, files_of, objects, rendered};
use support::{root, shared_data};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn must_be_valid(schema: &Value, object: &Value, what: &str) {
    let validator = jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("{what}: {error}"));
    let errors: Vec<String> =
        validator.iter_errors(object).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}:\n{}", errors.join("\n"));
}

/// The project's own schema of a kind.
fn own_schema(kind: &str) -> Value {
    let text = std::fs::read_to_string(root().join("tests/data/kubernetes.schema.json")).expect("the schema");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    assert!(schema["$defs"].get(kind).is_some(), "the schema does not know {kind}");
    schema["$ref"] = json!(format!("#/$defs/{kind}"));
    schema
}

#[test]
fn every_object_has_the_fields_and_names_that_its_schema_allows() {
    let mut kinds = BTreeSet::new();
    for document in documents() {
        for digest in [None, Some(DIGEST)] {
            let files = rendered(&document, digest);
            let both = [Hop::Gateway, Hop::Sidecars].map(|hop| {
                Istio { document: &document, url: "file:///etc/redline.wasm", sha256: digest, hop }.render()
            });
            let all: Vec<Rendered> = files.into_iter().chain(both.into_iter().flatten()).collect();
            for (name, object) in objects(&all) {
                let kind = object["kind"].as_str().expect("a kind");
                let kind = if name.ends_with("proxyconfig.yaml") { "DeploymentPatch" } else { kind };
                // Provisioning of Grafana's says `apiVersion: 1`; it is no object.
                must_be_valid(&own_schema(kind), &object, &format!("{}: {name}", document.config.service));
                kinds.insert(kind.to_owned());
            }
        }
    }
    let expected = [
        "Component",
        "Deployment",
        "DeploymentPatch",
        "EnvoyExtensionPolicy",
        "EnvoyProxy",
        "Kustomization",
        "PodMonitor",
        "PrometheusRule",
        "Service",
        "ServiceMonitor",
        "WasmPlugin",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn the_schema_finds_what_is_wrong() {
    let document = Document::from_text("a", "service: x").expect("it is right");
    let files = rendered(&document, None);
    let object = |ending: &str| {
        let found = objects(&files).into_iter().find(|(name, _)| name.ends_with(ending));
        found.unwrap_or_else(|| panic!("{ending}")).1
    };
    let spoiled: [(&str, &str, &str, Value); 6] = [
        ("overlays/sidecars/wasmplugin.yaml", "WasmPlugin", "/spec/failStrategy", json!("FAIL_CLOSE")),
        ("overlays/sidecars/wasmplugin.yaml", "WasmPlugin", "/spec/match/0/mode", json!("CLIENT_AND_SERVER")),
        (
            "overlays/sidecars/podmonitor.yaml",
            "PodMonitor",
            "/spec/podMetricsEndpoints/0/honorLabels",
            json!(false),
        ),
        ("gateway/service.yaml", "Service", "/metadata/name", json!("Redline_x")),
        ("gateway/service.yaml", "Service", "/metadata/name", json!("a".repeat(64))),
        ("gateway/deployment.yaml", "Deployment", "/metadata/labels", json!({"app": "a-"})),
    ];
    for (name, kind, path, value) in spoiled {
        let mut spoiled = object(name);
        let validator = jsonschema::validator_for(&own_schema(kind)).expect("a schema");
        assert!(validator.is_valid(&spoiled));
        *spoiled.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        assert!(!validator.is_valid(&spoiled), "{name}: {path}");
    }
}

/// Every custom resource's schema by its group, version and kind, strict where the API server would drop fields.
fn custom_resources() -> Option<BTreeMap<(String, String), Value>> {
    let mut all = BTreeMap::new();
    for name in
        ["istio.yaml", "prometheus-operator.yaml", "envoy-gateway.yaml", "envoy-gateway-envoyproxies.yaml.gz"]
    {
        let bytes = std::fs::read(shared_data(&format!("crds/{name}"))?).expect("the file");
        let mut text = String::new();
        match name.strip_suffix(".gz") {
            Some(_) => GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).map(drop).expect("text"),
            None => text = String::from_utf8(bytes).expect("text"),
        }
        // Published definitions are joined with and without a line's end in front of the `---`.
        for part in text.replace("---\napiVersion:", "\n---\napiVersion:").split("\n---") {
            if !part.contains("kind: CustomResourceDefinition") {
                continue;
            }
            let options = serde_saphyr::options! { budget: None };
            let definition: Value = serde_saphyr::from_str_with_options(part, options).expect("YAML");
            let group = definition["spec"]["group"].as_str().expect("a group");
            let kind = definition["spec"]["names"]["kind"].as_str().expect("a kind");
            for version in definition["spec"]["versions"].as_array().expect("versions") {
                let api = format!("{group}/{}", version["name"].as_str().expect("a name"));
                let mut schema = version["schema"]["openAPIV3Schema"].clone();
                let known: Map<String, Value> = ["apiVersion", "kind", "metadata"]
                    .map(|key| (key.to_owned(), json!({})))
                    .into_iter()
                    .collect();
                if let Some(properties) = schema["properties"].as_object_mut() {
                    properties.extend(known);
                }
                strict(&mut schema);
                all.insert((api, kind.to_owned()), schema);
            }
        }
    }
    Some(all)
}

/// No field that the schema does not name, but where it lets any be; and nulls where it lets them be.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(strict);
            let open = map.contains_key("additionalProperties")
                || map.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
            let object = map.get("properties").is_some_and(|p| {
                p.as_object().is_some_and(|p| !p.contains_key("type") || p["type"].is_object())
            });
            if object && map.get("type") == Some(&json!("object")) && !open {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            if map.get("nullable") == Some(&json!(true)) {
                let kind = map.get("type").cloned().unwrap_or_default();
                map.insert("type".to_owned(), json!([kind, "null"]));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

#[test]
fn every_custom_resource_is_as_its_definition_wants_it() {
    let Some(definitions) = custom_resources() else { return };
    let mut kinds = BTreeSet::new();
    for document in documents() {
        for digest in [None, Some(DIGEST)] {
            let files = rendered(&document, digest);
            for (name, object) in objects(&files) {
                let text = |key: &str| object[key].as_str().expect("text").to_owned();
                let key = (text("apiVersion"), text("kind"));
                // What is in every cluster has no definition; kustomize's kinds are no objects of a cluster.
                let Some(schema) = definitions.get(&key) else {
                    assert!(
                        ["v1", "apps/v1"].contains(&key.0.as_str()) || key.0.starts_with("kustomize."),
                        "{key:?}"
                    );
                    continue;
                };
                must_be_valid(schema, &object, &format!("{}: {name}", document.config.service));
                let mut unknown = object.clone();
                unknown["spec"]["noSuchField"] = json!(1);
                assert!(!jsonschema::is_valid(schema, &unknown), "{key:?} would take any field");
                kinds.insert(key.1);
            }
        }
    }
    let expected = [
        "EnvoyExtensionPolicy",
        "EnvoyProxy",
        "PodMonitor",
        "PrometheusRule",
        "ServiceMonitor",
        "WasmPlugin",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// A path with its `..` taken out.
fn resolved(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(out.pop(), "{} leaves the folder", path.display()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[test]
fn every_reference_of_a_kustomization_is_there_and_every_file_is_referred_to() {
    for document in documents() {
        let files = rendered(&document, None);
        let mut there: BTreeSet<PathBuf> = files.iter().map(|file| PathBuf::from(file.name)).collect();
        there.insert(PathBuf::from(MODULE));
        let mut used: BTreeSet<PathBuf> = BTreeSet::from([PathBuf::from("kustomization.yaml")]);
        let kustomizations: Vec<(&str, Value)> =
            objects(&files).into_iter().filter(|(name, _)| name.ends_with("kustomization.yaml")).collect();
        for (name, value) in &kustomizations {
            let folder = Path::new(name).parent().expect("a folder");
            let mut refer = |reference: &str, may_be_folder: bool| {
                let path = resolved(&folder.join(reference));
                let inner = path.join("kustomization.yaml");
                let target = if may_be_folder && there.contains(&inner) { inner } else { path.clone() };
                assert!(there.contains(&target), "{name} refers to {reference}, which is not there");
                // kustomize takes no file from outside of the folder.
                let outside = !may_be_folder && path.parent() != Some(folder);
                assert!(!outside, "{name} refers to {reference}, which is elsewhere");
                used.insert(target);
            };
            files_of(&value["resources"]).iter().for_each(|reference| refer(reference, true));
            for generator in ["configMapGenerator", "secretGenerator"] {
                for made in value[generator].as_array().into_iter().flatten() {
                    files_of(&made["files"]).iter().for_each(|reference| refer(reference, false));
                }
            }
            for patch in value["patches"].as_array().into_iter().flatten() {
                refer(patch["path"].as_str().expect("a path"), false);
            }
        }
        // Overlays and components are for people to name.
        let entries = there.iter().filter(|path| path.ends_with("kustomization.yaml"));
        used.extend(
            entries.filter(|path| path.starts_with("overlays") || path.starts_with("components")).cloned(),
        );
        assert_eq!(used, there);

        // What a pod mounts and a monitor selects is made in the same overlay.
        let of =
            |name: &str| objects(&files).into_iter().find(|(n, _)| *n == name).expect("it is rendered").1;
        let deployment = of("gateway/deployment.yaml");
        let mounted = &deployment["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"];
        assert_eq!(of("gateway/kustomization.yaml")["configMapGenerator"][0]["name"], *mounted);
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let service = of("gateway/service.yaml");
        for selector in [&deployment["spec"]["selector"]["matchLabels"], &service["spec"]["selector"]] {
            assert_eq!(selector, labels);
        }
        let monitor = of("overlays/envoy/servicemonitor.yaml");
        assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
        assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][1]["name"]);
    }
}
