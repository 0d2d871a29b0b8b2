//! Alerts that fired in, a timeline of them out.

use super::chart::ChartError;
use super::chart::{Ink, Span, spans};
use super::input::{Firing, Input};
use super::parts::{Cell, Chart, Key, Part, Section, Table};
use crate::report::numbers::coarse;

/// Rows that are drawn, and firings that are listed.
const MOST_ROWS: usize = 30;
const MOST_LISTED: usize = 100;
/// A gap of less than such a part of the time is not drawn.
const FINEST: f64 = 500.0;

/// When which alert fired; nothing where nobody has evaluated them.
pub(super) fn section(input: &Input<'_>) -> Result<Option<Section>, ChartError> {
    let Some(firings) = input.firings else { return Ok(None) };
    let section = |parts| Some(Section { id: "alerts", title: "Alerts", parts });
    let time = input.span_ns.map(|(first, last)| {
        let latest = firings.iter().filter_map(|firing| firing.to_s).max().unwrap_or(0);
        let earliest = firings.iter().map(|firing| firing.from_s).min().unwrap_or(u64::MAX);
        let ns = |seconds: u64| seconds.saturating_mul(1_000_000_000);
        (first.min(ns(earliest)), last.max(ns(latest)))
    });
    let Some(time) = time.filter(|_| !firings.is_empty()) else {
        return Ok(section(vec![Part::Text("No alert would have fired.".to_owned())]));
    };
    let begin = time.0 as f64 / 1e9;
    let end = time.1 as f64 / 1e9 - begin;
    let mut rows: Vec<(String, Vec<Span>)> = Vec::new();
    for firing in firings {
        let name = firing.name();
        let span = Span {
            from_s: firing.from_s as f64 - begin,
            to_s: firing.to_s.map_or(end, |to| to as f64 - begin),
            ink: if firing.pages() { Ink::Failed } else { Ink::Refused },
        };
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, spans)) => match spans.last_mut() {
                // Of one that flaps nobody could see more; the table has each.
                Some(last) if span.from_s - last.to_s < end / FINEST => last.to_s = last.to_s.max(span.to_s),
                _ => spans.push(span),
            },
            None => rows.push((name, vec![span])),
        }
    }
    let pages = firings.iter().filter(|firing| firing.pages()).count();
    let names: Vec<&str> = rows.iter().take(5).map(|(name, _)| name.as_str()).collect();
    let finding = format!(
        "Alerts over time: {} firings of {} alerts, {pages} of them critical: {}{}.",
        firings.len(),
        rows.len(),
        names.join("; "),
        if rows.len() > names.len() { "; …" } else { "" },
    );
    let more = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let chart = Chart {
        title: "When alerts fired".to_owned(),
        drawing: spans(&finding, &rows, time)?,
        finding,
        keys: vec![Key::area("critical", Ink::Failed), Key::area("warning, info", Ink::Refused)],
        data: table(input, firings, time.1 / 1_000_000_000),
    };
    let mut parts = vec![Part::Charts(vec![chart])];
    if more > 0 {
        parts.push(Part::Text(format!("{more} more alerts are not drawn.")));
    }
    Ok(section(parts))
}

fn table(input: &Input<'_>, firings: &[Firing], end_s: u64) -> Table {
    let time = |seconds: u64| input.moment(seconds.saturating_mul(1_000_000_000));
    let rows = firings.iter().map(|firing| {
        let lasted = firing.to_s.unwrap_or(end_s).saturating_sub(firing.from_s);
        vec![
            firing.alert.clone().into(),
            firing.slo.clone().into(),
            Cell::toned(firing.severity.clone(), if firing.pages() { "bad" } else { "warning" }),
            time(firing.from_s).into(),
            firing.to_s.map_or_else(|| "still firing".to_owned(), time).into(),
            if lasted == 0 { "0s".to_owned() } else { coarse(lasted) }.into(),
        ]
    });
    let columns = ["Alert", "SLO", "Severity", "From (UTC)", "To (UTC)", "For"];
    let mut table = Table::new("Alerts that fired", &columns, rows.collect()).cut(MOST_LISTED);
    table.columns.iter_mut().take(3).for_each(|(_, number)| *number = false);
    table
}
