//! Texts and tones in; texts that fit and styles out.

use super::super::cell::Tone;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How a tone looks; without colours by weight.
pub(super) fn style(tone: Tone, colour: bool) -> Style {
    let plain = Style::new();
    match (tone, colour) {
        (Tone::Plain, _) | (Tone::Good, false) => plain,
        (Tone::Good, true) => plain.fg(Color::Green),
        (Tone::Warning, true) => plain.fg(Color::Yellow),
        (Tone::Bad, true) => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        (Tone::Warning | Tone::Bad, false) => plain.add_modifier(Modifier::BOLD),
    }
}

/// The text, cut to so many columns of a terminal; `…` says that something is missing.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut cut = String::new();
    for c in text.chars() {
        let Some(rest) = left.checked_sub(c.width().unwrap_or(0)) else { break };
        left = rest;
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// The text in exactly so many columns, its words left or its number right.
pub(super) fn pad(text: &str, width: usize, left: bool) -> String {
    let text = fit(text, width);
    let blank = " ".repeat(width.saturating_sub(text.width()));
    if left { text + &blank } else { blank + &text }
}

/// Two texts at the ends of a line: the right one whole, the left one where there is room.
pub(super) fn ends(left: &str, right: &str, width: usize) -> String {
    let room = width.saturating_sub(right.width()).saturating_sub(1);
    if room < 8 {
        return fit(right, width);
    }
    format!("{} {right}", pad(left, room, true))
}

/// A text in lines of so many columns, broken at spaces where there are.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let joined = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if joined.width() <= width || line.is_empty() {
            *line = joined;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_the_columns_that_it_takes() {
        assert_eq!(fit("/a/{id}", 7), "/a/{id}");
        assert_eq!(fit("/a/{id}", 6), "/a/{i…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(["abc", "ab"].map(|text| fit(text, 0)), ["", ""]);
        assert_eq!(pad("日本語", 4, false), " 日…");
        assert_eq!(pad("7", 3, false), "  7");
    }

    #[test]
    fn the_right_end_is_whole_and_the_left_is_cut() {
        assert_eq!(ends("http://here", "live", 20), "http://here     live");
        assert_eq!(ends("http://here", "live", 14), "http://h… live");
        assert_eq!(ends("http://here", "live", 10), "live");
        assert_eq!(ends("http://here", "live", 3), "li…");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("cannot reach it, retrying", 12), ["cannot reach", "it, retrying"]);
        assert_eq!(wrap("averylongword a", 5), ["averylongword", "a"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
