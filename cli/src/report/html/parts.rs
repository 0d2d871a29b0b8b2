//! What a page is made of, as plain data: figures, sections, tables and charts.

use super::chart::{Drawing, Ink};

/// A figure with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// What it is.
    pub name: String,
    /// With its unit.
    pub value: String,
    /// What else one should know, or nothing.
    pub note: String,
}

/// A part of a page with a title of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Unique in its page: `[a-z]+`.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What is in it.
    pub parts: Vec<Part>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A paragraph.
    Text(String),
    /// The title of what follows.
    Heading(String),
    /// Short texts.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// Charts that may stand beside each other.
    Charts(Vec<Chart>),
}

/// A table: as many cells in each row as there are columns, the first of them the row's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it shows; unique in its page.
    pub caption: String,
    /// Titles, and whether numbers stand below.
    pub columns: Vec<(String, bool)>,
    /// The cells.
    pub rows: Vec<Vec<Cell>>,
    /// What is said of rows that are not shown; empty where all are.
    pub more: String,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What stands in it.
    pub text: String,
    /// The class that says whether that is good: `good`, `warning`, `bad`, or nothing.
    pub tone: &'static str,
}

/// A chart with its title, what it shows in words, its key and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its title, with the unit.
    pub title: String,
    /// What it shows, in words.
    pub finding: String,
    /// What its lines and areas are.
    pub keys: Vec<Key>,
    /// Its drawings.
    pub drawing: Drawing,
    /// The numbers.
    pub data: Table,
}

/// What one line or area of a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// How it is drawn.
    pub ink: Ink,
    /// Whether it is an area.
    pub area: bool,
}

impl Cell {
    pub(super) fn toned(text: impl Into<String>, tone: &'static str) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, "")
    }
}

impl Table {
    /// A table whose first column has words, and the others numbers.
    pub(super) fn new(caption: impl Into<String>, columns: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let columns =
            columns.iter().enumerate().map(|(place, title)| ((*title).to_owned(), place > 0)).collect();
        Self { caption: caption.into(), columns, rows, more: String::new() }
    }

    /// The first rows only, and a word about the others.
    pub(super) fn cut(mut self, most: usize) -> Self {
        let left_out = self.rows.len().saturating_sub(most);
        self.rows.truncate(most);
        if left_out > 0 {
            self.more = format!("and {left_out} more");
        }
        self
    }
}

impl Key {
    pub(super) fn line(name: impl Into<String>, ink: Ink) -> Self {
        Self { name: name.into(), ink, area: false }
    }

    pub(super) fn area(name: impl Into<String>, ink: Ink) -> Self {
        Self { name: name.into(), ink, area: true }
    }
}
