//! `value` of a custom metric as written in, what is measured out.

use crate::config::error::ConfigErrors;
use crate::config::reader::{Node, whole_number};
use crate::config::words::{exactly_one, one_of, read_header_name, read_header_name_as_written};
use crate::signals::orca::Path;
use crate::signals::rate_limit::Field as QuotaField;

/// What a metric adds, sets or observes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One per request.
    One,
    /// The request's duration.
    Duration,
    /// Request body bytes.
    RequestBytes,
    /// Response body bytes.
    ResponseBytes,
    /// A number in this request header.
    RequestHeader(String),
    /// A number in this response header.
    ResponseHeader(String),
    /// `dur` of every Server-Timing entry with this name.
    ServerTiming(String),
    /// A field of the ORCA load report.
    Orca(String),
    /// A part of the quota that the rate limit headers tell.
    RateLimit(QuotaField),
}

#[inline(never)]
pub(super) fn read_value(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Value> {
    if whole_number(node.value) == Some(1) {
        return Some(Value::One);
    }
    let of_request = match node.value.as_str() {
        Some("duration") => Some(Value::Duration),
        Some("request_bytes") => Some(Value::RequestBytes),
        Some("response_bytes") => Some(Value::ResponseBytes),
        _ => None,
    };
    if of_request.is_some() {
        return of_request;
    }
    if !node.value.is_object() {
        return node.fail(
            errors,
            "expected 1, duration, request_bytes, response_bytes, or an object such as {server_timing: db} with \
             request_header, response_header, server_timing, orca or rate_limit",
        );
    }
    let mut fields = node.fields(errors)?;
    let request =
        fields.take("request_header").map(|n| read_header_name(&n, errors).map(Value::RequestHeader));
    let response =
        fields.take("response_header").map(|n| read_header_name(&n, errors).map(Value::ResponseHeader));
    let timing = fields
        .take("server_timing")
        .map(|n| read_header_name_as_written(&n, errors).map(Value::ServerTiming));
    let orca = fields.take("orca").map(|n| {
        n.text_where(errors, "a field of the ORCA load report such as named_metrics.db_pool_size", &|s| {
            s.len() <= 200 && Path::parse(s).is_some()
        })
        .map(Value::Orca)
    });
    let quota = fields.take("rate_limit").map(|n| {
        let known = [
            ("limit", QuotaField::Limit),
            ("remaining", QuotaField::Remaining),
            ("reset", QuotaField::Reset),
        ];
        one_of(&n, &known, errors).map(Value::RateLimit)
    });
    fields.finish(errors);
    exactly_one(
        node,
        [request, response, timing, orca, quota],
        "request_header, response_header, server_timing, orca, rate_limit",
        errors,
    )
}
