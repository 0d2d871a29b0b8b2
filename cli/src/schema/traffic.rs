//! Nothing in; the schemas of `endpoints`, `tenant`, `user`, `limits` and `buckets` out.

use super::shapes::{
    Property, RESERVED, bounds, defaulted, duration, header_name, integer, list, object, one_key_of,
    optional, required, template, text, with,
};
use redline::config::MAX_SOURCES;
use redline::endpoint::MAX_ENDPOINTS;
use serde_json::{Value, json};

pub(super) fn endpoints() -> Value {
    let header = optional("header", "Requests that carry this header.", header_name());
    object(vec![
        optional(
            "templates",
            "A path becomes the template that it matches. The most specific wins, order does not matter; {name} is one \
             segment, {name*} the rest. What matches none is `_other`.",
            with(list(template()), json!({"maxItems": MAX_ENDPOINTS})),
        ),
        optional(
            "source",
            "`template`, or `route_name` for the names of Envoy's own routes.",
            defaulted(json!({"type": "string", "enum": ["template", "route_name"]}), "template"),
        ),
        optional(
            "exclude",
            "Counted nowhere: a template, or requests that carry a header.",
            list(json!({"anyOf": [template(), one_key_of(vec![header])]})),
        ),
    ])
}

pub(super) fn tenant() -> Value {
    let name = with(text(), json!({"not": {"enum": RESERVED}}));
    let isolation = object(vec![
        required("claim", "The caller's tenant.", source()),
        required("resource", "The tenant whose resource is asked for.", source()),
    ]);
    object(vec![
        optional(
            "sources",
            "The first that yields a value wins; without sources every request is `_none`.",
            sources(),
        ),
        optional(
            "allow",
            "When set, every other value is `_other`.",
            with(list(name), json!({"uniqueItems": true})),
        ),
        optional(
            "max",
            "Most distinct values, over all workers; the rest are `_other`.",
            defaulted(integer(1, 1_000_000), 100),
        ),
        optional(
            "isolation",
            "Both present and different is a violation: `tenant_isolation_violations_total`, by who was claimed.",
            isolation,
        ),
    ])
}

pub(super) fn user() -> Value {
    object(vec![
        optional("sources", "The first that yields a value wins.", sources()),
        optional(
            "active_window",
            "How long a user counts as active after a request. 1m to 1d.",
            defaulted(duration(), "15m"),
        ),
    ])
}

pub(super) fn limits() -> Value {
    object(vec![
        optional(
            "max_series",
            "Most label sets, over all metrics; past it an observation goes to its metric's overflow row.",
            defaulted(integer(100, 1_000_000), 5000),
        ),
        optional("max_label_bytes", "Longer values of clients are cut.", defaulted(integer(8, 1024), 128)),
    ])
}

pub(super) fn buckets() -> Value {
    object(vec![
        optional(
            "duration",
            "In the unit of `duration_unit`; rising, of at most two significant digits: Envoy keeps no more. The default is \
             5 ms to 60 s in either unit.",
            defaulted(
                bounds(),
                json!([5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000, 30000, 60000]),
            ),
        ),
        optional(
            "size",
            "In bytes; rising, of at most two significant digits: Envoy keeps no more.",
            defaulted(bounds(), json!([100, 1000, 10000, 100_000, 1_000_000, 10_000_000, 100_000_000])),
        ),
    ])
}

fn sources() -> Value {
    with(list(source()), json!({"maxItems": MAX_SOURCES}))
}

/// Where a tenant's or a user's name is found.
fn source() -> Value {
    one_key_of(kinds_of_source())
}

fn kinds_of_source() -> Vec<Property> {
    let jwt = object(vec![
        required("header", "The request header that holds the token.", header_name()),
        required(
            "claim",
            "The claim; parts of a path are separated by dots.",
            json!({"type": "string", "pattern": "^[^.]+(\\.[^.]+)*$", "maxLength": 200, "examples": ["tenant_id", "org.id"]}),
        ),
    ]);
    vec![
        optional("header", "A request header.", header_name()),
        optional("jwt", "A claim of a token, decoded and not verified: only behind jwt_authn.", jwt),
        optional("path", "A parameter of the endpoint's template.", json!({"type": "string"})),
        optional(
            "host",
            "The host, with one parameter.",
            json!({
                "type": "string", "pattern": "^[A-Za-z0-9.-]*\\{[A-Za-z_][A-Za-z0-9_]*\\}[A-Za-z0-9.-]*$",
                "examples": ["{tenant}.example.com"],
            }),
        ),
        optional("query", "A query parameter.", json!({"type": "string", "pattern": "^[!-~]{1,100}$"})),
    ]
}
