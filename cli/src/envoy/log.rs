//! Envoy's log in, what a person must see of it out.

use std::path::Path;

/// Lines of Envoy's own that are shown: what it says after the filter has said why adds little.
const LAST: usize = 8;
const LAST_AFTER_OWN: usize = 2;
/// What Envoy writes in front of a line of the filter's.
const FROM_FILTER: &str = "wasm log";
/// What each of the filter's lines begins with.
const OWN: &str = "redline: ";

/// The whole log; empty where there is none. Bytes that are no text are replaced.
pub(super) fn read(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The filter's lines without what Envoy puts in front of them, then the last of Envoy's own; indented.
pub(super) fn excerpt(log: &str) -> String {
    let mut own: Vec<&str> = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        // "wasm log PLUGIN ROOT VM: TEXT", less where a name is not given.
        let text = line.split_once(FROM_FILTER).and_then(|(_, said)| said.split_once(": "));
        match text.map(|(_, text)| text).filter(|text| text.starts_with(OWN)) {
            // Each VM says the same.
            Some(said) if own.contains(&said) => {}
            Some(said) => own.push(said),
            None => others.push(line),
        }
    }
    let kept = if own.is_empty() { LAST } else { LAST_AFTER_OWN };
    let last = others.get(others.len().saturating_sub(kept)..).unwrap_or_default();
    let mut shown: Vec<String> = own.iter().chain(last).map(|line| format!("  {line}")).collect();
    if shown.is_empty() {
        shown.push("  (its log is empty)".to_owned());
    }
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_filter_come_first_and_bare() {
        let log = "[2026-11-22 19:50:37.471][7834][error][wasm] [source/extensions/common/wasm/context.cc:1157] \
                   wasm log redline redline: redline: configuration refused: $.tick: 1: expected a duration\n\
                   [x][error][wasm] [y] wasm log redline redline: redline: configuration refused: $.tick: 1: expected a duration\n\
                   [x][critical][main] [y] error `Unable to create Wasm plugin redline`\n";
        assert_eq!(
            excerpt(log),
            "  redline: configuration refused: $.tick: 1: expected a duration\n  \
             [x][critical][main] [y] error `Unable to create Wasm plugin redline`"
        );
    }

    #[test]
    fn of_a_long_log_the_end_is_shown_and_of_none_a_word() {
        let log: String = (0..100).map(|i| format!("line {i}\n")).collect();
        assert_eq!(excerpt(&log).lines().count(), LAST);
        assert!(excerpt(&log).ends_with("line 99"));
        assert_eq!(excerpt("\n"), "  (its log is empty)");
    }
}
