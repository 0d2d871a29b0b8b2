//! What a panel shows in, Grafana's JSON for it out.

use super::thresholds::{BySlo, Thresholds};
use crate::render::promql::Vocabulary;
use serde_json::{Value, json};

/// A row and its panels.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: Vec<Panel>,
}

/// How a panel looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Lines over time.
    Lines,
    /// Areas that add up.
    Stacked,
    /// One number.
    Number,
    /// One number on a dial.
    Dial,
    /// A bar for each series.
    Bars,
    /// A row for each series.
    Table,
    /// Buckets over time.
    Heatmap,
}

/// One panel; its queries are templates, each with its legend.
pub(super) struct Panel {
    title: &'static str,
    look: Look,
    unit: &'static str,
    queries: Vec<(String, &'static str)>,
    description: &'static str,
    thresholds: Option<Thresholds>,
    /// Of series with such a name.
    own_thresholds: Vec<(String, Thresholds)>,
    runbook: Option<&'static str>,
    width: u64,
    range: Option<(f64, f64)>,
    mappings: Vec<Value>,
}

impl Panel {
    pub(super) fn new(
        title: &'static str,
        look: Look,
        unit: &'static str,
        query: impl Into<String>,
        legend: &'static str,
    ) -> Self {
        let width = match look {
            Look::Number | Look::Dial => 4,
            Look::Lines | Look::Stacked | Look::Bars | Look::Heatmap => 8,
            Look::Table => 12,
        };
        Self {
            title,
            look,
            unit,
            queries: vec![(query.into(), legend)],
            description: "",
            thresholds: None,
            own_thresholds: Vec::new(),
            runbook: None,
            width,
            range: None,
            mappings: Vec::new(),
        }
    }

    pub(super) fn and(mut self, query: impl Into<String>, legend: &'static str) -> Self {
        self.queries.push((query.into(), legend));
        self
    }

    pub(super) fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(super) fn coloured(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// For panels whose legend is the SLO.
    pub(super) fn coloured_by_slo(mut self, thresholds: BySlo) -> Self {
        self.own_thresholds = thresholds.others;
        self.coloured(thresholds.first)
    }

    pub(super) fn runbook(mut self, alert: &'static str) -> Self {
        self.runbook = Some(alert);
        self
    }

    pub(super) fn wide(mut self, width: u64) -> Self {
        self.width = width;
        self
    }

    pub(super) fn between(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    pub(super) fn reads(mut self, words: &[(&str, &str, &str)]) -> Self {
        let options: serde_json::Map<String, Value> = words
            .iter()
            .enumerate()
            .map(|(i, (value, text, colour))| {
                ((*value).to_owned(), json!({"index": i, "text": text, "color": colour}))
            })
            .collect();
        self.mappings = vec![json!({"type": "value", "options": options})];
        self
    }

    pub(super) fn title(&self) -> &'static str {
        self.title
    }

    /// Width and height on the grid.
    pub(super) fn size(&self) -> (u64, u64) {
        let height = if matches!(self.look, Look::Number | Look::Dial) { 5 } else { 8 };
        (self.width, height)
    }

    /// Those of its queries that this configuration can answer; nothing where it can answer none.
    pub(super) fn queries(&self, words: &Vocabulary) -> Option<Vec<(String, &'static str)>> {
        let known: Vec<_> =
            self.queries.iter().filter_map(|(query, legend)| Some((words.expand(query)?, *legend))).collect();
        (!known.is_empty()).then_some(known)
    }

    /// As Grafana reads it.
    pub(super) fn json(
        &self,
        id: u64,
        place: &Value,
        queries: &[(String, &str)],
        runbooks: Option<&str>,
    ) -> Value {
        let kind = match self.look {
            Look::Lines | Look::Stacked => "timeseries",
            Look::Number => "stat",
            Look::Dial => "gauge",
            Look::Bars => "bargauge",
            Look::Table => "table",
            Look::Heatmap => "heatmap",
        };
        // One value a series is asked for once; lines over the whole time.
        let instant = matches!(self.look, Look::Number | Look::Dial | Look::Bars | Look::Table);
        let format = match self.look {
            Look::Table => "table",
            Look::Heatmap => "heatmap",
            _ => "time_series",
        };
        let datasource = json!({"type": "prometheus", "uid": "${datasource}"});
        let targets: Vec<Value> = queries
            .iter()
            .zip('A'..='Z')
            .map(|((query, legend), letter)| {
                json!({
                    "refId": letter.to_string(), "datasource": datasource, "editorMode": "code", "expr": query,
                    "legendFormat": legend, "instant": instant, "range": !instant, "format": format,
                })
            })
            .collect();
        let thresholds = match &self.thresholds {
            Some(thresholds) => thresholds.json(),
            None => Thresholds::rising(&[("green", None)]).json(),
        };
        let overrides: Vec<Value> = self
            .own_thresholds
            .iter()
            .map(|(slo, thresholds)| {
                json!({
                    "matcher": {"id": "byName", "options": slo},
                    "properties": [{"id": "thresholds", "value": thresholds.json()}],
                })
            })
            .collect();
        let mut defaults = json!({
            "unit": self.unit,
            "thresholds": thresholds,
            "color": {"mode": if instant && self.look != Look::Table { "thresholds" } else { "palette-classic" }},
            "mappings": self.mappings,
            "custom": self.custom(),
        });
        if let (Some((low, high)), Some(fields)) = (self.range, defaults.as_object_mut()) {
            fields.insert("min".to_owned(), json!(low));
            fields.insert("max".to_owned(), json!(high));
        }
        let links: Vec<Value> = self
            .runbook
            .iter()
            .zip(runbooks)
            .map(|(alert, runbooks)| json!({"title": format!("Runbook: {alert}"), "url": format!("{runbooks}/{alert}.md"), "targetBlank": true}))
            .collect();
        json!({
            "id": id, "type": kind, "title": self.title, "description": self.description, "gridPos": place,
            "datasource": datasource, "targets": targets, "links": links,
            "fieldConfig": {"defaults": defaults, "overrides": overrides},
            "options": self.options(),
        })
    }

    fn custom(&self) -> Value {
        match self.look {
            Look::Lines | Look::Stacked => json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": if self.look == Look::Stacked { 30 } else { 8 },
                "showPoints": "never", "spanNulls": false,
                "stacking": {"mode": if self.look == Look::Stacked { "normal" } else { "none" }, "group": "A"},
                "thresholdsStyle": {"mode": if self.thresholds.is_some() { "dashed" } else { "off" }},
            }),
            _ => json!({}),
        }
    }

    fn options(&self) -> Value {
        let last = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
        match self.look {
            Look::Lines | Look::Stacked => json!({
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Look::Number => {
                json!({"reduceOptions": last, "colorMode": "value", "graphMode": "none", "textMode": "auto"})
            }
            Look::Dial => {
                json!({"reduceOptions": last, "showThresholdMarkers": true, "showThresholdLabels": false})
            }
            Look::Bars => {
                json!({"reduceOptions": last, "orientation": "horizontal", "displayMode": "gradient"})
            }
            Look::Table => json!({"showHeader": true, "footer": {"show": false}}),
            Look::Heatmap => json!({
                "calculate": false, "yAxis": {"unit": self.unit}, "color": {"mode": "scheme", "scheme": "Oranges"},
                "cellGap": 1, "legend": {"show": true},
            }),
        }
    }
}
