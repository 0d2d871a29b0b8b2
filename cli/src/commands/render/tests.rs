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
