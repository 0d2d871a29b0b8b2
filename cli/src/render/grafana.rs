//! A configuration in; dashboards and provisioning for Grafana 11 and later out.
//!
//! A panel is rendered only where the configuration has the metrics that it shows.

mod overview;
mod panel;
mod slo;

use super::Rendered;
use super::prometheus;
use super::promql::Vocabulary;
use panel::{Panel, Row, Thresholds};
use redline::config::{Config, Sli};
use serde_json::{Value, json};

/// The uid of the data source that is provisioned.
const DATASOURCE: &str = "redline-prometheus";

/// `overview.json`, `slo.json` and `provisioning/`.
pub fn render(config: &Config) -> Vec<Rendered> {
    let json = |value: &Value| format!("{value:#}\n");
    vec![
        Rendered { name: "overview.json", text: json(&overview(config)) },
        Rendered { name: "slo.json", text: json(&slos(config)) },
        Rendered { name: "provisioning/datasources/redline.yaml", text: datasources(config) },
        Rendered { name: "provisioning/dashboards/redline.yaml", text: providers(config) },
    ]
}

/// The overview: how the service does, in five rows.
pub fn overview(config: &Config) -> Value {
    dashboard(config, "redline-overview", "Redline overview", &overview::rows(config))
}

/// The SLOs, in six rows.
pub fn slos(config: &Config) -> Value {
    dashboard(config, "redline-slo", "Redline SLOs", &slo::rows(config))
}

/// What panels know of the objectives.
struct Objectives {
    /// Of the first SLO about availability, as a ratio.
    availability: f64,
    /// Of the first about latency, in seconds.
    latency_s: f64,
    /// The burn rate of the first pair.
    fast: String,
    /// The period's label `window`.
    period: String,
}

impl Objectives {
    fn of(config: &Config) -> Self {
        let availability = config.slos.iter().find(|slo| matches!(slo.sli, Sli::Availability { .. }));
        let threshold = config.slos.iter().find_map(|slo| match slo.sli {
            Sli::Latency { threshold } => Some(threshold.as_millis() as f64 / 1000.0),
            Sli::Availability { .. } => None,
        });
        let period = config.slos.first().map(|slo| slo.period);
        let fast =
            period.and_then(|period| prometheus::tiers(period).first().map(|tier| tier.factor.to_string()));
        Self {
            availability: availability.map_or(0.999, |slo| f64::from(slo.objective.ppm()) / 1e6),
            latency_s: threshold.unwrap_or(1.0),
            fast: fast.unwrap_or_else(|| "14.4".to_owned()),
            period: period.map_or_else(|| "30d".to_owned(), |period| period.to_string()),
        }
    }

    /// Red below the objective, yellow where half of what may fail has failed, green above.
    fn of_availability(&self) -> Thresholds {
        let middle = self.availability + (1.0 - self.availability) / 2.0;
        Thresholds::rising(&[("red", None), ("yellow", Some(self.availability)), ("green", Some(middle))])
    }

    /// Green below half of the threshold, red above it.
    fn of_latency(&self) -> Thresholds {
        let half = self.latency_s / 2.0;
        Thresholds::rising(&[("green", None), ("yellow", Some(half)), ("red", Some(self.latency_s))])
    }

    /// As the alerts have it: 10 % and 25 %.
    fn of_budget() -> Thresholds {
        Thresholds::rising(&[
            ("red", None),
            ("orange", Some(0.1)),
            ("yellow", Some(0.25)),
            ("green", Some(0.5)),
        ])
    }

    /// As the first pair of windows has it.
    fn of_burn(&self) -> Thresholds {
        let fast = self.fast.parse().unwrap_or(14.4);
        Thresholds::rising(&[
            ("green", None),
            ("yellow", Some(1.0)),
            ("orange", Some(6.0)),
            ("red", Some(fast)),
        ])
    }
}

/// The vocabulary with Grafana's variables as words.
fn words(config: &Config) -> Vocabulary {
    let objectives = Objectives::of(config);
    prometheus::vocabulary(config, 1)
        .with_word("S", "service=~\"$service\"")
        .with_word("EP", "endpoint=~\"$endpoint\"")
        .with_word("TN", "tenant=~\"$tenant\"")
        .with_word("R", "$__rate_interval")
        .with_word("FAST", objectives.fast)
        .with_word("P", format!("window=\"{}\"", objectives.period))
}

fn dashboard(config: &Config, uid: &str, title: &str, rows: &[Row]) -> Value {
    let words = words(config);
    let runbooks = config.alerting.runbook_base.as_deref().unwrap_or("docs/runbooks").trim_end_matches('/');
    let mut panels = Vec::new();
    let (mut id, mut y) = (1_u64, 0_u64);
    for row in rows {
        let shown: Vec<(&Panel, Vec<(String, &str)>)> =
            row.panels.iter().filter_map(|panel| Some((panel, panel.queries(&words)?))).collect();
        if shown.is_empty() {
            continue;
        }
        panels.push(json!({
            "id": id, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        id = id.saturating_add(1);
        y = y.saturating_add(1);
        let (mut x, mut tallest) = (0_u64, 0_u64);
        for (panel, queries) in shown {
            let (width, height) = panel.size();
            if x.saturating_add(width) > 24 {
                (x, y, tallest) = (0, y.saturating_add(tallest), 0);
            }
            let place = json!({"x": x, "y": y, "w": width, "h": height});
            panels.push(panel.json(id, &place, &queries, runbooks));
            id = id.saturating_add(1);
            x = x.saturating_add(width);
            tallest = tallest.max(height);
        }
        y = y.saturating_add(tallest);
    }
    json!({
        "uid": format!("{uid}-{}", config.service).chars().take(40).collect::<String>(),
        "title": format!("{title}: {}", config.service),
        "description": "Made by `redline render grafana`. Everything is summed over all proxies.",
        "tags": ["redline"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": [{
            "type": "dashboards", "title": "Redline", "tags": ["redline"], "asDropdown": false,
            "includeVars": true, "keepTime": true, "targetBlank": false,
        }],
        "annotations": {"list": []},
        "templating": {"list": variables(config, &words)},
        "panels": panels,
    })
}

/// The data source, and the labels that traffic has.
fn variables(config: &Config, words: &Vocabulary) -> Vec<Value> {
    let mut list = vec![json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {"text": "Prometheus", "value": DATASOURCE}, "hide": 0, "refresh": 1,
    })];
    let mut label = |name: &str, title: &str, metric: &str, all: bool| {
        let Some(query) = words.expand(metric) else { return };
        let query = format!("label_values({query}, {name})");
        let current = match all {
            true => json!({"text": ["All"], "value": ["$__all"]}),
            false => json!({"text": config.service, "value": config.service}),
        };
        list.push(json!({
            "name": name, "label": title, "type": "query", "hide": 0, "refresh": 2, "sort": 1,
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "definition": query, "query": {"qryType": 1, "query": query, "refId": "variable"},
            "includeAll": all, "multi": all, "allValue": if all { json!(".*") } else { Value::Null },
            "current": current, "regex": "",
        }));
    };
    label("service", "Service", "$redline_build_info", false);
    label("endpoint", "Endpoint", "$http_requests_total{$S}", true);
    label("tenant", "Tenant", "$tenant_requests_total{$S}", true);
    list
}

fn header(config: &Config) -> String {
    format!("# Made by `redline render grafana` from the configuration of the service {}.\n", config.service)
}

fn datasources(config: &Config) -> String {
    format!(
        "{}apiVersion: 1\ndatasources:\n  - name: Prometheus\n    uid: {DATASOURCE}\n    type: prometheus\n    access: proxy\n    \
         url: http://prometheus:9090\n    isDefault: true\n    jsonData: {{timeInterval: 15s, httpMethod: POST}}\n",
        header(config)
    )
}

fn providers(config: &Config) -> String {
    format!(
        "{}# Put overview.json and slo.json into the folder that `path` names.\napiVersion: 1\nproviders:\n  - name: redline\n    \
         folder: Redline\n    type: file\n    allowUiUpdates: false\n    options: {{path: /var/lib/grafana/dashboards/redline}}\n",
        header(config)
    )
}

#[cfg(test)]
mod tests;
