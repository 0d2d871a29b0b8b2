//! Stats in, the text of Envoy's `/stats/prometheus` out.
//!
//! Measured on 1.40: counters, gauges, histograms; families in the order of their names, word by word between the
//! dots; series in the order of their full stat names; a `# TYPE` line for each family and no blank line; `{}` where
//! there is no label; numbers as `%.32g`. Names keep letters, digits and `_`; a family whose name is then empty or
//! begins with a digit is not shown.

use super::snapshot::{Sample, Value, escape};
use super::stat::{Entry, MetricType, NAMESPACE};
use super::view::StatView;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// The series of one name and type.
pub(super) struct Family {
    kind: &'static str,
    name: String,
    /// For each sample its labels as Envoy prints them.
    labels: Vec<String>,
    pub(super) samples: Vec<Sample>,
}

type Stats = HashMap<(MetricType, Vec<u8>), Entry>;
/// A full stat name and its stat.
type Named<'a> = (&'a [u8], &'a Entry);

/// Every family, in Envoy's order.
pub(super) fn families(stats: &Stats) -> impl Iterator<Item = Family> {
    let mut groups: BTreeMap<(MetricType, Words<'_>), Vec<Named<'_>>> = BTreeMap::new();
    for ((metric, full), entry) in stats {
        groups.entry((*metric, Words(&entry.extracted.name))).or_default().push((full, entry));
    }
    groups.into_iter().filter_map(|((metric, Words(name)), mut entries)| {
        let name = shown_name(name)?;
        entries.sort_unstable_by(|(a, _), (b, _)| Words(a).cmp(&Words(b)));
        let kind = match metric {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
        };
        let labels = entries.iter().map(|(_, entry)| shown_labels(entry)).collect();
        let samples = entries.iter().map(|(_, entry)| sample(&name, entry)).collect();
        Some(Family { kind, name, labels, samples })
    })
}

impl Family {
    /// Appends the lines.
    pub(super) fn write(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = self.try_write(text);
    }

    fn try_write(&self, text: &mut String) -> std::fmt::Result {
        let name = &self.name;
        writeln!(text, "# TYPE {name} {}", self.kind)?;
        for (labels, sample) in self.labels.iter().zip(&self.samples) {
            match &sample.value {
                Value::Counter(value) | Value::Gauge(value) => writeln!(text, "{name}{{{labels}}} {value}")?,
                Value::Histogram { bounds, cumulative, count, sum } => {
                    let comma = if labels.is_empty() { "" } else { "," };
                    for (bound, below) in bounds.iter().zip(cumulative) {
                        writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{}\"}} {below}", general(*bound))?;
                    }
                    writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
                    writeln!(text, "{name}_sum{{{labels}}} {}", general(*sum))?;
                    writeln!(text, "{name}_count{{{labels}}} {count}")?;
                }
            }
        }
        Ok(())
    }
}

/// A name that is compared word by word, as Envoy's symbol table does: `a.b` before `a-b`.
#[derive(PartialEq, Eq)]
struct Words<'a>(&'a [u8]);

impl Ord for Words<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.split(|b| *b == b'.').cmp(other.0.split(|b| *b == b'.'))
    }
}

impl PartialOrd for Words<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn sample(name: &str, entry: &Entry) -> Sample {
    let labels = entry.extracted.tags.iter();
    let labels =
        labels.map(|(tag, value)| (sanitize(tag.as_bytes()), String::from_utf8_lossy(value).into_owned()));
    Sample { name: name.to_owned(), labels: labels.collect(), value: StatView(entry).value() }
}

fn shown_labels(entry: &Entry) -> String {
    let mut text = String::new();
    for (tag, value) in &entry.extracted.tags {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&sanitize(tag.as_bytes()));
        text.push_str("=\"");
        text.push_str(&escape(&String::from_utf8_lossy(value)));
        text.push('"');
    }
    text
}

fn shown_name(extracted: &[u8]) -> Option<String> {
    let name = match extracted.strip_prefix(NAMESPACE.as_bytes()) {
        Some(own) => sanitize(own),
        // A rule cut out a part of the prefix: to Envoy no longer a custom stat.
        None => format!("envoy_{}", sanitize(extracted)),
    };
    let shown = name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    shown.then_some(name)
}

fn sanitize(name: &[u8]) -> String {
    name.iter().map(|b| if b.is_ascii_alphanumeric() { char::from(*b) } else { '_' }).collect()
}

/// A number as C's `%.32g` prints it, which is what Envoy uses.
pub fn general(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let text = format!("{:.31e}", value.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    if digits.is_empty() {
        return "0".to_owned();
    }
    if !(-4..32).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let e = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{e}{:02}", exponent.abs());
    }
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    }
    let whole = exponent as usize + 1;
    match digits.split_at_checked(whole) {
        Some((left, right)) if !right.is_empty() => format!("{sign}{left}.{right}"),
        _ => format!("{sign}{digits:0<whole$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        let table = [
            (0.0, "0"),
            (0.5, "0.5"),
            (1.0, "1"),
            (3600000.0, "3600000"),
            (0.1, "0.10000000000000000555111512312578"),
            (0.0001, "0.00010000000000000000479217360238593"),
            (0.00001, "1.0000000000000000818030539140313e-05"),
            (-2.5, "-2.5"),
            (1e31, "9999999999999999635896294965248"),
            (1e32, "1.0000000000000000536616220439347e+32"),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in table {
            assert_eq!(general(number), text);
        }
    }
}
