//! A plugin's configuration: bytes of any kind, and a valid document with a few changes.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use redline::config::{Config, ConfigErrors};
use redline::endpoint::Templates;
use redline::memory_host::MemoryHost;
use redline::recorder::Recorder;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Every key that the schema has, with a value that is accepted.
static VALID: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "service": "shop",
        "endpoints": {"templates": ["/a", "/a/{id}", "/t/{tenant}/o/{id}", "/s/{file*}"], "source": "template",
            "exclude": ["/healthz", {"header": "x-health-check"}]},
        "tenant": {"sources": [{"header": "x-tenant-id"}, {"header": "host"}], "allow": ["acme", "globex"], "max": 100},
        "limits": {"max_series": 5000, "max_label_bytes": 128},
        "buckets": {"duration": [5, 10, 25, 60000], "size": [100, 1000, 100000000]},
        "duration_unit": "ms",
        "metric_prefix": "edge_",
        "disable": ["http_retries_total"],
        "tick": "10s",
    })
});

/// Parts that a change may put anywhere: what is refused by this version among them.
static PARTS: LazyLock<Value> = LazyLock::new(|| {
    json!([
        null, true, "", "1h", "0.5", "5xx", "us", "route_name", "{", "/a/{x}", "/{r*}/x", "é", "99.9%", -1, 0, 99, 100, 125,
        1e9, 0.1, 1e300, 18446744073709551615u64, [], {}, [[]], {"header": "a"}, {"jwt": {"header": "a", "claim": "b.c"}},
        {"path": "tenant"}, {"host": "{tenant}.example.com"}, {"query": "q"}, {"user": {"sources": [{"query": "u"}]}},
        [{"name": "availability", "sli": "availability", "objective": 99.9, "window": "30d"}],
        [{"name": "m", "type": "counter", "when": {"status": "5xx"}, "labels": {"a": {"header": "b"}}}],
        {"claim": {"header": "a"}, "resource": {"path": "tenant"}}, {"for": "5m", "pages": [14.4]},
    ])
});

const KEYS: [&str; 16] = [
    "service",
    "endpoints",
    "templates",
    "tenant",
    "sources",
    "isolation",
    "user",
    "limits",
    "max",
    "buckets",
    "slos",
    "metrics",
    "alerting",
    "tick",
    "header",
    "claim",
];

/// Goes down into the document and changes what it finds there.
fn change(u: &mut Unstructured<'_>, value: &mut Value) -> Result<()> {
    let deeper = u.ratio(3, 4)?;
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let place = u.choose_index(map.len())?;
            change(u, map.values_mut().nth(place).expect("in range"))
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let place = u.choose_index(items.len())?;
            change(u, &mut items[place])
        }
        Value::Object(map) if u.arbitrary()? => {
            let key = if u.arbitrary()? { (*u.choose(&KEYS)?).to_owned() } else { u.arbitrary()? };
            if u.arbitrary()? {
                map.remove(&key)
            } else {
                map.insert(key, part(u)?)
            };
            Ok(())
        }
        Value::Array(items) if u.arbitrary()? => {
            items.push(part(u)?);
            Ok(())
        }
        Value::String(text) if u.arbitrary()? => {
            text.push_str(u.arbitrary()?);
            Ok(())
        }
        _ => {
            *value = part(u)?;
            Ok(())
        }
    }
}

fn part(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Value::from(u.arbitrary::<i64>()?),
        1 => Value::from(u.arbitrary::<f64>()?),
        2 => Value::from(u.arbitrary::<&str>()?),
        _ => u.choose(PARTS.as_array().expect("a list"))?.clone(),
    })
}

/// What holds of every answer.
fn check(answer: &std::result::Result<Config, ConfigErrors>) {
    match answer {
        Err(errors) => {
            assert!(errors.iter().count() > 0);
            for error in errors.iter() {
                assert!(error.path.starts_with('$') && !error.reason.is_empty(), "{error}");
            }
        }
        Ok(config) => {
            let rising = |bounds: &[u64]| !bounds.is_empty() && bounds.is_sorted_by(|a, b| a < b);
            assert!(rising(&config.buckets.duration) && rising(&config.buckets.size));
            assert!((100..=1_000_000).contains(&config.limits.max_series));
            assert!((8..=1024).contains(&config.limits.max_label_bytes));
            let mut templates = Templates::default();
            for template in &config.endpoints.templates {
                assert!(templates.insert(template).is_ok(), "{}", template.as_str());
            }
            let _rendered = (config.histogram_buckets(), config.stat_tags());
            Recorder::new(config).start(1, &mut MemoryHost::default());
        }
    }
}

/// The bytes of a `google.protobuf.Struct`, as Envoy hands over an object; its numbers are doubles.
fn structure(map: &Map<String, Value>) -> Vec<u8> {
    let entry = |(key, value): (&String, &Value)| {
        message(1, &[message(1, key.as_bytes()), message(2, &wire(value))].concat())
    };
    map.iter().flat_map(entry).collect()
}

fn wire(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![8, 0],
        Value::Number(n) => [&[0x11][..], &n.as_f64().unwrap_or(0.0).to_le_bytes()].concat(),
        Value::String(text) => message(3, text.as_bytes()),
        Value::Bool(flag) => vec![0x20, u8::from(*flag)],
        Value::Object(map) => message(5, &structure(map)),
        Value::Array(items) => {
            message(6, &items.iter().flat_map(|i| message(1, &wire(i))).collect::<Vec<_>>())
        }
    }
}

fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

fuzz_target!(|bytes: &[u8]| {
    let answer = Config::from_plugin(bytes);
    check(&answer);
    if !bytes.starts_with(b"\n") {
        assert_eq!(answer, Config::from_json(bytes));
    }

    let mut document = VALID.clone();
    let mut u = Unstructured::new(bytes);
    for _ in 0..4 {
        if u.is_empty() || change(&mut u, &mut document).is_err() {
            break;
        }
    }
    let answer = Config::from_value(&document);
    check(&answer);
    // The same document in each form in which Envoy may hand it over.
    // What is refused may be told in other digits: serde_json reads a double's last bit as it likes.
    let answer = answer.ok();
    assert_eq!(answer, Config::from_plugin(document.to_string().as_bytes()).ok(), "{document}");
    if let Some(map) = document.as_object() {
        assert_eq!(answer, Config::from_plugin(&structure(map)).ok(), "{document}");
    }
});
