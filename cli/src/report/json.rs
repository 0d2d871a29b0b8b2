//! What the JSON of all commands has in common.

/// Of the form of the JSON output; a change that breaks a reader raises it.
pub const SCHEMA_VERSION: u32 = 1;

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Every key of an object and of what is in it, but not of `source`, whose keys are the command's.
    pub(in super::super) fn keys(value: &Value) -> BTreeSet<&str> {
        match value {
            Value::Object(object) => object
                .iter()
                .flat_map(|(key, value)| std::iter::once(key.as_str()).chain(keys(value)))
                .collect(),
            Value::Array(items) => items.iter().flat_map(keys).collect(),
            _ => BTreeSet::new(),
        }
    }
}
