//! The native log where Envoy has no stats access logger (before 1.37): a line of JSON for each stream, in its output.

use super::native::{Row, TAGS};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Whether the Envoy of these tests needs it.
pub fn needed() -> bool {
    super::envoy_minor() < 37
}

/// An element of `access_log`; `prefix` tells listeners apart.
pub fn access_log(prefix: &str) -> String {
    let mut format: Map<String, Value> =
        TAGS.iter().map(|(name, operator)| ((*name).to_owned(), json!(operator))).collect();
    format.insert("n_listener".to_owned(), json!(prefix));
    format.insert("n_received".to_owned(), json!("%BYTES_RECEIVED%"));
    format.insert("n_sent".to_owned(), json!("%BYTES_SENT%"));
    format.insert("n_attempts".to_owned(), json!("%RESP(X-ENVOY-ATTEMPT-COUNT)%"));
    format.insert("n_served".to_owned(), json!("%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"));
    format.insert("n_lasted".to_owned(), json!("%DURATION%"));
    let config = json!({
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": format},
    });
    json!({"name": "native", "typed_config": config}).to_string()
}

/// The rows of one listener, from Envoy's output.
pub fn rows(log: &str, prefix: &str) -> Vec<Row> {
    let mut kinds: BTreeMap<Vec<String>, Row> = BTreeMap::new();
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
        // A header's number is a text here, and a large one of Envoy's own may come as 1e5.
        let number = |name: &str| text(name).parse::<f64>().ok().map(|number| number as u64);
        let row = kinds.entry(kind).or_insert_with(|| Row::of(text));
        row.streams += 1;
        row.bytes_received += number("n_received").unwrap_or(0);
        row.bytes_sent += number("n_sent").unwrap_or(0);
        row.attempts += number("n_attempts").unwrap_or(0);
        row.served += u64::from(number("n_served").is_some());
        row.served_ms += number("n_served").unwrap_or(0) as f64;
        row.lasted_ms += number("n_lasted").unwrap_or(0) as f64;
    }
    kinds.into_values().collect()
}
