//! The wire form of a `google.protobuf.Struct` in, the JSON value that it stands for out.
//!
//! Envoy's documentation says that a Struct reaches the plugin as JSON; 1.36 to 1.40 hand over its protobuf bytes.

use serde_json::{Map, Number, Value};

/// Deeper nesting is refused: the module's stack is small.
const MAX_DEPTH: usize = 32;

/// Decodes a whole Struct; `None` where the bytes are none.
pub(super) fn decode_struct(bytes: &[u8]) -> Option<Value> {
    structure(bytes, MAX_DEPTH)
}

/// `Struct { map<string, Value> fields = 1; }`
fn structure(bytes: &[u8], depth: usize) -> Option<Value> {
    let mut map = Map::new();
    for field in Fields(bytes) {
        let (1, Wire::Bytes(entry)) = field? else { return None };
        let (mut key, mut value) = (String::new(), Value::Null);
        for field in Fields(entry) {
            match field? {
                (1, Wire::Bytes(text)) => key = text_of(text)?,
                (2, Wire::Bytes(inner)) => value = any_value(inner, depth)?,
                _ => return None,
            }
        }
        map.insert(key, value);
    }
    Some(Value::Object(map))
}

/// `Value { oneof { null = 1; number = 2; string = 3; bool = 4; struct = 5; list = 6; } }`
fn any_value(bytes: &[u8], depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let mut value = Value::Null;
    for field in Fields(bytes) {
        value = match field? {
            (1, Wire::Varint(_)) => Value::Null,
            (2, Wire::Fixed64(bits)) => Value::Number(Number::from_f64(f64::from_bits(bits))?),
            (3, Wire::Bytes(text)) => Value::String(text_of(text)?),
            (4, Wire::Varint(flag)) => Value::Bool(flag != 0),
            (5, Wire::Bytes(inner)) => structure(inner, depth)?,
            (6, Wire::Bytes(inner)) => list(inner, depth)?,
            _ => return None,
        };
    }
    Some(value)
}

/// `ListValue { repeated Value values = 1; }`
fn list(bytes: &[u8], depth: usize) -> Option<Value> {
    let mut items = Vec::new();
    for field in Fields(bytes) {
        let (1, Wire::Bytes(item)) = field? else { return None };
        items.push(any_value(item, depth)?);
    }
    Some(Value::Array(items))
}

fn text_of(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, with their numbers; `None` once where the bytes are broken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Wire<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let (bytes, rest) = self.0.split_first_chunk::<8>()?;
                self.0 = rest;
                Wire::Fixed64(u64::from_le_bytes(*bytes))
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return None,
        };
        Some((tag >> 3, wire))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn message(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(bytes);
        out
    }

    fn encode_value(value: &Value) -> Vec<u8> {
        match value {
            Value::Null => vec![0x08, 0],
            Value::Bool(flag) => vec![0x20, u8::from(*flag)],
            Value::Number(n) => [&[0x11][..], &n.as_f64().unwrap().to_le_bytes()].concat(),
            Value::String(text) => message(3, text.as_bytes()),
            Value::Array(items) => {
                message(6, &items.iter().flat_map(|item| message(1, &encode_value(item))).collect::<Vec<_>>())
            }
            Value::Object(_) => message(5, &encode(value)),
        }
    }

    fn encode(value: &Value) -> Vec<u8> {
        let entries = value.as_object().unwrap().iter();
        entries
            .flat_map(|(key, value)| {
                message(1, &[message(1, key.as_bytes()), message(2, &encode_value(value))].concat())
            })
            .collect()
    }

    #[test]
    fn a_struct_of_every_kind_of_value_is_read() {
        let document = json!({
            "service": "shop", "none": null, "on": true, "off": false, "number": 2.5, "text": "é",
            "list": [1.0, "two", [], {}], "long": "x".repeat(300), "object": {"a": {"b": "c"}},
        });
        assert_eq!(decode_struct(&encode(&document)), Some(document));
        assert_eq!(decode_struct(b""), Some(json!({})));
    }

    #[test]
    fn broken_bytes_are_no_struct_and_no_trap() {
        let whole = encode(&json!({"a": [1.0, {"b": "c"}], "d": "e"}));
        for length in 1..whole.len() {
            let _nothing_but_an_answer = decode_struct(&whole[..length]);
        }
        for bytes in [
            &b"{}"[..],
            b"\x0a",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b\x00",
            &[0xff; 40],
        ] {
            assert_eq!(decode_struct(bytes), None, "{bytes:?}");
        }
        let mut deep = json!("x");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(decode_struct(&encode(&json!({"deep": deep}))), None);
    }
}
