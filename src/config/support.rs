//! What the schema knows and this version does not do yet: refused, so that nobody trusts a setting in vain.

use super::error::ConfigErrors;
use super::reader::Fields;
use serde_json::Value;

/// Refuses each setting whose feature is not built yet, at its own path.
pub(super) fn refuse_what_is_not_built(fields: &mut Fields<'_>, errors: &mut ConfigErrors) {
    const WHY: &str = "not yet supported by this version of Redline";
    if let Some(node) = fields.take("metrics").filter(|node| !is_empty(node.value)) {
        node.fail::<()>(errors, WHY);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
