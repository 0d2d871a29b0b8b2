//! A configuration document in, plugin.json out: the JSON that Envoy and Istio hand to the filter.

use super::{Rendered, yaml};
use serde_json::Value;

/// `plugin.json`: the document with its keys in alphabetical order and without nulls, which mean the default.
pub fn render(document: &Value) -> Rendered {
    Rendered { name: "plugin.json", text: json(document) }
}

/// The document as indented JSON in ASCII, ending with a newline; what fits into a line stands in one.
pub(super) fn json(document: &Value) -> String {
    format!("{}\n", yaml::ascii_json(&text(document)))
}

/// The document as a flow mapping of YAML, laid out like [`json`]; ends with a newline.
pub(super) fn flow(document: &Value) -> String {
    format!("{}\n", yaml::printable(&text(document)))
}

fn text(document: &Value) -> String {
    let mut out = String::new();
    write(&without_nulls(document), 0, 0, &mut out);
    out
}

/// Columns of a line, as far as strings allow.
const WIDTH: usize = 100;

/// Writes a value that begins `depth` levels deep, at column `column`.
fn write(value: &Value, depth: usize, column: usize, out: &mut String) {
    let flat = one_line(value);
    let (open, close, items): (char, char, Vec<(String, &Value)>) = match value {
        _ if column.saturating_add(flat.len()) <= WIDTH && depth > 0 => return out.push_str(&flat),
        Value::Array(items) => ('[', ']', items.iter().map(|v| (String::new(), v)).collect()),
        Value::Object(map) => {
            let key = |k: &String| format!("{}: ", Value::from(k.as_str()));
            ('{', '}', map.iter().map(|(k, v)| (key(k), v)).collect())
        }
        _ => return out.push_str(&flat),
    };
    let inner = depth.saturating_add(1);
    let indent = |levels: usize| "  ".repeat(levels);
    out.push(open);
    for (i, (key, item)) in items.iter().enumerate() {
        out.push_str(if i > 0 { ",\n" } else { "\n" });
        out.push_str(&indent(inner));
        out.push_str(key);
        write(item, inner, inner.saturating_mul(2).saturating_add(key.len()), out);
    }
    out.push('\n');
    out.push_str(&indent(depth));
    out.push(close);
}

/// The value in one line, with a space after each comma and colon.
fn one_line(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entry = |(k, v): (&String, &Value)| format!("{}: {}", Value::from(k.as_str()), one_line(v));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, v)| !v.is_null());
            Value::Object(kept.map(|(k, v)| (k.clone(), without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn short_values_stand_in_one_line_and_nulls_are_gone() {
        let document =
            json!({"service": "x", "b": null, "long": vec!["0123456789"; 9], "list": [1, 2], "empty": {}});
        let long = ["    \"0123456789\""; 9].join(",\n");
        let expected = format!(
            "{{\n  \"empty\": {{}},\n  \"list\": [1, 2],\n  \"long\": [\n{long}\n  ],\n  \"service\": \"x\"\n}}\n"
        );
        assert_eq!(json(&document), expected);
    }

    #[test]
    fn the_text_reads_back_as_the_document() {
        let document =
            json!({"a": "\u{2028}é😀\"", "b": [{"c": [1.5, -2, true]}, []], "d": {"e": {"f": "g"}}});
        let text = json(&document);
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        let text = flow(&document);
        assert!(text.is_ascii());
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), document);
    }
}
