//! A value source as written in (`{header: x-tenant-id}`, `{jwt: …}` and so on), what to look for out.

use super::error::ConfigErrors;
use super::reader::Node;
use super::traffic::Endpoints;
use super::words::{exactly_one, is_identifier, read_header_name};

/// Most sources of one list. A request keeps room for the headers that all lists name.
pub const MAX_SOURCES: usize = 8;

/// One place where a tenant's or a user's name is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// A request header, lower case.
    Header(String),
    /// A claim of the JWT in a request header; decoded, not verified.
    Jwt {
        /// The header, lower case.
        header: String,
        /// The claim's path, its parts separated by dots.
        claim: String,
    },
    /// A parameter of the endpoint's template.
    Path(String),
    /// A part of the host.
    Host(HostPattern),
    /// A query parameter.
    Query(String),
}

/// A host such as `{tenant}.example.com`: what stands before and after the one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// Lower case, may be empty.
    pub prefix: String,
    /// Lower case, may be empty.
    pub suffix: String,
}

/// `tenant.isolation`: who the caller claims to be and whose resource it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// The caller's tenant.
    pub claim: ValueSource,
    /// The resource's tenant.
    pub resource: ValueSource,
}

impl Isolation {
    #[inline(never)]
    pub(super) fn read(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<Self> {
        let mut sides = node.fields(errors)?;
        let claim = sides.require("claim", errors).and_then(|n| read_source(&n, endpoints, errors));
        let resource = sides.require("resource", errors).and_then(|n| read_source(&n, endpoints, errors));
        sides.finish(errors);
        claim.zip(resource).map(|(claim, resource)| Self { claim, resource })
    }
}

/// A list of sources, the first choice first.
#[inline(never)]
pub(super) fn read_sources(
    node: Option<Node<'_>>,
    endpoints: &Endpoints,
    errors: &mut ConfigErrors,
) -> Vec<ValueSource> {
    let Some(node) = node else {
        return Vec::new();
    };
    if node.value.as_array().is_some_and(|list| list.len() > MAX_SOURCES) {
        return node.fail(errors, format!("expected at most {MAX_SOURCES} sources")).unwrap_or_default();
    }
    node.list_of(errors, |node, errors| read_source(node, endpoints, errors))
}

#[inline(never)]
fn read_source(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<ValueSource> {
    let mut fields = node.fields(errors)?;
    let header = fields.take("header").map(|n| read_header_name(&n, errors).map(ValueSource::Header));
    let jwt = fields.take("jwt").map(|n| read_jwt(&n, errors));
    let path = fields.take("path").map(|n| read_path_parameter(&n, endpoints, errors));
    let host = fields.take("host").map(|n| read_host(&n, errors));
    let query = fields.take("query").map(|n| {
        let valid = |s: &str| !s.is_empty() && s.len() <= 100 && s.bytes().all(|b| b.is_ascii_graphic());
        n.text_where(errors, "the name of a query parameter", &valid).map(ValueSource::Query)
    });
    fields.finish(errors);
    exactly_one(node, [header, jwt, path, host, query], "header, jwt, path, host, query", errors)
}

#[inline(never)]
fn read_jwt(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<ValueSource> {
    let mut fields = node.fields(errors)?;
    let header = fields.require("header", errors).and_then(|n| read_header_name(&n, errors));
    let claim = fields.require("claim", errors).and_then(|n| {
        let valid = |s: &str| !s.is_empty() && s.len() <= 200 && s.split('.').all(|part| !part.is_empty());
        n.text_where(errors, "a claim such as tenant_id or org.id", &valid)
    });
    fields.finish(errors);
    header.zip(claim).map(|(header, claim)| ValueSource::Jwt { header, claim })
}

#[inline(never)]
fn read_path_parameter(
    node: &Node<'_>,
    endpoints: &Endpoints,
    errors: &mut ConfigErrors,
) -> Option<ValueSource> {
    let name = node.text(errors)?;
    if endpoints.has_parameter(name) {
        Some(ValueSource::Path(name.to_owned()))
    } else {
        node.fail(errors, format!("no template in endpoints.templates has the parameter {{{name}}}"))
    }
}

#[inline(never)]
fn read_host(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<ValueSource> {
    let text = node.text(errors)?;
    let valid = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    let parts = text.split_once('{').and_then(|(prefix, rest)| {
        let (name, suffix) = rest.split_once('}')?;
        (is_identifier(name) && valid(prefix) && valid(suffix)).then_some((prefix, suffix))
    });
    match parts {
        Some((prefix, suffix)) => Some(ValueSource::Host(HostPattern {
            prefix: prefix.to_ascii_lowercase(),
            // The root's dot: hosts are compared without it.
            suffix: suffix.strip_suffix('.').unwrap_or(suffix).to_ascii_lowercase(),
        })),
        None => node.fail(errors, "expected a host with one parameter, such as {tenant}.example.com"),
    }
}
