//! Named values in; horizontal bars, each under its name, out.

use super::axis::Axis;
use super::ink::Ink;
use super::{Area, ChartError, Drawing, FINE, Sheet, draw, failed, fitting, letters};
use plotters::prelude::{ChartBuilder, Color, PathElement, Rectangle, Text};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, Pos, VPos};

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

/// A row's height: the letters, and the bar below.
const ROW: u32 = 34;
/// Above and below the rows: the axis' letters.
const AROUND: u32 = 30;
/// Of the longest bar.
const LEAST_WIDTH: f64 = 0.003;

/// Draws the rows from the top; what is longer than the axis ends where it does. `name` says what it shows.
pub fn bars(name: &str, rows: &[Bar], values: &Axis) -> Result<Drawing, ChartError> {
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).min(64);
    draw(name, count * ROW + AROUND, |sheet, area| draw_on(sheet, area, rows, values))
}

fn draw_on(sheet: &Sheet, area: &Area<'_>, rows: &[Bar], values: &Axis) -> Result<(), ChartError> {
    let mut chart = ChartBuilder::on(area)
        .margin_left(2 * FINE)
        .margin_right(16 * FINE)
        .x_label_area_size((AROUND - 6) * FINE)
        .build_cartesian_2d(values.clone(), Axis::rows(rows.len()))
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::Axis.color())
        .bold_line_style(Ink::Grid.color())
        .label_style(letters())
        .x_label_formatter(&|value| values.label(*value))
        .draw()
        .map_err(failed)?;
    let named = letters().pos(Pos::new(HPos::Left, VPos::Center));
    for (place, row) in rows.iter().enumerate() {
        let top = place as f64;
        let title = fitting(&format!("{}: {}", row.name, row.text), sheet.width - 20);
        let start = values.clamped(f64::MIN);
        chart.draw_series([Text::new(title, (start, top + 0.27), named.clone())]).map_err(failed)?;
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
