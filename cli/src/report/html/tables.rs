//! What has been counted in; the tables of endpoints, tenants and custom metrics, and the remarks, out.

use super::input::Input;
use super::parts::{Cell, Part, Section, Table};
use crate::report::custom;
use crate::report::numbers::{self, percent, quantile_of_durations, whole};
use crate::report::quantile::quantile;
use crate::report::red::EndpointRow;

/// Rows of endpoints and of tenants.
const TOP: usize = 20;
/// Rows of custom metrics.
const MOST_METRICS: usize = 100;

/// A share of errors, by its size.
fn errors(errors: f64, requests: f64) -> Cell {
    let tone = match errors / requests {
        share if share >= 0.05 => "bad",
        share if share >= 0.01 => "warning",
        _ => "",
    };
    Cell::toned(percent(errors, requests), tone)
}

/// Endpoints, those with the most requests first.
pub(super) fn endpoints(input: &Input<'_>) -> Option<Section> {
    let red = input.red();
    let total = red.total();
    if total.requests == 0.0 {
        return None;
    }
    let per_ms = numbers::per_millisecond(input.config.duration_unit);
    let seconds = input.seconds();
    let row = |name: &str, row: &EndpointRow| -> Vec<Cell> {
        let time = |q| quantile_of_durations(quantile(q, &row.durations), per_ms).into();
        vec![
            name.into(),
            whole(row.requests).into(),
            numbers::rate(row.requests, seconds).into(),
            percent(row.requests, total.requests).into(),
            errors(row.errors, row.requests),
            time(0.5),
            time(0.95),
            time(0.99),
        ]
    };
    let mut sorted: Vec<_> = red.endpoints.iter().filter(|(_, row)| row.requests > 0.0).collect();
    sorted.sort_by(|a, b| b.1.requests.total_cmp(&a.1.requests));
    let rows = sorted.iter().map(|(name, r)| row(name, r)).collect();
    let columns = ["Endpoint", "Requests", "Rate", "Share", "Errors", "p50", "p95", "p99"];
    let table = Table::new("Endpoints by requests", &columns, rows).cut(TOP);
    Some(Section { id: "endpoints", title: "Top endpoints", parts: vec![Part::Table(table)] })
}

/// Tenants, those with the most requests first; nothing where no request named one.
pub(super) fn tenants(input: &Input<'_>) -> Option<Section> {
    let red = input.red();
    if !red.names_a_tenant() {
        return None;
    }
    let all: f64 = red.tenants.values().map(|row| row.requests).sum();
    let mut sorted: Vec<_> = red.tenants.iter().collect();
    sorted.sort_by(|a, b| b.1.requests.total_cmp(&a.1.requests));
    let rows = sorted.iter().map(|(name, row)| -> Vec<Cell> {
        vec![
            name.as_str().into(),
            whole(row.requests).into(),
            percent(row.requests, all).into(),
            errors(row.errors, row.requests),
            numbers::bytes(row.bytes_in).into(),
            numbers::bytes(row.bytes_out).into(),
        ]
    });
    let columns = ["Tenant", "Requests", "Share", "Errors", "Bytes in", "Bytes out"];
    let table = Table::new("Tenants by requests", &columns, rows.collect()).cut(TOP);
    Some(Section { id: "tenants", title: "Top tenants", parts: vec![Part::Table(table)] })
}

/// The configuration's own metrics.
pub(super) fn custom(input: &Input<'_>) -> Option<Section> {
    let rows = custom::rows(input.config, input.scrape?);
    if rows.is_empty() {
        return None;
    }
    let cells = rows.iter().map(|row| row.cells().into_iter().map(Cell::from).collect()).collect();
    let columns = ["Metric", "Type", "Label sets", "Value", "p50", "p99"];
    let mut table = Table::new("Metrics of the configuration", &columns, cells).cut(MOST_METRICS);
    if let Some((_, number)) = table.columns.get_mut(1) {
        *number = false;
    }
    Some(Section { id: "custom", title: "Custom metrics", parts: vec![Part::Table(table)] })
}

/// What a reader should know of the numbers.
pub(super) fn remarks(input: &Input<'_>) -> Option<Section> {
    let said_of_slos = input.slos.into_iter().flat_map(|states| states.remarks.iter().cloned());
    let remarks: Vec<String> = input.remarks.iter().cloned().chain(said_of_slos).collect();
    (!remarks.is_empty()).then(|| Section {
        id: "remarks",
        title: "Remarks",
        parts: vec![Part::List(remarks)],
    })
}
