//! What the rendered rules record, read by promtool: the numbers are right, summed over proxies, and healthy traffic fires
//! nothing.

#[path = "../cli/src/render/fixtures/profile.rs"]
mod profile;
mod support;

use redline::config::Config;
use support::tools::{must, read, rendered};

/// Runs `promql_expr_test`s over the rules of a configuration.
fn numbers(config: &Config, evaluation: &str, series: &[(&str, &str)], expected: &[(&str, &str, &str)]) {
    let folder = rendered(config, 1);
    let tests = std::fs::read_to_string(folder.path().join("tests.yaml")).expect("the file");
    let order = tests.split_once("group_eval_order:").expect("the order").1;
    let order = order.split_once("tests:").expect("the tests").0;
    let mut text = format!(
        "rule_files: [rules.yaml, alerts.yaml]\nevaluation_interval: {evaluation}\ngroup_eval_order:{order}tests:\n\
         - interval: 1m\n  input_series:\n"
    );
    for (name, values) in series {
        text.push_str(&format!("  - {{series: '{name}', values: '{values}'}}\n"));
    }
    text.push_str("  promql_expr_test:\n");
    for (at, expr, value) in expected {
        let samples = match *value {
            "" => "[]".to_owned(),
            value => format!("[{{labels: '{{}}', value: {value}}}]"),
        };
        text.push_str(&format!("  - {{eval_time: {at}, expr: '{expr}', exp_samples: {samples}}}\n"));
    }
    std::fs::write(folder.path().join("numbers.yaml"), text).expect("a file");
    must("promtool", folder.path(), &["test", "rules", "numbers.yaml"]);
}

#[test]
fn a_period_is_weighted_by_requests_and_not_by_time() {
    // Twelve hours at 1000 requests a second and no error, twelve at one a second of which a tenth fails: of all, one in
    // ten thousand. A mean of five-minute ratios would say one in twenty.
    let config = read("service: x\nslos: [{name: a, objective: 99.9, sli: {availability: {}}}]");
    let events = "0+60000x720 43200060+60x719 43303200+60000x720 86503260+60x719";
    let bad = "0+0x720 6+6x719 4320+0x720 4326+6x719";
    let series = [
        ("slo_events_total{service=\"x\",slo=\"a\"}", events),
        ("slo_bad_events_total{service=\"x\",slo=\"a\"}", bad),
    ];
    let ratio = "round(sum(slo_error_ratio{window=\"30d\"}), 1e-6)";
    let burn = "round(sum(slo_burn_rate{window=\"30d\"}), 1e-2)";
    let remaining = "round(sum(slo_error_budget_remaining), 1e-4)";
    let coverage = "sum(slo:coverage:ratio)";
    numbers(
        &config,
        "5m",
        &series,
        &[
            ("2d", ratio, "0.0001"),
            ("2d", burn, "0.1"),
            // Two of thirty days, at a tenth of the budget.
            ("2d", remaining, "0.9933"),
            ("2d", coverage, "0.06666666666666667"),
            ("2d", "round(sum(slo_availability), 1e-6)", "0.9999"),
        ],
    );
}

#[test]
fn durations_are_recorded_in_seconds_bucket_by_bucket_whatever_prometheus_makes_of_the_bounds() {
    let config = read("service: x\nbuckets: {duration: [5, 1000, 2500]}");
    let series = |le: &str| {
        format!("http_request_duration_milliseconds_bucket{{service=\"x\",instance=\"a\",le=\"{le}\"}}")
    };
    let (a, b, c, d) = (series("5"), series("1000.0"), series("2500"), series("+Inf"));
    let sum = "http_request_duration_milliseconds_sum{service=\"x\",instance=\"a\"}";
    numbers(
        &config,
        "1m",
        &[(&a, "1x10"), (&b, "2x10"), (&c, "3x10"), (&d, "4x10"), (sum, "7500x10")],
        &[
            ("1m", "sum(http_request_duration_seconds_bucket{le=\"0.005\",instance=\"a\"})", "1"),
            ("1m", "sum(http_request_duration_seconds_bucket{le=\"1.0\"})", "2"),
            ("1m", "sum(http_request_duration_seconds_bucket{le=\"2.5\"})", "3"),
            ("1m", "sum(http_request_duration_seconds_bucket{le=\"+Inf\"})", "4"),
            ("1m", "count(http_request_duration_seconds_bucket)", "4"),
            ("1m", "sum(http_request_duration_seconds_sum)", "7.5"),
        ],
    );
}

#[test]
fn proxies_are_summed_and_a_restart_is_no_loss() {
    let config = read("service: x\nslos: [{name: a, objective: 99, sli: {availability: {}}}]");
    let of = |metric: &str, proxy: &str| format!("{metric}{{service=\"x\",slo=\"a\",instance=\"{proxy}\"}}");
    // The second restarts after ten minutes.
    let (one, two) = (of("slo_events_total", "1"), of("slo_events_total", "2"));
    let (bad_one, bad_two) = (of("slo_bad_events_total", "1"), of("slo_bad_events_total", "2"));
    let series: [(&str, &str); 4] =
        [(&one, "0+100x60"), (&two, "0+100x10 0+100x50"), (&bad_one, "0x60"), (&bad_two, "0+2x10 0+2x50")];
    numbers(
        &config,
        "1m",
        &series,
        &[
            ("20m", "sum(slo:events:increase{window=\"5m\"})", "1000"),
            ("20m", "sum(slo_error_ratio{window=\"5m\"})", "0.01"),
            ("20m", "sum(slo_burn_rate{window=\"5m\"})", "1"),
            ("20m", "count(slo_burn_rate{instance=~\".+\"})", ""),
            ("20m", "round(sum(slo_http_request_success_rate), 1e-2)", "0.99"),
        ],
    );
}

#[test]
fn without_traffic_there_is_no_ratio_and_no_alert() {
    let config = read("service: x\nslos: [{name: a, objective: 99, sli: {availability: {}}}]");
    let series = [
        ("slo_events_total{service=\"x\",slo=\"a\"}", "5x60"),
        ("slo_bad_events_total{service=\"x\",slo=\"a\"}", "5x60"),
    ];
    numbers(
        &config,
        "1m",
        &series,
        &[("30m", "sum(slo_error_ratio)", ""), ("30m", "sum(slo_burn_rate)", "")],
    );
}

#[test]
fn healthy_traffic_with_few_errors_fires_nothing() {
    let s = "service=\"ml-platform\"";
    let mut series: Vec<(String, &str)> = vec![
        (format!("http_requests_total{{{s},method=\"GET\",endpoint=\"/a\",status=\"200\"}}"), "0+10000x240"),
        (format!("http_requests_total{{{s},method=\"GET\",endpoint=\"/a\",status=\"500\"}}"), "0+5x240"),
        (
            format!("http_requests_total{{{s},method=\"GET\",endpoint=\"_other\",status=\"404\"}}"),
            "0+300x240",
        ),
        (format!("http_requests_total{{{s},method=\"GET\",endpoint=\"/a\",status=\"429\"}}"), "0+50x240"),
        (
            format!("http_failures_total{{{s},endpoint=\"/a\",reason=\"upstream_request_timeout\"}}"),
            "0+3x240",
        ),
        (
            format!("http_failures_total{{{s},endpoint=\"/a\",reason=\"downstream_remote_reset\"}}"),
            "0+500x240",
        ),
        (format!("http_retries_total{{{s},endpoint=\"/a\"}}"), "0+100x240"),
        (format!("grpc_requests_total{{{s},endpoint=\"/a\",grpc_code=\"0\"}}"), "0+1000x240"),
        (format!("grpc_requests_total{{{s},endpoint=\"/a\",grpc_code=\"14\"}}"), "0+1x240"),
        (
            format!("http_requests_in_progress{{{s},method=\"GET\",endpoint=\"/a\"}}"),
            "20+1x50 70-1x50 20x140",
        ),
        (format!("tenant_requests_total{{{s},tenant=\"acme\",code_class=\"2xx\"}}"), "0+10000x240"),
        (format!("tenant_requests_total{{{s},tenant=\"acme\",code_class=\"5xx\"}}"), "0+5x240"),
        (format!("tenant_rate_limited_total{{{s},tenant=\"acme\"}}"), "0+50x240"),
        (format!("auth_failures_total{{{s},endpoint=\"/a\"}}"), "0+30x240"),
        (format!("access_denied_total{{{s},endpoint=\"/a\"}}"), "0+30x240"),
        (format!("slo_events_total{{{s},slo=\"availability\"}}"), "0+10000x240"),
        (format!("slo_bad_events_total{{{s},slo=\"availability\"}}"), "0+5x240"),
        (format!("slo_events_total{{{s},slo=\"latency\"}}"), "0+10000x240"),
        (format!("slo_bad_events_total{{{s},slo=\"latency\"}}"), "0+40x240"),
        (format!("slo_events_total{{{s},slo=\"predictions_availability\"}}"), "0+1000x240"),
        (format!("slo_bad_events_total{{{s},slo=\"predictions_availability\"}}"), "0+1x240"),
        (format!("slo_events_total{{{s},slo=\"predictions_latency\"}}"), "0+1000x240"),
        (format!("slo_bad_events_total{{{s},slo=\"predictions_latency\"}}"), "0+20x240"),
        (format!("slo_events_total{{{s},slo=\"reads_latency\"}}"), "0+1000x240"),
        (format!("slo_bad_events_total{{{s},slo=\"reads_latency\"}}"), "0+4x240"),
        (format!("redline_build_info{{{s},version=\"1\",job=\"redline\",instance=\"a\"}}"), "1x240"),
        (format!("redline_last_publish_timestamp_seconds{{{s},instance=\"a\"}}"), "0+60x240"),
        (format!("redline_series{{{s},instance=\"a\"}}"), "500x240"),
        (format!("redline_label_values{{{s},label=\"tenant\"}}"), "10x240"),
        (format!("redline_label_values_max{{{s},label=\"tenant\"}}"), "100x240"),
        (format!("redline_dropped_total{{{s},reason=\"hostcall\"}}"), "0x240"),
        ("up{job=\"redline\",instance=\"a\"}".to_owned(), "1x240"),
        ("envoy_wasm_redline_vm_reload_success{instance=\"a\"}".to_owned(), "0x240"),
        ("envoy_wasm_redline_vm_reload_failure{instance=\"a\"}".to_owned(), "0x240"),
        (format!("models_created_total{{{s},tenant=\"acme\"}}"), "0+1x240"),
        (format!("models_deleted_total{{{s},tenant=\"acme\"}}"), "0+1x240"),
        (format!("predictions_total{{{s},tenant=\"acme\",code_class=\"2xx\"}}"), "0+1000x240"),
        (format!("predictions_total{{{s},tenant=\"acme\",code_class=\"5xx\"}}"), "0+10x240"),
        (format!("db_connections{{{s},state=\"active\"}}"), "40x240"),
        (format!("db_pool_size{{{s}}}"), "100x240"),
        (format!("db_pool_overflow{{{s}}}"), "0x240"),
        (format!("db_queries_total{{{s},operation=\"select\"}}"), "0+50000x240"),
        (format!("db_connection_errors_total{{{s}}}"), "0+1x240"),
        (format!("cache_hits_total{{{s}}}"), "0+900x240"),
        (format!("cache_misses_total{{{s}}}"), "0+100x240"),
        (format!("cache_evictions_total{{{s}}}"), "0+10x240"),
        (format!("cache_size_bytes{{{s}}}"), "1000000x240"),
        (format!("queue_depth{{{s}}}"), "30x240"),
        (format!("queue_jobs_total{{{s},outcome=\"done\"}}"), "0+100x240"),
        (format!("queue_jobs_total{{{s},outcome=\"failed\"}}"), "0+1x240"),
        (format!("rate_limit_hits_total{{{s}}}"), "0+5x240"),
        (format!("rate_limit_remaining{{{s}}}"), "80x240"),
        (format!("tenant_storage_bytes{{{s},tenant=\"acme\"}}"), "5000000000+1000000x240"),
    ];
    let histograms = [
        "http_request_duration",
        "http_upstream_duration",
        "prediction_latency",
        "db_query_duration",
        "cache_operations_duration",
        "queue_wait_duration",
        "model_training_duration",
        "deployment_duration",
    ];
    for name in histograms {
        for le in ["50", "100", "1000", "10000", "+Inf"] {
            series.push((format!("{name}_milliseconds_bucket{{{s},le=\"{le}\"}}"), "0+100x240"));
        }
    }
    let series: Vec<(&str, &str)> = series.iter().map(|(name, values)| (name.as_str(), *values)).collect();
    let never = "count(ALERTS{alertstate=\"firing\"})";
    let checks = ["10m", "30m", "65m", "90m", "2h", "3h"].map(|at| (at, never, ""));
    numbers(&profile::config(), "1m", &series, &checks);
}

#[test]
fn what_two_proxies_report_of_one_upstream_counts_once_and_upstreams_add_up() {
    let of = |name: &str, proxy: &str, rest: &str| {
        format!("{name}{{service=\"ml-platform\",instance=\"{proxy}\"{rest}}}")
    };
    let gauges = [
        (of("queue_depth", "a", ""), "800x30"),
        (of("queue_depth", "b", ""), "700x30"),
        (of("db_connections", "a", ",state=\"active\",upstream=\"1\""), "80x30"),
        (of("db_connections", "b", ",state=\"active\",upstream=\"1\""), "80x30"),
        (of("db_connections", "b", ",state=\"active\",upstream=\"2\""), "46x30"),
        (of("db_pool_size", "a", ",upstream=\"1\""), "100x30"),
        (of("db_pool_size", "b", ",upstream=\"1\""), "100x30"),
        (of("db_pool_size", "b", ",upstream=\"2\""), "50x30"),
    ];
    let series: Vec<(&str, &str)> = gauges.iter().map(|(name, values)| (name.as_str(), *values)).collect();
    let backlog = "count(ALERTS{alertname=\"QueueBacklogHigh\"})";
    // 46 of 50 are too many, though 126 of 150 are not.
    let pool = "count(ALERTS{alertname=\"DatabaseConnectionPoolExhausted\",alertstate=\"firing\"})";
    numbers(&profile::config(), "1m", &series, &[("20m", backlog, ""), ("20m", pool, "1")]);
    // Where the size is said once for all of them, so are the connections.
    let shared = profile::TEXT.replace(
        "    value: {orca: named_metrics.db_pool_size}\n    per_upstream: true\n",
        "    value: {orca: named_metrics.db_pool_size}\n",
    );
    assert_ne!(shared, profile::TEXT);
    let of_all = [
        (of("db_connections", "a", ",state=\"active\",upstream=\"1\""), "70x30"),
        (of("db_connections", "b", ",state=\"active\",upstream=\"1\""), "70x30"),
        (of("db_connections", "b", ",state=\"active\",upstream=\"2\""), "25x30"),
        (of("db_pool_size", "a", ""), "100x30"),
        (of("db_pool_size", "b", ""), "100x30"),
    ];
    let series: Vec<(&str, &str)> = of_all.iter().map(|(name, values)| (name.as_str(), *values)).collect();
    numbers(&read(&shared), "1m", &series, &[("20m", pool, "1")]);
}

#[test]
fn a_queue_that_stands_still_is_told_of_for_as_long_as_somebody_asks() {
    let stalled = "count(ALERTS{alertname=\"QueueStalled\",alertstate=\"firing\"})";
    let series = [
        ("queue_depth{service=\"ml-platform\"}", "5x200"),
        ("queue_jobs_total{service=\"ml-platform\",outcome=\"done\"}", "9x200"),
        ("http_requests_total{service=\"ml-platform\",status=\"200\"}", "0+100x150 15000x50"),
    ];
    numbers(
        &profile::config(),
        "1m",
        &series,
        &[("14m", stalled, ""), ("15m", stalled, "1"), ("140m", stalled, "1"), ("170m", stalled, "")],
    );
}
