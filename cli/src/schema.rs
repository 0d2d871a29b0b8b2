//! Nothing in; the configuration's JSON Schema out, for editors: what may stand where, what it means and its default.
//!
//! Written by hand, as the reader in [`redline::config`] is: no derive could see that. The tests hold the two together.
//! They try every key and a table of values at every place of the example: what `redline check` takes, the schema takes,
//! and what only `check` finds has its reason in their list. That is what refers to another part of the document, and what
//! no schema can say, such as the range of a duration.
//!
//! Draft 7, the latest that editors' YAML servers read whole.

mod alerting;
mod metrics;
mod page;
mod shapes;
mod slos;
mod traffic;

pub use page::page;

use redline::metric::Metric;
use serde_json::{Value, json};
use shapes::{Property, defaulted, duration, list, object, optional, required};

/// The schema as one JSON value.
pub fn schema() -> Value {
    let mut schema = object(properties());
    if let Value::Object(root) = &mut schema {
        root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        root.insert("title".to_owned(), json!("Redline's configuration"));
        root.insert(
            "description".to_owned(),
            json!(
                "The plugin configuration of Redline's filter, and of everything that is rendered around it. `redline check` \
                 finds more: references between parts, names that are taken, ranges of durations."
            ),
        );
    }
    schema
}

/// The schema as a file: indented JSON with a line's end.
pub fn text() -> String {
    // `{:#}` is serde_json's indented form.
    format!("{:#}\n", schema())
}

fn properties() -> Vec<Property> {
    vec![
        required(
            "service",
            "Label `service` on every metric. One service is one measurement, on all listeners.",
            json!({"type": "string", "pattern": "^[a-z0-9-]{1,63}$"}),
        ),
        optional("endpoints", "How paths become the label `endpoint`.", traffic::endpoints()),
        optional("tenant", "Where the label `tenant` comes from.", traffic::tenant()),
        optional(
            "user",
            "Who counts as a user of the tenant: distinct ones within the window are `tenant_active_users`. Only a keyed \
             hash of the value is kept.",
            traffic::user(),
        ),
        optional("limits", "Bounds on what traffic can make the filter keep.", traffic::limits()),
        optional("buckets", "Upper bounds of the built-in histograms.", traffic::buckets()),
        optional(
            "slos",
            "Service level objectives: exact counts, windows, burn rates and budgets, kept in the proxy.",
            list(slos::slo()),
        ),
        optional("metrics", "Metrics of your own, out of traffic and response headers.", metrics::metrics()),
        optional(
            "alerting",
            "For rendered rules, routes and dashboards only; the filter does not look at it.",
            alerting::alerting(),
        ),
        optional(
            "metric_prefix",
            "In front of every metric's name.",
            defaulted(json!({"type": "string", "pattern": "^([A-Za-z][A-Za-z0-9_]{0,39})?$"}), ""),
        ),
        optional(
            "duration_unit",
            "The unit of every duration histogram, and the ending of its name.",
            defaulted(json!({"type": "string", "enum": ["ms", "us"]}), "ms"),
        ),
        optional("disable", "Names of built-in metrics that are not emitted.", list(built_in_metric())),
        optional(
            "tick",
            "How often the filter publishes what is not counted per request. 100ms to 60s.",
            defaulted(duration(), "10s"),
        ),
    ]
}

/// A built-in metric's name, in either duration unit.
fn built_in_metric() -> Value {
    let mut names: Vec<&str> = Metric::ALL.into_iter().flat_map(Metric::names).collect();
    names.dedup();
    json!({"type": "string", "enum": names})
}

#[cfg(test)]
mod tests;
