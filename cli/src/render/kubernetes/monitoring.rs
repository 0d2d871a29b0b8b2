//! A configuration in; what Prometheus, Alertmanager and Grafana read, as objects of Kubernetes, out.

use super::super::yaml::indented;
use super::super::{Rendered, alertmanager, grafana, names, prometheus};
use super::{KUSTOMIZATION, NAMESPACE, header};
use redline::config::Config;

/// `base/`: files, and a kustomization that makes ConfigMaps and a Secret of them. It needs no custom resource.
pub(super) fn base(config: &Config) -> Vec<Rendered> {
    let service = &config.service;
    let name = |ending: &str| names::resource(service, ending);
    let mut kustomization = header(
        service,
        "ConfigMaps and a Secret for Prometheus, Alertmanager and Grafana, however they are deployed.",
    );
    kustomization.push_str(&format!(
        r#"{KUSTOMIZATION}namespace: {NAMESPACE}
generatorOptions:
  # What mounts them is deployed elsewhere and knows their names.
  disableNameSuffixHash: true
  labels: {{app.kubernetes.io/part-of: redline}}
configMapGenerator:
  - name: {rules}
    files: [rules.yaml, alerts.yaml]
  # Grafana's sidecar finds dashboards by this label.
  - name: {dashboards}
    files: [overview.json, slo.json]
    options:
      labels: {{grafana_dashboard: "1"}}
  - name: {grafana}
    files: [datasource.yaml, dashboards.yaml]
secretGenerator:
  - name: {alertmanager}
    files: [alertmanager.yaml, redline.tmpl]
"#,
        rules = name("-rules"),
        dashboards = name("-dashboards"),
        grafana = name("-grafana"),
        alertmanager = name("-alertmanager"),
    ));
    let mut files = vec![Rendered { name: "base/kustomization.yaml", text: kustomization }];
    files.extend(renamed(
        prometheus::render(config, 1),
        &[("rules.yaml", "base/rules.yaml"), ("alerts.yaml", "base/alerts.yaml")],
    ));
    files.extend(renamed(
        grafana::render(config),
        &[
            ("overview.json", "base/overview.json"),
            ("slo.json", "base/slo.json"),
            ("provisioning/datasources/redline.yaml", "base/datasource.yaml"),
            ("provisioning/dashboards/redline.yaml", "base/dashboards.yaml"),
        ],
    ));
    let of_alertmanager = renamed(
        alertmanager::render(config, 1),
        &[("alertmanager.yml", "base/alertmanager.yaml"), ("templates/redline.tmpl", "base/redline.tmpl")],
    );
    files.extend(
        of_alertmanager.into_iter().map(|file| Rendered {
            // A Secret has no folders; here is where the operator mounts it, and the example too.
            text: file
                .text
                .replace("templates: [templates/*.tmpl]", "templates: [/etc/alertmanager/config/*.tmpl]"),
            ..file
        }),
    );
    files
}

/// `operator/`: the rules as a PrometheusRule, on top of the base.
pub(super) fn operator(config: &Config) -> Vec<Rendered> {
    let service = &config.service;
    let mut kustomization = header(
        service,
        "The base, and the rules for the Prometheus Operator. Its Alertmanager takes the Secret by\n\
                         # spec.configSecret.",
    );
    kustomization.push_str(KUSTOMIZATION);
    kustomization.push_str("resources: [../base, prometheusrule.yaml]\n");
    let groups: String = prometheus::render(config, 1)
        .into_iter()
        .filter(|file| matches!(file.name, "rules.yaml" | "alerts.yaml"))
        .filter_map(|file| file.text.split_once("\ngroups:\n").map(|(_, groups)| groups.to_owned()))
        .collect();
    let mut rule = header(
        service,
        "The Prometheus's spec.ruleSelector must find it: an empty one finds all, that of some charts wants a label\n\
         # `release` more.",
    );
    rule.push_str(&format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: {}\n  namespace: {NAMESPACE}\n  \
         labels: {{app.kubernetes.io/part-of: redline}}\nspec:\n  groups:\n{}",
        names::resource(service, ""),
        indented(&groups, 2)
    ));
    vec![
        Rendered { name: "operator/kustomization.yaml", text: kustomization },
        Rendered { name: "operator/prometheusrule.yaml", text: rule },
    ]
}

/// The files that are named, under their other names.
fn renamed(files: Vec<Rendered>, names: &[(&str, &'static str)]) -> Vec<Rendered> {
    let rename = |file: Rendered| {
        let (_, name) = names.iter().find(|(from, _)| *from == file.name)?;
        Some(Rendered { name, ..file })
    };
    files.into_iter().filter_map(rename).collect()
}
