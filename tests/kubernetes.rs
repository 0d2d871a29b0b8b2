//! What is rendered for Kubernetes: every object is as its schema wants it, every reference is there, and kustomize
//! builds it.

mod support;

use flate2::read::GzDecoder;
use redline_cli::document::Document;
use redline_cli::render::Rendered;
use redline_cli::render::istio::{Hop, Istio};
use redline_cli::render::kubernetes::{Kubernetes, MODULE};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use support::{root, shared_data, tools};

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Configurations that make names, texts and files different.
fn documents() -> Vec<Document> {
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

fn rendered(document: &Document, sha256: Option<&str>) -> Vec<Rendered> {
    let upstream = "shop:8080".parse().expect("an address");
    let url = "oci://registry.example.com/redline:0.1.0";
    Kubernetes { document, url, sha256, upstream: &upstream }.render()
}

/// The objects among rendered files: those that say what they are.
fn objects(files: &[Rendered]) -> Vec<(&str, Value)> {
    let yaml = files.iter().filter(|file| file.name.ends_with(".yaml"));
    let read = yaml.map(|file| (file.name, serde_saphyr::from_str::<Value>(&file.text).expect("YAML")));
    read.filter(|(_, value)| value.get("apiVersion").is_some_and(Value::is_string)).collect()
}

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
        ("overlays/envoy/service.yaml", "Service", "/metadata/name", json!("Redline_x")),
        ("overlays/envoy/service.yaml", "Service", "/metadata/name", json!("a".repeat(64))),
        ("overlays/envoy/deployment.yaml", "Deployment", "/metadata/labels", json!({"app": "a-"})),
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
        for part in text.split("\n---") {
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

/// The names of a list of files, `KEY=FILE` included.
fn files_of(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    items.map(|item| item.rsplit('=').next().unwrap_or(item).to_owned()).collect()
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
            entries.filter(|path| !path.starts_with("base") && !path.starts_with("operator")).cloned(),
        );
        assert_eq!(used, there);

        // What a pod mounts and a monitor selects is made in the same overlay.
        let of =
            |name: &str| objects(&files).into_iter().find(|(n, _)| *n == name).expect("it is rendered").1;
        let deployment = of("overlays/envoy/deployment.yaml");
        let mounted = &deployment["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"];
        assert_eq!(of("overlays/envoy/kustomization.yaml")["configMapGenerator"][0]["name"], *mounted);
        let labels = &deployment["spec"]["template"]["metadata"]["labels"];
        let service = of("overlays/envoy/service.yaml");
        for selector in [&deployment["spec"]["selector"]["matchLabels"], &service["spec"]["selector"]] {
            assert_eq!(selector, labels);
        }
        let monitor = of("overlays/envoy/servicemonitor.yaml");
        assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
        assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][1]["name"]);
    }
}

/// What kustomize makes of a folder; `None`, and a word, where kubectl is not installed.
fn kustomize(folder: &Path) -> Option<Vec<Value>> {
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

fn write(folder: &Path, files: &[Rendered]) {
    tools::write(folder, files);
    // Any bytes: what is in it is Envoy's concern.
    std::fs::write(folder.join(MODULE), b"\0asm\x01\0\0\0").expect("a file");
}

#[test]
fn kustomize_builds_every_overlay() {
    let folder = tempfile::tempdir().expect("a folder");
    let document = Document::from_text("a", "service: shop").expect("it is right");
    write(folder.path(), &rendered(&document, None));
    let monitoring = ["ConfigMap", "ConfigMap", "ConfigMap", "Secret"];
    let expected: [(&str, &[&str]); 6] = [
        ("base", &[]),
        ("operator", &["PrometheusRule"]),
        ("overlays/envoy", &["ConfigMap", "Deployment", "PrometheusRule", "Service", "ServiceMonitor"]),
        ("overlays/istio-gateway", &["PodMonitor", "PrometheusRule", "WasmPlugin"]),
        ("overlays/sidecars", &["PodMonitor", "PrometheusRule", "WasmPlugin"]),
        ("overlays/envoy-gateway", &["EnvoyExtensionPolicy", "EnvoyProxy", "PodMonitor", "PrometheusRule"]),
    ];
    for (name, kinds) in expected {
        let Some(objects) = kustomize(&folder.path().join(name)) else { return };
        let mut expected: Vec<&str> = kinds.iter().copied().chain(monitoring).collect();
        expected.sort_unstable();
        let mut built: Vec<&str> =
            objects.iter().map(|object| object["kind"].as_str().expect("a kind")).collect();
        built.sort_unstable();
        assert_eq!(built, expected, "{name}");
        let rules = objects.iter().find(|object| object["metadata"]["name"] == "redline-shop-rules");
        assert_eq!(rules.expect("the rules")["metadata"]["namespace"], "monitoring");
        // A ConfigMap holds 1 MiB.
        assert!(objects.iter().all(|object| object.to_string().len() < 1 << 20), "{name}");
    }
}

#[test]
fn the_components_annotate_the_pods_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let document = Document::from_text("a", "service: shop").expect("it is right");
    write(folder.path(), &rendered(&document, None));
    for (component, label, other) in
        [("istio-gateway", "istio: ingressgateway", "app: shop"), ("sidecars", "app: shop", "app: other")]
    {
        let mine = folder.path().join(format!("mine-{component}"));
        std::fs::create_dir_all(&mine).expect("a folder");
        let deployment = |name: &str, label: &str| {
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, labels: {{{label}}}}}\nspec:\n  template:\n    \
                 metadata: {{annotations: {{mine: kept}}}}\n    spec: {{containers: [{{name: a, image: a}}]}}\n"
            )
        };
        let both = [deployment("meant", label), deployment("other", other)].join("---\n");
        std::fs::write(mine.join("deployments.yaml"), both).expect("a file");
        let kustomization = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [deployments.yaml]\n\
             components: [../components/{component}]\n"
        );
        std::fs::write(mine.join("kustomization.yaml"), kustomization).expect("a file");
        let Some(objects) = kustomize(&mine) else { return };
        for object in objects {
            let annotations = &object["spec"]["template"]["metadata"]["annotations"];
            let annotated = annotations.get("sidecar.istio.io/extraStatTags").is_some();
            assert_eq!(annotated, object["metadata"]["name"] == "meant", "{object}");
            assert_eq!(annotations["mine"], "kept");
        }
    }
}

/// The documents of a file with several.
fn all_of(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the file");
    text.split("\n---\n").map(|part| serde_saphyr::from_str(part).expect("YAML")).collect()
}

#[test]
fn the_example_mounts_what_there_is_and_its_programs_can_read_it() {
    let example = root().join("examples/kubernetes");
    let kustomization = all_of(&example.join("kustomization.yaml")).remove(0);
    let text = std::fs::read_to_string(root().join("envoy/profiles/ml-platform.yaml")).expect("the profile");
    let document = Document::from_text("ml-platform.yaml", &text).expect("it is right");
    let files = rendered(&document, None);
    let base =
        objects(&files).into_iter().find(|(name, _)| *name == "base/kustomization.yaml").expect("the base").1;

    let (mut own, mut generated) = (Vec::new(), BTreeMap::new());
    for reference in files_of(&kustomization["resources"]) {
        if reference != "redline/base" {
            own.extend(all_of(&example.join(reference)));
        }
    }
    for (generator, kind) in [("configMapGenerator", "configMap"), ("secretGenerator", "secret")] {
        for made in base[generator].as_array().into_iter().flatten() {
            generated.insert((kind, made["name"].as_str().expect("a name")), files_of(&made["files"]));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let contents =
        |name: &str| &files.iter().find(|file| file.name == format!("base/{name}")).expect(name).text;
    let programs: Vec<&Value> = own.iter().filter(|object| object["kind"] == "Deployment").collect();
    assert_eq!(programs.len(), 3);
    for program in programs {
        assert_eq!(program["metadata"]["namespace"], "monitoring");
        let pod = &program["spec"]["template"];
        assert_eq!(pod["metadata"]["labels"], program["spec"]["selector"]["matchLabels"]);
        let service = own
            .iter()
            .find(|o| o["kind"] == "Service" && o["metadata"]["name"] == program["metadata"]["name"]);
        let service = service.unwrap_or_else(|| panic!("no Service: {program}"));
        assert_eq!(service["spec"]["selector"], pod["metadata"]["labels"]);
        assert_eq!(
            service["spec"]["ports"][0]["port"],
            pod["spec"]["containers"][0]["ports"][0]["containerPort"]
        );
        let mut mounted = BTreeMap::new();
        for volume in pod["spec"]["volumes"].as_array().expect("volumes") {
            let map = volume["configMap"]["name"].as_str().map(|name| ("configMap", name));
            let secret = volume["secret"]["secretName"].as_str().map(|name| ("secret", name));
            let Some(key) = map.or(secret) else { continue };
            let optional = volume["secret"]["optional"] == true;
            let by_hand = own.iter().any(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == key.1);
            assert!(generated.contains_key(&key) || by_hand || optional, "{key:?} is made nowhere");
            mounted.insert(
                volume["name"].as_str().expect("a name"),
                generated.get(&key).cloned().unwrap_or_default(),
            );
        }
        for mount in pod["spec"]["containers"][0]["volumeMounts"].as_array().expect("mounts") {
            let (Some(part), Some(files)) =
                (mount["subPath"].as_str(), mount["name"].as_str().and_then(|n| mounted.get(n)))
            else {
                continue;
            };
            assert!(files.iter().any(|file| file == part), "{part} is not in {files:?}");
        }
    }

    // As the pods see them, under another root.
    let below = |path: &str| folder.path().join(path.trim_start_matches('/'));
    let put = |path: &str, text: &str| {
        std::fs::create_dir_all(below(path).parent().expect("a folder")).expect("a folder");
        std::fs::write(below(path), text).expect("a file");
    };
    let config =
        own.iter().find_map(|object| object["data"]["prometheus.yml"].as_str()).expect("Prometheus's own");
    let rules = below("/etc/redline/rules").display().to_string();
    // Debian's promtool is built without the discovery of Kubernetes.
    let discovery = "kubernetes_sd_configs:\n      - role: pod\n";
    assert!(config.contains(discovery), "{config}");
    let config = config.replace(discovery, "static_configs:\n      - targets: [\"127.0.0.1:9902\"]\n");
    put("/etc/prometheus/prometheus.yml", &config.replace("/etc/redline/rules", &rules));
    for name in &generated[&("configMap", "redline-ml-platform-rules")] {
        put(&format!("/etc/redline/rules/{name}"), contents(name));
    }
    let said = tools::must("promtool", &below("/etc/prometheus"), &["check", "config", "prometheus.yml"]);
    assert!(said.contains("rule files found") && said.contains("alerts.yaml"), "{said}");
    let templates = below("/etc/alertmanager/config").display().to_string();
    for name in &generated[&("secret", "redline-ml-platform-alertmanager")] {
        let text = contents(name).replace("/etc/alertmanager/config", &templates);
        put(&format!("/etc/alertmanager/config/{name}"), &text);
    }
    let said =
        tools::must("amtool", &below("/etc/alertmanager/config"), &["check-config", "alertmanager.yaml"]);
    assert!(said.contains("1 templates"), "{said}");

    // And all of it together.
    let whole = folder.path().join("example");
    std::fs::create_dir_all(&whole).expect("a folder");
    for file in std::fs::read_dir(&example).expect("the example").flatten() {
        if file.path().extension().is_some_and(|extension| extension == "yaml") {
            std::fs::copy(file.path(), whole.join(file.file_name())).expect("a copy");
        }
    }
    write(&whole.join("redline"), &files);
    if let Some(objects) = kustomize(&whole) {
        assert!(objects.len() >= own.len() + generated.len(), "{}", objects.len());
    }
}
