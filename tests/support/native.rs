//! Envoy's own count of the same traffic: the stats access logger, with the facts of each stream as tags.
//!
//! It is the truth that the filter is compared with. The rules by which its rows become our labels are written
//! here once more, from the contract, and share no code with the filter.

use super::json_log;
use super::metrics::Metrics;
use redline_cli::envoy::Envoy;
use redline_cli::scrape::Scrape;

/// What Envoy says of one kind of stream.
#[derive(Debug, Clone)]
pub struct Row {
    pub method: String,
    /// `:path` as Envoy has it at the end.
    pub path: String,
    pub status: u16,
    /// Short response flags, comma-separated.
    pub flags: String,
    pub details: String,
    pub tenant: String,
    pub health_check: bool,
    pub grpc: bool,
    pub grpc_status: String,
    pub streams: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

pub const TAGS: [(&str, &str); 9] = [
    ("n_method", "%REQ(:METHOD)%"),
    ("n_path", "%REQ(:PATH)%"),
    ("n_code", "%RESPONSE_CODE%"),
    ("n_flags", "%RESPONSE_FLAGS%"),
    ("n_details", "%RESPONSE_CODE_DETAILS%"),
    ("n_tenant", "%REQ(X-TENANT-ID)%"),
    ("n_type", "%REQ(CONTENT-TYPE)%"),
    ("n_grpc", "%GRPC_STATUS_NUMBER%"),
    ("n_health", "%REQ(X-HEALTH-CHECK)%"),
];

impl Row {
    /// From the tags, empty where Envoy has no value, and the sums.
    pub fn new(tag: impl Fn(&str) -> String, streams: u64, bytes_received: u64, bytes_sent: u64) -> Self {
        let content_type = tag("n_type");
        Self {
            method: tag("n_method"),
            path: tag("n_path"),
            status: tag("n_code").parse().unwrap_or(0),
            flags: tag("n_flags"),
            details: tag("n_details"),
            tenant: tag("n_tenant"),
            health_check: !tag("n_health").is_empty(),
            grpc: content_type == "application/grpc" || content_type.starts_with("application/grpc+"),
            grpc_status: tag("n_grpc"),
            streams,
            bytes_received,
            bytes_sent,
        }
    }
}

/// An element of `access_log`, as YAML in flow style; `prefix` tells listeners apart. Without `client_values`
/// nothing that a client chooses freely is a tag: Envoy would keep a stat for each.
pub fn access_log(prefix: &str, client_values: bool) -> String {
    if json_log::needed() {
        return json_log::access_log(prefix);
    }
    let bounded = |name: &str| matches!(name, "n_method" | "n_code" | "n_flags" | "n_details");
    let kept = TAGS.iter().filter(|(name, _)| client_values || bounded(name));
    let tags: Vec<String> =
        kept.map(|(name, format)| format!("{{name: {name}, value_format: \"{format}\"}}")).collect();
    let tags = tags.join(", ");
    let counter = |name: &str, value: &str| format!("{{stat: {{name: {name}, tags: [{tags}]}}, {value}}}");
    let counters = [
        counter("streams", "value_fixed: 1"),
        counter("received", "value_format: \"%BYTES_RECEIVED%\""),
        counter("sent", "value_format: \"%BYTES_SENT%\""),
    ]
    .join(", ");
    format!(
        "{{name: native, typed_config: {{\"@type\": \
         type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config, stat_prefix: {prefix}, \
         counters: [{counters}]}}}}"
    )
}

/// The rows of one listener's logger, of an Envoy that was scraped.
pub fn logged(envoy: &Envoy, scrape: &str, prefix: &str) -> Vec<Row> {
    if json_log::needed() { json_log::rows(&envoy.log(), prefix) } else { rows(scrape, prefix) }
}

fn rows(scrape: &str, prefix: &str) -> Vec<Row> {
    let scrape = Scrape::parse(scrape).expect("Envoy's own scrape");
    let sum = |name: &str, of: &std::collections::BTreeMap<String, String>| {
        let name = format!("envoy_{prefix}_{name}");
        scrape
            .samples
            .iter()
            .filter(|s| s.name == name && &s.labels == of)
            .map(|s| s.value as u64)
            .sum::<u64>()
    };
    let name = format!("envoy_{prefix}_streams");
    scrape
        .samples
        .iter()
        .filter(|sample| sample.name == name)
        .map(|sample| {
            // A command operator without a value is "-".
            let tag = |name: &str| match sample.label(name) {
                "-" => String::new(),
                value => value.to_owned(),
            };
            let (received, sent) = (sum("received", &sample.labels), sum("sent", &sample.labels));
            Row::new(tag, sample.value as u64, received, sent)
        })
        .collect()
}

/// A client's value as a label has it. A byte that is no text is one replacement character in the scrape.
fn escaped(value: &str) -> String {
    value
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "_/{}*:@+~-".contains(c) { c } else { '_' })
        .collect()
}

/// Short flag to `reason` in the order of Envoy's bits, from Envoy's documentation of `%RESPONSE_FLAGS_LONG%`.
const REASONS: [(&str, &str); 16] = [
    ("UH", "no_healthy_upstream"),
    ("UT", "upstream_request_timeout"),
    ("LR", "local_reset"),
    ("UR", "upstream_remote_reset"),
    ("UF", "upstream_connection_failure"),
    ("UC", "upstream_connection_termination"),
    ("NR", "no_route_found"),
    ("RL", "rate_limited"),
    ("DC", "downstream_connection_termination"),
    ("SI", "stream_idle_timeout"),
    ("DPE", "downstream_protocol_error"),
    ("UMSDR", "upstream_max_stream_duration_reached"),
    ("DT", "duration_timeout"),
    ("UPE", "upstream_protocol_error"),
    ("DR", "downstream_remote_reset"),
    ("URX", "upstream_retry_limit_exceeded"),
];

/// What the filter should say of these rows; `endpoint` gives a row's label, `refused` whether another filter
/// answered before ours. Without in-progress and without what only a clock or an upstream's header says.
pub fn expected(
    service: &str,
    rows: &[Row],
    endpoint: impl Fn(&Row) -> &'static str,
    refused: impl Fn(&Row) -> bool,
) -> Metrics {
    const METHODS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
    let mut metrics = Metrics::default();
    metrics.add("redline_build_info", &[("service", service), ("version", redline::VERSION)], 1);
    for row in rows {
        let service = ("service", service);
        let method = if METHODS.contains(&row.method.as_str()) { row.method.as_str() } else { "_OTHER" };
        let (method, endpoint) = (("method", method), ("endpoint", endpoint(row)));
        let escaped = escaped(&row.tenant);
        let tenant = if refused(row) || row.tenant.is_empty() { "_none" } else { escaped.as_str() };
        let tenant = ("tenant", tenant);
        let status = row.status.to_string();
        let class = match row.status {
            0 => "none".to_owned(),
            code => format!("{}xx", code / 100),
        };
        let tunnel = row.status == 101 || (row.method == "CONNECT" && row.status / 100 == 2);
        metrics.add("http_requests_total", &[service, method, endpoint, ("status", &status)], row.streams);
        if !tunnel {
            metrics.add(
                "http_request_duration_milliseconds_count",
                &[service, method, endpoint],
                row.streams,
            );
        }
        metrics.add("http_request_size_bytes_count", &[service, method, endpoint], row.streams);
        metrics.add("http_response_size_bytes_count", &[service, method, endpoint], row.streams);
        metrics.add("tenant_requests_total", &[service, tenant, ("code_class", &class)], row.streams);
        metrics.add("tenant_request_bytes_total", &[service, tenant], row.bytes_received);
        metrics.add("tenant_response_bytes_total", &[service, tenant], row.bytes_sent);
        let mut flags: Vec<&str> = row.flags.split(',').filter(|flag| !flag.is_empty()).collect();
        if flags.len() > 1 {
            flags.retain(|flag| *flag != "URX");
        }
        if let Some((_, reason)) = REASONS.iter().find(|(short, _)| flags.contains(short)) {
            metrics.add("http_failures_total", &[service, endpoint, ("reason", reason)], row.streams);
        } else {
            assert!(flags.is_empty(), "the test does not know the flags {flags:?}");
        }
        if row.status == 429 || flags.contains(&"RL") {
            metrics.add("tenant_rate_limited_total", &[service, tenant], row.streams);
        }
        match row.status {
            401 => metrics.add("auth_failures_total", &[service, endpoint], row.streams),
            403 => metrics.add("access_denied_total", &[service, endpoint], row.streams),
            _ => {}
        }
        if row.grpc {
            let left = flags.contains(&"DC") || flags.contains(&"DR");
            let code = match row.grpc_status.as_str() {
                // Envoy derives 2 from a 200 whose call was left, or cut off, before its trailers.
                "" | "2" if left => "1",
                "" | "2" if !flags.is_empty() => "14",
                "" => "14",
                // Clients read a code that gRPC does not know as UNKNOWN.
                code if code.parse::<u8>().is_ok_and(|code| code > 16) => "2",
                code => code,
            };
            metrics.add("grpc_requests_total", &[service, endpoint, ("grpc_code", code)], row.streams);
        }
    }
    metrics
}

/// The metrics that [`expected`] can speak of.
pub fn comparable(metrics: &Metrics) -> Metrics {
    const OTHERS: [&str; 4] = [
        "http_requests_in_progress",
        "http_retries_total",
        "redline_last_publish_timestamp_seconds",
        "redline_fault_memory_bytes",
    ];
    metrics.only(|name| {
        !name.ends_with("_bucket") && !name.starts_with("http_upstream_duration") && !OTHERS.contains(&name)
    })
}
