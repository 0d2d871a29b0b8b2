//! Named values in; horizontal bars, each under its name, out.

use super::axis::Axis;
use super::ink::Ink;
use super::rows::{draw_rows, rows_on, write_title};
use super::sheet::{Area, ChartError, Drawing, FINE, Sheet, failed, fitting};
use plotters::prelude::{Color, PathElement, Rectangle};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// How long it is.
    pub value: f64,
    /// The value in words.
    pub text: String,
    /// How it is filled.
    pub ink: Ink,
    /// Values that it should not exceed.
    pub limits: Vec<f64>,
    /// The highest that it has been.
    pub peak: Option<f64>,
}

/// Of the longest bar.
const LEAST_WIDTH: f64 = 0.003;

/// Draws the rows from the top; what is longer than the axis ends where it does. `name` says what it shows.
pub fn bars(name: &str, rows: &[Bar], values: &Axis) -> Result<Drawing, ChartError> {
    draw_rows(name, rows.len(), |sheet, area| draw_on(sheet, area, rows, values))
}

fn draw_on(sheet: &Sheet, area: &Area<'_>, rows: &[Bar], values: &Axis) -> Result<(), ChartError> {
    let mut chart = rows_on(area, rows.len(), values, [2 * FINE, 16 * FINE])?;
    for (place, row) in rows.iter().enumerate() {
        let top = place as f64;
        let title = fitting(&format!("{}: {}", row.name, row.text), sheet.width - 20);
        let start = values.clamped(f64::MIN);
        write_title(&mut chart, title, start, top)?;
        let (upper, lower) = (top + 0.5, top + 0.86);
        let whole =
            Rectangle::new([(start, upper), (values.clamped(f64::MAX), lower)], Ink::Track.color().filled());
        chart.draw_series([whole]).map_err(failed)?;
        // Something never looks like nothing.
        let least = if row.value > 0.0 { values.clamped(f64::MAX) * LEAST_WIDTH } else { 0.0 };
        let end = values.clamped(row.value).max(least);
        let bar = Rectangle::new([(start, upper), (end, lower)], row.ink.color().filled());
        chart.draw_series([bar]).map_err(failed)?;
        let limits = row.limits.iter().map(|limit| (*limit, Ink::Mark));
        let peak = row.peak.into_iter().map(|peak| (values.clamped(peak), Ink::Peak));
        for (value, ink) in limits.chain(peak) {
            let line = vec![(value, upper - 0.04), (value, lower + 0.04)];
            chart.draw_series([PathElement::new(line, ink.color().stroke_width(FINE))]).map_err(failed)?;
        }
    }
    Ok(())
}
