//! Requests in; how many of which class came when, and which status they had, out.

use super::chart::ChartError;
use super::chart::{Axis, Bar, Ink, Layer, Plot, bars, steps};
use super::input::Input;
use super::input::{over_time, time_of};
use super::parts::{Cell, Chart, Key, Part, Section, Table};
use crate::course::length::in_words;
use crate::course::{Bin, CLASSES};
use crate::report::numbers::{self, percent, whole};
use redline::metric::Metric;
use std::collections::BTreeMap;

/// Status codes that are drawn, and that are listed.
const MOST_BARS: usize = 12;
const MOST_STATUSES: usize = 40;

/// Requests per second by class, and the ratio of errors, over time.
pub(super) fn section(input: &Input<'_>) -> Result<Option<Section>, ChartError> {
    if input.scrape.is_none() {
        return Ok(None);
    }
    let section = |parts| Some(Section { id: "traffic", title: "Traffic", parts });
    if input.red().requests() == 0.0 {
        return Ok(section(vec![Part::Text("There were no requests.".to_owned())]));
    }
    let (bins, length) = input.bins();
    let Some(time) = time_of(&bins) else {
        let text = "All requests fell in one moment: there is no course over time.";
        return Ok(section(vec![Part::Text(text.to_owned())]));
    };
    let intro = format!("Each step of a chart is {}; times are UTC.", in_words(length));
    let charts = vec![rates(input, &bins, time)?, errors(input, &bins, time)?];
    Ok(section(vec![Part::Text(intro), Part::Charts(charts)]))
}

fn rates(input: &Input<'_>, bins: &[Bin], time: (u64, u64)) -> Result<Chart, ChartError> {
    let rate = |bin: &Bin| bin.requests() as f64 / bin.seconds();
    let seen: Vec<usize> =
        (0..CLASSES.len()).filter(|class| bins.iter().any(|bin| class_of(bin, *class) > 0)).collect();
    let mut layers = Vec::new();
    for (place, class) in seen.iter().enumerate() {
        let up_to = |count: usize| {
            let sum = move |bin: &Bin| {
                let below: u64 = bin.classes.iter().take(count.saturating_add(1)).sum();
                Some(below as f64 / bin.seconds())
            };
            steps(over_time(bins, sum)).into_iter().next().unwrap_or_default()
        };
        let lower = match place.checked_sub(1).and_then(|before| seen.get(before)) {
            Some(before) => up_to(*before),
            None => {
                over_time(bins, |_| ()).iter().flat_map(|(from, to, ())| [(*from, 0.0), (*to, 0.0)]).collect()
            }
        };
        let ink = Ink::CLASSES.get(*class).copied().unwrap_or(Ink::Main);
        layers.push(Layer::Area(ink, up_to(*class), lower));
    }
    let most = bins.iter().map(rate).fold(0.0, f64::max);
    let least = bins.iter().map(rate).fold(f64::INFINITY, f64::min);
    let at = bins.iter().max_by(|a, b| rate(a).total_cmp(&rate(b))).map_or(0, |bin| bin.from_ns);
    let mean = numbers::rate(input.red().requests(), input.seconds());
    let finding = format!(
        "Requests per second by status class, {} to {}: between {} and {}, {mean} on average; most at {}.",
        input.moment(time.0),
        input.moment(time.1),
        per_second(least),
        per_second(most),
        input.moment(at),
    );
    let plot = Plot { time, values: Axis::from_zero(most, per_second), layers, limits: Vec::new() };
    let keys = seen.iter().rev().map(|class| {
        let name = CLASSES.get(*class).copied().unwrap_or_default();
        let name = if name == "none" { "no response" } else { name };
        Key::area(name, Ink::CLASSES.get(*class).copied().unwrap_or(Ink::Main))
    });
    Ok(Chart {
        title: "Requests per second, by status class".to_owned(),
        drawing: plot.draw(&finding)?,
        finding,
        keys: keys.collect(),
        data: rate_table(input, &seen),
    })
}

fn class_of(bin: &Bin, class: usize) -> u64 {
    bin.classes.get(class).copied().unwrap_or(0)
}

fn per_second(rate: f64) -> String {
    match rate {
        0.0 => "0/s".to_owned(),
        rate if rate < 0.1 => format!("{}/s", (rate * 10_000.0).round() / 10_000.0),
        rate if rate < 10.0 => format!("{}/s", (rate * 100.0).round() / 100.0),
        rate => format!("{}/s", whole(rate.round())),
    }
}

fn rate_table(input: &Input<'_>, seen: &[usize]) -> Table {
    let (bins, length) = input.coarse_bins();
    let names = seen.iter().filter_map(|class| CLASSES.get(*class).copied());
    let names = names.map(|name| if name == "none" { "No response" } else { name });
    let columns: Vec<&str> = ["From (UTC)", "Requests", "Rate"].into_iter().chain(names).collect();
    let rows = bins.iter().map(|bin| {
        let requests = bin.requests() as f64;
        let mut cells: Vec<Cell> = vec![
            input.moment(bin.from_ns).into(),
            whole(requests).into(),
            numbers::rate(requests, bin.seconds()).into(),
        ];
        cells.extend(seen.iter().map(|class| Cell::from(numbers::count(class_of(bin, *class)))));
        cells
    });
    Table::new(format!("Requests by status class, every {}", in_words(length)), &columns, rows.collect())
}

fn errors(input: &Input<'_>, bins: &[Bin], time: (u64, u64)) -> Result<Chart, ChartError> {
    let ratio = |bin: &Bin| (bin.requests() > 0).then(|| bin.errors() as f64 / bin.requests() as f64 * 100.0);
    let most = bins.iter().filter_map(ratio).fold(0.0, f64::max);
    let red = input.red().total();
    let mean = percent(red.errors, red.requests);
    let at = bins.iter().filter(|bin| ratio(bin).is_some());
    let at = at.max_by(|a, b| ratio(a).unwrap_or(0.0).total_cmp(&ratio(b).unwrap_or(0.0)));
    let finding = match at {
        Some(bin) if most > 0.0 => format!(
            "Share of requests that failed (5xx or no answer): {mean} of all; at most {}, at {}.",
            percent(most, 100.0),
            input.moment(bin.from_ns),
        ),
        _ => "Share of requests that failed (5xx or no answer): none.".to_owned(),
    };
    let layers = vec![Layer::Lines(Ink::Failed, steps(over_time(bins, ratio)))];
    let values = Axis::from_zero(if most > 0.0 { most } else { 1.0 }, |value| {
        format!("{} %", (value * 1000.0).round() / 1000.0)
    });
    let (coarse, length) = input.coarse_bins();
    let rows = coarse.iter().map(|bin| {
        let (errors, requests) = (bin.errors() as f64, bin.requests() as f64);
        vec![input.moment(bin.from_ns).into(), whole(errors).into(), percent(errors, requests).into()]
    });
    let caption = format!("Failed requests, every {}", in_words(length));
    Ok(Chart {
        title: "Failed requests, percent".to_owned(),
        drawing: Plot { time, values, layers, limits: Vec::new() }.draw(&finding)?,
        finding,
        keys: Vec::new(),
        data: Table::new(caption, &["From (UTC)", "Failed", "Share"], rows.collect()),
    })
}

/// How often each status was sent.
pub(super) fn statuses(input: &Input<'_>) -> Result<Option<Section>, ChartError> {
    let Some(scrape) = input.scrape else { return Ok(None) };
    let name = input.config.metric_name(Metric::HttpRequests);
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in scrape.named(&name).filter(|sample| sample.label("service") == input.config.service) {
        *sums.entry(sample.label("status")).or_default() += sample.value;
    }
    let all: f64 = sums.values().sum();
    if all == 0.0 {
        return Ok(None);
    }
    let shown = |status: &str| if status == "0" { "no response" } else { status }.to_owned();
    let mut sorted: Vec<(&str, f64)> = sums.into_iter().collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rows: Vec<Bar> = sorted
        .iter()
        .take(MOST_BARS)
        .map(|(status, n)| Bar {
            name: shown(status),
            value: n / all * 100.0,
            text: format!("{} ({})", whole(*n), percent(*n, all)),
            ink: ink_of(status),
            limits: Vec::new(),
            peak: None,
        })
        .collect();
    let first: Vec<String> = rows.iter().take(3).map(|row| format!("{} {}", row.name, row.text)).collect();
    let finding = format!("Status codes by their share of {} requests: {}.", whole(all), first.join(", "));
    let axis = Axis::from_zero(rows.first().map_or(100.0, |row| row.value), |value| format!("{value} %"));
    let table = sorted
        .iter()
        .map(|(status, n)| vec![shown(status).into(), whole(*n).into(), percent(*n, all).into()]);
    let chart = Chart {
        title: "Share of requests by status code".to_owned(),
        drawing: bars(&finding, &rows, &axis)?,
        finding,
        keys: Vec::new(),
        data: Table::new("Requests by status code", &["Status", "Requests", "Share"], table.collect())
            .cut(MOST_STATUSES),
    };
    Ok(Some(Section { id: "statuses", title: "Status mix", parts: vec![Part::Charts(vec![chart])] }))
}

fn ink_of(status: &str) -> Ink {
    let class = CLASSES.iter().position(|class| class.get(..1) == status.get(..1));
    class.and_then(|class| Ink::CLASSES.get(class).copied()).unwrap_or(Ink::Unanswered)
}
