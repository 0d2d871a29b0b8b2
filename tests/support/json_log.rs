//! The native log where Envoy has no stats access logger (before 1.37): a line of JSON for each stream, in its output.

use super::native::{Row, TAGS};
use redline_cli::envoy::Installation;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Whether the Envoy of these tests needs it.
pub fn needed() -> bool {
    static NEEDED: OnceLock<bool> = OnceLock::new();
    *NEEDED.get_or_init(|| {
        let envoy = Installation::find_or_install().expect("an Envoy");
        (envoy.version.major, envoy.version.minor) < (1, 37)
    })
}

/// An element of `access_log`; `prefix` tells listeners apart.
pub fn access_log(prefix: &str) -> String {
    let mut format: Map<String, Value> =
        TAGS.iter().map(|(name, operator)| ((*name).to_owned(), json!(operator))).collect();
    format.insert("n_listener".to_owned(), json!(prefix));
    format.insert("n_received".to_owned(), json!("%BYTES_RECEIVED%"));
    format.insert("n_sent".to_owned(), json!("%BYTES_SENT%"));
    let config = json!({
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": format},
    });
    json!({"name": "native", "typed_config": config}).to_string()
}

/// The rows of one listener, from Envoy's output.
pub fn rows(log: &str, prefix: &str) -> Vec<Row> {
    let mut kinds: BTreeMap<Vec<String>, (u64, u64, u64)> = BTreeMap::new();
    let lines = log.lines().filter(|line| line.starts_with('{') && line.contains("n_listener"));
    for line in lines {
        // A line may be on its way.
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if line["n_listener"] != prefix {
            continue;
        }
        let text = |name: &str| match &line[name] {
            Value::String(text) if text != "-" => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let kind = TAGS.iter().map(|(name, _)| text(name)).collect();
        let sum = kinds.entry(kind).or_default();
        let number = |name: &str| line[name].as_u64().unwrap_or(0);
        *sum = (sum.0 + 1, sum.1 + number("n_received"), sum.2 + number("n_sent"));
    }
    kinds
        .into_iter()
        .map(|(kind, (streams, bytes_received, bytes_sent))| {
            let tag = |wanted: &str| {
                let place = TAGS.iter().position(|(name, _)| *name == wanted).expect("a tag");
                kind[place].clone()
            };
            Row::new(tag, streams, bytes_received, bytes_sent)
        })
        .collect()
}
