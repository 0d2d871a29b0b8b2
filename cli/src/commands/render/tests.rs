//! What no target writes.

use super::*;
use clap::Parser;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

#[test]
fn no_target_writes_what_check_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("redline.json");
    let secret = r#"{"service": "shop", "alerting":
        {"receivers": {"webhook": {"url": "https://bob:hunter2@hooks.example.com/x"}}}}"#;
    std::fs::write(&config, secret).unwrap();
    let out = folder.path().join("out");
    for target in [
        "plugin",
        "envoy-stats",
        "envoy",
        "istio",
        "kubernetes",
        "prometheus",
        "alertmanager",
        "grafana",
        "all",
    ] {
        let mut line = vec!["render", target, "--config", config.to_str().unwrap()];
        line.extend(["--out", out.to_str().unwrap()]);
        if target == "envoy" {
            line.extend(["--upstream", "127.0.0.1:8080"]);
        }
        let mut printed = Vec::new();
        let result = run(&Line::try_parse_from(line).unwrap().args, &mut printed);
        assert!(matches!(result, Err(Failure::Document(_))), "{target}: {result:?}");
        assert!(!out.exists() && printed.is_empty(), "{target}");
    }
}

/// `render istio --oci` with more arguments; what it wrote, and what it said.
fn image(arguments: &[&str]) -> (Option<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (folder.path().join("redline.json"), folder.path().join("out"));
    std::fs::write(&config, r#"{"service": "shop"}"#).unwrap();
    let layout = folder.path().join("image");
    let paths = [&config, &out, &layout].map(|path| path.to_str().unwrap());
    let mut line = vec!["render", "istio", "--config", paths[0], "--out", paths[1], "--oci", paths[2]];
    line.extend(arguments);
    let said = match Line::try_parse_from(line) {
        Err(error) => error.to_string(),
        Ok(line) => run(&line.args, &mut Vec::new()).err().map_or(String::new(), |error| error.to_string()),
    };
    assert_eq!(said.is_empty(), layout.exists(), "{said}");
    (std::fs::read_to_string(out.join("wasmplugin.yaml")).ok(), said)
}

#[test]
fn the_module_its_address_and_its_digest_must_fit() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let module = b"\0asm\x01\0\0\0";
    let (right, wrong) = (write("right.wasm", module), write("wrong.wasm", b"<html>"));
    let digest = Layout::of(module, env!("CARGO_PKG_VERSION")).unwrap().digest;
    let named = |digest: &str| format!("oci://r.example/redline@sha256:{digest}");

    assert!(image(&["--wasm", &wrong]).1.contains("no WebAssembly module"));
    let (rendered, said) = image(&["--wasm", &right, "--url", &named(&digest)]);
    assert!(said.is_empty() && rendered.unwrap().contains(&digest), "{said}");
    let (rendered, said) = image(&["--wasm", &right, "--url", &named(&"0".repeat(64))]);
    assert!(said.contains("but the image has") && said.contains(&digest), "{said}");
    assert_eq!(rendered, None);
    for url in ["oci://r.example/x:1", "r.example/x:1", "https://r.example/x", "file:///x.wasm"] {
        assert_eq!(image(&["--wasm", &right, "--url", url]).1, "", "{url}");
    }
    for url in ["ftp://r.example/x", "docker://r.example/x", "oci://", ""] {
        let said = image(&["--wasm", &right, "--url", url]).1;
        assert!(said.contains("expected oci://"), "{url}: {said}");
    }
}
