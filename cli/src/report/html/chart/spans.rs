//! Named spans of time in; a row for each name with its spans out.

use super::ink::Ink;
use super::rows::{draw_rows, rows_on, write_title};
use super::sheet::{Area, ChartError, Drawing, FINE, Sheet, failed, fitting, margin, time_axis};
use plotters::prelude::{Color, Rectangle};

/// From when to when, in seconds since the chart's beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Its beginning.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// How it is filled.
    pub ink: Ink,
}

/// Seen, however short it is: the share of the whole width.
const LEAST_WIDTH: f64 = 0.004;

/// Draws the rows from the top, over the time from and to, nanoseconds since 1970. `name` says what it shows.
pub fn spans(name: &str, rows: &[(String, Vec<Span>)], time: (u64, u64)) -> Result<Drawing, ChartError> {
    draw_rows(name, rows.len(), |sheet, area| draw_on(sheet, area, rows, time))
}

fn draw_on(
    sheet: &Sheet,
    area: &Area<'_>,
    rows: &[(String, Vec<Span>)],
    time: (u64, u64),
) -> Result<(), ChartError> {
    let axis = time_axis(time, sheet);
    let mut chart = rows_on(area, rows.len(), &axis, [16 * FINE, margin(&axis, sheet)])?;
    let whole = time.1.saturating_sub(time.0) as f64 / 1e9;
    for (place, (title, spans)) in rows.iter().enumerate() {
        let top = place as f64;
        let title = fitting(title, sheet.width - 30);
        write_title(&mut chart, title, 0.0, top)?;
        let base = [(0.0, top + 0.66), (whole, top + 0.7)];
        chart.draw_series([Rectangle::new(base, Ink::Grid.color().filled())]).map_err(failed)?;
        let bars = spans.iter().map(|span| {
            let from = axis.clamped(span.from_s);
            let to = axis.clamped(span.to_s).max(from + whole * LEAST_WIDTH);
            Rectangle::new([(from, top + 0.5), (to, top + 0.86)], span.ink.color().filled())
        });
        chart.draw_series(bars).map_err(failed)?;
    }
    Ok(())
}
