//! A query in; the names of metrics in it, and where its strings end, out.

/// The metric names in a query, for whoever checks that they exist.
pub fn metric_names(query: &str) -> Vec<String> {
    const WORDS: [&str; 14] = [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "and",
        "or",
        "unless",
        "offset",
        "bool",
        "inf",
        "nan",
        "atan2",
    ];
    let mut names: Vec<String> = Vec::new();
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        let skip = |text: &'_ str, end: char| -> usize {
            text.find(end).map_or(text.len(), |at| at.saturating_add(end.len_utf8()))
        };
        let length = match c {
            '{' => length_of_braces(rest),
            '[' => skip(rest, ']'),
            '"' => length_of_string(rest),
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                let after_space = after.trim_start();
                let grouping = WORDS.iter().take(6).any(|word| *word == name) && after_space.starts_with('(');
                if grouping {
                    let gap = after.len().saturating_sub(after_space.len());
                    length.saturating_add(gap).saturating_add(skip(after_space, ')'))
                } else {
                    let aggregation = ["by", "without"].iter().any(|word| after_space.starts_with(word));
                    let function = after_space.starts_with('(') || aggregation;
                    if !function && !WORDS.contains(&name) && !names.iter().any(|known| known == name) {
                        names.push(name.to_owned());
                    }
                    length
                }
            }
            // A number with its unit or exponent is no name.
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    names
}

/// How long the selector is that begins with a brace; strings in it may hold braces.
fn length_of_braces(text: &str) -> usize {
    let mut at = 1_usize;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        match c {
            '"' => at = at.saturating_add(length_of_string(text.get(at..).unwrap_or_default())),
            '}' => return at.saturating_add(1),
            c => at = at.saturating_add(c.len_utf8()),
        }
    }
    text.len()
}

/// How long the string literal is that begins the text.
pub(super) fn length_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}
