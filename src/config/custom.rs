//! The section `metrics`: custom metrics out of traffic and response headers.

mod labels;
mod value;

pub use labels::Attribute;
pub use value::Value;

use super::error::ConfigErrors;
use super::reader::Node;
use super::requests::{When, read_when};
use super::traffic::{Buckets, Endpoints, Limits, read_bounds, read_max};
use super::words::{is_identifier, one_of};
use crate::metric::{Kind, Label, Metric};
use labels::{UPSTREAM, read_labels};
use value::read_value;

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

/// Most custom metrics of one configuration.
const MAX_METRICS: usize = 256;
/// What Prometheus appends to a histogram's name.
const HISTOGRAM_ENDINGS: [&str; 3] = ["_bucket", "_sum", "_count"];

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
    let max = fields.take("max").map_or(Some(50), |n| read_max(&n, limits, errors));
    let buckets = fields.take("buckets").map(|n| (read_bounds(&n, errors), n));
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
