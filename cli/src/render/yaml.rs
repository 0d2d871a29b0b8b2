//! Texts in, YAML that reads back as the same texts out.

use std::fmt::Write;

/// A double-quoted scalar, all of it ASCII, so that no parser finds a line break or a byte order mark in it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            // YAML 1.2, section 5.7: no surrogate pairs, as JSON has them, but eight digits.
            _ => {
                let code = u32::from(c);
                let _infallible = match code {
                    0..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// JSON with every character outside ASCII escaped, for a text that is JSON to whoever reads the YAML around it.
pub(super) fn ascii_json(json: &str) -> String {
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

    fn read(yaml: &str) -> String {
        serde_saphyr::from_str(yaml).unwrap()
    }

    proptest::proptest! {
        #[test]
        fn every_text_reads_back_as_itself(text in "\\PC*|[\\x00-\\x20\"\\\\\\x7f-\\xa0\u{2028}\u{feff}😀-🙏]*") {
            proptest::prop_assert!(quoted(&text).is_ascii());
            proptest::prop_assert_eq!(read(&quoted(&text)), text.as_str());
            let map: std::collections::BTreeMap<String, Vec<String>> =
                serde_saphyr::from_str(&format!("{{{0}: [{0}, {0}]}}", quoted(&text))).unwrap();
            proptest::prop_assert_eq!(map, [(text.clone(), vec![text.clone(), text])].into());
        }
    }

    #[test]
    fn what_looks_like_yaml_and_what_no_line_holds_is_quoted() {
        for text in [
            "",
            "a",
            "\"\\",
            "#: - {}",
            "\u{85}\u{2028}é\u{7f}\u{0}",
            "line\nbreak\r\ttab",
            "yes",
            "^a\\.(b)$",
        ] {
            assert_eq!(read(&quoted(text)), text);
        }
        assert_eq!(quoted("é😀\u{10ffff}"), "\"\\u00e9\\U0001f600\\U0010ffff\"");
    }

    #[test]
    fn json_in_yaml_stays_json() {
        let json = serde_json::Value::from("é😀\u{7f}").to_string();
        assert_eq!(ascii_json(&json), "\"\\u00e9\\ud83d\\ude00\\u007f\"");
        assert_eq!(serde_json::from_str::<String>(&ascii_json(&json)).unwrap(), "é😀\u{7f}");
    }
}
