//! A configuration in; dashboards and provisioning for Grafana 11 and later out.
//!
//! A panel is rendered only where the configuration has the metrics that it shows.

mod both;
mod objectives;
mod overview;
mod panel;
mod slo;
mod thresholds;

use super::Rendered;
use super::prometheus;
use super::promql::Vocabulary;
use panel::{Panel, Row};
use redline::config::{Config, Duration};
use redline::slo::Window;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The uid and the name of the data source that is provisioned: no name that a Grafana is likely to have already.
const DATASOURCE: &str = "redline-prometheus";
const DATASOURCE_NAME: &str = "Prometheus (Redline)";
/// Longer uids are refused.
const MAX_UID: usize = 40;

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

/// The titles of the panels that are not rendered, because the configuration has none of their metrics.
pub fn left_out(config: &Config) -> Vec<&'static str> {
    let words = words(config);
    let rows = overview::rows(config).into_iter().chain(slo::rows(config));
    let panels = rows.flat_map(|row| row.panels).filter(|panel| panel.queries(&words).is_none());
    let mut titles: Vec<&str> = panels.map(|panel| panel.title()).collect();
    // Both dashboards begin with the same ones.
    let mut seen = BTreeSet::new();
    titles.retain(|title| seen.insert(*title));
    titles
}

/// The vocabulary with Grafana's variables as words.
fn words(config: &Config) -> Vocabulary {
    let windows = Window::ALL.into_iter().filter(|window| *window != Window::Period);
    let windows: Vec<String> =
        windows.map(|window| window.length(Duration::from_days(30)).to_string()).collect();
    prometheus::vocabulary(config, 1)
        .with_word("S", "service=~\"$service\"")
        .with_word("EP", "endpoint=~\"$endpoint\"")
        .with_word("TN", "tenant=~\"$tenant\"")
        .with_word("R", "$__rate_interval")
        // Whatever the period of an SLO is, it is none of the windows that all have.
        .with_word("P", format!("window!~\"{}\"", windows.join("|")))
}

fn dashboard(config: &Config, uid: &str, title: &str, rows: &[Row]) -> Value {
    let words = words(config);
    let runbooks = config.alerting.runbook_base.as_deref().map(|base| base.trim_end_matches('/'));
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
        "uid": unique(uid, &config.service),
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

/// A uid that no other service has, however long its name is: as much of the name as there is room for, and its hash.
fn unique(kind: &str, service: &str) -> String {
    // FNV-1a, 64 bits, of which 40 are shown.
    let hash = service.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let suffix = format!("{:010x}", hash >> 24);
    let room = MAX_UID.saturating_sub(kind.len()).saturating_sub(suffix.len()).saturating_sub(2);
    let name: String = service.chars().take(room).collect();
    format!("{kind}-{name}-{suffix}")
}

/// The data source, and the labels that traffic has.
fn variables(config: &Config, words: &Vocabulary) -> Vec<Value> {
    let mut list = vec![json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "current": {"text": DATASOURCE_NAME, "value": DATASOURCE}, "hide": 0, "refresh": 1,
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
        "{}apiVersion: 1\ndatasources:\n  - name: {DATASOURCE_NAME}\n    uid: {DATASOURCE}\n    type: prometheus\n    access: proxy\n    \
         url: http://prometheus:9090\n    isDefault: false\n    jsonData: {{timeInterval: 15s, httpMethod: POST}}\n",
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
