//! Two snapshots in, their differences out, series by series and in words.

use crate::stats::{Sample, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A series on which the replay and the oracle do not agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// `name{label="value"}`.
    pub series: String,
    /// How.
    pub what: What,
}

/// How a series differs.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Only the replay has it.
    Unexpected(Value),
    /// Only the oracle has it.
    Missing(Value),
    /// The replay has it twice: two stats that Prometheus cannot tell apart.
    Twice,
    /// They are different kinds of metric, or histograms with other bounds.
    Shape {
        /// The replay's.
        replayed: Value,
        /// The oracle's.
        expected: Value,
    },
    /// A counter's or gauge's value, or a histogram's count or sum.
    Value {
        /// `value`, `count` or `sum`.
        part: &'static str,
        /// The replay's.
        replayed: f64,
        /// The oracle's.
        expected: f64,
    },
    /// A bucket's cumulative count.
    Bucket {
        /// Its upper bound.
        bound: f64,
        /// The replay's.
        replayed: u64,
        /// The oracle's.
        expected: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let series = &self.series;
        match &self.what {
            What::Unexpected(value) => {
                write!(f, "{series}: only in the replay, a {} of {}", value.kind(), shown(value))
            }
            What::Missing(value) => {
                write!(
                    f,
                    "{series}: not in the replay, the oracle has a {} of {}",
                    value.kind(),
                    shown(value)
                )
            }
            What::Twice => write!(f, "{series}: twice in the replay, Prometheus cannot tell the two apart"),
            What::Shape { replayed, expected } if replayed.kind() != expected.kind() => {
                write!(
                    f,
                    "{series}: a {} in the replay, a {} in the oracle",
                    replayed.kind(),
                    expected.kind()
                )
            }
            What::Shape { .. } => {
                write!(f, "{series}: the replay's histogram has other bucket bounds than the oracle's")
            }
            What::Value { part, replayed, expected } => {
                write!(f, "{series}: {part} {replayed} in the replay, {expected} in the oracle")
            }
            What::Bucket { bound, replayed, expected } => {
                write!(f, "{series}: {replayed} values up to {bound} in the replay, {expected} in the oracle")
            }
        }
    }
}

/// Envoy's sums take a value as the middle of its bin: 10 adds 10.476.
const SUM_TOLERANCE: f64 = 0.05;

/// Every difference, in the order of the series' names; a histogram's sum may differ by 5 %.
pub fn diff(replayed: &[Sample], expected: &[Sample]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut left = BTreeMap::new();
    for sample in replayed {
        if left.insert(sample.series(), &sample.value).is_some() {
            differences.push(Difference { series: sample.series(), what: What::Twice });
        }
    }
    let mut right: BTreeMap<String, &Value> =
        expected.iter().map(|sample| (sample.series(), &sample.value)).collect();
    for (series, value) in left {
        match right.remove(&series) {
            None => differences.push(Difference { series, what: What::Unexpected(value.clone()) }),
            Some(other) => {
                let found = compare(value, other);
                differences.extend(found.into_iter().map(|what| Difference { series: series.clone(), what }));
            }
        }
    }
    let missing =
        right.into_iter().map(|(series, value)| Difference { series, what: What::Missing(value.clone()) });
    differences.extend(missing);
    differences.sort_by(|a, b| a.series.cmp(&b.series));
    differences
}

fn compare(replayed: &Value, expected: &Value) -> Vec<What> {
    let shape = || vec![What::Shape { replayed: replayed.clone(), expected: expected.clone() }];
    let value = |part, replayed: f64, expected: f64| What::Value { part, replayed, expected };
    match (replayed, expected) {
        (Value::Counter(left), Value::Counter(right)) | (Value::Gauge(left), Value::Gauge(right)) => {
            // The `prometheus` crate's numbers are doubles.
            let same = *left as f64 == *right as f64;
            // As a gauge below 0 is meant.
            let signed = |n: u64| n as i64 as f64;
            let whole = if matches!(replayed, Value::Gauge(_)) { signed } else { |n: u64| n as f64 };
            if same { vec![] } else { vec![value("value", whole(*left), whole(*right))] }
        }
        (
            Value::Histogram { bounds, cumulative, count, sum },
            Value::Histogram { bounds: own_bounds, cumulative: own, count: own_count, sum: own_sum },
        ) => {
            if bounds != own_bounds {
                return shape();
            }
            let buckets =
                bounds.iter().zip(cumulative.iter().zip(own)).filter(|(_, (left, right))| left != right);
            let mut found: Vec<What> = buckets
                .map(|(bound, (left, right))| What::Bucket {
                    bound: *bound,
                    replayed: *left,
                    expected: *right,
                })
                .collect();
            if count != own_count {
                found.push(value("count", *count as f64, *own_count as f64));
            }
            if (sum - own_sum).abs() > own_sum.abs() * SUM_TOLERANCE {
                found.push(value("sum", *sum, *own_sum));
            }
            found
        }
        _ => shape(),
    }
}

/// For the words of a difference: a value without its buckets.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Counter(number) | Value::Gauge(number) => number.to_string(),
        Value::Histogram { count, sum, .. } => format!("{count} values, sum {sum}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, value: Value) -> Sample {
        Sample { name: name.to_owned(), labels: [("l".to_owned(), "v".to_owned())].into(), value }
    }

    fn histogram(cumulative: &[u64], count: u64, sum: f64) -> Value {
        Value::Histogram { bounds: vec![1.0, 5.0], cumulative: cumulative.to_vec(), count, sum }
    }

    #[test]
    fn equal_snapshots_have_no_difference_and_sums_may_be_a_little_off() {
        let left = [sample("a", Value::Counter(1)), sample("h", histogram(&[1, 2], 2, 104.7))];
        let right = [sample("h", histogram(&[1, 2], 2, 100.0)), sample("a", Value::Counter(1))];
        assert_eq!(diff(&left, &right), []);
    }

    #[test]
    fn each_difference_is_said_in_words() {
        let left = [
            sample("a", Value::Counter(1)),
            sample("b", Value::Counter(2)),
            sample("b", Value::Counter(2)),
            sample("c", Value::Gauge(u64::MAX)),
            sample("d", Value::Gauge(0)),
            sample("h", histogram(&[1, 2], 2, 106.0)),
        ];
        let right = [
            sample("b", Value::Counter(3)),
            sample("c", Value::Gauge(1)),
            sample("d", Value::Counter(0)),
            sample("e", histogram(&[0, 0], 3, 9.0)),
            sample("h", histogram(&[1, 1], 3, 100.0)),
        ];
        let words: Vec<String> = diff(&left, &right).iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                r#"a{l="v"}: only in the replay, a counter of 1"#,
                r#"b{l="v"}: twice in the replay, Prometheus cannot tell the two apart"#,
                r#"b{l="v"}: value 2 in the replay, 3 in the oracle"#,
                r#"c{l="v"}: value -1 in the replay, 1 in the oracle"#,
                r#"d{l="v"}: a gauge in the replay, a counter in the oracle"#,
                r#"e{l="v"}: not in the replay, the oracle has a histogram of 3 values, sum 9"#,
                r#"h{l="v"}: 2 values up to 5 in the replay, 1 in the oracle"#,
                r#"h{l="v"}: count 2 in the replay, 3 in the oracle"#,
                r#"h{l="v"}: sum 106 in the replay, 100 in the oracle"#,
            ]
        );
    }
}
