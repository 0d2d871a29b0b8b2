//! A bad configuration is refused everywhere, in the same words.

mod support;

use redline_cli::envoy::{Envoy, Launch};
use std::io::Write;
use std::process::{Command, Stdio};

const BAD: &str = r#"{
    "service": "Shop",
    "endpoints": {"templates": ["/a/{id}", "no-slash"]},
    "tenant": {"max": 0, "sorces": []},
    "buckets": {"duration": [10, 5]},
    "tick": "1ms"
}"#;

const MISTAKES: [&str; 6] = [
    r#"$.service: "Shop": expected 1 to 63 of a-z, 0-9 and -"#,
    r#"$.endpoints.templates[1]: "no-slash": a template begins with /"#,
    r#"$.tenant.max: 0: expected a whole number from 1 to 1000000"#,
    r#"$.tenant.sorces: []: unknown key; did you mean `sources`?"#,
    r#"$.buckets.duration[1]: 5: expected rising bounds"#,
    r#"$.tick: "1ms": expected a duration such as 250ms, 15m or 30d, from 100ms to 1m"#,
];

fn check(text: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("redline runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].map(|b| String::from_utf8(b).expect("text")).concat();
    (output.status.code(), said)
}

#[test]
fn check_lists_every_mistake_with_its_path_and_exits_1() {
    let (code, said) = check(BAD);
    assert_eq!(code, Some(1), "{said}");
    for mistake in MISTAKES {
        assert!(said.contains(mistake), "{mistake}\nin\n{said}");
    }
}

#[test]
fn envoy_refuses_the_same_configuration_in_the_same_words() {
    let text = serde_json::to_string(BAD).expect("a string");
    let wasm = support::wasm().display();
    let bootstrap = format!(
        r#"
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}}}
static_resources:
  listeners:
  - name: ingress
    address: {{socket_address: {{address: 127.0.0.1, port_value: 0}}}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config: {{}}
          http_filters:
          - name: redline
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: redline
                vm_config: {{runtime: envoy.wasm.runtime.v8, code: {{local: {{filename: "{wasm}"}}}}}}
                configuration: {{"@type": type.googleapis.com/google.protobuf.StringValue, value: {text}}}
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
"#
    );
    let error = Envoy::start(&Launch::new(bootstrap)).expect_err("Envoy refuses").to_string();
    for mistake in MISTAKES {
        assert!(
            error.contains(&format!("redline: configuration refused: {mistake}")),
            "{mistake}\nin\n{error}"
        );
    }
}

#[test]
fn a_struct_is_as_good_as_a_json_string() {
    let configuration = r#"{"service":"shop","tenant":{"max":7},"buckets":{"size":[1000,100000000]},
                            "limits":{"max_series":1000000}}"#;
    let world = support::World::with_bootstrap(1, |upstream| {
        let document = redline_cli::document::Document::from_text("test", configuration).expect("right");
        let bootstrap = redline_cli::render::envoy::Bootstrap {
            document: &document,
            upstream: upstream.scripted.to_string().parse().expect("an address"),
            listen: "127.0.0.1:0".parse().expect("an address"),
            admin: "127.0.0.1:0".parse().expect("an address"),
            wasm: support::wasm().display().to_string(),
            flush_seconds: Some(1),
        };
        with_struct(&bootstrap.yaml(), configuration)
    });
    let world = world.expect("Envoy reads the Struct");
    assert_eq!(world.scrape().total("redline_build_info"), 1);
}

/// The bootstrap with its filter's configuration as a Struct.
fn with_struct(yaml: &str, configuration: &str) -> String {
    let start =
        yaml.find("      configuration:").map(|at| yaml[..at].rfind('\n').map_or(0, |n| n + 1)).expect("it");
    let from = yaml.find("configuration:").expect("the filter's configuration");
    let indent = " ".repeat(from - yaml[..from].rfind('\n').map_or(0, |n| n + 1));
    let end = yaml[from..].find("- name: envoy.filters.http.router").map(|at| from + at).expect("the router");
    let end = yaml[..end].rfind('\n').map_or(end, |n| n + 1);
    let replacement = format!(
        "{indent}configuration: {{\"@type\": type.googleapis.com/google.protobuf.Struct, value: {}}}\n",
        configuration.replace('\n', " ")
    );
    assert!(start <= from);
    let line = yaml[..from].rfind('\n').map_or(0, |n| n + 1);
    [&yaml[..line], &replacement, &yaml[end..]].concat()
}
