//! One change of a bootstrap in; a live Envoy with it, and what `redline doctor` says of that, out.

use super::client::{Call, send_all};
use super::{World, eventually, wasm};
use redline_cli::doctor::Fault;
use redline_cli::document::Document;
use redline_cli::render::Bootstrap;
use redline_cli::scrape::Scrape;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A configuration with which all is well.
pub const HEALTHY: &str = r#"{"service": "shop", "tick": "100ms", "endpoints": {"templates": ["/a/{id}"]},
    "tenant": {"sources": [{"header": "x-tenant-id"}], "max": 10},
    "slos": [{"name": "availability", "objective": 99.9, "sli": {"availability": {}}}],
    "metrics": [{"name": "db_query_duration_milliseconds", "type": "histogram", "value": {"server_timing": "db"},
                 "labels": {"operation": {"server_timing": "db"}}}]}"#;
/// The same, but the tenant is in a token.
pub const TOKEN: &str = r#"{"service": "shop", "tick": "100ms",
    "tenant": {"sources": [{"jwt": {"header": "authorization", "claim": "tenant"}}]}}"#;

/// An Envoy with this module of the filter and one change of its bootstrap.
pub fn world(configuration: &str, module: &Path, change: impl FnOnce(&mut Value)) -> World {
    let document = Document::from_text("test", configuration).expect("the test's configuration is right");
    let world = World::with_bootstrap(2, |upstream| {
        let bootstrap = Bootstrap {
            document: &document,
            upstream: upstream.scripted.to_string().parse().expect("an address"),
            listen: "127.0.0.1:0".parse().expect("an address"),
            admin: "127.0.0.1:0".parse().expect("an address"),
            wasm: module.display().to_string(),
            flush_seconds: Some(1),
        };
        let mut whole: Value = serde_saphyr::from_str(&bootstrap.yaml()).expect("YAML");
        change(&mut whole);
        whole.to_string()
    });
    let world = world.expect("Envoy starts");
    send(&world, &[Call::get("/a/1").header("x-tenant-id", "acme")]);
    world
}

/// An Envoy as it should be, but for one change of its bootstrap.
pub fn planted(configuration: &str, change: impl FnOnce(&mut Value)) -> World {
    world(configuration, wasm(), change)
}

/// Sends calls to its listener.
pub fn send(world: &World, calls: &[Call]) {
    let address = world.envoy.listener("ingress").expect("the listener");
    world.runtime.block_on(send_all(address, 1, calls));
}

/// Waits until the filter has published; where its stats are thrown away, there is nothing to wait for.
pub fn wait(world: &World) {
    eventually("the first tick", || {
        let scrape = Scrape::parse(&world.envoy.scrape().ok()?).ok()?;
        (scrape.samples.iter().any(|s| s.name.starts_with("redline_series"))).then_some(())
    });
}

/// The HTTP filters of its first listener.
pub fn chain(bootstrap: &mut Value) -> &mut Vec<Value> {
    let filters = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
    bootstrap.pointer_mut(filters).and_then(Value::as_array_mut).expect("the filters")
}

/// The filter among them.
pub fn plugin(bootstrap: &mut Value) -> &mut Value {
    chain(bootstrap)[0].pointer_mut("/typed_config/config").expect("the plugin")
}

/// Gives the filter another configuration.
pub fn told(plugin: &mut Value, configuration: &str) {
    plugin["configuration"]["value"] = json!(configuration);
}

/// A second listener like the first; the filter in it.
pub fn second_listener(bootstrap: &mut Value) -> &mut Value {
    let listeners =
        bootstrap.pointer_mut("/static_resources/listeners").and_then(Value::as_array_mut).expect("a list");
    let mut second = listeners[0].clone();
    second["name"] = json!("second");
    listeners.push(second);
    listeners[1]
        .pointer_mut("/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config")
        .expect("the plugin")
}

/// jwt_authn, for every path, that lets requests without a token pass.
pub fn authentication() -> Value {
    let keys = r#"{"keys": [{"kty": "oct", "alg": "HS256", "kid": "1", "k": "bm9ib2R5"}]}"#;
    json!({"name": "jwt", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"nobody": {"issuer": "nobody", "local_jwks": {"inline_string": keys}}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": [
            {"provider_name": "nobody"}, {"allow_missing": {}}]}}}]}})
}

/// What the command says of an Envoy, with its exit code.
pub fn doctor(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_redline"))
        .args(["doctor", "--envoy", &format!("http://{}", world.envoy.admin())])
        .args(arguments)
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// The faults that it names, one a finding.
pub fn faults(said: &str) -> Vec<String> {
    let lines: Vec<&str> = said.lines().collect();
    let followed = lines.windows(2).filter(|pair| pair[1].trim_start().starts_with("mend: "));
    followed.map(|pair| pair[0].split_whitespace().next().expect("a name").to_owned()).collect()
}

/// The one fault that is found, and the words that say which it is.
pub fn must_find(world: &World, arguments: &[&str], fault: Fault, words: &[&str]) {
    let (code, said) = doctor(world, arguments);
    assert_eq!(faults(&said), [fault.name()], "{said}");
    assert_eq!(code, Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "{word} is not in:\n{said}");
    }
}

/// A file with this text.
pub fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("a file");
    file
}
