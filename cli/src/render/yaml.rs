//! Texts in, YAML that reads back as the same texts out.

use std::fmt::Write;

/// A double-quoted scalar. Its escapes are JSON's, which YAML 1.2 reads alike; all of it is ASCII.
pub(super) fn quoted(text: &str) -> String {
    ascii(&serde_json::Value::from(text).to_string())
}

/// JSON with every character outside ASCII escaped, so that no YAML parser finds a line break in a string.
pub(super) fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Only strings hold such characters, and DEL is one that YAML does not print.
        if c.is_ascii() && c != '\x7f' {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// JSON with every character outside ASCII escaped as YAML has it, which knows no surrogate pairs.
pub(super) fn printable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        let _infallible = match u32::from(c) {
            0..0x7f => out.write_char(c),
            code @ 0x7f..=0xffff => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

/// A flow sequence of numbers.
pub(super) fn numbers(numbers: &[u64]) -> String {
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// Every line of `text` that is not empty, moved right by `columns`.
pub(super) fn indented(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', columns));
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_text_reads_back_as_itself() {
        for text in
            ["", "a", "\"\\", "#: - {}", "\u{85}\u{2028}é\u{7f}", "line\nbreak\ttab", "yes", "^a\\.(b)$"]
        {
            let read: String = serde_saphyr::from_str(&quoted(text)).unwrap();
            assert_eq!(read, text);
            assert!(quoted(text).is_ascii());
        }
        // YAML has no surrogate pairs; Envoy reads them, since it takes the string out of JSON.
        assert_eq!(quoted("😀"), "\"\\ud83d\\ude00\"");
    }
}
