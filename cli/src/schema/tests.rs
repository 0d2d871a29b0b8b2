//! The schema against the reader: the same keys, the same defaults, and no value that one takes and the other does not,
//! but for what only `redline check` can find.

use super::*;
use crate::document::Document;
use crate::render::{self, tests::example};
use jsonschema::Validator;
use redline::config::Config;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Refusals that a schema cannot have, as regular expressions: other parts of the document, names that are taken,
/// quantities in texts, and the finer rules of templates and numbers.
const FOUND_BY_CHECK_ALONE: &[&str] = &[
    "matches the same paths as",
    "no template in endpoints.templates has the parameter",
    "expected the name of a parameter in endpoints.templates",
    "not one of endpoints.templates, nor _other",
    "exceeds limits.max_series",
    "more names than tenant.max admits",
    "no request has a tenant without tenant.sources",
    "a second SLO with the name",
    "no SLO has this name",
    "no SLO is configured",
    "another metric has this name",
    "this name is built in",
    "one is the ending of the other",
    "no built-in metric has this name",
    "expected rising bounds",
    "at most two significant digits",
    r#": "\d+(ns|us|ms|s|m|h|d)": expected a duration"#,
    r#":\d+": expected HOST:PORT"#,
    "cannot be in a template",
    "could never fire",
    "an objective is in percent; did you mean",
];

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

/// What `redline check` says.
fn mistakes(document: &Value) -> Vec<String> {
    match Config::from_value(document) {
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
        Ok(config) => render::check(&config).iter().map(ToString::to_string).collect(),
    }
}

fn complaints(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What is tried at every place: what some places hold, and what hardly any does.
const VALUES: &str = r##"[
    null, true, false, 0, 0.999, 1, 1.0, 2, 5.5, 60, 100, 404, 1000, 1e3, 99.9, 1000001, -1, "", "x", "X-a", "a b", "a.b", "_a", "9a",
    "/", "/a", "/a/{id}", "a/{", "1", "99.9", "100", "5xx", "404", "6xx", "GET", "get", "hit", "_other", "_none", "_OTHER", "10s",
    "30d", "1h", "10", "ms", "us", "duration", "request_bytes", "counter", "gauge", "histogram", "tenant", "limit", "{a}.b",
    "http://h/", "https://h/?q", "http://u@h", "h:1", "eps", "utilization", "utilization.", "named_metrics.a", "route_name",
    "http_requests_total", "http_request_duration_microseconds", "HighErrorRate", "SLOViolation/availability", "HighErrorRate/a",
    [], {}, [1], [1, 2], [2, 1], [1, 1], ["a"], ["a", "a"], ["GET"], ["2xx"], [""], [{}], [[]], [null],
    {"a": 1}, {"a": "b"}, {"a": null}, {"header": "x"}, {"header": "x", "path": "id"}, {"header": "x", "path": null},
    {"header": null}, {"path": "id"}, {"query": "q"}, {"availability": {}}, {"availability": null}, {"latency": {}},
    {"latency": {"threshold": "1s"}}, {"server_timing": "db"}, {"orca": "eps"}, {"url": "http://h"}, {"url_file": "/s"},
    {"url": "http://h", "url_file": "/s"}, {"url_file": null}, {"le": "tenant"}, {"a": "tenant", "b": "tenant"},
    {"a": "host", "b": "host", "c": "host", "d": "host", "e": "host"}, {"team": "edge"}, {"severity": "x"}, {"team": "{{x}}"},
    "a{{b", "http://h/{{x}}", "/api/v1/models/{x}", 20000, "latency", "models_created_total", "::1", "/a b", "{a: b}"
]"##;

/// Every file that a user might begin with.
fn shipped() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let envoy = root.join("envoy");
    let profiles = std::fs::read_dir(envoy.join("profiles")).unwrap().map(|entry| entry.unwrap().path());
    let examples =
        ["envoy", "compose", "istio", "fastapi", "grpc"].map(|name| root.join("examples").join(name));
    let examples = examples.map(|folder| folder.join("redline.yaml"));
    profiles.chain([envoy.join("redline.example.yaml")]).chain(examples).collect()
}

/// JSON pointers to every value of a document, its own first.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", escaped(key)), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), all));
        }
        _ => {}
    }
}

fn all_places(value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    places(value, "", &mut all);
    all
}

/// The schemas that hold at a place: of each alternative one.
fn schemas_at<'s>(schema: &'s Value, pointer: &str) -> Vec<&'s Value> {
    let alternatives = |schema: &'s Value| -> Vec<&'s Value> {
        match schema["anyOf"].as_array() {
            Some(choices) => choices.iter().collect(),
            None => vec![schema],
        }
    };
    let mut here = alternatives(schema);
    for token in pointer.split('/').skip(1) {
        let below = here.iter().filter_map(|schema| {
            let list = schema.get("items").filter(|_| token.parse::<usize>().is_ok());
            list.or(schema["properties"].get(token.replace("~1", "/").replace("~0", "~")))
                .or(schema.get("additionalProperties").filter(|s| s.is_object()))
        });
        here = below.flat_map(alternatives).collect();
    }
    here
}

fn replaced(document: &Value, pointer: &str, value: &Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap() = value.clone();
    changed
}

/// The example with every kind of source, value and attribute, so that each place of the schema is reached.
fn every_key() -> Value {
    let mut document = example().unwrap().value;
    document["tenant"]["isolation"]["claim"] = json!({"jwt": {"header": "authorization", "claim": "a.b"}});
    let metrics = document["metrics"].as_array_mut().unwrap();
    metrics.push(json!({"name": "a", "type": "histogram", "value": "duration", "when": {"cache": "hit"}, "labels": {
        "model": {"param": "id"}, "app": {"request_header": "x-a"}, "build": {"response_header": "x-b"}, "step": {"constant": "c"},
    }}));
    for value in [
        json!({"request_header": "x"}),
        json!({"response_header": "x"}),
        json!({"rate_limit": "limit"}),
        json!(1),
    ] {
        metrics.push(json!({"name": format!("b{}", metrics.len()), "type": "gauge", "value": value}));
    }
    document["tenant"]["allow"] = json!(["acme", "globex"]);
    document["alerting"]["disable"] = json!(["HighErrorRate", "SLOViolation/latency"]);
    document["disable"] = json!(["http_retries_total"]);
    assert_eq!(mistakes(&document), Vec::<String>::new());
    document
}

#[test]
fn the_file_beside_the_example_is_this_schema() {
    crate::render::tests::must_equal_golden_in(
        "envoy",
        &crate::render::Rendered { name: "redline.schema.json", text: text() },
    );
    assert!(jsonschema::draft7::meta::is_valid(&schema()));
}

#[test]
fn the_page_of_every_key_is_made_of_the_schema() {
    let page = crate::render::Rendered { name: "configuration.md", text: page() };
    crate::render::tests::must_equal_golden_in("docs", &page);
    for key in ["tenant.isolation.claim.jwt.claim", "slos[].sli.latency.threshold", "metrics[].labels"] {
        assert!(page.text.contains(&format!("| `{key}` |")), "{key}");
    }
}

#[test]
fn what_is_shipped_is_valid_and_names_the_schema() {
    for path in shipped() {
        let text = std::fs::read_to_string(&path).unwrap();
        let document = Document::from_text(&path.display().to_string(), &text).unwrap();
        assert_eq!(complaints(&validator(), &document.value), [""; 0], "{}", path.display());
        let first = text.lines().next().unwrap();
        let named = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap_or_else(|| panic!("{}: {first}", path.display()));
        let schema = path.parent().unwrap().join(named);
        assert!(schema.is_file(), "{}", schema.display());
    }
}

#[test]
fn reader_and_schema_know_the_same_keys_everywhere() {
    let (document, schema) = (every_key(), schema());
    let mut seen = BTreeSet::new();
    for place in all_places(&document) {
        let schemas = schemas_at(&schema, &place);
        assert!(!schemas.is_empty(), "{place} has no schema");
        // An object whose keys the user chooses has none of its own.
        let free = schemas.iter().any(|schema| schema.get("propertyNames").is_some());
        if free || !document.pointer(&place).unwrap().is_object() {
            continue;
        }
        let mut changed = document.clone();
        changed.pointer_mut(&place).unwrap()["no_key_is_like_this_one"] = json!(1);
        let said = mistakes(&changed).join("\n");
        let (_, known) =
            said.split_once("unknown key; expected one of ").unwrap_or_else(|| panic!("{place}: {said}"));
        let of_reader: BTreeSet<&str> = known.lines().next().unwrap().split(", ").collect();
        let of_schema: BTreeSet<&str> = schemas
            .iter()
            .filter_map(|s| s["properties"].as_object())
            .flat_map(|map| map.keys().map(String::as_str))
            .collect();
        assert_eq!(of_schema, of_reader, "{place}");
        seen.extend(of_reader.into_iter().map(str::to_owned));
    }
    assert!(seen.len() > 70, "{seen:?}");
}

#[test]
fn whatever_check_takes_the_schema_takes_and_what_it_refuses_alone_is_listed() {
    let values: Value = serde_json::from_str(VALUES).unwrap();
    let (document, validator) = (every_key(), validator());
    let alone_by_check: Vec<Regex> =
        FOUND_BY_CHECK_ALONE.iter().map(|reason| Regex::new(reason).unwrap()).collect();
    let (mut taken, mut refused, mut alone) = (0, 0, BTreeSet::new());
    let mut wrong = Vec::new();
    let mut compare = |what: String, changed: &Value| {
        let said = mistakes(changed);
        let complaints = complaints(&validator, changed);
        match (said.is_empty(), complaints.is_empty()) {
            (true, true) => taken += 1,
            (false, false) => refused += 1,
            (true, false) => {
                wrong.push(format!("{what}: check takes it, the schema says {}", complaints.join("; ")));
            }
            (false, true) => {
                let listed = |line: &String| alone_by_check.iter().position(|reason| reason.is_match(line));
                match said.iter().map(listed).collect::<Option<Vec<_>>>() {
                    Some(reasons) => alone.extend(reasons),
                    None => {
                        wrong.push(format!("{what}: the schema takes it, check says {}", said.join("; ")));
                    }
                }
            }
        }
    };
    for place in all_places(&document) {
        for value in values.as_array().unwrap().iter().chain([&json!("x".repeat(300))]) {
            compare(format!("{place} = {value}"), &replaced(&document, &place, value));
        }
        if let Some((parent, key)) = place.rsplit_once('/') {
            let mut changed = document.clone();
            match changed.pointer_mut(parent).unwrap() {
                Value::Object(map) => drop(map.remove(&key.replace("~1", "/"))),
                Value::Array(items) => drop(items.remove(key.parse().unwrap())),
                _ => {}
            }
            compare(format!("without {place}"), &changed);
        }
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 500 && refused > 5000, "{taken} {refused}");
    let idle: Vec<&&str> = (0..)
        .zip(FOUND_BY_CHECK_ALONE)
        .filter(|(i, _)| !alone.contains(i))
        .map(|(_, reason)| reason)
        .collect();
    assert!(idle.is_empty(), "no refusal has these reasons: {idle:#?}");
}

#[test]
fn what_the_schema_calls_a_default_is_what_leaving_it_out_means() {
    let (document, schema) = (every_key(), schema());
    let mut compared = 0;
    for place in all_places(&document) {
        let Some((parent, key)) = place.rsplit_once('/') else { continue };
        for owner in schemas_at(&schema, parent) {
            let Some(default) = owner["properties"].get(key).and_then(|s| s.get("default")) else { continue };
            let mut without = document.clone();
            without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
            let with = replaced(&document, &place, default);
            let config = |document: &Value| Config::from_value(document).map(|config| format!("{config:?}"));
            // What must be there for another key has no default then, as `value` of a gauge.
            if let (Ok(without), Ok(with)) = (config(&without), config(&with)) {
                // The one whose default is the renderer's.
                let same = |config: &str| config.replace("min_failures: Some(10)", "min_failures: None");
                assert_eq!(same(&without), same(&with), "{place}");
                compared += 1;
            }
        }
    }
    assert!(compared > 15, "{compared}");
}
