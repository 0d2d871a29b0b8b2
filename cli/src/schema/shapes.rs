//! What a place may hold in; its schema out. As in the configuration's reader, a key with nothing after it (null) is as
//! good as absent.

use redline::exchange::Method;
use redline::stat_name::{NONE, OTHER, OTHER_METHOD};
use serde_json::{Map, Value, json};

/// A key of an object.
pub(super) struct Property {
    name: &'static str,
    required: bool,
    schema: Value,
}

/// A key that must be there.
pub(super) fn required(name: &'static str, description: &str, schema: Value) -> Property {
    Property { name, required: true, schema: described(schema, description) }
}

/// A key that may be left out.
pub(super) fn optional(name: &'static str, description: &str, schema: Value) -> Property {
    Property { name, required: false, schema: described(or_null(schema), description) }
}

/// The schema with what it is when it is left out.
pub(super) fn defaulted(mut schema: Value, default: impl Into<Value>) -> Value {
    insert(&mut schema, "default", default.into());
    schema
}

/// The schema with more keywords; those of `more` win.
pub(super) fn with(mut schema: Value, more: Value) -> Value {
    if let Value::Object(more) = more {
        for (keyword, value) in more {
            insert(&mut schema, &keyword, value);
        }
    }
    schema
}

fn described(mut schema: Value, description: &str) -> Value {
    insert(&mut schema, "description", json!(description));
    schema
}

fn insert(schema: &mut Value, keyword: &str, value: Value) {
    if let Value::Object(map) = schema {
        map.insert(keyword.to_owned(), value);
    }
}

/// An object with these keys and no others.
pub(super) fn object(properties: Vec<Property>) -> Value {
    let needed: Vec<&str> = properties.iter().filter(|p| p.required).map(|p| p.name).collect();
    let mut schema = json!({"type": "object", "additionalProperties": false});
    if !needed.is_empty() {
        insert(&mut schema, "required", json!(needed));
    }
    let all: Map<String, Value> = properties.into_iter().map(|p| (p.name.to_owned(), p.schema)).collect();
    insert(&mut schema, "properties", Value::Object(all));
    schema
}

/// An object with one of these optional keys: exactly one.
pub(super) fn one_key_of(properties: Vec<Property>) -> Value {
    let names: Vec<&str> = properties.iter().map(|p| p.name).collect();
    with(object(properties), exactly_one(&names))
}

/// Of these keys exactly one is there.
pub(super) fn exactly_one(names: &[&str]) -> Value {
    json!({"oneOf": names.iter().map(|name| given(name)).collect::<Vec<_>>()})
}

/// An object in which a key is there, with something after it.
pub(super) fn given(name: &str) -> Value {
    json!({"required": [name], "properties": {name: {"not": {"type": "null"}}}})
}

pub(super) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A list of what to admit: an empty one would admit all, and is refused.
pub(super) fn some(items: Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

/// A whole number; 5.0 is one.
pub(super) fn integer(minimum: u64, maximum: u64) -> Value {
    json!({"type": "integer", "minimum": minimum, "maximum": maximum})
}

/// `250ms`, `15m`, `30d`.
pub(super) fn duration() -> Value {
    json!({"type": "string", "pattern": "^[0-9]+(ns|us|ms|s|m|h|d)$", "examples": ["250ms", "15m", "30d"]})
}

/// The name of a header (RFC 9110 5.1) or another token.
pub(super) fn header_name() -> Value {
    json!({"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}$"})
}

/// Some text.
pub(super) fn text() -> Value {
    json!({"type": "string", "minLength": 1})
}

/// A status code, or a class written `5xx`.
pub(super) fn status() -> Value {
    json!({"anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": "^[1-5]([0-9][0-9]|xx)$"},
    ]})
}

/// One of the methods that the label `method` can have.
pub(super) fn method() -> Value {
    json!({"type": "string", "enum": Method::ALL.map(Method::as_str)})
}

/// A path template.
pub(super) fn template() -> Value {
    json!({"type": "string", "pattern": "^/", "maxLength": 512, "examples": ["/api/v1/models/{id}"]})
}

/// A value of the label `endpoint`: a template as it is written above, a route's name, or `_other`.
pub(super) fn endpoint() -> Value {
    json!({"type": "string"})
}

/// Rising bounds of a histogram.
pub(super) fn bounds() -> Value {
    json!({"type": "array", "items": integer(1, 1_000_000_000_000_000), "minItems": 1, "maxItems": 64, "uniqueItems": true})
}

/// A label's name that is not one of `taken`.
pub(super) fn label_name(taken: impl IntoIterator<Item = &'static str>) -> Value {
    let taken: Vec<&str> = taken.into_iter().collect();
    json!({"pattern": "^[A-Za-z][A-Za-z0-9_]*$", "not": {"enum": taken}})
}

/// The values that stand for no name of a client's.
pub(super) const RESERVED: [&str; 3] = [OTHER, NONE, OTHER_METHOD];

/// The schema that also takes null.
fn or_null(mut schema: Value) -> Value {
    let nothing = json!({"type": "null"});
    // Keywords that hold for objects only hold for null as well, and of `oneOf` more than one.
    if schema.get("oneOf").is_some() {
        return json!({"anyOf": [schema, nothing]});
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.push(nothing);
        return schema;
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    schema
}
