//! A state in; the lines above the tables and the one below them out.

use super::super::rows::Own;
use super::super::value::Value;
use super::super::{Link, Top};
use super::style::{ends, fit, pad};
use crate::report::numbers::{coarse, whole};
use std::time::Duration;

/// An answer that takes so long is spoken of before it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom it asks and how, all requests together, and the filter.
pub(super) fn lines(top: &Top, width: usize) -> [String; 3] {
    [source(top, width), totals(top, width), filter(top, width)]
}

fn source(top: &Top, width: usize) -> String {
    let silent = |at| top.now.steady.saturating_sub(at).saturating_sub(top.source.interval);
    let state = match top.link {
        Link::Waiting => "connecting".to_owned(),
        Link::Lost { .. } => "NOT REACHED".to_owned(),
        Link::Live { at } if silent(at) >= PATIENCE => format!("NO ANSWER for {} s", silent(at).as_secs()),
        Link::Live { .. } if top.view.paused() => "PAUSED".to_owned(),
        Link::Live { .. } => "live".to_owned(),
    };
    let interval = top.source.interval.as_secs_f64();
    let over = match top.rows.seconds {
        Some(seconds) => format!("rates over {seconds:.0} s"),
        None => "measuring".to_owned(),
    };
    let up = top.reading.uptime_s.map_or_else(String::new, |s| match s {
        0.0 => ", up 0s".to_owned(),
        s => format!(", up {}", coarse(s as u64)),
    });
    ends(&format!(" {}{up}", top.source.url), &format!("{state}, every {interval} s, {over} "), width)
}

fn totals(top: &Top, width: usize) -> String {
    let rows = &top.rows;
    let all = &rows.all;
    let rate = rows.seconds.map_or(Value::Missing, |seconds| Value::Rate(all.requests / seconds)).short();
    let percent = |part| match Value::share(part, all.requests) {
        Value::Missing => "-".to_owned(),
        share => format!("{}%", share.short()),
    };
    let duration = |q| Value::quantile(all.duration(q)).short();
    let text = format!(
        " {rate} req/s  err {}  4xx {}  p50 {}  p95 {}  p99 {} ms  {} active",
        percent(all.errors),
        percent(all.refused),
        duration(0.5),
        duration(0.95),
        duration(0.99),
        Value::Count(rows.in_flight).short(),
    );
    fit(&text, width)
}

/// What the filter says of itself.
fn filter(top: &Top, width: usize) -> String {
    let services = &top.rows.services;
    let mut parts = Vec::new();
    match services.len() {
        0 => return String::new(),
        1 => {
            for (service, own) in services {
                let versions: Vec<&str> = own.gauges.versions.iter().map(String::as_str).collect();
                parts.push(format!("{service} {}", versions.join(" and ")).trim_end().to_owned());
            }
        }
        n => parts.push(format!("{n} services")),
    }
    let series: Vec<f64> = services.values().filter_map(|own| own.gauges.series).collect();
    if !series.is_empty() {
        parts.push(format!("{} series", whole(series.iter().sum())));
    }
    if let (1, Some([used, max])) =
        (services.len(), services.values().find_map(|own| own.gauges.values.get("tenant")))
    {
        parts.push(format!("tenants {} of {}", whole(*used), whole(*max)));
    }
    let none = |counts: fn(&Own) -> f64| services.values().map(counts).sum::<f64>() == 0.0;
    let dropped = none(|own| own.dropped.values().sum());
    let overflow = none(|own| own.overflow.values().sum());
    parts.extend(match (dropped, overflow) {
        (true, true) => vec!["no drops, no overflow".to_owned()],
        (true, false) => vec!["no drops".to_owned()],
        (false, true) => vec!["no overflow".to_owned()],
        (false, false) => Vec::new(),
    });
    fit(&format!(" {}", parts.join(" · ")), width)
}

/// The keys that are asked for most, or the filter while it is typed.
pub(super) fn footer(top: &Top, width: usize) -> String {
    let view = &top.view;
    let text = match (view.editing(), view.help()) {
        (true, _) => format!(" show only: {}_   Enter keep  Esc clear", view.filter()),
        (_, true) => " ? back  q quit".to_owned(),
        _ => {
            let keys = "q quit  Tab view  ↑↓ select  o sort  r reverse  / filter  p pause  ? help";
            let clear = if view.filter().is_empty() { "" } else { "Esc clear  " };
            format!(" {clear}{keys}")
        }
    };
    pad(&text, width, true)
}
