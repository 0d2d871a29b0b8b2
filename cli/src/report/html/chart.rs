//! Series in; an SVG whose colours, lines and letters are the page's style sheet's, out.
//!
//! `plotters` lays out axes, marks and labels; every colour that it is given is a number that becomes a class
//! afterwards, so that one drawing serves light, dark and paper. Each chart is drawn twice, wide and narrow: letters of a wide one that is
//! scaled down to a telephone could not be read.

mod axis;
mod bars;
mod ink;
mod plot;
mod rows;
mod sheet;
mod spans;

pub use axis::{Axis, moment};
pub use bars::{Bar, bars};
pub use ink::Ink;
pub use plot::{Layer, Plot, steps};
pub use sheet::{ChartError, Drawing};
pub use spans::{Span, spans};

#[cfg(test)]
mod tests;
