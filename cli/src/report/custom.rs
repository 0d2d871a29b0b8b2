//! A scrape in, what the configuration's own metrics say out: one row per metric, over all its label sets.

use super::numbers;
use super::quantile::{Quantile, quantile};
use super::table::{self, Align};
use crate::scrape::{Sample, Scrape};
use redline::config::Config;
use redline::metric::Kind;

/// One custom metric, over all its label sets.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomRow {
    /// Its full name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How many label sets it has.
    pub series: u64,
    /// A counter's sum, a histogram's samples, or a gauge's lowest value.
    pub value: f64,
    /// A gauge's highest value.
    pub highest: f64,
    /// A histogram's upper bounds and cumulative counts.
    pub buckets: Vec<(f64, f64)>,
}

/// Each custom metric of `config`, in its order, as its service has counted it.
pub fn rows(config: &Config, scrape: &Scrape) -> Vec<CustomRow> {
    let mut rows: Vec<CustomRow> = Vec::new();
    for metric in &config.metrics {
        let name = config.custom_name(metric);
        if !rows.iter().any(|row| row.name == name) {
            rows.push(CustomRow::of(name, metric.kind, &config.service, scrape));
        }
    }
    rows
}

impl CustomRow {
    fn of(name: String, kind: Kind, service: &str, scrape: &Scrape) -> Self {
        let samples = |ending: &str| {
            let name = format!("{name}{ending}");
            let ours = move |s: &&Sample| s.name == name && s.label("service") == service;
            scrape.samples.iter().filter(ours)
        };
        let values: Vec<f64> =
            samples(if kind == Kind::Histogram { "_count" } else { "" }).map(|s| s.value).collect();
        let lowest = values.iter().copied().reduce(f64::min).unwrap_or_default();
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for s in samples("_bucket") {
            let bound = s.label("le").parse().unwrap_or(f64::INFINITY);
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += s.value,
                None => buckets.push((bound, s.value)),
            }
        }
        Self {
            kind,
            series: u64::try_from(values.len()).unwrap_or(u64::MAX),
            value: if kind == Kind::Gauge { lowest } else { values.iter().sum() },
            highest: values.iter().copied().fold(lowest, f64::max),
            buckets,
            name,
        }
    }

    /// Whether anything was recorded.
    pub fn is_seen(&self) -> bool {
        self.series > 0
    }

    /// Name, type, label sets, value, p50 and p99 as people read them.
    pub fn cells(&self) -> Vec<String> {
        let value = match self.kind {
            _ if !self.is_seen() => "-".to_owned(),
            Kind::Gauge if self.highest > self.value => {
                format!("{} to {}", numbers::whole(self.value), numbers::whole(self.highest))
            }
            _ => numbers::whole(self.value),
        };
        let at = |q| match self.kind {
            // Custom histograms say their unit in their names.
            Kind::Histogram => match quantile(q, &self.buckets) {
                Quantile::None => "-".to_owned(),
                Quantile::At(value) => numbers::rounded(value),
                Quantile::Above(bound) => format!("> {}", numbers::rounded(bound)),
            },
            _ => String::new(),
        };
        vec![
            self.name.clone(),
            self.kind.as_str().to_owned(),
            numbers::count(self.series),
            value,
            at(0.5),
            at(0.99),
        ]
    }
}

/// The table of custom metrics; empty where there are none.
pub fn table(rows: &[CustomRow]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let columns = [
        ("METRIC", Align::Left),
        ("TYPE", Align::Left),
        ("LABEL SETS", Align::Right),
        ("VALUE", Align::Right),
        ("P50", Align::Right),
        ("P99", Align::Right),
    ];
    table::render(&columns, &rows.iter().map(CustomRow::cells).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counters_are_summed_gauges_show_their_range_and_histograms_their_quantiles() {
        let document = json!({"service": "shop", "metrics": [
            {"name": "made_total", "type": "counter"},
            {"name": "pool", "type": "gauge", "value": {"orca": "eps"}, "labels": {"state": {"constant": "a"}}},
            {"name": "pool", "type": "gauge", "value": {"orca": "eps"}, "labels": {"state": {"constant": "b"}}},
            {"name": "db_ms", "type": "histogram", "buckets": [10, 20]},
            {"name": "never_total", "type": "counter"},
        ]});
        let config = Config::from_value(&document).unwrap();
        let scrape = r#"
made_total{service="shop",tenant="a"} 1000
made_total{service="shop",tenant="b"} 200
made_total{service="other"} 7
pool{service="shop",state="a"} 3
pool{service="shop",state="b"} 12
db_ms_bucket{service="shop",le="10"} 5
db_ms_bucket{service="shop",le="20"} 10
db_ms_bucket{service="shop",le="+Inf"} 10
db_ms_count{service="shop"} 10
"#;
        let expected = "\
METRIC       TYPE       LABEL SETS    VALUE  P50   P99
made_total   counter             2    1,200
pool         gauge               2  3 to 12
db_ms        histogram           1       10   10  19.8
never_total  counter             0        -
";
        assert_eq!(table(&rows(&config, &Scrape::parse(scrape).unwrap())), expected);
    }
}
