//! A filter's configuration in; a stat of each of its metrics, as Envoy will see it, out.

use host_harness::stats::tags::TagRules;
use redline::config::{Config, CustomMetric};
use redline::metric::Metric;
use redline::stat_name::{NAMESPACE, encode};

/// A stat as Envoy will see it: the metric, its labels and a full name with them.
pub(super) struct Example {
    pub(super) metric: String,
    /// Label and value.
    pub(super) labels: Vec<(String, String)>,
    pub(super) name: String,
}

impl Example {
    /// One of each metric that the configuration emits.
    pub(super) fn of_each(config: &Config) -> Vec<Self> {
        let built_in = config.emitted().map(|metric: Metric| {
            let labels = metric.labels().iter().map(|label| label.name().to_owned()).collect();
            (config.metric_name(metric), labels)
        });
        let custom = config.metrics.iter().map(|metric: &CustomMetric| {
            (config.custom_name(metric), metric.label_names().map(str::to_owned).collect::<Vec<_>>())
        });
        built_in
            .chain(custom)
            .map(|(metric, mut labels)| {
                labels.insert(0, "service".to_owned());
                // Each label has another value, and none that a part of a name has by chance.
                let value = |label: &str| match label {
                    "service" => config.service.clone(),
                    label => format!("examined-{label}"),
                };
                let labels: Vec<(String, String)> =
                    labels.into_iter().map(|label| (label.clone(), value(&label))).collect();
                let pairs = labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
                let name = format!("{NAMESPACE}{}", encode(&metric, pairs));
                Self { metric, labels, name }
            })
            .collect()
    }

    /// The metric's name as Envoy shows it, and the value of each label.
    pub(super) fn seen(&self, rules: &TagRules) -> (Vec<u8>, Vec<Option<Vec<u8>>>) {
        let extracted = rules.extract(self.name.as_bytes());
        let value =
            |label: &str| extracted.tags.iter().find(|(tag, _)| tag == label).map(|(_, value)| value.clone());
        let values = self.labels.iter().map(|(label, _)| value(label)).collect();
        (extracted.name, values)
    }
}
