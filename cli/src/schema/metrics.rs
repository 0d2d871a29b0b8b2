//! Nothing in; the schema of `metrics` out.

use super::shapes::{
    RESERVED, bounds, defaulted, endpoint, given, header_name, integer, label_name, list, method, object,
    one_key_of, optional, required, some, status, with,
};
use serde_json::{Value, json};

/// Names that Prometheus or its operators give meaning to, or that Redline sets itself.
const TAKEN_LABELS: [&str; 6] = ["le", "quantile", "job", "instance", "service", "upstream"];
const MOST_METRICS: usize = 256;
/// With the label of `per_upstream`.
const MOST_LABELS: usize = 5;

pub(super) fn metrics() -> Value {
    with(list(metric()), json!({"maxItems": MOST_METRICS}))
}

fn metric() -> Value {
    let metric = object(vec![
        required(
            "name",
            "The metric's name; `metric_prefix` comes in front of it.",
            json!({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,79}$"}),
        ),
        required(
            "type",
            "What it is; of a gauge the last value wins.",
            json!({"type": "string", "enum": ["counter", "gauge", "histogram"]}),
        ),
        optional("when", "Which requests it sees; each key is optional.", when()),
        optional("value", "What it adds, sets or observes.", defaulted(value(), 1)),
        optional(
            "scale",
            "The value is multiplied with it, and then rounded: durations down, all else half up.",
            defaulted(json!({"type": "number", "minimum": 1e-12, "maximum": 1e12}), 1),
        ),
        optional("labels", "Each label's name, and where its values come from. At most 5.", labels()),
        optional(
            "max",
            "Most values of each label; the rest are `_other`.",
            defaulted(integer(1, 1_000_000), 50),
        ),
        optional(
            "buckets",
            "A histogram's upper bounds; durations and sizes have those of `buckets` where there are none.",
            bounds(),
        ),
        optional(
            "per_upstream",
            "Whether there is a label `upstream`: the host that answered.",
            defaulted(json!({"type": "boolean"}), false),
        ),
    ]);
    with(metric, json!({"allOf": rules()}))
}

/// What keys of one metric demand of each other.
fn rules() -> Vec<Value> {
    let is =
        |key: &str, constant: Value| json!({"required": [key], "properties": {key: {"const": constant}}});
    let has_own_bounds = json!({"required": ["value"], "properties": {"value": {"anyOf": [
        {"enum": ["duration", "request_bytes", "response_bytes"]},
        with(json!({"type": "object"}), given("server_timing")),
    ]}}});
    vec![
        // Without a value it would always be 1.
        json!({"if": is("type", json!("gauge")), "then": given("value")}),
        json!({"if": given("buckets"), "then": is("type", json!("histogram"))}),
        json!({
            "if": {"allOf": [is("type", json!("histogram")), {"not": has_own_bounds}]},
            "then": given("buckets"),
        }),
        json!({
            "if": is("per_upstream", json!(true)),
            "then": {"properties": {"labels": {"maxProperties": MOST_LABELS.saturating_sub(1)}}},
        }),
    ]
}

fn when() -> Value {
    object(vec![
        optional("method", "Methods.", some(method())),
        optional("endpoint", "Templates as written in `endpoints`, or `_other`.", some(endpoint())),
        optional("status", "Status codes, and classes such as 5xx.", some(status())),
        optional(
            "cache",
            "What the cache did: Cache-Status, else X-Cache, else Age.",
            json!({"type": "string", "enum": ["hit", "miss"]}),
        ),
    ])
}

fn value() -> Value {
    let read = one_key_of(vec![
        optional("request_header", "A number in this request header.", header_name()),
        optional("response_header", "A number in this response header.", header_name()),
        optional("server_timing", "`dur` of each Server-Timing entry of this name.", header_name()),
        optional(
            "orca",
            "A field of the ORCA load report.",
            json!({
                "type": "string", "pattern": orca_path(), "maxLength": 200,
                "examples": ["named_metrics.db_pool_size", "cpu_utilization"],
            }),
        ),
        optional(
            "rate_limit",
            "A part of the quota that the rate limit headers tell.",
            json!({"type": "string", "enum": ["limit", "remaining", "reset"]}),
        ),
    ]);
    json!({"anyOf": [{"enum": [1, "duration", "request_bytes", "response_bytes"]}, read]})
}

/// Fields of `xds.data.orca.v3.OrcaLoadReport`, the maps of them with a key.
fn orca_path() -> &'static str {
    "^(cpu_utilization|mem_utilization|application_utilization|eps|rps_fractional|rps|\
     (request_cost|utilization|named_metrics)\\.[\\s\\S]+)$"
}

fn labels() -> Value {
    json!({
        "type": "object",
        "propertyNames": label_name(TAKEN_LABELS),
        "maxProperties": MOST_LABELS,
        "additionalProperties": attribute(),
    })
}

/// Where a label's value comes from.
fn attribute() -> Value {
    let read = one_key_of(vec![
        optional("param", "A parameter of the endpoint's template.", json!({"type": "string"})),
        optional("request_header", "A request header.", header_name()),
        optional("response_header", "A response header.", header_name()),
        optional("server_timing", "`desc` of the Server-Timing entry of this name.", header_name()),
        optional(
            "constant",
            "Always this, to tell metrics of one name apart.",
            json!({"type": "string", "pattern": "^[A-Za-z0-9_/{}*:@+~-]{1,128}$", "not": {"enum": RESERVED}}),
        ),
    ]);
    json!({"anyOf": [{"enum": ["method", "endpoint", "status", "code_class", "tenant", "host"]}, read]})
}
