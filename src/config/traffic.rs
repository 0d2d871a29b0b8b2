//! The sections that say what traffic is told apart, and how finely: `endpoints`, `limits`, `buckets`.

use super::error::ConfigErrors;
use super::reader::Node;
use super::words::{one_of, read_header_name};
use crate::endpoint::{MAX_ENDPOINTS, Template, Templates};
use crate::metric::DurationUnit;

/// `endpoints`: how paths become the label `endpoint`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Endpoints {
    /// Templates as written; no two match the same set of paths.
    pub templates: Vec<Template>,
    /// Where the label's value comes from.
    pub source: EndpointSource,
    /// Requests that are counted nowhere.
    pub exclude: Vec<Exclude>,
}

/// Where the label `endpoint` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndpointSource {
    /// The template that the path matches.
    #[default]
    Template,
    /// The name of the route that Envoy chose.
    RouteName,
}

/// What keeps a request out of every metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclude {
    /// Its path matches this template.
    Template(Template),
    /// It carries this header, lower case.
    Header(String),
}

/// `limits`: bounds on what traffic can make the filter keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most label sets, over all metrics.
    pub max_series: u32,
    /// Most bytes of a client's label value.
    pub max_label_bytes: usize,
}

/// `buckets`: upper bounds of the built-in histograms, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// In the configured duration unit.
    pub duration: Vec<u64>,
    /// In bytes.
    pub size: Vec<u64>,
}

const DURATION_BOUNDS_MS: [u64; 16] =
    [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000, 30_000, 60_000];
const SIZE_BOUNDS: [u64; 7] = [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

impl Endpoints {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, errors: &mut ConfigErrors) -> Self {
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return Self::default();
        };
        let mut shapes = Templates::default();
        let templates = fields.take("templates").map_or_else(Vec::new, |node| {
            if node.value.as_array().is_some_and(|list| list.len() > MAX_ENDPOINTS) {
                let limit = format!("expected at most {MAX_ENDPOINTS} templates");
                return node.fail(errors, limit).unwrap_or_default();
            }
            node.list_of(errors, |node, errors| {
                let template = read_template(node, errors)?;
                match shapes.insert(&template) {
                    Ok(_) => Some(template),
                    Err(other) => node.fail(errors, format!("matches the same paths as {other}")),
                }
            })
        });
        let source = match fields.take("source") {
            None => EndpointSource::Template,
            Some(node) => {
                let known =
                    [("template", EndpointSource::Template), ("route_name", EndpointSource::RouteName)];
                one_of(&node, &known, errors).unwrap_or_default()
            }
        };
        let exclude = fields.take("exclude").map_or_else(Vec::new, |node| node.list_of(errors, read_exclude));
        fields.finish(errors);
        Self { templates, source, exclude }
    }

    /// Whether a template has the parameter `name`.
    pub(super) fn has_parameter(&self, name: &str) -> bool {
        self.templates.iter().any(|t| t.parameters().any(|p| p == name))
    }
}

#[inline(never)]
fn read_template(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Template> {
    match Template::parse(node.text(errors)?) {
        Ok(template) => Some(template),
        Err(reason) => node.fail(errors, reason.to_string()),
    }
}

#[inline(never)]
fn read_exclude(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Exclude> {
    if node.value.is_string() {
        return read_template(node, errors).map(Exclude::Template);
    }
    let mut fields = match node.value.is_object() {
        true => node.fields(errors)?,
        false => return node.fail(errors, "expected a template such as /healthz, or {header: NAME}"),
    };
    let header = fields.require("header", errors).and_then(|n| read_header_name(&n, errors));
    fields.finish(errors);
    header.map(Exclude::Header)
}

impl Limits {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, errors: &mut ConfigErrors) -> Self {
        let mut limits = Self { max_series: 5000, max_label_bytes: 128 };
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return limits;
        };
        if let Some(n) = fields.take("max_series").and_then(|n| n.integer(errors, 100..=1_000_000)) {
            limits.max_series = u32::try_from(n).unwrap_or(u32::MAX);
        }
        if let Some(n) = fields.take("max_label_bytes").and_then(|n| n.integer(errors, 8..=1024)) {
            limits.max_label_bytes = usize::try_from(n).unwrap_or(usize::MAX);
        }
        fields.finish(errors);
        limits
    }
}

impl Buckets {
    #[inline(never)]
    pub(super) fn read(node: Option<Node<'_>>, unit: DurationUnit, errors: &mut ConfigErrors) -> Self {
        let per_ms = match unit {
            DurationUnit::Milliseconds => 1,
            DurationUnit::Microseconds => 1000,
        };
        let duration = DURATION_BOUNDS_MS.iter().map(|b| b.saturating_mul(per_ms)).collect();
        let mut buckets = Self { duration, size: SIZE_BOUNDS.to_vec() };
        let Some(mut fields) = node.and_then(|n| n.fields(errors)) else {
            return buckets;
        };
        if let Some(bounds) = fields.take("duration").and_then(|n| read_bounds(&n, errors)) {
            buckets.duration = bounds;
        }
        if let Some(bounds) = fields.take("size").and_then(|n| read_bounds(&n, errors)) {
            buckets.size = bounds;
        }
        fields.finish(errors);
        buckets
    }
}

/// Rising upper bounds of at most two significant digits: Envoy's histograms keep no more.
#[inline(never)]
pub(super) fn read_bounds(node: &Node<'_>, errors: &mut ConfigErrors) -> Option<Vec<u64>> {
    const TOO_FINE: &str = "at most two significant digits: Envoy's histograms keep no more";
    let mut bounds: Vec<u64> = Vec::new();
    for item in node.list(errors) {
        let bound = item.integer(errors, 1..=1_000_000_000_000_000)?;
        let mut digits = bound;
        while digits.checked_rem(10) == Some(0) {
            digits = digits.checked_div(10).unwrap_or_default();
        }
        if digits > 99 {
            item.fail::<()>(errors, TOO_FINE);
        }
        if bounds.last().is_some_and(|last| *last >= bound) {
            item.fail::<()>(errors, "expected rising bounds");
        }
        bounds.push(bound);
    }
    match bounds.len() {
        1..=64 => Some(bounds),
        _ => node.fail(errors, "expected 1 to 64 bounds"),
    }
}

/// A cap on the values of one label, which `limits.max_series` must leave room for.
#[inline(never)]
pub(super) fn read_max(node: &Node<'_>, limits: Limits, errors: &mut ConfigErrors) -> Option<u32> {
    let max = u32::try_from(node.integer(errors, 1..=1_000_000)?).ok()?;
    if max > limits.max_series {
        return node.fail(errors, format!("exceeds limits.max_series ({}) alone", limits.max_series));
    }
    Some(max)
}
