//! What is rendered for Kubernetes, put together: kustomize builds it, the example mounts it, and the commands write it.

mod support;

use redline_cli::document::Document;
use redline_cli::render::kubernetes::MODULE;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use support::kubernetes::{files_of, kustomize, objects, rendered, write};
use support::{root, tools, wasm};

#[test]
fn kustomize_builds_every_overlay() {
    let folder = tempfile::tempdir().expect("a folder");
    let document = Document::from_text("a", "service: shop").expect("it is right");
    write(folder.path(), &rendered(&document, None));
    let monitoring = ["ConfigMap", "ConfigMap", "ConfigMap", "Secret"];
    let expected: [(&str, &[&str]); 7] = [
        ("base", &[]),
        ("gateway", &["ConfigMap", "Deployment", "Service"]),
        ("operator", &["PrometheusRule"]),
        ("overlays/envoy", &["ConfigMap", "Deployment", "PrometheusRule", "Service", "ServiceMonitor"]),
        ("overlays/istio-gateway", &["PodMonitor", "PrometheusRule", "WasmPlugin"]),
        ("overlays/sidecars", &["PodMonitor", "PrometheusRule", "WasmPlugin"]),
        ("overlays/envoy-gateway", &["EnvoyExtensionPolicy", "EnvoyProxy", "PodMonitor", "PrometheusRule"]),
    ];
    for (name, kinds) in expected {
        let Some(objects) = kustomize(&folder.path().join(name)) else { return };
        let mut expected: Vec<&str> = match name {
            "gateway" => kinds.to_vec(),
            _ => kinds.iter().copied().chain(monitoring).collect(),
        };
        expected.sort_unstable();
        let mut built: Vec<&str> =
            objects.iter().map(|object| object["kind"].as_str().expect("a kind")).collect();
        built.sort_unstable();
        assert_eq!(built, expected, "{name}");
        if name == "gateway" {
            continue;
        }
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

fn redline(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_redline")).args(arguments).current_dir(root()).output();
    let output = output.expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn render_all_writes_a_folder_for_each_target() {
    let module = wasm();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let render = ["render", "all", "--config", "envoy/redline.example.yaml", "--out", out];
    // What nobody said is said, once.
    let guess = "warning: a plain Envoy sends requests to shop:8080; --upstream names another place\n";
    assert_eq!(redline(&render), (Some(0), guess.to_owned()));
    let named = [&render[..], &["--upstream", "shop.internal:80"]].concat();
    assert_eq!(redline(&named), (Some(0), String::new()));
    let there = |path: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(path).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_str().expect("a name").to_owned()).collect()
    };
    let targets =
        ["alertmanager", "envoy", "envoy-stats", "grafana", "istio", "kubernetes", "plugin", "prometheus"];
    assert_eq!(there(folder.path()), targets.map(str::to_owned).into());
    for (target, file) in [("envoy", "envoy.yaml"), ("plugin", "plugin.json"), ("prometheus", "rules.yaml")] {
        assert!(there(&folder.path().join(target)).contains(file), "{target}");
    }
    // Byte for byte what Envoy is to load.
    let copy = std::fs::read(folder.path().join("kubernetes").join(MODULE)).expect("the module");
    assert!(copy == std::fs::read(module).expect("the module"));
    if let Some(objects) = kustomize(&folder.path().join("kubernetes/overlays/envoy")) {
        assert!(objects.iter().any(|object| object["binaryData"]["redline.wasm"].is_string()));
    }
}

#[test]
fn what_cannot_run_there_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let out = out.to_str().expect("a path");
    let (code, said) = redline(&[
        "render",
        "kubernetes",
        "--config",
        "envoy/redline.example.yaml",
        "--out",
        out,
        "--url",
        "file:///x",
    ]);
    assert_eq!(code, Some(2));
    assert!(said.contains("file:///x") && said.contains("Envoy Gateway"), "{said}");
    let config = folder.path().join("labels.yaml");
    let text = "service: x\nmetrics: [{name: a_total, type: counter, labels: {cache: tenant}}]\n";
    std::fs::write(&config, text).expect("a file");
    for target in ["istio", "kubernetes", "all"] {
        let (code, said) =
            redline(&["render", target, "--config", config.to_str().expect("a path"), "--out", out]);
        assert_eq!(code, Some(2), "{target}");
        assert!(said.contains("labels.yaml") && said.contains("$.metrics[0].labels.cache"), "{said}");
    }
    assert!(!Path::new(out).exists());
}
