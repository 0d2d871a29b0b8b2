//! Totals at moments in; what happened from one to the next, over any span, in a bounded number of bins, out.
//!
//! Totals only grow, so that a moment in between can be forgotten: its neighbours still have everything. However long
//! it takes, at most [`MOST_MARKS`] are kept, on a grid that gets coarser.

mod bins;
mod grid;
pub(crate) mod length;
mod recorder;
mod totals;

pub use bins::Bin;
pub use recorder::Recorder;
pub use totals::{BURN_WINDOWS, CLASSES, SloTotals, Totals};

use grid::Grid;

/// Moments that are kept at most.
pub const MOST_MARKS: usize = 600;

/// The totals at one moment.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    at_ns: u64,
    totals: Totals,
}

/// How totals have grown.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    grid: Grid,
    complete: bool,
    marks: Vec<Mark>,
}

impl Course {
    /// Nothing yet; no finer than `finest_ns`. For totals that are looked at now and then.
    pub fn new(finest_ns: u64) -> Self {
        Self { grid: Grid::at_least(finest_ns), complete: false, marks: Vec::new() }
    }

    /// The same for totals of which no change goes unseen: whenever something is to happen in a cell of the grid, those at
    /// its beginning are noted first. The first mark in a cell then holds for the cell's beginning, and nothing happened in a cell
    /// without one.
    pub fn complete(finest_ns: u64) -> Self {
        Self { complete: true, ..Self::new(finest_ns) }
    }

    /// Whether this moment lies in another cell than the last that was noted.
    pub fn is_due(&self, now_ns: u64) -> bool {
        self.marks.last().is_none_or(|last| now_ns >= self.grid.next(last.at_ns))
    }

    /// The first edge of the grid after this moment.
    pub fn next_edge(&self, now_ns: u64) -> u64 {
        self.grid.next(now_ns)
    }

    /// The last edge of the grid up to this moment.
    pub fn edge(&self, now_ns: u64) -> u64 {
        self.grid.floor(now_ns)
    }

    /// Notes the totals of a moment; one that is not after the last is left out.
    pub fn note(&mut self, at_ns: u64, totals: Totals) {
        if self.marks.last().is_some_and(|last| at_ns <= last.at_ns) {
            return;
        }
        self.marks.push(Mark { at_ns, totals });
        while self.marks.len() > MOST_MARKS {
            self.coarsen();
        }
    }

    /// Notes the totals of the end, after which nothing counts: marks that are not before it are forgotten.
    pub fn end(&mut self, at_ns: u64, mut totals: Totals) {
        while let Some(late) = self.marks.pop_if(|mark| mark.at_ns >= at_ns) {
            totals.raise_peaks(&late.totals.peaks());
        }
        self.marks.push(Mark { at_ns, totals });
    }

    /// The totals noted last.
    pub fn last(&self) -> Option<&Totals> {
        self.marks.last().map(|mark| &mark.totals)
    }

    /// The next coarser grid; of the marks in one of its cells the first is kept, and the last of all.
    fn coarsen(&mut self) {
        self.grid = self.grid.coarser();
        let marks = std::mem::take(&mut self.marks);
        let last = marks.len().saturating_sub(1);
        let mut peaks = Vec::new();
        for (place, mut mark) in marks.into_iter().enumerate() {
            mark.totals.raise_peaks(&peaks);
            let known = self.marks.last().map(|kept| self.grid.floor(kept.at_ns));
            if place == last || known != Some(self.grid.floor(mark.at_ns)) {
                peaks.clear();
                self.marks.push(mark);
            } else {
                peaks = mark.totals.peaks();
            }
        }
    }
}

#[cfg(test)]
mod tests;
