//! Lengths of time in nanoseconds, and such a length in words out.

/// A millisecond.
pub(crate) const MS: u64 = 1_000_000;
/// A second.
pub(crate) const S: u64 = 1000 * MS;
/// A minute.
pub(crate) const MINUTE: u64 = 60 * S;
/// An hour.
pub(crate) const HOUR: u64 = 60 * MINUTE;
/// A day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// A length of time as people say it: `5 ms`, `30 s`, `2 h`, `1 d`.
pub(crate) fn in_words(ns: u64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (S, "s"), (MS, "ms")];
    let whole = units.into_iter().find(|(unit, _)| ns >= *unit && ns.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", ns / unit),
        None => format!("{} ms", ns as f64 / MS as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_their_largest_whole_unit() {
        let table = [(5 * MS, "5 ms"), (90 * S, "90 s"), (2 * HOUR, "2 h"), (DAY, "1 d"), (MS / 2, "0.5 ms")];
        assert_eq!(table.map(|(ns, _)| in_words(ns)), table.map(|(_, words)| words.to_owned()));
    }
}
