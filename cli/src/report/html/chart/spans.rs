//! Named spans of time in; a row for each name with its spans out.

use super::axis::Axis;
use super::ink::Ink;
use super::{Area, ChartError, Drawing, FINE, Sheet, draw, failed, fitting, letters, margin, time_axis};
use plotters::prelude::{ChartBuilder, Color, Rectangle, Text};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, Pos, VPos};

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

const ROW: u32 = 34;
const AROUND: u32 = 30;
/// Seen, however short it is: the share of the whole width.
const LEAST_WIDTH: f64 = 0.004;

/// Draws the rows from the top, over the time from and to, nanoseconds since 1970. `name` says what it shows.
pub fn spans(name: &str, rows: &[(String, Vec<Span>)], time: (u64, u64)) -> Result<Drawing, ChartError> {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).min(64);
    draw(name, count * ROW + AROUND, |sheet, area| draw_on(sheet, area, rows, time))
}

fn draw_on(
    sheet: &Sheet,
    area: &Area<'_>,
    rows: &[(String, Vec<Span>)],
    time: (u64, u64),
) -> Result<(), ChartError> {
    let axis = time_axis(time, sheet);
    let mut chart = ChartBuilder::on(area)
        .margin_left(16 * FINE)
        .margin_right(margin(&axis, sheet))
        .x_label_area_size((AROUND - 6) * FINE)
        .build_cartesian_2d(axis.clone(), Axis::rows(rows.len()))
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::Axis.color())
        .bold_line_style(Ink::Grid.color())
        .label_style(letters())
        .x_label_formatter(&|value| axis.label(*value))
        .draw()
        .map_err(failed)?;
    let whole = time.1.saturating_sub(time.0) as f64 / 1e9;
    let named = letters().pos(Pos::new(HPos::Left, VPos::Center));
    for (place, (title, spans)) in rows.iter().enumerate() {
        let top = place as f64;
        let title = fitting(title, sheet.width - 30);
        chart.draw_series([Text::new(title, (0.0, top + 0.27), named.clone())]).map_err(failed)?;
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
