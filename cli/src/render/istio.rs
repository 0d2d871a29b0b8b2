//! A configuration in; what Istio needs to run the filter and to read its metrics out.

use super::yaml::{indented, quoted};
use super::{Rendered, names, plugin};
use crate::document::Document;
use redline::config::{Config, ConfigError};
use redline::stat_name::NAMESPACE;
use serde_json::{Map, Value};

/// Where the image is, until somebody says where theirs is.
pub const IMAGE: &str = concat!("oci://registry.example.com/redline:", env!("CARGO_PKG_VERSION"));

/// Whose proxies are meant. A request passes both: only one of them may count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// Those of an ingress gateway.
    Gateway,
    /// Those beside the service itself.
    Sidecars,
}

/// What the files are made of.
#[derive(Debug, Clone)]
pub struct Istio<'a> {
    /// What the filter is told.
    pub document: &'a Document,
    /// Where Istio finds the module: `oci://…`, `https://…`, or `file://…` in the proxies' own file system.
    pub url: &'a str,
    /// SHA-256 of the image's manifest, or of the module where `url` is no image; in hexadecimal digits.
    pub sha256: Option<&'a str>,
    /// Whose proxies.
    pub hop: Hop,
}

impl Istio<'_> {
    /// `wasmplugin.yaml` and `proxyconfig.yaml`.
    pub fn render(&self) -> Vec<Rendered> {
        vec![
            Rendered { name: "wasmplugin.yaml", text: self.plugin() },
            Rendered { name: "proxyconfig.yaml", text: self.annotations() },
        ]
    }

    /// The WasmPlugin: the module, its configuration, and where it stands.
    pub fn plugin(&self) -> String {
        let Self { document, url, sha256, hop } = self;
        let service = &document.config.service;
        let sha256 = sha256.map(|digest| format!("  sha256: {}\n", quoted(digest))).unwrap_or_default();
        format!(
            r#"# Made by `redline render istio` from the configuration of the service {service}.
# In the namespace of the proxies that it is for; proxyconfig.yaml has the other half, and comes first: without it the
# labels end up in the metrics' names until the pods restart.
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: {name}
spec:
{place}  url: {url}
{sha256}  imagePullPolicy: IfNotPresent
  type: HTTP
  # After authentication, so that a tenant out of a token is a verified one; before authorization, so that requests that it
  # refuses have their tenant. What authentication refuses is counted too, without a tenant.
  phase: AUTHZ
  # A crash of the module gets a new VM. Where Istio is too old for it (before 1.25), FAIL_OPEN is the next best: traffic goes
  # on, uncounted by that worker until the proxy restarts. The default, FAIL_CLOSE, refuses every request instead.
  failStrategy: FAIL_RELOAD
  pluginName: redline
  pluginConfig:
{configuration}"#,
            name = names::resource(service, ""),
            place = self.place(*hop),
            url = quoted(url),
            configuration = indented(&plugin::flow(&document.value), 4),
        )
    }

    fn place(&self, hop: Hop) -> String {
        match hop {
            Hop::Gateway => {
                "  # The gateway's pods. For a Gateway of the Gateway API, instead of the selector:\n\
                 \x20 # targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: NAME}]\n\
                 \x20 selector:\n    matchLabels:\n      istio: ingressgateway\n"
                    .to_owned()
            }
            Hop::Sidecars => format!(
                "  # The service's pods. A sidecar sees what its pod is asked (SERVER) and what it asks others (CLIENT): counting\n\
                 \x20 # both would count a hop between two pods of these twice.\n\
                 \x20 selector:\n    matchLabels:\n      app: {}\n  match:\n    - mode: SERVER\n",
                quoted(&names::label_value(&self.document.config.service))
            ),
        }
    }

    /// The annotations that Istio makes the proxies' bootstrap from, as a patch of a Deployment.
    pub fn annotations(&self) -> String {
        let service = &self.document.config.service;
        let (deployment, what) = match self.hop {
            Hop::Gateway => ("istio-ingressgateway".to_owned(), "the gateway"),
            Hop::Sidecars => (names::label_value(service), "the service"),
        };
        let mut out = format!(
            r#"# Made by `redline render istio` from the configuration of the service {service}.
# A patch of {what}'s Deployment: kubectl patch deployment {deployment} --patch-file proxyconfig.yaml
# Istio writes these annotations of a pod into its proxy's bootstrap, once: the patch makes new pods. The custom resource
# ProxyConfig has none of them. Two are fields of the mesh's own ProxyConfig too (extraStatTags, proxyStatsMatcher).
{SEVERAL}apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  template:
    metadata:
      annotations:
"#,
            name = quoted(&deployment),
        );
        for Annotation { name, value, why } in annotations(&self.document.config) {
            out.push_str(&indented(why, 8));
            out.push_str(&format!("        {name}: {}\n", quoted(&value)));
        }
        out.push_str(&indented(
            "# Istio keeps the prefix `wasm`, and with it these stats, by itself. A proxy that does not needs this line; it stands in\n\
             # for the mesh's proxyStatsMatcher.inclusionPrefixes: repeat those in it.\n",
            8,
        ));
        out.push_str(&format!(
            "        # sidecar.istio.io/statsInclusionPrefixes: {}\n",
            quoted(NAMESPACE.trim_end_matches('.'))
        ));
        out
    }
}

/// What happens to pods of several services.
const SEVERAL: &str = "\
# SEVERAL SERVICES IN THE SAME PROXIES: an annotation is replaced as a whole. The patch of the second service takes the labels
# and bounds of the first away, unless they are merged by hand: every tag of each in extraStatTags, and the bounds of each in
# statsHistogramBuckets. `redline doctor` says what is missing.
";

/// One annotation of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// A comment, in lines that begin with `#`.
    pub why: &'static str,
}

/// What a pod must be annotated with for its proxy to show the metrics as they are.
pub fn annotations(config: &Config) -> Vec<Annotation> {
    let tags: Vec<String> = config.stat_tags().into_iter().map(|(name, _)| name).collect();
    let mut all = vec![Annotation {
        name: "sidecar.istio.io/extraStatTags",
        value: tags.join(","),
        why: "# Every label: what is missing here becomes a part of the metric's name.",
    }];
    let buckets =
        config.histogram_buckets().into_iter().map(|(prefix, bounds)| (prefix, Value::from(bounds)));
    let buckets: Map<String, Value> = buckets.collect();
    if !buckets.is_empty() {
        all.push(Annotation {
            name: "sidecar.istio.io/statsHistogramBuckets",
            value: Value::Object(buckets).to_string(),
            why: "# For each histogram the start of its stat's name, and its bounds.",
        });
    }
    all
}

/// The tags that Istio's bootstrap reads from its own stats. An extra tag of the same name comes before them, and Envoy
/// keeps the first.
const ISTIO_TAGS: [&str; 15] = [
    "cluster_name",
    "tcp_prefix",
    "response_code",
    "response_code_class",
    "http_conn_manager_listener_prefix",
    "http_conn_manager_prefix",
    "listener_address",
    "mongo_prefix",
    "cache",
    "component",
    "tag",
    "wasm_filter",
    "authz_enforce_result",
    "authz_dry_run_action",
    "authz_dry_run_result",
];

/// What Istio's own extractors find in a name that ends so, a dot after it: they would cut the first label out.
const ENDINGS: [&str; 5] = ["cache", "component", "tag", "wasm_filter", "rbac"];

/// What is wrong with a valid configuration once it is for Istio: labels and metrics that its bootstrap reads as its own.
pub fn check(config: &Config) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut error = |path: String, value: &str, reason: &str| {
        errors.push(ConfigError { path, value: Value::from(value).to_string(), reason: reason.to_owned() });
    };
    for (i, metric) in config.metrics.iter().enumerate() {
        for label in metric.label_names().filter(|label| ISTIO_TAGS.contains(label)) {
            let reason =
                "Istio's stats have this label: as an extra tag it would replace theirs; choose another name";
            error(format!("$.metrics[{i}].labels.{label}"), label, reason);
        }
        if ENDINGS.iter().any(|ending| metric.name.ends_with(ending)) {
            let reason =
                "Istio would read what follows a name that ends so as its own label; choose another ending";
            error(format!("$.metrics[{i}].name"), &metric.name, reason);
        }
    }
    errors
}

#[cfg(test)]
mod tests;
