//! YAML or JSON text in; its values out, and the line of each by JSON path.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::fmt;

/// A parsed document that knows its lines.
pub(super) struct Tree(Spanned<Node>);

/// Why a text is no YAML.
pub(super) struct SyntaxError {
    pub(super) line: Option<u64>,
    pub(super) reason: String,
    /// The text breaks no rule that JSON has too.
    pub(super) may_be_json: bool,
}

enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Tree {
    /// Reads one document; a key that is there twice is an error.
    pub(super) fn read(text: &str) -> Result<Self, SyntaxError> {
        // YAML 1.2: a tenant named `no` is not false.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).map(Self).map_err(|error| {
            let place = error.location().filter(|l| l.line() > 0);
            let (reason, may_be_json) = match error.without_snippet() {
                serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                    (format!("the key `{key}` is there twice"), false)
                }
                serde_saphyr::Error::DuplicateMappingKey { key: None, .. } => {
                    ("a key is there twice".to_owned(), false)
                }
                serde_saphyr::Error::MultipleDocuments { .. } => {
                    ("a second document begins here; a configuration is one".to_owned(), false)
                }
                other => {
                    let text = other.to_string();
                    let place = place.map(|l| format!(" at line {}, column {}", l.line(), l.column()));
                    let reason = place.and_then(|p| text.strip_suffix(&p)).unwrap_or(&text);
                    let hint = match reason.contains("flow ") {
                        true => "; between [ and ], braces want quotes: [\"/a/{id}\"]",
                        false => "",
                    };
                    (format!("not YAML: {reason}{hint}"), true)
                }
            };
            SyntaxError { line: place.map(|l| l.line()), reason, may_be_json }
        })
    }

    /// The values alone, and path to line; paths are written as [`redline::config::ConfigError`] writes them.
    pub(super) fn split(self) -> (Value, HashMap<String, u64>) {
        let mut lines = HashMap::new();
        let value = split(self.0, "$", &mut lines);
        (value, lines)
    }
}

fn split(node: Spanned<Node>, path: &str, lines: &mut HashMap<String, u64>) -> Value {
    match node.value {
        Node::Scalar(value) => value,
        Node::List(items) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| {
                    let path = format!("{path}[{i}]");
                    lines.insert(path.clone(), item.referenced.line());
                    split(item, &path, lines)
                })
                .collect(),
        ),
        Node::Map(entries) => {
            let entry = |(key, node): (Spanned<String>, Spanned<Node>)| {
                let path = format!("{path}.{}", key.value);
                // The key's line: a nested value begins on a later one.
                lines.insert(path.clone(), key.referenced.line());
                (key.value, split(node, &path, lines))
            };
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Node::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
