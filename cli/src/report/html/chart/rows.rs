//! How many rows, and the axis below them, in; a drawing with room for each row, the first at the top, out.

use super::axis::Axis;
use super::ink::Ink;
use super::sheet::{Area, ChartError, Drawing, FINE, Sheet, draw, failed, letters};
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::{ChartBuilder, SVGBackend, Text};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Rows of the height 1, from 0 at the top.
pub(super) type Rows<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// A row's height: the letters, and what they name below.
const ROW: u32 = 34;
/// Above and below the rows: the axis' letters.
const AROUND: u32 = 30;

/// Draws so many rows; `name` says what they show.
pub(super) fn draw_rows(
    name: &str,
    count: usize,
    draw_on: impl Fn(&Sheet, &Area<'_>) -> Result<(), ChartError>,
) -> Result<Drawing, ChartError> {
    let count = u32::try_from(count).unwrap_or(u32::MAX).min(64);
    draw(name, count * ROW + AROUND, draw_on)
}

/// The rows' axis with its marks, between a margin on the left and one on the right.
pub(super) fn rows_on<'a, 'b>(
    area: &'a Area<'b>,
    count: usize,
    axis: &Axis,
    [left, right]: [u32; 2],
) -> Result<Rows<'a, 'b>, ChartError> {
    let mut rows = ChartBuilder::on(area)
        .margin_left(left)
        .margin_right(right)
        .x_label_area_size((AROUND - 6) * FINE)
        .build_cartesian_2d(axis.clone(), Axis::rows(count))
        .map_err(failed)?;
    rows.configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .axis_style(Ink::Axis.color())
        .bold_line_style(Ink::Grid.color())
        .label_style(letters())
        .x_label_formatter(&|value| axis.label(*value))
        .draw()
        .map_err(failed)?;
    Ok(rows)
}

/// Writes a row's title into its upper half; `top` is where the row begins, `start` where its axis does.
pub(super) fn write_title(
    rows: &mut Rows<'_, '_>,
    title: String,
    start: f64,
    top: f64,
) -> Result<(), ChartError> {
    let style = letters().pos(Pos::new(HPos::Left, VPos::Center));
    rows.draw_series([Text::new(title, (start, top + 0.27), style)]).map_err(failed)?;
    Ok(())
}
