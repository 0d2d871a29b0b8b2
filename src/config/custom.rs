//! The section `metrics`: custom metrics out of traffic and response headers.

use super::error::ConfigErrors;
use super::reader::Node;
use super::slo::{read_endpoint, read_method, read_status, take_some};
use super::traffic::{self, Buckets, Endpoints, Limits, is_identifier, one_of, read_header_name};
use crate::exchange::{Method, StatusMatch};
use crate::metric::{Kind, Label, Metric};
use crate::signals::orca::Path;
use crate::signals::rate_limit::Field as QuotaField;
use crate::stat_name;

/// One custom metric.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomMetric {
    /// Its name, without the configured prefix.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Which requests it sees.
    pub when: When,
    /// What it adds, sets or observes.
    pub value: Value,
    /// What the value is multiplied with.
    pub scale: f64,
    /// Label names and where their values come from, in the written document's key order.
    pub labels: Vec<(String, Attribute)>,
    /// Most values of each label.
    pub max: u32,
    /// A histogram's bounds; empty for other kinds.
    pub buckets: Vec<u64>,
    /// Whether a label `upstream` says which host reported.
    pub per_upstream: bool,
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

impl CustomMetric {
    /// Whether both may have one name: they count into series of the same kind, buckets and labels.
    fn fits(&self, other: &Self) -> bool {
        (self.kind, &self.buckets) == (other.kind, &other.buckets)
            && self.label_names().eq(other.label_names())
    }

    /// Its labels beside `service`, in the order of the stat name.
    pub fn label_names(&self) -> impl Iterator<Item = &str> {
        let written = self.labels.iter().map(|(name, _)| name.as_str());
        written.chain(self.per_upstream.then_some(UPSTREAM))
    }
}

/// Most labels of one custom metric beside `service`, `upstream` included.
pub const MAX_CUSTOM_LABELS: usize = 5;

/// The label of `per_upstream`.
const UPSTREAM: &str = "upstream";
/// Most custom metrics of one configuration.
const MAX_METRICS: usize = 256;
/// What Prometheus appends to a histogram's name.
const HISTOGRAM_ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// Names that Prometheus or its operators give meaning to, or that Redline sets itself.
const RESERVED_LABELS: [&str; 5] = ["le", "quantile", "job", "instance", "service"];

/// What the rest of the document says: custom metrics refer to it.
type Around<'c> = (&'c Endpoints, Limits, &'c Buckets);

#[inline(never)]
pub(super) fn read_all(
    node: Option<Node<'_>>,
    around: Around<'_>,
    errors: &mut ConfigErrors,
) -> Vec<CustomMetric> {
    let Some(node) = node else { return Vec::new() };
    // Every sample's name that Prometheus would show, and every label.
    let mut names: Vec<String> = Vec::new();
    let mut labels: Vec<String> = vec!["service".to_owned()];
    for metric in Metric::ALL {
        for name in metric.names() {
            push_samples(name, metric.kind(), &mut names);
        }
        labels.extend(metric.labels().iter().map(|label: &Label| label.name().to_owned()));
    }
    let mut read: Vec<CustomMetric> = Vec::new();
    node.list_of(errors, |node, errors| {
        let metric = read_one(node, around, errors)?;
        if read.len() >= MAX_METRICS {
            return node.fail(errors, format!("at most {MAX_METRICS} metrics"));
        }
        if let Some(first) = read.iter().find(|known| known.name == metric.name) {
            let reason = "another metric has this name, but not its type, buckets and label names";
            let fits = first.fits(&metric);
            read.push(metric.clone());
            return if fits { Some(metric) } else { node.fail(errors, reason) };
        }
        let mut samples = Vec::new();
        push_samples(&metric.name, metric.kind, &mut samples);
        if let Some(taken) = samples.iter().find(|sample| names.contains(sample)) {
            let reason = "this name is built in, another metric's or part of a histogram";
            return node.fail(errors, format!("{taken}: {reason}"));
        }
        names.append(&mut samples);
        for label in metric.label_names() {
            let confused = |known: &&String| *known != label && (known.ends_with(label) || label.ends_with(known.as_str()));
            if let Some(known) = labels.iter().find(confused) {
                let reason = format!("the label {label} and the label {known}: one is the ending of the other, and Istio would confuse them");
                return node.fail(errors, reason);
            }
            labels.push(label.to_owned());
        }
        read.push(metric.clone());
        Some(metric)
    })
}

fn push_samples(name: &str, kind: Kind, samples: &mut Vec<String>) {
    samples.push(name.to_owned());
    if kind == Kind::Histogram {
        samples.extend(HISTOGRAM_ENDINGS.iter().map(|ending| [name, ending].concat()));
    }
}

#[inline(never)]
fn read_one(
    node: &Node<'_>,
    (endpoints, limits, defaults): Around<'_>,
    errors: &mut ConfigErrors,
) -> Option<CustomMetric> {
    let mut fields = node.fields(errors)?;
    let name = fields.require("name", errors).and_then(|n| {
        n.text_where(errors, "a letter and then letters, digits and _, at most 80", &|s| {
            s.len() <= 80 && is_identifier(s) && !s.starts_with('_')
        })
    });
    let kinds = [("counter", Kind::Counter), ("gauge", Kind::Gauge), ("histogram", Kind::Histogram)];
    let kind = fields.require("type", errors).and_then(|n| one_of(&n, &kinds, errors));
    let when = fields.take("when").map_or(Some(When::default()), |n| read_when(&n, endpoints, errors));
    let value = match fields.take("value") {
        Some(node) => read_value(&node, errors),
        None => {
            if kind == Some(Kind::Gauge) {
                fields.complain(errors, "a gauge needs `value`: without it, it would always be 1".to_owned());
            }
            Some(Value::One)
        }
    };
    let scale = fields.take("scale").map_or(Some(1.0), |n| match n.value.as_f64() {
        Some(scale) if (1e-12..=1e12).contains(&scale) => Some(scale),
        _ => n.fail(errors, "expected a number from 1e-12 to 1e12"),
    });
    let labels = fields.take("labels").map_or_else(Vec::new, |n| read_labels(&n, endpoints, errors));
    let max = fields.take("max").map_or(Some(50), |n| traffic::read_max(&n, limits, errors));
    let buckets = fields.take("buckets").map(|n| (traffic::read_bounds(&n, errors), n));
    let per_upstream = fields.take("per_upstream").and_then(|n| n.boolean(errors)).unwrap_or(false);
    fields.finish(errors);
    if labels.len().saturating_add(per_upstream.into()) > MAX_CUSTOM_LABELS {
        return node.fail(errors, format!("at most {MAX_CUSTOM_LABELS} labels, `{UPSTREAM}` included"));
    }
    let buckets = match (kind, buckets) {
        (Some(Kind::Histogram), None) => match &value {
            Some(Value::Duration | Value::ServerTiming(_)) => Some(defaults.duration.clone()),
            Some(Value::RequestBytes | Value::ResponseBytes) => Some(defaults.size.clone()),
            _ => node.fail(errors, "a histogram of what is neither a duration nor a size needs `buckets`"),
        },
        (Some(Kind::Histogram), Some((bounds, _))) => bounds,
        (_, Some((_, n))) => n.fail(errors, "only a histogram has buckets"),
        (_, None) => Some(Vec::new()),
    };
    Some(CustomMetric {
        name: name?,
        kind: kind?,
        when: when?,
        value: value?,
        scale: scale?,
        labels,
        max: max?,
        buckets: buckets?,
        per_upstream,
    })
}

#[inline(never)]
fn read_when(node: &Node<'_>, endpoints: &Endpoints, errors: &mut ConfigErrors) -> Option<When> {
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

#[inline(never)]
fn read_value(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Value> {
    if super::reader::whole_number(node.value) == Some(1) {
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

#[inline(never)]
fn read_labels(
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
        let known =
            endpoints.templates.iter().flat_map(|t| t.parameters()).any(|p| Some(p) == n.value.as_str());
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

/// A Server-Timing metric name: a token whose case matters.
#[inline(never)]
fn read_header_name_as_written(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<String> {
    read_header_name(node, errors)?;
    node.text(errors).map(str::to_owned)
}

/// The one field that was given; a mistake where there is none or more than one.
fn exactly_one<T, const N: usize>(
    node: &Node<'_>,
    found: [Option<Option<T>>; N],
    names: &str,
    errors: &mut ConfigErrors,
) -> Option<T> {
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        _ => node.fail(errors, format!("expected exactly one of {names}")),
    }
}
