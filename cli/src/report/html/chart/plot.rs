//! Layers over time in, their drawing out.

use super::axis::Axis;
use super::ink::Ink;
use super::sheet::{
    Area, ChartError, Drawing, FINE, Sheet, draw, failed, letters, margin, text_width, time_axis,
};
use plotters::prelude::{ChartBuilder, Color, PathElement, Polygon, Text};
use plotters::style::TRANSPARENT;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Something drawn over time: x in seconds since the plot's beginning.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// Lines, each in one piece.
    Lines(Ink, Vec<Vec<(f64, f64)>>),
    /// What lies between two lines.
    Area(Ink, Vec<(f64, f64)>, Vec<(f64, f64)>),
}

/// A chart over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// From when to when, nanoseconds since 1970.
    pub time: (u64, u64),
    /// The values.
    pub values: Axis,
    /// From the back to the front.
    pub layers: Vec<Layer>,
    /// Values that mean something, with what they mean.
    pub limits: Vec<(f64, String)>,
}

const HEIGHT: u32 = 230;

impl Plot {
    /// Draws it; `name` says what it shows.
    pub fn draw(&self, name: &str) -> Result<Drawing, ChartError> {
        draw(name, HEIGHT, |sheet, area| self.draw_on(sheet, area))
    }

    fn draw_on(&self, sheet: &Sheet, area: &Area<'_>) -> Result<(), ChartError> {
        let time = time_axis(self.time, sheet);
        let widest = self.values.labels().map(text_width).max().unwrap_or(0);
        let mut chart = ChartBuilder::on(area)
            .margin_top(8 * FINE)
            .margin_right(margin(&time, sheet))
            .x_label_area_size(24 * FINE)
            .y_label_area_size(widest + 10 * FINE)
            .build_cartesian_2d(time.clone(), self.values.clone())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .disable_x_mesh()
            .axis_style(Ink::Axis.color())
            .bold_line_style(Ink::Grid.color())
            .label_style(letters())
            .x_labels(sheet.most_labels)
            .x_label_formatter(&|value| time.label(*value))
            .y_label_formatter(&|value| self.values.label(*value))
            .draw()
            .map_err(failed)?;
        for layer in &self.layers {
            match layer {
                Layer::Area(ink, upper, lower) => {
                    let outline: Vec<_> = upper.iter().chain(lower.iter().rev()).copied().collect();
                    chart.draw_series([Polygon::new(outline, ink.color())]).map_err(failed)?;
                }
                Layer::Lines(ink, lines) => {
                    let paths = lines.iter().map(|line| {
                        let on_axis = line.iter().map(|(x, y)| (*x, self.values.clamped(*y)));
                        PathElement::new(on_axis.collect::<Vec<_>>(), ink.color().stroke_width(FINE))
                    });
                    chart.draw_series(paths).map_err(failed)?;
                }
            }
        }
        let end = self.time.1.saturating_sub(self.time.0) as f64 / 1e9;
        for (value, label) in &self.limits {
            let line = vec![(0.0, *value), (end, *value)];
            chart.draw_series([PathElement::new(line, Ink::Limit.color())]).map_err(failed)?;
            let quiet = Ink::Quiet.color();
            let at = letters().color(&quiet).pos(Pos::new(HPos::Right, VPos::Bottom));
            chart.draw_series([Text::new(label.clone(), (end, *value), at)]).map_err(failed)?;
        }
        Ok(())
    }
}

/// Values that hold from one time to another (seconds) as lines of steps; where there is no value, nothing is drawn.
pub fn steps(values: impl IntoIterator<Item = (f64, f64, Option<f64>)>) -> Vec<Vec<(f64, f64)>> {
    let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut goes_on = false;
    for (from, to, value) in values {
        let Some(value) = value else {
            goes_on = false;
            continue;
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(line) => match line.last_mut() {
                // Level: the last point moves on.
                Some(last) if last.1 == value => last.0 = to,
                _ => line.extend([(from, value), (to, value)]),
            },
            None => lines.push(vec![(from, value), (to, value)]),
        }
        goes_on = true;
    }
    lines
}
