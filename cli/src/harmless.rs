//! Any text in; the same out without what a terminal would obey.

/// What takes the place of a character that is not shown.
const REPLACEMENT: char = '\u{fffd}';

/// Control characters, line breaks and those that turn the writing direction are replaced.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { REPLACEMENT } else { c }).collect()
}

/// The same for text of several lines.
pub fn harmless_lines(text: &str) -> String {
    text.split('\n').map(harmless).collect::<Vec<_>>().join("\n")
}

fn is_obeyed(c: char) -> bool {
    let direction =
        matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    let line = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    c.is_control() || direction || line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(harmless("/a/{id}"), "/a/{id}");
        assert_eq!(harmless("größe–日本"), "größe–日本");
        let hostile =
            ["\u{1b}[2J", "a\rb", "a\nb", "\u{7}", "\u{9b}2J", "\u{202e}x", "\u{2066}", "\u{200d}", "\u{7f}"];
        for text in hostile {
            let clean = harmless(text);
            assert!(clean.contains(REPLACEMENT) && !clean.chars().any(is_obeyed), "{text:?}: {clean:?}");
        }
    }
}
