//! The schema in, docs/configuration.md out: every key with what it holds, its default and its meaning.

use serde_json::{Map, Value};

/// The page.
pub fn page() -> String {
    let schema = super::schema();
    let mut text = String::from(
        "# Configuration\n\n\
         Made from the schema (`redline schema`), which editors read: put `# yaml-language-server: $schema=redline.schema.json` at \
         the top of a file. One document, JSON or YAML; unknown keys are errors; a key with nothing after it is as good as absent. \
         `redline check` finds more than a schema can: references between parts, names that are taken, ranges of durations. \
         Durations are `250ms`, `15m`, `30d`; `[]` stands for each item of a list, `*` for a name of your own.\n",
    );
    for (name, property) in properties(&schema) {
        text.push_str(&format!("\n## {name}\n\n{}\n", description(property)));
        let mut rows = String::new();
        rows_of(name, property, &mut rows);
        match rows.as_str() {
            "" => text.push_str(&format!(
                "\n{}.{}\n",
                sentence(&holds(property)),
                default(property, " Default: ")
            )),
            rows => {
                text.push_str("\n| key | holds | default | means |\n|---|---|---|---|\n");
                text.push_str(rows);
            }
        }
    }
    text
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let all = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter);
    // In conditions properties have no description: they say what must be there, not what may.
    all.filter(|(_, property)| property.get("description").is_some())
}

/// A row for each key below `path`.
fn rows_of(path: &str, schema: &Value, rows: &mut String) {
    for (name, property) in properties(schema) {
        let path = format!("{path}.{name}");
        rows.push_str(&format!(
            "| `{path}` | {} | {} | {} |\n",
            cell(&holds(property)),
            default(property, ""),
            cell(description(property))
        ));
        rows_of(&path, property, rows);
    }
    if let Some(items) = schema.get("items") {
        rows_of(&format!("{path}[]"), items, rows);
    }
    if let Some(named) = schema.get("additionalProperties").filter(|named| named.is_object()) {
        rows_of(&format!("{path}.*"), named, rows);
    }
    for choice in choices(schema) {
        rows_of(path, choice, rows);
    }
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn default(schema: &Value, before: &str) -> String {
    schema.get("default").map_or_else(String::new, |default| format!("{before}`{default}`"))
}

/// What may stand there, in words.
fn holds(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return one_of(values);
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    let types = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut kinds: Vec<String> = types.into_iter().filter_map(|kind| of_type(kind, schema)).collect();
    if kinds.is_empty() {
        kinds = choices(schema).map(holds).filter(|kind| !kind.is_empty()).collect();
        kinds.dedup();
    }
    kinds.join(", or ")
}

fn of_type(kind: &str, schema: &Value) -> Option<String> {
    Some(match kind {
        "null" => return None,
        "array" => match schema.get("items").map(holds).filter(|items| !items.is_empty()) {
            Some(items) => format!("list: {items}"),
            None => "list".to_owned(),
        },
        "object" => "keys".to_owned(),
        "integer" | "number" => match (limit(schema, "inimum"), limit(schema, "aximum")) {
            (Some(least), Some(most)) => format!("{kind}, {least} to {most}"),
            _ => kind.to_owned(),
        },
        "string" => match schema.get("examples").and_then(Value::as_array) {
            Some(examples) => format!("text, such as {}", words(examples)),
            None => "text".to_owned(),
        },
        other => other.to_owned(),
    })
}

/// `minimum` or `exclusiveMinimum`, by what both end with.
fn limit<'s>(schema: &'s Value, ending: &str) -> Option<&'s Value> {
    schema.as_object()?.iter().find(|(name, _)| name.ends_with(ending)).map(|(_, value)| value)
}

/// Few are listed, many are counted.
fn one_of(values: &[Value]) -> String {
    let values: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
    if values.len() <= 12 {
        format!("one of {}", words(&values))
    } else {
        let first = values.iter().take(3).cloned().collect::<Vec<_>>();
        format!("one of {} names: {}, …", values.len(), words(&first))
    }
}

fn words(values: &[Value]) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    values.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
