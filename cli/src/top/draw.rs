//! A state in; a screen of any size out. Nothing is said by colour alone.

mod grid;
mod header;
mod style;

use super::Top;
use super::table::{Kind, Sort, Table};
use grid::{Grid, arrow};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use style::wrap;

/// From this size on all three tables are on one screen.
const ROOM_FOR_ALL: (u16, u16) = (90, 32);

/// What the keys do.
const KEYS: [[&str; 2]; 8] = [
    ["Tab  1 2 3  e t s", "endpoints, tenants, SLOs"],
    ["Up Down  j k", "select a row; PgUp, PgDn, Home and End too"],
    ["o  < >", "sort by the next column, by the one before or after"],
    ["r", "reverse the order"],
    ["/", "only rows with this text; Enter keeps it, Esc clears it"],
    ["p  Space", "pause: the screen stands still, Envoy is still asked"],
    ["?", "this help"],
    ["q  Ctrl-C", "quit"],
];

/// What the columns mean.
const COLUMNS: [[&str; 2]; 8] = [
    ["ERR%  4XX%", "answered with a 5xx or not at all; answered with a 4xx"],
    ["P50  P95  P99", "durations in ms by the buckets, > is above the highest;"],
    ["", "of an SLO, the 99th percentile of the last hour"],
    ["ACTIVE  USERS", "requests in flight; active users of a tenant"],
    ["LEFT%", "of the error budget; below 0 it is overspent"],
    ["5M … PERIOD", "burn rates: 1 uses up the budget in just the period,"],
    ["", "* less than the window has been seen"],
    ["BAD  EVENTS", "of the SLO's period"],
];

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, top: &Top) {
    let area = frame.area();
    let width = usize::from(area.width);
    let mut screen = Screen { frame, area, y: area.y };
    let [source, totals, filter] = header::lines(top, width);
    let dim = if top.is_lost() { Modifier::DIM } else { Modifier::empty() };
    screen.line(Line::styled(source, Style::new().add_modifier(Modifier::REVERSED)));
    screen.line(Line::styled(totals, Style::new().add_modifier(Modifier::BOLD | dim)));
    screen.line(Line::styled(filter, Style::new().add_modifier(dim)));
    notices(&mut screen, top);
    let body = screen.left().saturating_sub(1);
    if top.view.help() {
        help(&mut screen, body);
    } else if area.width >= ROOM_FOR_ALL.0 && area.height >= ROOM_FOR_ALL.1 {
        all(&mut screen, top, body);
    } else {
        one(&mut screen, top, body);
    }
    screen.y = area.bottom().saturating_sub(1).max(area.y);
    screen.line(Line::styled(header::footer(top, width), Style::new().add_modifier(Modifier::REVERSED)));
}

/// Lines from the top down, as long as there is room.
struct Screen<'f, 'b> {
    frame: &'f mut Frame<'b>,
    area: Rect,
    y: u16,
}

impl Screen<'_, '_> {
    /// The rest of a reversed line is reversed too.
    fn line(&mut self, line: Line<'_>) {
        if self.y < self.area.bottom() {
            let area = Rect { y: self.y, height: 1, ..self.area };
            self.frame.render_widget(line, area);
            self.y = self.y.saturating_add(1);
        }
    }

    fn left(&self) -> u16 {
        self.area.bottom().saturating_sub(self.y)
    }

    fn width(&self) -> usize {
        usize::from(self.area.width)
    }
}

/// What must not be missed, in at most a third of the screen.
fn notices(screen: &mut Screen<'_, '_>, top: &Top) {
    let (width, most) = (screen.width().saturating_sub(4), usize::from(screen.area.height / 3).max(1));
    let lines = top.notices().into_iter().flat_map(|notice| {
        let style = style::style(notice.tone, top.view.colour()).add_modifier(Modifier::BOLD);
        let marks = std::iter::once(" ! ").chain(std::iter::repeat("   "));
        let lines = wrap(&notice.text, width).into_iter().zip(marks);
        lines.map(move |(line, mark)| Line::styled(format!("{mark}{line}"), style)).collect::<Vec<_>>()
    });
    let lines: Vec<Line<'_>> = lines.collect();
    let hidden = lines.len().saturating_sub(most);
    let shown = if hidden > 0 { most.saturating_sub(1) } else { most };
    for line in lines.into_iter().take(shown) {
        screen.line(line);
    }
    if hidden > 0 {
        screen.line(Line::raw(format!(" ! {} more lines; --once shows all", hidden.saturating_add(1))));
    }
}

fn help(screen: &mut Screen<'_, '_>, height: u16) {
    let lines = [["", ""]].iter().chain(&KEYS).chain(&[["", ""]]).chain(&COLUMNS);
    for [key, meaning] in lines.take(height.into()) {
        screen.line(Line::raw(format!("  {key:<19} {meaning}")));
    }
}

/// One table, with the names of the others above it.
fn one(screen: &mut Screen<'_, '_>, top: &Top, height: u16) {
    let focus = top.view.focus();
    let tables = Kind::ALL.map(|kind| top.table(kind));
    let mut tabs = vec![Span::raw(" ")];
    for (key, table) in (1..).zip(&tables) {
        let text = format!("{key} {} {}", table.kind.title(), table.rows.len());
        let chosen = table.kind == focus;
        let text = if chosen { format!("[{text}]") } else { format!(" {text} ") };
        let style = if chosen { Modifier::BOLD } else { Modifier::empty() };
        tabs.push(Span::styled(text, Style::new().add_modifier(style)));
        tabs.push(Span::raw(" "));
    }
    tabs.push(Span::raw(remark(top, top.view.sort(focus))));
    screen.line(Line::from(tabs));
    if let Some(table) = tables.iter().find(|table| table.kind == focus) {
        section(screen, top, table, height.saturating_sub(1), true);
    }
}

/// All tables, one below the other: each gets what it needs, and the endpoints what is left.
fn all(screen: &mut Screen<'_, '_>, top: &Top, height: u16) {
    // A title, the columns' titles and an empty line for each; one more for what is selected.
    let room = usize::from(height).saturating_sub(10);
    let tables = Kind::ALL.map(|kind| top.table(kind));
    let wanted = tables.each_ref().map(|table| table.rows.len().max(1));
    let [endpoints, tenants, slos] = wanted;
    let slos = slos.min((room / 4).max(room.saturating_sub(endpoints.saturating_add(tenants))));
    let tenants = tenants.min((room / 4).max(room.saturating_sub(endpoints.saturating_add(slos))));
    let endpoints = room.saturating_sub(slos).saturating_sub(tenants).min(endpoints);
    for (table, rows) in tables.iter().zip([endpoints, tenants, slos]) {
        let chosen = table.kind == top.view.focus();
        let sort = top.view.sort(table.kind);
        let name = format!("{} {}", table.kind.title(), table.rows.len());
        let name = if chosen { format!("[{name}]") } else { format!(" {name} ") };
        let title = format!("─{name}─ {} ", remark(top, sort));
        let rule = "─".repeat(screen.width().saturating_sub(title.chars().count()));
        let weight = if chosen { Modifier::BOLD } else { Modifier::empty() };
        screen.line(Line::styled(title + &rule, Style::new().add_modifier(weight)));
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1);
        section(screen, top, table, rows.saturating_add(u16::from(chosen)), chosen);
        if table.kind != Kind::Slos {
            screen.line(Line::raw(""));
        }
    }
}

/// The order and the filter, in words.
fn remark(top: &Top, sort: Sort) -> String {
    let order = format!("by {} {}", sort.column, arrow(sort));
    match top.view.filter() {
        "" => order,
        filter => format!("{order}, only {filter:?}"),
    }
}

/// Titles and rows of a table, and what is selected in whole below them.
fn section(screen: &mut Screen<'_, '_>, top: &Top, table: &Table, height: u16, chosen: bool) {
    let width = screen.width();
    let grid = Grid::new(table, top.view.sort(table.kind), width);
    let selected = top.view.selected(table.kind).filter(|_| chosen);
    let row = selected.and_then(|id| table.rows.iter().find(|row| table.identity(row) == id));
    let look = grid::Look { colour: top.view.colour(), dim: top.is_lost() };
    let below = u16::from(chosen);
    let rows = height.saturating_sub(1).saturating_sub(below);
    let bottom = screen.y.saturating_add(height).min(screen.area.bottom());
    screen.line(grid.titles());
    if table.rows.is_empty() {
        screen.line(Line::raw(format!("  {}", nothing(top, table.kind))));
    }
    for line in grid.rows(selected, rows.into(), look) {
        screen.line(line);
    }
    if let Some(details) = row.and_then(|row| grid.details(row, width)) {
        screen.y = bottom.saturating_sub(1);
        screen.line(Line::styled(details, Style::new().add_modifier(Modifier::DIM)));
    }
}

/// Why a table is empty.
fn nothing(top: &Top, kind: Kind) -> &'static str {
    match kind {
        _ if !top.view.filter().is_empty() => "nothing has this text; Esc clears it",
        Kind::Endpoints => "no requests yet",
        Kind::Tenants => "no requests of tenants yet",
        Kind::Slos => "no SLOs, or not one tick yet",
    }
}
