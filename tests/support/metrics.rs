//! A scrape in, numbers by metric and labels out.

use redline_cli::scrape::Scrape;
use std::collections::BTreeMap;

/// `name{label="value",…}` with sorted labels, to value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(pub BTreeMap<String, u64>);

/// The key of one series, as [`Metrics`] has it.
pub fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    labels.sort();
    format!("{name}{{{}}}", labels.join(","))
}

impl Metrics {
    /// Reads a scrape; keeps what has our label `service`, without the sums, which Envoy only approximates.
    pub fn parse(text: &str) -> Self {
        let scrape = Scrape::parse(text).unwrap_or_else(|e| panic!("Envoy's own scrape: {e:?}"));
        let mut metrics = BTreeMap::new();
        for sample in scrape.samples.iter().filter(|s| s.labels.contains_key("service")) {
            if sample.name.ends_with("_sum") {
                continue;
            }
            let labels: Vec<(&str, &str)> =
                sample.labels.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
            let key = series(&sample.name, &labels);
            let twice = metrics.insert(key.clone(), sample.value as u64);
            assert_eq!(twice, None, "{key} is there twice");
        }
        Self(metrics)
    }

    /// One value; 0 where the series is absent.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.0.get(&series(name, labels)).copied().unwrap_or(0)
    }

    /// The values of one label in the series of a name, each with their sum.
    pub fn values(&self, name: &str, label: &str) -> BTreeMap<String, u64> {
        let mut values = BTreeMap::new();
        for (key, count) in self.only(|known| known == name).0 {
            let value = key.split(&format!("{label}=\"")).nth(1).and_then(|rest| rest.split('"').next());
            *values.entry(value.expect("the label").to_owned()).or_insert(0) += count;
        }
        values
    }

    /// The sum over all series of a name.
    pub fn total(&self, name: &str) -> u64 {
        let start = format!("{name}{{");
        self.0.iter().filter(|(key, _)| key.starts_with(&start)).map(|(_, value)| *value).sum()
    }

    /// The series whose names satisfy `keep`.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Self {
        let name = |key: &str| key.split_once('{').map_or(key.to_owned(), |(name, _)| name.to_owned());
        Self(self.0.iter().filter(|(key, _)| keep(&name(key))).map(|(k, v)| (k.clone(), *v)).collect())
    }

    /// Adds to a series.
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], amount: u64) {
        *self.0.entry(series(name, labels)).or_insert(0) += amount;
    }

    /// Fails with every series that differs, ours first.
    pub fn assert_equals(&self, expected: &Self) {
        let keys: std::collections::BTreeSet<&String> = self.0.keys().chain(expected.0.keys()).collect();
        let differences: Vec<String> = keys
            .into_iter()
            .filter(|key| self.0.get(*key) != expected.0.get(*key))
            .map(|key| format!("{key}: counted {:?}, sent {:?}", self.0.get(key), expected.0.get(key)))
            .collect();
        assert!(differences.is_empty(), "{} series differ:\n{}", differences.len(), differences.join("\n"));
    }
}
