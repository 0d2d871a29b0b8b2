//! Duration histograms over time in; percentiles out.

use super::chart::ChartError;
use super::chart::{Axis, Ink, Layer, Plot, steps};
use super::input::Input;
use super::input::{over_time, time_of};
use super::parts::{Cell, Chart, Key, Part, Section, Table};
use crate::course::Bin;
use crate::course::length::in_words;
use crate::report::numbers::{milliseconds, per_millisecond, quantile_of_durations};
use crate::report::quantile::{Quantile, quantile};

const SHOWN: [(&str, f64, Ink); 3] =
    [("p99", 0.99, Ink::Third), ("p95", 0.95, Ink::Second), ("p50", 0.5, Ink::First)];

/// p50, p95 and p99 over time; nothing where no duration is known.
pub(super) fn section(input: &Input<'_>) -> Result<Option<Section>, ChartError> {
    let (bins, length) = input.bins();
    let Some(time) = time_of(&bins) else { return Ok(None) };
    let per_ms = per_millisecond(input.config.duration_unit);
    // Above the highest bound nothing is known but that; it is drawn there.
    let at = |q: f64| {
        move |bin: &Bin| match quantile(q, &bin.durations) {
            Quantile::At(value) | Quantile::Above(value) => Some(value / per_ms),
            Quantile::None => None,
        }
    };
    let mut least = f64::INFINITY;
    let mut most = 0.0;
    let mut layers = Vec::new();
    let mut ranges = Vec::new();
    for (name, q, ink) in SHOWN {
        let values: Vec<f64> = bins.iter().filter_map(at(q)).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        if values.is_empty() {
            continue;
        }
        least = f64::min(least, low);
        most = f64::max(most, high);
        ranges.push(format!("{name} {} to {}", milliseconds(low), milliseconds(high)));
        layers.push(Layer::Lines(ink, steps(over_time(&bins, at(q)))));
    }
    if layers.is_empty() {
        let text = "No durations were measured.".to_owned();
        return Ok(Some(Section { id: "latency", title: "Latency", parts: vec![Part::Text(text)] }));
    }
    let logarithmic = least > 0.0 && most / least > 20.0;
    let values = match logarithmic {
        true => Axis::logarithmic(least, most, short_milliseconds),
        false => Axis::from_zero(most, short_milliseconds),
    };
    let scale = if logarithmic { ", logarithmic scale" } else { "" };
    let finding = format!("Duration of requests over time{scale}: {}.", ranges.join("; "));
    let plot = Plot { time, values, layers, limits: Vec::new() };
    let chart = Chart {
        title: format!("Duration of requests, percentiles{scale}"),
        drawing: plot.draw(&finding)?,
        finding,
        keys: SHOWN.iter().map(|(name, _, ink)| Key::line(*name, *ink)).collect(),
        data: table(input, per_ms),
    };
    let mut notes = vec![format!(
        "Estimated from the filter's histogram buckets, as Prometheus does it; each step is {}. \
         Where nothing was timed there is no line.",
        in_words(length)
    )];
    let above = |bin: &Bin| matches!(quantile(0.99, &bin.durations), Quantile::Above(_));
    if bins.iter().any(above) {
        notes.push("What lies above the highest bucket is drawn at its bound.".to_owned());
    }
    let parts = vec![Part::Text(notes.join(" ")), Part::Charts(vec![chart])];
    Ok(Some(Section { id: "latency", title: "Latency", parts }))
}

/// Labels of an axis: `5 ms`, `2 s`.
fn short_milliseconds(ms: f64) -> String {
    match ms {
        0.0 => "0".to_owned(),
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1000.0),
        ms if ms < 1000.0 => format!("{} ms", (ms * 100.0).round() / 100.0),
        ms => format!("{} s", (ms / 10.0).round() / 100.0),
    }
}

fn table(input: &Input<'_>, per_ms: f64) -> Table {
    let (bins, length) = input.coarse_bins();
    let rows = bins.iter().map(|bin| {
        let mut cells: Vec<Cell> = vec![input.moment(bin.from_ns).into()];
        let shown = SHOWN.iter().rev();
        cells.extend(
            shown.map(|(_, q, _)| Cell::from(quantile_of_durations(quantile(*q, &bin.durations), per_ms))),
        );
        cells
    });
    let caption = format!("Percentiles of durations, every {}", in_words(length));
    Table::new(caption, &["From (UTC)", "p50", "p95", "p99"], rows.collect())
}
