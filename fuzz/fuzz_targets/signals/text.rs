//! Load reports in words, held against strings that are split.

use crate::report::{accept, is_infinite, read};
use redline::signals::number::Number;

pub fn check(line: &[u8]) {
    // The oracle works on strings.
    let text = String::from_utf8_lossy(line).into_owned();
    let ows = [' ', '\t'];
    let elements =
        text.split(',').map(|element| element.trim_matches(ows)).filter(|element| !element.is_empty());
    let entries = elements.map(|element| {
        let (name, value) = element.split_once(['=', ':']).unwrap_or((element, ""));
        let unknown =
            name.starts_with("rps") && name.trim_matches(ows) == "rps" || name.starts_with("request_cost");
        let number = Number::from_text(value.as_bytes()).ok().filter(|_| !unknown && !is_infinite(value));
        (name.trim_matches(ows).to_owned(), number)
    });
    let expected = accept(entries.collect());
    assert_eq!(read(&[b"TEXT ", text.as_bytes()].concat()), expected, "{text}");
    assert!(
        text.starts_with("TEXT ")
            || text.starts_with("JSON ")
            || text.starts_with("BIN ")
            || read(line).is_none()
    );
}
