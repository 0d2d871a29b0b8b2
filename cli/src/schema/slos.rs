//! Nothing in; the schema of one of `slos` out.

use super::shapes::{
    defaulted, duration, endpoint, integer, list, method, object, one_key_of, optional, required, some,
    status, text, with,
};
use redline::config::DEFAULT_BAD_GRPC;
use redline::stat_name::OTHER;
use serde_json::{Value, json};

pub(super) fn slo() -> Value {
    object(vec![
        required(
            "name",
            "Label `slo`; each name is there once.",
            json!({"type": "string", "pattern": "^[a-z0-9_]{1,40}$"}),
        ),
        required(
            "objective",
            "The percentage of events that must be good: above 0 and below 100, at most 4 decimals.",
            json!({"anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
                {"type": "string", "pattern": "^(?=.*[1-9])[0-9]{1,2}(\\.[0-9]{0,4}0*)?$"},
            ], "examples": [99.9]}),
        ),
        optional("period", "The period of the budget. 7d to 90d.", defaulted(duration(), "30d")),
        required("sli", "What makes an event good.", sli()),
        optional("where", "Which requests count; each key is optional.", filter()),
    ])
}

fn sli() -> Value {
    let availability = object(vec![
        optional("bad_status", "Bad where they were sent.", defaulted(list(status()), json!(["5xx"]))),
        optional(
            "bad_grpc",
            "gRPC codes that are bad.",
            defaulted(list(integer(0, 16)), json!(DEFAULT_BAD_GRPC)),
        ),
    ]);
    let latency = object(vec![required(
        "threshold",
        "Slower than this is bad, by the request's own duration. 1ms to 1h.",
        duration(),
    )]);
    one_key_of(vec![
        optional("availability", "Good is what was answered, and with no bad status.", availability),
        optional(
            "latency",
            "Good is what was answered in time; what is bad for availability is no event.",
            latency,
        ),
    ])
}

fn filter() -> Value {
    let tenant = with(text(), json!({"not": {"enum": [OTHER]}}));
    object(vec![
        optional("endpoint", "Templates as written in `endpoints`, or `_other`.", some(endpoint())),
        optional("method", "Methods.", some(method())),
        optional("tenant", "Tenants, before any cap.", some(tenant)),
    ])
}
