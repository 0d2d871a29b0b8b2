//! A configuration in, how Prometheus scrapes the proxies out.

use super::timing::SCRAPE_S;
use redline::config::Config;

/// `scrape.yaml`: the key `scrape_configs`, for prometheus.yml or its `scrape_config_files`.
pub(super) fn text(config: &Config, scale: u64) -> String {
    let interval = SCRAPE_S.checked_div(scale.max(1)).unwrap_or_default().max(1);
    format!(
        r#"# Made by `redline render prometheus` from the configuration of the service {service}.
# For prometheus.yml, or a file of its scrape_config_files (from Prometheus 2.43 on). Beside it:
#   rule_files: [rules.yaml, alerts.yaml]
scrape_configs:
  - job_name: redline
    metrics_path: /stats/prometheus
    scrape_interval: {interval}s
    # Our labels `service` and `endpoint` are the traffic's. Without this line a target's labels of the same names, which
    # the Prometheus Operator sets, would take their place, and no rule would match.
    honor_labels: true
    static_configs:
      # The admin address of every Envoy. On Kubernetes put kubernetes_sd_configs here, or a PodMonitor with honorLabels.
      - targets: ["127.0.0.1:9901"]
"#,
        service = config.service,
    )
}
