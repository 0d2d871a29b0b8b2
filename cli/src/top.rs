//! Scrapes of one Envoy and keys in; a screen of rates, percentiles, tenants and SLO burn out.
//!
//! ```text
//! scrape -> reading -> history -> rows -> tables -> { draw (a screen) ; text (--once) }
//!                                  keys -> view ----^
//! ```
//!
//! Time is an argument, and nothing here does I/O: `commands/top.rs` asks Envoy and owns the terminal.

pub mod cell;
mod columns;
pub mod draw;
pub mod history;
pub mod notices;
pub mod reading;
pub mod rows;
pub mod table;
pub mod text;
pub mod value;
pub mod view;

use crate::scrape::Scrape;
use history::{History, Process};
use reading::Reading;
use rows::Rows;
use std::time::Duration;
use table::{Kind, Table};
use view::View;

/// Over how long rates, shares and percentiles are: long enough for Envoy's merge of histograms, each 5 s.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Everything that a screen shows, as it is now.
#[derive(Debug, Clone)]
pub struct Top {
    /// Whom it asks, and how often.
    pub source: Source,
    /// What the user has chosen.
    pub view: View,
    link: Link,
    history: History,
    reading: Reading,
    rows: Rows,
    now: Now,
    restarted: Option<Duration>,
}

/// Whom it asks, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The admin interface, as the user wrote it.
    pub url: String,
    /// Between two scrapes.
    pub interval: Duration,
    /// Only this service, where one is named.
    pub service: Option<String>,
}

/// The time, on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Since any moment before the start; it only goes forward.
    pub steady: Duration,
    /// Seconds since 1970, to compare with what Envoy says.
    pub unix_s: u64,
}

/// Whether Envoy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Link {
    Waiting,
    Live { at: Duration },
    Lost { reason: String, last: Option<Duration> },
}

impl Top {
    /// Before the first answer.
    pub fn new(source: Source, view: View) -> Self {
        Self {
            source,
            view,
            link: Link::Waiting,
            history: History::new(WINDOW),
            reading: Reading::default(),
            rows: Rows::default(),
            now: Now::default(),
            restarted: None,
        }
    }

    /// Envoy answered.
    pub fn answered(&mut self, now: Now, scrape: &Scrape) {
        self.now = now;
        self.reading = Reading::of(scrape, self.source.service.as_deref());
        if self.history.add(now.steady, &self.reading) == Process::Restarted {
            self.restarted = Some(now.steady);
        }
        self.link = Link::Live { at: now.steady };
        self.refresh();
    }

    /// Envoy did not answer, or not with metrics, for this reason.
    pub fn failed(&mut self, now: Now, reason: &str) {
        self.now = now;
        let last = match self.link {
            Link::Waiting => None,
            Link::Live { at } => Some(at),
            Link::Lost { last, .. } => last,
        };
        self.link = Link::Lost { reason: crate::harmless::harmless(reason), last };
    }

    /// Time went by.
    pub fn at(&mut self, now: Now) {
        self.now = now;
    }

    /// Takes a key; false where the user wants to leave.
    pub fn key(&mut self, key: view::Key) -> bool {
        let table = self.table(self.view.focus());
        let was_paused = self.view.paused();
        let stays = self.view.key(key, &table);
        if was_paused && !self.view.paused() {
            self.refresh();
        }
        stays
    }

    /// What is shown, in no particular order.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// What was read last.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// One of the tables, as the user wants it.
    pub fn table(&self, kind: Kind) -> Table {
        let mut table = Table::of(kind, &self.rows);
        table.filter(self.view.filter());
        table.sort(self.view.sort(kind));
        table
    }

    /// Whether what is shown is old: Envoy does not answer.
    pub fn is_lost(&self) -> bool {
        matches!(self.link, Link::Lost { .. })
    }

    fn refresh(&mut self) {
        if !self.view.paused() {
            self.rows = Rows::of(&self.reading, &self.history.growth());
        }
    }
}

#[cfg(test)]
mod tests;
