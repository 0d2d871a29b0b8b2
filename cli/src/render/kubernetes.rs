//! A configuration in; a kustomize base and overlays, for every way to run the filter on Kubernetes, out.
//!
//! `base` is what Prometheus, Alertmanager and Grafana read, as ConfigMaps and a Secret; `operator` adds the rules for
//! the Prometheus Operator; `gateway` is a plain Envoy; each overlay adds one kind of proxy to `operator`, and each component
//! annotates the pods of a kind.

mod monitoring;
mod proxies;

use super::Rendered;
use super::istio::{Hop, Istio};
use crate::address::Upstream;
use crate::document::Document;

/// Where what watches is deployed.
pub const NAMESPACE: &str = "monitoring";
/// The file of the filter's module that the plain Envoy expects beside its bootstrap.
pub const MODULE: &str = "gateway/redline.wasm";

/// What the files are made of.
#[derive(Debug, Clone)]
pub struct Kubernetes<'a> {
    /// What the filter is told.
    pub document: &'a Document,
    /// Where the mesh's proxies find the module: `oci://…` or `https://…`.
    pub url: &'a str,
    /// SHA-256 of the image's manifest, in hexadecimal digits.
    pub sha256: Option<&'a str>,
    /// Where the plain Envoy's requests go.
    pub upstream: &'a Upstream,
}

impl Kubernetes<'_> {
    /// Every file. [`MODULE`] is not among them: it is no text.
    pub fn render(&self) -> Vec<Rendered> {
        let config = &self.document.config;
        let mut files = vec![Rendered { name: "kustomization.yaml", text: self.root() }];
        files.extend(monitoring::base(config));
        files.extend(monitoring::operator(config));
        files.extend(self.envoy());
        files.extend(self.istio());
        files.extend(self.envoy_gateway());
        files
    }

    fn root(&self) -> String {
        let mut text = self.header(
            "What watches, for the Prometheus Operator. An overlay adds the proxies to it:\n\
             # kubectl apply --server-side -k overlays/envoy (or istio-gateway, sidecars, envoy-gateway), without -n.\n\
             # Without the operator: base.",
        );
        text.push_str(KUSTOMIZATION);
        text.push_str("resources: [operator]\n");
        text
    }

    fn header(&self, what: &str) -> String {
        header(&self.document.config.service, what)
    }

    fn istio_of(&self, hop: Hop) -> Istio<'_> {
        Istio { document: self.document, url: self.url, sha256: self.sha256, hop }
    }
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

fn header(service: &str, what: &str) -> String {
    format!(
        "# Made by `redline render kubernetes` from the configuration of the service {service}.\n# {what}\n"
    )
}

#[cfg(test)]
mod tests;
