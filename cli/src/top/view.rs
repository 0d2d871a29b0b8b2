//! Keys in; what the user wants to see out.

use super::table::{Kind, Sort, Table};
use crate::harmless::harmless;
pub use ratatui::crossterm::event::KeyEvent as Key;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

/// How many rows a page is: the screen's height is not known here.
const PAGE: usize = 10;
/// No filter is longer.
const LONGEST_FILTER: usize = 100;

/// What the user has chosen.
#[derive(Debug, Clone)]
pub struct View {
    focus: Kind,
    sorts: [Sort; 3],
    selected: [Option<String>; 3],
    filter: String,
    editing: bool,
    paused: bool,
    help: bool,
    colour: bool,
}

impl View {
    /// The endpoints, the busiest first.
    pub fn new(colour: bool) -> Self {
        Self {
            focus: Kind::Endpoints,
            sorts: Kind::ALL.map(Kind::first_sort),
            selected: [const { None }; 3],
            filter: String::new(),
            editing: false,
            paused: false,
            help: false,
            colour,
        }
    }

    /// The table that the keys are for; where there is no room for all, the one that is shown.
    pub fn focus(&self) -> Kind {
        self.focus
    }

    /// The order of a table.
    pub fn sort(&self, kind: Kind) -> Sort {
        self.sorts.get(kind as usize).copied().unwrap_or(kind.first_sort())
    }

    /// The identity of the row that is selected.
    pub fn selected(&self, kind: Kind) -> Option<&str> {
        self.selected.get(kind as usize)?.as_deref()
    }

    /// What rows must have; empty where all are shown.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether the filter is being typed.
    pub fn editing(&self) -> bool {
        self.editing
    }

    /// Whether what is shown stands still.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// Whether the keys are explained.
    pub fn help(&self) -> bool {
        self.help
    }

    /// Whether there may be colours.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Takes a key; `table` is the one in focus, as it is shown. False where the user wants to leave.
    pub fn key(&mut self, key: Key, table: &Table) -> bool {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return key.code != KeyCode::Char('c');
        }
        if self.editing {
            self.edit(key.code);
            return true;
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Char('/') => (self.editing, self.help) = (true, false),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Tab => self.turn(1),
            KeyCode::BackTab => self.turn(2),
            KeyCode::Char('1' | 'e') => self.show(Kind::Endpoints),
            KeyCode::Char('2' | 't') => self.show(Kind::Tenants),
            KeyCode::Char('3' | 's') => self.show(Kind::Slos),
            KeyCode::Char('o' | '>') | KeyCode::Right => self.sort_by(table, 1),
            KeyCode::Char('<') | KeyCode::Left => self.sort_by(table, table.columns.len().saturating_sub(1)),
            KeyCode::Char('r') => self.reverse(),
            KeyCode::Down | KeyCode::Char('j') => {
                self.select(table, |at| at.map_or(0, |at| at.saturating_add(1)));
            }
            KeyCode::Up | KeyCode::Char('k') => {
                self.select(table, |at| at.map_or(0, |at| at.saturating_sub(1)));
            }
            KeyCode::PageDown => self.select(table, |at| at.unwrap_or(0).saturating_add(PAGE)),
            KeyCode::PageUp => self.select(table, |at| at.unwrap_or(0).saturating_sub(PAGE)),
            KeyCode::Home | KeyCode::Char('g') => self.select(table, |_| 0),
            KeyCode::End | KeyCode::Char('G') => self.select(table, |_| usize::MAX),
            _ => {}
        }
        true
    }

    fn edit(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.editing = false,
            KeyCode::Esc => {
                self.editing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) if self.filter.len() < LONGEST_FILTER => {
                self.filter += &harmless(&c.to_string());
            }
            _ => {}
        }
    }

    fn show(&mut self, kind: Kind) {
        (self.focus, self.help) = (kind, false);
    }

    fn turn(&mut self, by: usize) {
        let next = Kind::ALL.into_iter().cycle().skip(self.focus as usize).nth(by);
        self.show(next.unwrap_or(self.focus));
    }

    /// The column so many further on, from its more interesting end: large numbers, but small budgets and first names.
    fn sort_by(&mut self, table: &Table, further: usize) {
        let current = self.sort(self.focus).column;
        let at = table.columns.iter().position(|column| column.title == current).unwrap_or(0);
        let Some(column) = table.columns.iter().cycle().nth(at.saturating_add(further)) else { return };
        let first = self.focus.first_sort();
        let sort = Sort { column: column.title, descending: !column.left };
        self.set_sort(if first.column == column.title { first } else { sort });
    }

    fn reverse(&mut self) {
        let sort = self.sort(self.focus);
        self.set_sort(Sort { descending: !sort.descending, ..sort });
    }

    fn set_sort(&mut self, sort: Sort) {
        if let Some(slot) = self.sorts.get_mut(self.focus as usize) {
            *slot = sort;
        }
    }

    /// Selects another row; `to` gets the place of the one that is selected, where it is shown.
    fn select(&mut self, table: &Table, to: impl FnOnce(Option<usize>) -> usize) {
        let selected = self.selected(self.focus);
        let at =
            selected.and_then(|selected| table.rows.iter().position(|row| table.identity(row) == selected));
        let to = to(at).min(table.rows.len().saturating_sub(1));
        let identity = table.rows.get(to).map(|row| table.identity(row));
        if let Some(slot) = self.selected.get_mut(self.focus as usize) {
            *slot = identity;
        }
    }
}
