//! Numbers in, numbers as people read them out.

use super::quantile::Quantile;
use redline::metric::DurationUnit;

/// A whole number with thousands apart: `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && digits.len().wrapping_sub(i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A sample of a counter or gauge, which is a whole number, with thousands apart.
pub fn whole(n: f64) -> String {
    // Envoy's are unsigned; anything else is shown as it is, so that it is seen.
    if n >= 0.0 && n.fract() == 0.0 { count(n as u64) } else { n.to_string() }
}

/// An estimate: a decimal below a hundred, and whole above.
pub fn rounded(n: f64) -> String {
    if n < 100.0 { ((n * 10.0).round() / 10.0).to_string() } else { whole(n.round()) }
}

/// A share as a percentage: `1.25 %`; `-` of nothing.
pub fn percent(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return "-".to_owned();
    }
    let percent = part / whole * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        // What is there must not look like nothing.
        p if p < 0.01 => "< 0.01 %".to_owned(),
        p => format!("{p:.2} %"),
    }
}

/// A rate per second: `12.3/s`.
pub fn rate(events: f64, seconds: f64) -> String {
    let rate = events / seconds;
    match rate {
        _ if seconds <= 0.0 => "-".to_owned(),
        // Of logs that span days.
        rate if rate < 0.1 && rate > 0.0 => format!("{rate:.4}/s"),
        rate => format!("{rate:.1}/s"),
    }
}

/// Bytes in decimal units: `1.5 MB`.
pub fn bytes(n: f64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if n < 1000.0 {
        return format!("{n:.0} B");
    }
    let mut value = n / 1000.0;
    let mut unit = 0;
    // 999.95 would show as 1000.0.
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", units.get(unit).copied().unwrap_or_default())
}

/// A duration given in milliseconds: `340 us`, `12.5 ms`, `2.10 s`.
pub fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{:.0} us", ms * 1000.0),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.2} s", ms / 1000.0),
    }
}

/// Two units, the largest first: `2d 3h`, `5m 20s`.
pub fn coarse(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        let n = rest / size;
        rest %= size;
        if n > 0 || !parts.is_empty() {
            parts.push((n, name));
        }
    }
    let parts: Vec<String> =
        parts.iter().take(2).filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n}{name}")).collect();
    parts.join(" ")
}

/// How many of a duration histogram's unit are a millisecond.
pub fn per_millisecond(unit: DurationUnit) -> f64 {
    match unit {
        DurationUnit::Milliseconds => 1.0,
        DurationUnit::Microseconds => 1000.0,
    }
}

/// A quantile of durations, the histogram being in units of which `per_ms` are a millisecond.
pub fn quantile_of_durations(quantile: Quantile, per_ms: f64) -> String {
    match quantile {
        Quantile::None => "-".to_owned(),
        Quantile::At(value) => milliseconds(value / per_ms),
        Quantile::Above(value) => format!("> {}", milliseconds(value / per_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 7, 999, 1000, 1_234_567].map(count), ["0", "7", "999", "1,000", "1,234,567"]);
        assert_eq!([12_345.0, -1.0, 0.5, f64::INFINITY].map(whole), ["12,345", "-1", "0.5", "inf"]);
    }

    #[test]
    fn something_never_looks_like_nothing() {
        assert_eq!(percent(0.0, 10.0), "0 %");
        assert_eq!(percent(1.0, 1e6), "< 0.01 %");
        assert_eq!(percent(1.0, 80.0), "1.25 %");
        assert_eq!(percent(0.0, 0.0), "-");
    }

    #[test]
    fn bytes_and_durations_choose_their_unit() {
        assert_eq!([0.0, 999.0, 1000.0, 1_500_000.0].map(bytes), ["0 B", "999 B", "1.0 kB", "1.5 MB"]);
        assert_eq!(bytes(999_960.0), "1.0 MB");
        assert_eq!([0.34, 12.5, 340.0, 2100.0].map(milliseconds), ["340 us", "12.5 ms", "340 ms", "2.10 s"]);
        assert_eq!(quantile_of_durations(Quantile::At(2500.0), 1000.0), "2.5 ms");
        assert_eq!(quantile_of_durations(Quantile::Above(60_000.0), 1.0), "> 60.00 s");
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        assert_eq!([1, 61, 3600, 90_061, 86_400 * 63].map(coarse), ["1s", "1m 1s", "1h", "1d 1h", "63d"]);
    }
}
