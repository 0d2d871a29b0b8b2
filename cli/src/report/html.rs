//! What was measured in; one page out that needs neither network nor script: tables, and charts as SVG.
//!
//! Text of configurations and clients is escaped by the template; drawings are escaped where they are made.

mod alerts;
pub mod chart;
mod file;
mod input;
mod latency;
mod objectives;
mod parts;
mod summary;
mod tables;
mod traffic;

pub use file::{Destination, FileError};
pub use input::{Firing, Input, Made};
pub use parts::{Cell, Chart, Headline, Key, Part, Section, Table};

use crate::scrape::ScrapeError;
use askama::Template;
use chart::ChartError;

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

#[cfg(test)]
mod tests;
