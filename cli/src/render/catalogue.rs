//! A configuration in, the catalogue of its metrics out, as Markdown: docs/metrics.md is the profile's.

use super::Rendered;
use redline::config::{Attribute, CacheOutcome, Config, CustomMetric, MetricValue, When};
use redline::exchange::StatusMatch;
use redline::metric::{Kind, Metric};
use redline::signals::rate_limit::Field;

const HEAD: &str = "\
# Metrics

Rendered from the catalogue in the code and from `envoy/profiles/ml-platform.yaml`; a test holds this page and both
together. Every metric has the label `service` too. Envoy's Wasm stats are whole numbers that are not negative, hence
milliseconds, `_ppm` (parts per million) and `_milli` (thousandths).
";

/// The page.
pub fn render(config: &Config) -> Rendered {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Built in\n\nOf every configuration; those of SLOs, users and isolation where they are configured.\n\n");
    table(&mut text, Metric::ALL.into_iter().map(|metric| built_in(config, metric)));
    text.push_str("\n## Of the profile ml-platform\n\nBy configuration alone: [signals.md](signals.md) has the headers.\n\n");
    let mut rows: Vec<Row> = Vec::new();
    for metric in &config.metrics {
        let row = custom(config, metric);
        match rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) => {
                for source in [", ", &row.source] {
                    known.source.push_str(source);
                }
            }
            None => rows.push(row),
        }
    }
    table(&mut text, rows.into_iter());
    Rendered { name: "metrics.md", text }
}

struct Row {
    name: String,
    kind: Kind,
    labels: Vec<String>,
    source: String,
}

fn table(text: &mut String, rows: impl Iterator<Item = Row>) {
    text.push_str("| name | type | unit | labels | source |\n|---|---|---|---|---|\n");
    for Row { name, kind, labels, source } in rows {
        let (kind, unit, labels) = (kind.as_str(), unit(&name), labels.join(", "));
        text.push_str(&format!("| `{name}` | {kind} | {unit} | {labels} | {source} |\n"));
    }
}

/// By the ending of the name, as Prometheus' naming has it.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [
        ("_milliseconds", "milliseconds"),
        ("_microseconds", "microseconds"),
        ("_seconds", "seconds"),
        ("_bytes", "bytes"),
        ("_ppm", "parts per million"),
        ("_milli", "thousandths"),
    ];
    units.into_iter().find(|(ending, _)| name.ends_with(ending)).map_or("", |(_, unit)| unit)
}

fn built_in(config: &Config, metric: Metric) -> Row {
    Row {
        name: config.metric_name(metric),
        kind: metric.kind(),
        labels: metric.labels().iter().map(|label| label.name().to_owned()).collect(),
        source: metric.help().trim_end_matches('.').to_owned(),
    }
}

fn custom(config: &Config, metric: &CustomMetric) -> Row {
    let mut source = value(metric);
    let when = conditions(&metric.when);
    if !when.is_empty() {
        source.push_str(&format!(", {when}"));
    }
    Row {
        name: config.custom_name(metric),
        kind: metric.kind,
        labels: metric.label_names().map(str::to_owned).collect(),
        source,
    }
}

fn value(metric: &CustomMetric) -> String {
    let entries = metric.labels.iter().find_map(|(_, attribute)| match attribute {
        Attribute::ServerTiming(name) => Some(name),
        _ => None,
    });
    match (&metric.value, entries) {
        (MetricValue::One, Some(name)) => format!("each entry `{name}` of Server-Timing"),
        (MetricValue::One, None) => "each request".to_owned(),
        (MetricValue::Duration, _) => "the request's duration".to_owned(),
        (MetricValue::RequestBytes, _) => "request body bytes".to_owned(),
        (MetricValue::ResponseBytes, _) => "response body bytes".to_owned(),
        (MetricValue::RequestHeader(name), _) => format!("the request header `{name}`"),
        (MetricValue::ResponseHeader(name), _) => format!("the response header `{name}`"),
        (MetricValue::ServerTiming(name), _) => format!("`dur` of each entry `{name}` of Server-Timing"),
        (MetricValue::Orca(path), _) => format!("`{path}` of the load report (ORCA)"),
        (MetricValue::RateLimit(field), _) => {
            let field = match field {
                Field::Limit => "limit",
                Field::Remaining => "remaining",
                Field::Reset => "reset",
            };
            format!("{field} of the rate limit headers")
        }
    }
}

fn conditions(when: &When) -> String {
    let mut parts = Vec::new();
    let list = |items: Vec<String>| items.join(", ");
    if !when.method.is_empty() {
        parts.push(list(when.method.iter().map(|method| method.as_str().to_owned()).collect()));
    }
    if !when.endpoint.is_empty() {
        parts.push(list(when.endpoint.iter().map(|endpoint| format!("`{endpoint}`")).collect()));
    }
    if !when.status.is_empty() {
        let status = |status: &StatusMatch| match status {
            StatusMatch::Code(code) => code.to_string(),
            StatusMatch::Class(class) => format!("{class}xx"),
        };
        parts.push(format!("answered {}", list(when.status.iter().map(status).collect())));
    }
    match when.cache {
        Some(CacheOutcome::Hit) => parts.push("answered from a cache".to_owned()),
        Some(CacheOutcome::Miss) => parts.push("that a cache passed on".to_owned()),
        None => {}
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use std::path::Path;

    #[test]
    fn the_page_is_what_the_catalogue_and_the_profile_say() {
        let page = render(&demo::document().unwrap().config);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page.name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &page.text).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page.text, "{} is not as rendered; BLESS=1 writes it anew", path.display());
    }

    #[test]
    fn the_profile_has_all_metrics_of_the_system_that_it_replaces() {
        let config = demo::document().unwrap().config;
        let page = render(&config).text;
        let names = "http_requests_total http_request_size_bytes http_response_size_bytes http_requests_in_progress \
            models_total models_created_total models_deleted_total experiments_total experiments_created_total \
            deployments_total predictions_total db_queries_total db_connection_errors_total db_pool_size \
            db_pool_overflow cache_hits_total cache_misses_total cache_size_bytes cache_evictions_total \
            tenant_requests_total tenant_active_users tenant_storage_bytes db_connections queue_depth queue_jobs_total \
            rate_limit_hits_total rate_limit_remaining";
        let in_milliseconds = "http_request_duration model_training_duration deployment_duration \
            prediction_latency db_query_duration cache_operations_duration queue_wait_duration";
        let in_milliseconds = in_milliseconds.split_whitespace().map(|name| format!("{name}_milliseconds"));
        let in_ppm =
            ["slo_http_request_success_rate_ppm", "slo_availability_ppm", "slo_error_budget_remaining_ppm"];
        let in_ppm =
            in_ppm.into_iter().chain(["slo_http_request_latency_p99_milliseconds"]).map(str::to_owned);
        for name in names.split_whitespace().map(str::to_owned).chain(in_milliseconds).chain(in_ppm) {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert!(rows >= 60, "{rows}");
        assert!(config.emitted().count() + config.metrics.len() >= 60);
    }
}
