//! Traffic and what must be firing when: a test for `promtool test rules` as plain data.

use super::texts::Texts;
use redline::config::Duration;
use std::collections::BTreeMap;

/// One test: series with a sample a minute, and what must be firing when.
#[derive(Debug, Clone)]
pub(super) struct Test {
    pub(super) name: String,
    /// Whether rules are evaluated every five minutes only: it takes days.
    pub(super) slow: bool,
    /// A series, and its values in promtool's notation.
    pub(super) series: Vec<(String, String)>,
    pub(super) checks: Vec<Check>,
}

/// Whether the alert fires at a time.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) at: Duration,
    pub(super) firing: Option<(BTreeMap<String, String>, Texts)>,
}

/// Between two samples.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A counter's values in promtool's notation: 0 at the start, then so much more at each step, for so many steps.
pub(super) fn ramp(phases: &[(u64, u64)]) -> String {
    let mut total = 0_u64;
    let mut parts = vec!["0x0".to_owned()];
    for (rise, steps) in phases.iter().filter(|(_, steps)| *steps > 0) {
        let first = total.saturating_add(*rise);
        parts.push(format!("{first}+{rise}x{}", steps.saturating_sub(1)));
        total = total.saturating_add(rise.saturating_mul(*steps));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_goes_on_where_it_was() {
        assert_eq!(ramp(&[(10, 3), (0, 2), (5, 1)]), "0x0 10+10x2 30+0x1 35+5x0");
    }
}
