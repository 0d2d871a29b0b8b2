//! The lines of Server-Timing in, their entries out: by regular expressions.

use super::exact::{Exact, decimal};
use regex::bytes::{Captures, Regex};
use std::sync::LazyLock;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    /// The first `dur`; the inner `None` is no number.
    pub(super) duration: Option<Option<Exact>>,
    /// The first `desc`.
    pub(super) description: Option<Vec<u8>>,
}

struct Grammar {
    /// What is between two commas; a string in quotes, which may have commas, follows a `=`.
    element: Regex,
    entry: Regex,
    parameter: Regex,
    escape: Regex,
}

static GRAMMAR: LazyLock<Option<Grammar>> = LazyLock::new(|| {
    let token = r"[!#$%&'*+.^_`|~0-9A-Za-z-]";
    let quoted = r#""(?:\\.|[^"\\])*""#;
    let parameter = format!(r"(?:({token}+)(?:[ \t]*=[ \t]*(?:({quoted})|({token}*)))?|=[ \t]*)?");
    let regex = |text: &str| Regex::new(&format!("(?s-u){text}")).ok();
    Some(Grammar {
        element: regex(r#"(?:=[ \t]*"(?:\\.|[^"\\])*(?:"|\\?$)|[^,])+"#)?,
        entry: regex(&format!(r"^[ \t]*({token}+)((?:[ \t]*;[ \t]*{parameter})*)[ \t]*$"))?,
        parameter: regex(&format!(r";[ \t]*{parameter}"))?,
        escape: regex(r"\\(.)")?,
    })
});

/// Every entry of a line in its order; `None` for one that is malformed.
pub(super) fn entries(line: &[u8]) -> Vec<Option<Entry>> {
    let Some(grammar) = GRAMMAR.as_ref() else { return Vec::new() };
    let elements = grammar.element.find_iter(line).map(|element| element.as_bytes());
    let filled = elements.filter(|element| element.iter().any(|byte| !b" \t".contains(byte)));
    filled.map(|element| read(grammar, element)).collect()
}

fn read(grammar: &Grammar, element: &[u8]) -> Option<Entry> {
    let entry = grammar.entry.captures(element)?;
    let mut read = Entry { name: entry.get(1)?.as_bytes().to_vec(), duration: None, description: None };
    for parameter in grammar.parameter.captures_iter(entry.get(2)?.as_bytes()) {
        let Some(name) = parameter.get(1) else { continue };
        let value = value(grammar, &parameter);
        match name.as_bytes().to_ascii_lowercase().as_slice() {
            b"dur" => read.duration = read.duration.or_else(|| Some(decimal(&value))),
            b"desc" => read.description = read.description.or(Some(value)),
            _ => {}
        }
    }
    Some(read)
}

fn value(grammar: &Grammar, parameter: &Captures<'_>) -> Vec<u8> {
    if let Some(quoted) = parameter.get(2) {
        let text = quoted.as_bytes();
        let inner = text.get(1..text.len() - 1).unwrap_or_default();
        return grammar.escape.replace_all(inner, &b"$1"[..]).into_owned();
    }
    parameter.get(3).map_or_else(Vec::new, |token| token.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name dur desc` of each entry, `!` for a malformed one.
    fn shown(line: &str) -> Vec<String> {
        let show = |entry: Option<Entry>| {
            let Some(Entry { name, duration, description }) = entry else { return "!".to_owned() };
            let duration = duration.map_or("-".to_owned(), |d| d.map_or("?".to_owned(), |d| d.to_string()));
            let description = description.map(|d| String::from_utf8(d).unwrap());
            format!(
                "{} {duration} {}",
                String::from_utf8(name).unwrap(),
                description.as_deref().unwrap_or("-")
            )
        };
        entries(line.as_bytes()).into_iter().map(show).collect()
    }

    #[test]
    fn entries_are_read_as_browsers_do_where_that_is_safe() {
        for (line, want) in [
            ("db;dur=53, app;dur=47.5;desc=x", &["db 53 -", "app 95/2 x"][..]),
            (r#"db ; DUR = "5" ;Desc="a, \"b\"\\" , x"#, &[r#"db 5 a, "b"\"#, "x - -"]),
            ("db;;dur=1; ;=;desc", &["db 1 "]),
            ("db;dur;dur=4", &["db ? -"]),
            ("db;dur=x, db;dur=4", &["db ? -", "db 4 -"]),
            ("db;dur=1;dur=2;desc=a;desc=b", &["db 1 a"]),
            (" ,, ,db,", &["db - -"]),
            (r#"db;="x", a"#, &["!", "a - -"]),
            (r#"db;=x, db;="", a"#, &["!", "!", "a - -"]),
            (r#"db;desc="open, app;dur=1"#, &["!"]),
            (r#"db"x, app"#, &["!", "app - -"]),
            (r#"db;desc="a"b, app"#, &["!", "app - -"]),
            (r#"a b, =1, ;dur=1, "q""#, &["!", "!", "!", "!"]),
            (r#"db;x="1";dur=2"#, &["db 2 -"]),
            ("", &[]),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }
}
