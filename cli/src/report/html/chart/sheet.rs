//! What a chart shows, and how to draw it on a sheet of some width, in; its two drawings out.

use super::axis::Axis;
use super::ink::{self, Ink};
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, IntoFont, SVGBackend, TextStyle};

/// The two drawings of a chart, each a whole `<svg>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// For 480 CSS pixels and more.
    pub wide: String,
    /// For telephones.
    pub narrow: String,
}

/// What a chart is drawn on. Lengths are in CSS pixels at the scale at which letters have their full size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sheet {
    class: &'static str,
    pub(super) width: u32,
    /// Labels that fit beside each other under the plot.
    pub(super) most_labels: usize,
}

const WIDE: Sheet = Sheet { class: "wide", width: 600, most_labels: 8 };
const NARROW: Sheet = Sheet { class: "narrow", width: 340, most_labels: 6 };

/// Units of a drawing in a CSS pixel: plotters counts in whole ones.
pub(super) const FINE: u32 = 2;
/// The letters' size in CSS pixels, which the style sheet repeats.
const LETTERS: u32 = 12;
/// About a letter's width; the style sheet's font is not known here.
const LETTER_WIDTH: f64 = 6.8;

/// Why a chart could not be drawn; plotters' reason. A string as target cannot fail, so that this is a mistake of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a chart cannot be drawn: {0}")]
pub struct ChartError(String);

/// An axis of time with as many marks as have room beside each other.
pub(super) fn time_axis(time: (u64, u64), sheet: &Sheet) -> Axis {
    let gap = 14 * FINE;
    let room = sheet.width * FINE * 4 / 5;
    let fits = |axis: &Axis| axis.labels().map(|label| text_width(label) + gap).sum::<u32>() <= room;
    let axes = (2..=sheet.most_labels).rev().map(|most| Axis::time(time, most));
    axes.into_iter().find(fits).unwrap_or_else(|| Axis::time(time, 2))
}

/// The room that its last label needs beside the plot.
pub(super) fn margin(axis: &Axis, sheet: &Sheet) -> u32 {
    let widest = axis.labels().map(text_width).max().unwrap_or(0);
    axis.beyond(widest, sheet.width * FINE * 4 / 5).max(6 * FINE)
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws twice; `name` is what the chart shows, in words, for who does not see it.
pub(super) fn draw(
    name: &str,
    height: u32,
    draw: impl Fn(&Sheet, &Area<'_>) -> Result<(), ChartError>,
) -> Result<Drawing, ChartError> {
    let one = |sheet: &Sheet| {
        let mut svg = String::new();
        let size = (sheet.width * FINE, height * FINE);
        {
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            draw(sheet, &area)?;
            area.present().map_err(failed)?;
        }
        Ok(ink::themed(&svg, sheet.class, name, size))
    };
    Ok(Drawing { wide: one(&WIDE)?, narrow: one(&NARROW)? })
}

pub(super) fn failed(error: impl std::fmt::Display) -> ChartError {
    ChartError(error.to_string())
}

/// How letters are laid out; how they look is the style sheet's.
pub(super) fn letters() -> TextStyle<'static> {
    ("sans-serif", LETTERS * FINE).into_font().color(&Ink::Text.color())
}

/// About how wide a text is, in units of the drawing.
pub(super) fn text_width(text: &str) -> u32 {
    (text.chars().count() as f64 * LETTER_WIDTH * f64::from(FINE)) as u32
}

/// As much of a text as fits, with an ellipsis where something is missing.
pub(super) fn fitting(text: &str, pixels: u32) -> String {
    let most = (f64::from(pixels) / LETTER_WIDTH) as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}
