//! Labels in, a stat name out, and back: the contract with the regular expressions in Envoy's `stats_tags`.
//!
//! `METRIC.` then `LABEL=.=VALUE;.;` for each label. The metric comes first so that per-prefix histogram buckets
//! work; the encoding of labels is the one that Istio's `extraStatTags` reads.

/// What Envoy puts in front of every stat of a Wasm filter.
pub const NAMESPACE: &str = "wasmcustom.";
/// A value past a limit, or a path that matches no template.
pub const OTHER: &str = "_other";
/// A method that is not one of RFC 9110's, PATCH or QUERY.
pub const OTHER_METHOD: &str = "_OTHER";
/// No value.
pub const NONE: &str = "_none";

const ASSIGN: &str = "=.=";
const END: &str = ";.;";

/// Appends one label to a stat name that begins with its metric and a dot.
pub fn push_label(name: &mut String, label: &str, value: &str) {
    for part in [label, ASSIGN, value, END] {
        name.push_str(part);
    }
}

/// The stat name of a metric with its labels, in their order.
pub fn encode<'a>(metric: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut name = format!("{metric}.");
    for (label, value) in labels {
        push_label(&mut name, label, value);
    }
    name
}

/// The metric and the labels of a stat name; `None` where it is not one of ours.
pub fn decode(name: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let (metric, mut rest) = name.split_once('.')?;
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once(ASSIGN)?;
        let (value, after) = after.split_once(END)?;
        labels.push((label, value));
        rest = after;
    }
    Some((metric, labels))
}

/// The start of a metric's full stat names in Envoy; its dot keeps metrics apart whose names begin alike.
pub fn in_envoy(metric: &str) -> String {
    format!("{NAMESPACE}{metric}.")
}

/// The regular expression (RE2) for Envoy's `stats_tags` that cuts one label out of a full stat name.
///
/// Anchored, so that Envoy tries it on our own stats only; it asks for a separator before the label's name, so
/// that a label cannot be found inside another's name.
pub fn tag_regex(label: &str) -> String {
    format!(r"^wasmcustom\.(?:.*?[.;])??({label}=\.=(.*?);\.;)")
}

/// Writes a client's value as it may stand in a label: `[A-Za-z0-9_/{}*:@+~-]`, every other byte as `_`, cut at
/// `max_bytes`.
///
/// False where nothing is left, or where it would read as one of the reserved words: it counts as `_other` then.
pub fn escape_into(value: &[u8], max_bytes: usize, out: &mut String) -> bool {
    out.clear();
    out.extend(value.iter().take(max_bytes).map(|byte| escape_byte(*byte)));
    !out.is_empty() && !is_reserved(out)
}

/// Whether a value is one of the reserved words.
pub fn is_reserved(value: &str) -> bool {
    matches!(value, OTHER | OTHER_METHOD | NONE)
}

/// [`escape_into`] with a string of its own.
pub fn escape(value: &[u8], max_bytes: usize) -> Option<String> {
    let mut escaped = String::new();
    escape_into(value, max_bytes, &mut escaped).then_some(escaped)
}

fn escape_byte(byte: u8) -> char {
    if byte.is_ascii_alphanumeric() || b"_/{}*:@+~-".contains(&byte) { char::from(byte) } else { '_' }
}

#[cfg(test)]
mod tests;
