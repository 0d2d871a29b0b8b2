//! What several sections have: names of headers and labels, one of a few words, one of a few fields.

use super::error::ConfigErrors;
use super::reader::Node;

/// A header's name in lower case, as Envoy keeps them (RFC 9110 5.1).
#[inline(never)]
pub(super) fn read_header_name(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let name = node.text_where(errors, "a header's name", &|s| {
        !s.is_empty() && s.len() <= 200 && s.bytes().all(token)
    })?;
    Some(name.to_ascii_lowercase())
}

/// A Server-Timing metric name: a token whose case matters.
#[inline(never)]
pub(super) fn read_header_name_as_written(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<String> {
    read_header_name(node, errors)?;
    node.text(errors).map(str::to_owned)
}

/// Letters, digits and `_`, not starting with a digit.
pub(super) fn is_identifier(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Refuses what `known` does not list: for fields whose value is one of a few words.
pub(super) fn one_of<T: Copy>(node: &Node<'_>, known: &[(&str, T)], errors: &mut ConfigErrors) -> Option<T> {
    let found = node.value.as_str().and_then(|s| known.iter().find(|(name, _)| *name == s));
    match found {
        Some((_, value)) => Some(*value),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            node.fail(errors, format!("expected one of {}", names.join(", ")))
        }
    }
}

/// The one field that was given; a mistake where there is none or more than one.
pub(super) fn exactly_one<T, const N: usize>(
    node: &Node<'_>,
    found: [Option<Option<T>>; N],
    names: &str,
    errors: &mut ConfigErrors,
) -> Option<T> {
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        _ => node.fail(errors, format!("expected exactly one of {names}")),
    }
}
