//! Prometheus' text format in, samples out.
//!
//! Written by hand: the crates that read the format split label values at `}` or `,`, which our endpoints have.

use std::collections::BTreeMap;

/// One line of a scrape.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name; of a histogram with `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value; the empty string where it has none, as in PromQL.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Where a scrape cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the metrics is not in Prometheus' text format: {text}; is this the address of Envoy's admin interface?"
)]
pub struct ScrapeError {
    /// From 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

/// Everything that was scraped at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scrape {
    /// In the order of the text.
    pub samples: Vec<Sample>,
    /// Metric to what the text calls it: `counter`, `gauge`, `histogram`.
    pub types: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads a whole text.
    pub fn parse(text: &str) -> Result<Self, ScrapeError> {
        let mut scrape = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                let mut words = comment.split_whitespace();
                if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) {
                    scrape.types.insert(name.to_owned(), kind.to_owned());
                }
            } else if !line.is_empty() {
                let error =
                    || ScrapeError { line: index.saturating_add(1), text: line.chars().take(120).collect() };
                scrape.samples.push(parse_line(line).ok_or_else(error)?);
            }
        }
        Ok(scrape)
    }

    /// The samples with this name.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Sample> {
        self.samples.iter().filter(move |s| s.name == name)
    }

    /// The sum of the samples with this name that have all of `labels`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has_all = |s: &&Sample| labels.iter().all(|(label, value)| s.label(label) == *value);
        self.named(name).filter(has_all).map(|s| s.value).sum()
    }
}

/// `name{label="value",…} value [timestamp]`.
fn parse_line(line: &str) -> Option<Sample> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at_checked(name_end)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = parse_value(words.next()?)?;
    let valid = !name.is_empty() && words.next().is_none_or(|time| time.parse::<i64>().is_ok());
    (valid && words.next().is_none()).then(|| Sample { name: name.to_owned(), labels, value })
}

/// What follows an opening brace; returns the labels and what follows the closing one.
fn parse_labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = parse_quoted(after.trim_start().strip_prefix('"')?)?;
        labels.insert(name.trim().to_owned(), value);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(more) => more,
            None if after.starts_with('}') => after,
            None => return None,
        };
    }
}

/// What follows an opening quote; the escapes are `\\`, `\"` and `\n`.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return text.get(at.saturating_add(1)..).map(|rest| (value, rest)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                // Any other escape stands for itself, as Prometheus reads it.
                other @ ('\\' | '"') => value.push(other),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

fn parse_value(text: &str) -> Option<f64> {
    // Rust reads `inf`, `+Inf` and `NaN` in any case, as Go does.
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read_as_envoy_writes_them() {
        let text = "# TYPE http_requests_total counter\n\
                    http_requests_total{service=\"shop\",endpoint=\"/a/{id},{b*}\",status=\"200\"} 4\n\n\
                    # TYPE envoy_x gauge\nenvoy_x{} 1\nplain 2.5 1700000000000\n";
        let scrape = Scrape::parse(text).unwrap();
        let first = &scrape.samples[0];
        assert_eq!((first.name.as_str(), first.value), ("http_requests_total", 4.0));
        assert_eq!(first.label("endpoint"), "/a/{id},{b*}");
        assert_eq!(first.label("nothing"), "");
        assert_eq!(scrape.samples[1].labels.len(), 0);
        assert_eq!(scrape.samples[2].value, 2.5);
        assert_eq!(scrape.types["http_requests_total"], "counter");
    }

    #[test]
    fn escapes_and_odd_values_are_read() {
        let scrape = Scrape::parse("m{a=\"q\\\"b\\\\s\\nn\\x=}\" , le = \"+Inf\",} +Inf\nn NaN\n").unwrap();
        assert_eq!(scrape.samples[0].label("a"), "q\"b\\s\nn\\x=}");
        assert_eq!(scrape.samples[0].label("le"), "+Inf");
        assert_eq!(scrape.samples[0].value, f64::INFINITY);
        assert!(scrape.samples[1].value.is_nan());
    }

    #[test]
    fn what_is_no_sample_is_named_with_its_line() {
        for bad in
            ["m", "m{a=\"b\" 1", "m{a=\"b} 1", "m{a=b} 1", "{} 1", "m x", "m 1 2 3", "m{a=\"b\"c=\"d\"} 1"]
        {
            let error = Scrape::parse(&format!("ok 1\n{bad}\n")).unwrap_err();
            assert_eq!(error, ScrapeError { line: 2, text: bad.to_owned() });
        }
    }

    #[test]
    fn sums_are_over_the_samples_that_have_the_labels() {
        let scrape =
            Scrape::parse("m{a=\"x\",b=\"1\"} 1\nm{a=\"x\",b=\"2\"} 2\nm{a=\"y\",b=\"1\"} 4\n").unwrap();
        assert_eq!(scrape.sum("m", &[("a", "x")]), 3.0);
        assert_eq!(scrape.sum("m", &[]), 7.0);
        assert_eq!(scrape.sum("none", &[]), 0.0);
    }
}
