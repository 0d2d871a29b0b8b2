//! `labels` of a custom metric as written in, where each label's value comes from out.

use crate::config::error::ConfigErrors;
use crate::config::reader::Node;
use crate::config::traffic::Endpoints;
use crate::config::words::{
    exactly_one, is_identifier, one_of, read_header_name, read_header_name_as_written,
};
use crate::stat_name;

/// Where a custom label's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Label `method`'s value.
    Method,
    /// Label `endpoint`'s value.
    Endpoint,
    /// Label `status`'s value.
    Status,
    /// `2xx` and so on.
    CodeClass,
    /// Label `tenant`'s value.
    Tenant,
    /// The host that was asked for.
    Host,
    /// A parameter of the template.
    Param(String),
    /// A request header.
    RequestHeader(String),
    /// A response header.
    ResponseHeader(String),
    /// `desc` of a Server-Timing entry.
    ServerTiming(String),
    /// Always the same, to tell metrics with one name apart.
    Constant(String),
}

/// The label of `per_upstream`.
pub(super) const UPSTREAM: &str = "upstream";

/// Names that Prometheus or its operators give meaning to, or that Redline sets itself.
const RESERVED_LABELS: [&str; 5] = ["le", "quantile", "job", "instance", "service"];

#[inline(never)]
pub(super) fn read_labels(
    node: &Node<'_>,
    endpoints: &Endpoints,
    errors: &mut ConfigErrors,
) -> Vec<(String, Attribute)> {
    let Some(fields) = node.fields(errors) else {
        return Vec::new();
    };
    let mut labels = Vec::new();
    for (name, node) in fields.entries() {
        if !is_identifier(name)
            || name.starts_with('_')
            || RESERVED_LABELS.contains(&name)
            || name == UPSTREAM
        {
            let reserved = RESERVED_LABELS.join(", ");
            let expected =
                format!("expected a label name of letters, digits and _, none of {reserved}, {UPSTREAM}");
            node.fail::<()>(errors, expected);
        } else if let Some(attribute) = read_attribute(&node, endpoints, errors) {
            labels.push((name.to_owned(), attribute));
        }
    }
    labels
}

#[inline(never)]
fn read_attribute(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<Attribute> {
    if !node.value.is_object() {
        let known = [
            ("method", Attribute::Method),
            ("endpoint", Attribute::Endpoint),
            ("status", Attribute::Status),
            ("code_class", Attribute::CodeClass),
            ("tenant", Attribute::Tenant),
            ("host", Attribute::Host),
        ];
        let index: Vec<(&str, usize)> = known.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
        let which = one_of(node, &index, errors)?;
        return known.into_iter().nth(which).map(|(_, attribute)| attribute);
    }
    let mut fields = node.fields(errors)?;
    let param = fields.take("param").map(|n| {
        let known = n.value.as_str().is_some_and(|name| endpoints.has_parameter(name));
        let expected = "the name of a parameter in endpoints.templates";
        n.text_where(errors, expected, &|_| known).map(Attribute::Param)
    });
    let request =
        fields.take("request_header").map(|n| read_header_name(&n, errors).map(Attribute::RequestHeader));
    let response =
        fields.take("response_header").map(|n| read_header_name(&n, errors).map(Attribute::ResponseHeader));
    let timing = fields
        .take("server_timing")
        .map(|n| read_header_name_as_written(&n, errors).map(Attribute::ServerTiming));
    let constant = fields.take("constant").map(|n| {
        let expected = "1 to 128 of letters, digits and _/{}*:@+~-, and no reserved word";
        n.text_where(errors, expected, &|s| stat_name::escape(s.as_bytes(), 128).as_deref() == Some(s))
            .map(Attribute::Constant)
    });
    fields.finish(errors);
    exactly_one(
        node,
        [param, request, response, timing, constant],
        "param, request_header, response_header, server_timing, constant",
        errors,
    )
}
