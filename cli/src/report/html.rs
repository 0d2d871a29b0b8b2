//! What was measured in; one page out that needs neither network nor script: tables, and charts as SVG.
//!
//! Text of configurations and clients is escaped by the template; drawings are escaped where they are made.

mod alerts;
pub mod chart;
mod file;
mod input;
mod latency;
mod objectives;
mod summary;
mod tables;
mod traffic;

pub use alerts::Firing;
pub use file::{Destination, FileError};
pub use input::{Input, Made};

use crate::scrape::ScrapeError;
use askama::Template;
use chart::{ChartError, Drawing, Ink};

/// A whole page.
#[derive(Debug, Clone, Template)]
#[template(path = "report.html")]
pub struct Page {
    /// What it is about, a line.
    pub title: String,
    /// Below the title: what, when.
    pub subtitle: Vec<String>,
    /// The figures that matter most.
    pub headlines: Vec<Headline>,
    /// In their order.
    pub sections: Vec<Section>,
    /// Who made it, and when.
    pub made: String,
}

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

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// What should be shown.
    #[error(transparent)]
    Scrape(#[from] ScrapeError),
    /// The template.
    #[error("the page cannot be written: {0}")]
    Template(#[from] askama::Error),
}

impl Page {
    /// The page of a measurement.
    pub fn of(input: &Input<'_>) -> Result<Self, PageError> {
        let mut sections = Vec::new();
        sections.extend(traffic::section(input)?);
        sections.extend(latency::section(input)?);
        sections.extend(traffic::statuses(input)?);
        sections.extend(tables::endpoints(input));
        sections.extend(tables::tenants(input));
        sections.extend(objectives::section(input)?);
        sections.extend(alerts::section(input)?);
        sections.extend(tables::custom(input));
        sections.extend(tables::remarks(input));
        Ok(Self {
            title: input.title.clone(),
            subtitle: summary::subtitle(input),
            headlines: summary::headlines(input),
            sections,
            made: summary::made(input),
        })
    }

    /// Adds a table that compares, in words: a column's title each, and as many cells in a row at most.
    pub fn compare(&mut self, caption: &str, columns: &[&str], rows: Vec<Vec<String>>) {
        let cell = |row: &Vec<String>, place: usize| row.get(place).cloned().unwrap_or_default().into();
        let rows =
            rows.iter().map(|row| (0..columns.len()).map(|place| cell(row, place)).collect()).collect();
        let mut table = Table::new(caption, columns, rows);
        table.columns.iter_mut().for_each(|(_, number)| *number = false);
        let remarks = self.sections.iter().position(|section| section.id == "remarks");
        let section = Section { id: "comparison", title: "Comparison", parts: vec![Part::Table(table)] };
        self.sections.insert(remarks.unwrap_or(self.sections.len()), section);
    }

    /// The page as a file has it.
    pub fn html(&self) -> Result<String, PageError> {
        Ok(self.render()?)
    }
}

impl Cell {
    fn toned(text: impl Into<String>, tone: &'static str) -> Self {
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
    fn new(caption: impl Into<String>, columns: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        let columns =
            columns.iter().enumerate().map(|(place, title)| ((*title).to_owned(), place > 0)).collect();
        Self { caption: caption.into(), columns, rows, more: String::new() }
    }

    /// The first rows only, and a word about the others.
    fn cut(mut self, most: usize) -> Self {
        let left_out = self.rows.len().saturating_sub(most);
        self.rows.truncate(most);
        if left_out > 0 {
            self.more = format!("and {left_out} more");
        }
        self
    }
}

impl Key {
    fn line(name: impl Into<String>, ink: Ink) -> Self {
        Self { name: name.into(), ink, area: false }
    }

    fn area(name: impl Into<String>, ink: Ink) -> Self {
        Self { name: name.into(), ink, area: true }
    }
}

#[cfg(test)]
mod tests;
