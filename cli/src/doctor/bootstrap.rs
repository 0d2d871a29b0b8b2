//! A bootstrap's `stats_config` and a filter's configuration in; labels, histograms and metrics that are lost out.

use super::{Fault, Finding, matcher, tags};
use redline::config::{Config, CustomMetric};
use redline::metric::Metric;
use redline::stat_name::{NAMESPACE, encode};
use serde_json::Value;

/// A stat of each metric, as Envoy will see it: the metric, its labels and a full name with them.
pub(super) struct Example {
    pub(super) metric: String,
    /// Label and value.
    pub(super) labels: Vec<(String, String)>,
    pub(super) name: String,
}

/// Returns the metrics that Envoy throws away.
pub(super) fn check(stats_config: &Value, config: &Config, findings: &mut Vec<Finding>) -> Vec<String> {
    let examples = examples(config);
    let dropped = dropped(stats_config, config, &examples, findings);
    tags::check(stats_config, &examples, findings);
    buckets(stats_config, config, &dropped, findings);
    dropped.into_iter().map(str::to_owned).collect()
}

fn examples(config: &Config) -> Vec<Example> {
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
            Example { metric, labels, name }
        })
        .collect()
}

/// The metrics that the matcher throws away, which are one finding.
fn dropped<'e>(
    stats_config: &Value,
    config: &Config,
    examples: &'e [Example],
    findings: &mut Vec<Finding>,
) -> Vec<&'e str> {
    let Some(stats_matcher) = stats_config.get("stats_matcher") else { return Vec::new() };
    let lost = examples.iter().filter(|e| matcher::keeps(stats_matcher, &e.name) == Some(false));
    let lost: Vec<&str> = lost.map(|example| example.metric.as_str()).collect();
    if !lost.is_empty() {
        let names = if lost.len() == examples.len() { "every metric".to_owned() } else { several(&lost) };
        findings.push(Finding {
            fault: Fault::StatsMatcher,
            what: format!("the stats_matcher throws away {names} of the service {}", config.service),
            mend: format!(
                "let it keep the prefix {NAMESPACE} (Istio: sidecar.istio.io/statsInclusionPrefixes) and restart Envoy"
            ),
        });
    }
    lost
}

fn buckets(stats_config: &Value, config: &Config, dropped: &[&str], findings: &mut Vec<Finding>) {
    let settings = stats_config.get("histogram_bucket_settings").and_then(Value::as_array);
    let settings: Vec<&Value> = settings.into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for (prefix, bounds) in config.histogram_buckets() {
        let metric = prefix.trim_start_matches(NAMESPACE).trim_end_matches('.').to_owned();
        if dropped.contains(&metric.as_str()) {
            continue;
        }
        let name = format!("{prefix}service=.={};.;", config.service);
        let first = settings.iter().find(|setting| {
            setting.get("match").is_some_and(|matcher| matcher::matches(matcher, &name) == Some(true))
        });
        let set = first.and_then(|setting| setting.get("buckets")?.as_array());
        let set: Option<Vec<f64>> = set.map(|set| set.iter().filter_map(Value::as_f64).collect());
        let expected: Vec<f64> = bounds.iter().map(|bound| *bound as f64).collect();
        if set != Some(expected) {
            wrong.push(metric);
        }
    }
    if !wrong.is_empty() {
        let names: Vec<&str> = wrong.iter().map(String::as_str).collect();
        findings.push(Finding {
            fault: Fault::Buckets,
            what: format!("Envoy has other bounds for {} than the configuration", several(&names)),
            mend: "put the histogram_bucket_settings of `redline render envoy-stats` into the bootstrap, before any setting that \
                   matches wasmcustom (the first that matches decides; Istio: sidecar.istio.io/statsHistogramBuckets), and restart Envoy"
                .to_owned(),
        });
    }
}

/// Names for a sentence; of many the first.
pub(super) fn several(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
