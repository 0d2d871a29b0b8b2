//! A table and a width in; its lines out, with the columns that there is room for.

use super::super::cell::Cell;
use super::super::table::{Sort, Table};
use super::style::{fit, pad, style};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// A name gets so much before any column that may be left out, in percent of the width.
const NAME_PERCENT: usize = 35;
const NAME_LEAST: usize = 12;

/// A table as it will be on a screen.
pub(super) struct Grid<'t> {
    table: &'t Table,
    sort: Sort,
    /// Place of the column, and its width.
    columns: Vec<(usize, usize)>,
    /// Before each column; before the first one is the mark of the selected row.
    gap: usize,
}

/// How lines of a table look, apart from their cells' tones.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) colour: bool,
    /// What is shown is old.
    pub(super) dim: bool,
}

impl<'t> Grid<'t> {
    /// Chooses columns and widths: those of the highest rank go first, the name takes what is left.
    pub(super) fn new(table: &'t Table, sort: Sort, width: usize) -> Self {
        let mut widths: Vec<usize> =
            table.columns.iter().map(|column| column.title.width().max(column.least)).collect();
        for row in &table.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.value.short().width().max(*width);
            }
        }
        let natural = widths.get(table.name).copied().unwrap_or(0);
        let wanted = natural.min(NAME_LEAST.max(width.saturating_mul(NAME_PERCENT) / 100));
        let mut columns: Vec<(usize, usize)> = widths.into_iter().enumerate().collect();
        columns.retain(|(place, _)| !table.is_empty(*place));
        let rank = |place: usize| table.columns.get(place).map_or(0, |column| column.rank);
        let room = |columns: &[(usize, usize)], gap: usize| {
            let others = columns.iter().filter(|(place, _)| *place != table.name);
            width.saturating_sub(others.map(|(_, width)| width + gap).sum()).saturating_sub(gap)
        };
        while room(&columns, 1) < wanted {
            let last = columns.iter().map(|(place, _)| (rank(*place), *place)).max();
            let Some((_, place)) = last.filter(|(rank, _)| *rank > 0) else { break };
            columns.retain(|(other, _)| *other != place);
        }
        let gap = if room(&columns, 2) >= natural { 2 } else { 1 };
        let name = natural.min(room(&columns, gap)).max(4);
        columns.iter_mut().filter(|(place, _)| *place == table.name).for_each(|(_, width)| *width = name);
        Self { table, sort, columns, gap }
    }

    /// What stands before a column: a mark, or nothing.
    fn before(&self, mark: &str) -> String {
        pad(mark, self.gap, false)
    }

    /// The titles; that of the order stands out.
    pub(super) fn titles(&self) -> Line<'static> {
        let plain = Style::new().add_modifier(Modifier::BOLD);
        let mut spans = Vec::new();
        for (place, width) in &self.columns {
            if let Some(column) = self.table.columns.get(*place) {
                let title = pad(column.title, *width, column.left);
                let sorted = column.title == self.sort.column;
                spans.push(Span::styled(self.before(""), plain));
                spans.push(Span::styled(
                    title,
                    if sorted { plain.add_modifier(Modifier::REVERSED) } else { plain },
                ));
            }
        }
        Line::from(spans)
    }

    /// At most so many rows, among them the one that is selected.
    pub(super) fn rows(&self, selected: Option<&str>, height: usize, look: Look) -> Vec<Line<'static>> {
        let rows = &self.table.rows;
        let at = selected.and_then(|id| rows.iter().position(|row| self.table.identity(row) == id));
        let first = at.map_or(0, |at| at.saturating_add(1).saturating_sub(height));
        let shown = rows.iter().enumerate().skip(first).take(height);
        shown.map(|(place, row)| self.row(row, at == Some(place), look)).collect()
    }

    fn row(&self, row: &[Cell], selected: bool, look: Look) -> Line<'static> {
        let mut spans = Vec::new();
        for (place, width) in &self.columns {
            if let (Some(column), Some(cell)) = (self.table.columns.get(*place), row.get(*place)) {
                let mark = self.before(if selected && spans.is_empty() { ">" } else { "" });
                let style = if look.dim { Style::new() } else { style(cell.tone, look.colour) };
                spans.push(Span::raw(mark));
                spans.push(Span::styled(pad(&cell.value.short(), *width, column.left), style));
            }
        }
        let mut line = Line::from(spans);
        if selected {
            line = line.patch_style(Style::new().add_modifier(Modifier::REVERSED));
        }
        if look.dim {
            line = line.patch_style(Style::new().add_modifier(Modifier::DIM));
        }
        line
    }

    /// The whole name of a row, and what there was no room for; nothing where all of it is shown.
    pub(super) fn details(&self, row: &[Cell], width: usize) -> Option<String> {
        let shown = |place| self.columns.iter().find(|(shown, _)| *shown == place);
        let text = |place: usize| row.get(place).map_or_else(String::new, |cell| cell.value.short());
        let cut = shown(self.table.name).is_some_and(|(place, width)| text(*place).width() > *width);
        let hidden = (0..).zip(&self.table.columns).filter(|(place, _)| shown(*place).is_none());
        let hidden = hidden.filter(|(place, _)| !self.table.is_empty(*place));
        let hidden: Vec<String> = hidden
            .map(|(place, column)| format!("  {} {}", column.title.to_lowercase(), text(place)))
            .collect();
        let details = format!(" {}{}", self.table.identity(row), hidden.concat());
        (cut || !hidden.is_empty()).then(|| fit(&details, width))
    }
}

/// Which end of the order comes first.
pub(super) fn arrow(sort: Sort) -> &'static str {
    if sort.descending { "▼" } else { "▲" }
}
