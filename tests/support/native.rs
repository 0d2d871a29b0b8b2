//! Envoy's own count of the same traffic: the stats access logger, with the facts of each stream as tags.
//!
//! It is the truth that the filter is compared with. The rules by which its rows become our labels are written
//! here once more, from the contract, and share no code with the filter.

use super::json_log;
use super::metrics::Metrics;
use redline_cli::envoy::Envoy;
use redline_cli::scrape::Scrape;

/// What Envoy says of the streams that have all of these facts in common.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What the test calls it: header `x-kind`.
    pub kind: String,
    pub protocol: String,
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
    /// The response trailer `x-sum`.
    pub trailer: String,
    pub streams: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// The sum of the attempt counts that were sent to clients.
    pub attempts: u64,
    /// How many streams have a time that the upstream took, and the sum as Envoy approximates it.
    pub served: u64,
    pub served_ms: f64,
    pub lasted_ms: f64,
}

impl Row {
    /// Whether it became a tunnel, whose duration is nobody's latency.
    pub fn tunnel(&self) -> bool {
        self.status == 101 || (self.method == "CONNECT" && self.status / 100 == 2)
    }

    /// Its short flags.
    fn flags(&self) -> Vec<&str> {
        self.flags.split(',').filter(|flag| !flag.is_empty()).collect()
    }

    /// The code of a gRPC call, as its client saw it.
    fn grpc_code(&self, flags: &[&str]) -> &str {
        let left = flags.contains(&"DC") || flags.contains(&"DR");
        match self.grpc_status.as_str() {
            // Envoy derives 2 from a 200 whose call was left, or cut off, before its trailers.
            "" | "2" if left => "1",
            "" | "2" if !flags.is_empty() => "14",
            "" => "14",
            // Clients read a code that gRPC does not know as UNKNOWN.
            code if code.parse::<u8>().is_ok_and(|code| code > 16) => "2",
            code => code,
        }
    }

    /// Whether its streams were served, as an availability SLO sees it; `None` where their clients left.
    pub fn available(&self) -> Option<bool> {
        let flags = self.flags();
        let failed_call = self.grpc && ["2", "4", "12", "13", "14", "15"].contains(&self.grpc_code(&flags));
        if self.status / 100 == 5 || failed_call {
            return Some(false);
        }
        let left = flags.contains(&"DC") || flags.contains(&"DR");
        // Envoy has no flag for a client that leaves over HTTP/3.
        if left || (self.status == 0 && flags.is_empty()) {
            return None;
        }
        let upstream_did =
            ["UC", "UF", "UR", "UPE", "UT", "LR", "UMSDR"].iter().any(|flag| flags.contains(flag));
        Some(self.status != 0 && (self.tunnel() || !upstream_did))
    }

    /// How it ended: status, flags, details, and a gRPC call's code or a trailer.
    pub fn end(&self) -> String {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let mut end = format!("{} {} {}", self.status, or_dash(&self.flags), or_dash(&self.details));
        if self.grpc {
            end += &format!(", grpc {}", or_dash(&self.grpc_status));
        }
        if !self.trailer.is_empty() {
            end += &format!(", trailer {}", self.trailer);
        }
        end
    }
}

pub const TAGS: [(&str, &str); 12] = [
    ("n_kind", "%REQ(X-KIND)%"),
    ("n_protocol", "%PROTOCOL%"),
    ("n_method", "%REQ(:METHOD)%"),
    ("n_path", "%REQ(:PATH)%"),
    ("n_code", "%RESPONSE_CODE%"),
    ("n_flags", "%RESPONSE_FLAGS%"),
    ("n_details", "%RESPONSE_CODE_DETAILS%"),
    ("n_tenant", "%REQ(X-TENANT-ID)%"),
    ("n_type", "%REQ(CONTENT-TYPE)%"),
    ("n_grpc", "%GRPC_STATUS_NUMBER%"),
    ("n_trailer", "%TRAILER(X-SUM)%"),
    ("n_health", "%REQ(X-HEALTH-CHECK)%"),
];

impl Row {
    /// No stream yet of the kind that these tags have, empty where Envoy has no value.
    pub fn of(tag: impl Fn(&str) -> String) -> Self {
        let content_type = tag("n_type");
        Self {
            kind: tag("n_kind"),
            protocol: tag("n_protocol"),
            method: tag("n_method"),
            path: tag("n_path"),
            status: tag("n_code").parse().unwrap_or(0),
            flags: tag("n_flags"),
            details: tag("n_details"),
            tenant: tag("n_tenant"),
            health_check: !tag("n_health").is_empty(),
            grpc: content_type == "application/grpc" || content_type.starts_with("application/grpc+"),
            grpc_status: tag("n_grpc"),
            trailer: tag("n_trailer"),
            ..Self::default()
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
    let stat = |name: &str, value: &str| format!("{{stat: {{name: {name}, tags: [{tags}]}}, {value}}}");
    let counters = [
        stat("streams", "value_fixed: 1"),
        stat("received", "value_format: \"%BYTES_RECEIVED%\""),
        stat("sent", "value_format: \"%BYTES_SENT%\""),
        stat("attempts", "value_format: \"%RESP(X-ENVOY-ATTEMPT-COUNT)%\""),
    ]
    .join(", ");
    let histograms = [
        stat("served", "value_format: \"%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%\""),
        stat("lasted", "value_format: \"%DURATION%\""),
    ]
    .join(", ");
    format!(
        "{{name: native, typed_config: {{\"@type\": \
         type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config, stat_prefix: {prefix}, \
         counters: [{counters}], histograms: [{histograms}]}}}}"
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
        scrape.samples.iter().filter(|s| s.name == name && &s.labels == of).map(|s| s.value).sum::<f64>()
    };
    let total = |name: &str, of: &_| sum(name, of) as u64;
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
            let of = &sample.labels;
            Row {
                streams: sample.value as u64,
                bytes_received: total("received", of),
                bytes_sent: total("sent", of),
                attempts: total("attempts", of),
                served: total("served_count", of),
                served_ms: sum("served_sum", of),
                lasted_ms: sum("lasted_sum", of),
                ..Row::of(tag)
            }
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
/// answered before ours. Without what is in progress, and without sums of times.
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
        metrics.add("http_requests_total", &[service, method, endpoint, ("status", &status)], row.streams);
        if !row.tunnel() {
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
        let mut flags = row.flags();
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
        if row.attempts > 0 {
            metrics.add("http_retries_total", &[service, endpoint], row.attempts - row.streams);
        }
        if row.served > 0 && !row.tunnel() {
            metrics.add("http_upstream_duration_milliseconds_count", &[service, endpoint], row.served);
        }
        match row.status {
            401 => metrics.add("auth_failures_total", &[service, endpoint], row.streams),
            403 => metrics.add("access_denied_total", &[service, endpoint], row.streams),
            _ => {}
        }
        if row.grpc {
            let code = row.grpc_code(&flags);
            metrics.add("grpc_requests_total", &[service, endpoint, ("grpc_code", code)], row.streams);
        }
    }
    metrics
}

/// The metrics that [`expected`] can speak of, of a filter that lost nothing.
pub fn comparable(metrics: &Metrics) -> Metrics {
    const PUBLISHED: [&str; 7] = [
        "http_requests_in_progress",
        "redline_last_publish_timestamp_seconds",
        "redline_series",
        "redline_label_values",
        "redline_label_values_max",
        "redline_fault_memory_bytes",
        "redline_fault_allocations_total",
    ];
    let lost = ["redline_dropped_total", "redline_series_overflow_total"].map(|name| metrics.total(name));
    assert_eq!(lost, [0, 0], "dropped, or sent to overflow rows");
    metrics.only(|name| !name.ends_with("_bucket") && !name.starts_with("slo_") && !PUBLISHED.contains(&name))
}
