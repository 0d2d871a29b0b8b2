//! Which requests something counts, as written in, what they must be out: an SLO's `where`, a custom metric's `when`.

use super::error::ConfigErrors;
use super::reader::{Fields, Node, whole_number};
use super::tenant::Tenant;
use super::traffic::{EndpointSource, Endpoints};
use super::words::one_of;
use crate::exchange::{Method, StatusMatch};
use crate::stat_name;

/// Which requests an SLO counts; an empty list admits all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Where {
    /// Endpoint labels: templates as written, or `_other`.
    pub endpoint: Vec<String>,
    /// Methods.
    pub method: Vec<Method>,
    /// Tenants, before any cap.
    pub tenant: Vec<String>,
}

/// Which requests a metric sees; an empty list admits all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    /// Methods.
    pub method: Vec<Method>,
    /// Endpoint labels.
    pub endpoint: Vec<String>,
    /// Status codes and classes.
    pub status: Vec<StatusMatch>,
    /// What the cache said.
    pub cache: Option<CacheOutcome>,
}

/// What a cache did with a request (RFC 9211).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// Answered from the cache.
    Hit,
    /// Went forward.
    Miss,
}

#[inline(never)]
pub(super) fn read_where(
    node: &Node<'_>,
    (endpoints, all): (&Endpoints, &Tenant),
    errors: &mut ConfigErrors,
) -> Option<Where> {
    let mut fields = node.fields(errors)?;
    let endpoint = take_some(&mut fields, "endpoint", errors)
        .map_or_else(Vec::new, |n| n.list_of(errors, |n, e| read_endpoint(n, endpoints, e)));
    let method =
        take_some(&mut fields, "method", errors).map_or_else(Vec::new, |n| n.list_of(errors, read_method));
    let tenant = take_some(&mut fields, "tenant", errors).map_or_else(Vec::new, |n| {
        if all.sources.is_empty() {
            return n.fail(errors, "no request has a tenant without tenant.sources").unwrap_or_default();
        }
        n.list_of(errors, |n, errors| {
            n.text_where(errors, "the name of a tenant, before any cap: there is no _other", &|s| {
                !s.is_empty() && s != stat_name::OTHER
            })
        })
    });
    fields.finish(errors);
    Some(Where { endpoint, method, tenant })
}

#[inline(never)]
pub(super) fn read_when(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<When> {
    let mut fields = node.fields(errors)?;
    let method =
        take_some(&mut fields, "method", errors).map_or_else(Vec::new, |n| n.list_of(errors, read_method));
    let endpoint = take_some(&mut fields, "endpoint", errors)
        .map_or_else(Vec::new, |n| n.list_of(errors, |n, e| read_endpoint(n, endpoints, e)));
    let status =
        take_some(&mut fields, "status", errors).map_or_else(Vec::new, |n| n.list_of(errors, read_status));
    let outcomes = [("hit", CacheOutcome::Hit), ("miss", CacheOutcome::Miss)];
    let cache = fields.take("cache").map(|n| one_of(&n, &outcomes, errors));
    fields.finish(errors);
    let cache = match cache {
        None => None,
        Some(read) => Some(read?),
    };
    Some(When { method, endpoint, status, cache })
}

/// A list of what to admit: an empty one would admit all, and is a mistake.
#[inline(never)]
fn take_some<'v>(fields: &mut Fields<'v>, key: &'static str, errors: &mut ConfigErrors) -> Option<Node<'v>> {
    let node = fields.take(key)?;
    if node.value.as_array().is_some_and(Vec::is_empty) {
        return node.fail(errors, "an empty list; leave it out to admit all");
    }
    Some(node)
}

/// A status code, or a class written `5xx`.
#[inline(never)]
pub(super) fn read_status(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<StatusMatch> {
    let text = match node.value {
        serde_json::Value::String(s) => s.clone(),
        other => whole_number(other).map(|n| n.to_string()).unwrap_or_default(),
    };
    match StatusMatch::parse(&text) {
        Some(status) => Some(status),
        None => node.fail(errors, "expected a status code such as 404, or a class such as 5xx"),
    }
}

/// One of the methods that the label `method` can have.
#[inline(never)]
fn read_method(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Method> {
    match node.value.as_str().and_then(|s| Method::ALL.into_iter().find(|m| m.as_str() == s)) {
        Some(method) => Some(method),
        None => {
            let known: Vec<&str> = Method::ALL.iter().map(|m| m.as_str()).collect();
            node.fail(errors, format!("expected one of {}", known.join(", ")))
        }
    }
}

/// A template of `endpoints.templates`, or `_other`. Route names are not known here and pass.
#[inline(never)]
fn read_endpoint(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<String> {
    let name = node.text(errors)?;
    let known = name == stat_name::OTHER
        || endpoints.source == EndpointSource::RouteName
        || endpoints.templates.iter().any(|t| t.as_str() == name);
    if known {
        Some(name.to_owned())
    } else {
        node.fail(errors, "not one of endpoints.templates, nor _other")
    }
}
