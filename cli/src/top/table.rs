//! Rows in; tables of cells out, each in the order and with the rows that are asked for.

use super::cell::{Cell, Column};
use super::columns;
use super::rows::Rows;
use super::value::Value;
use std::cmp::Ordering;

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Rate, errors and durations of each method and endpoint.
    Endpoints,
    /// The use by each tenant.
    Tenants,
    /// Budgets and burn rates.
    Slos,
}

impl Kind {
    /// In the order of their keys.
    pub const ALL: [Self; 3] = [Self::Endpoints, Self::Tenants, Self::Slos];

    /// As it is written above the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Endpoints => "Endpoints",
            Self::Tenants => "Tenants",
            Self::Slos => "SLOs",
        }
    }

    /// What is shown first, until somebody asks for another order: the busiest, or the smallest budget.
    pub fn first_sort(self) -> Sort {
        match self {
            Self::Endpoints | Self::Tenants => Sort { column: "RATE/S", descending: true },
            Self::Slos => Sort { column: "LEFT%", descending: false },
        }
    }
}

/// By which column, and from which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The column's title.
    pub column: &'static str,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// A table with rows in some order.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Which.
    pub kind: Kind,
    /// The place of the column that takes what is left: the name.
    pub name: usize,
    /// From left to right.
    pub columns: Vec<Column>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// All rows of one kind, by name; the service is a column where there are several.
    pub fn of(kind: Kind, rows: &Rows) -> Self {
        let several = rows.services.len() > 1;
        let (mut columns, mut cells) = match kind {
            Kind::Endpoints => columns::endpoints(rows),
            Kind::Tenants => columns::tenants(rows),
            Kind::Slos => columns::slos(rows),
        };
        // The service is the first of each, and is of no use where it is always the same.
        if !several {
            columns.remove(0);
            cells.iter_mut().for_each(|row| drop(row.remove(0)));
        }
        let names = ["ENDPOINT", "TENANT", "SLO"];
        let name = columns.iter().position(|column| names.contains(&column.title)).unwrap_or(0);
        Self { kind, name, columns, rows: cells }
    }

    /// In this order; rows that are equal in it stay in that of their names.
    pub fn sort(&mut self, sort: Sort) {
        let Some(place) = self.columns.iter().position(|column| column.title == sort.column) else { return };
        self.rows.sort_by(|a, b| {
            let order = match (a.get(place), b.get(place)) {
                (Some(a), Some(b)) => a.value.order(&b.value),
                _ => Ordering::Equal,
            };
            if sort.descending { order.reverse() } else { order }
        });
    }

    /// Only the rows that have this text in one of their words, in any case of letters.
    pub fn filter(&mut self, text: &str) {
        let text = text.to_lowercase();
        self.rows.retain(|row| words(row).to_lowercase().contains(&text));
    }

    /// Whether a screen leaves a column out, because no row has anything there.
    pub fn is_empty(&self, place: usize) -> bool {
        let nothing = |row: &Vec<Cell>| row.get(place).is_none_or(|cell| cell.value == Value::Missing);
        self.columns.get(place).is_some_and(|column| column.sparse) && self.rows.iter().all(nothing)
    }

    /// What a row is of, as a text that no other row of the table has.
    pub fn identity(&self, row: &[Cell]) -> String {
        words(row.get(..=self.name).unwrap_or(row))
    }
}

/// The words of a row, apart by spaces.
fn words(row: &[Cell]) -> String {
    let words = row.iter().filter_map(|cell| match &cell.value {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::reading::{Route, SloGauges};
    use super::super::rows::{EndpointRow, SloRow, Traffic};
    use super::*;

    fn endpoint(service: &str, method: &str, endpoint: &str, requests: f64) -> EndpointRow {
        EndpointRow {
            service: service.to_owned(),
            route: Route { endpoint: endpoint.to_owned(), method: method.to_owned() },
            total: requests,
            traffic: Traffic { requests, ..Traffic::default() },
            in_flight: 0.0,
        }
    }

    fn rows(services: &[&str]) -> Rows {
        let endpoints = vec![
            endpoint("shop", "GET", "/a", 10.0),
            endpoint("shop", "POST", "/a", 30.0),
            endpoint("shop", "GET", "/B/{id}", 10.0),
        ];
        let services = services.iter().map(|name| ((*name).to_owned(), Default::default())).collect();
        Rows { seconds: Some(10.0), endpoints, services, ..Rows::default() }
    }

    fn identities(table: &Table) -> Vec<String> {
        table.rows.iter().map(|row| table.identity(row)).collect()
    }

    #[test]
    fn rows_are_in_the_order_asked_for_and_equals_in_that_of_names() {
        let mut table = Table::of(Kind::Endpoints, &rows(&["shop"]));
        table.sort(Kind::Endpoints.first_sort());
        assert_eq!(identities(&table), ["POST /a", "GET /a", "GET /B/{id}"]);
        table.sort(Sort { column: "ENDPOINT", descending: false });
        assert_eq!(identities(&table), ["GET /B/{id}", "POST /a", "GET /a"]);
        table.sort(Sort { column: "no such", descending: false });
        assert_eq!(table.rows.len(), 3);
    }

    #[test]
    fn a_filter_looks_at_all_words_in_any_case() {
        for (text, expected) in [("post", 1), ("/b/", 1), ("get", 2), ("GET /a", 1), ("x", 0), ("", 3)] {
            let mut table = Table::of(Kind::Endpoints, &rows(&["shop"]));
            table.filter(text);
            assert_eq!(table.rows.len(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_service_is_shown_where_there_are_several() {
        let one = Table::of(Kind::Endpoints, &rows(&["shop"]));
        let two = Table::of(Kind::Endpoints, &rows(&["other", "shop"]));
        let titles = |table: &Table| table.columns.iter().map(|column| column.title).collect::<Vec<_>>();
        assert_eq!(titles(&one)[..2], ["METHOD", "ENDPOINT"]);
        assert_eq!(titles(&two)[..3], ["SERVICE", "METHOD", "ENDPOINT"]);
        for table in [one, two] {
            assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
            assert_eq!(table.columns[table.name].title, "ENDPOINT");
        }
    }

    #[test]
    fn a_status_can_be_filtered_by_and_is_no_part_of_the_identity() {
        let gauges = SloGauges { status: Some(2.0), ..SloGauges::default() };
        let slo = SloRow { service: "shop".to_owned(), slo: "availability".to_owned(), gauges };
        let mut table = Table::of(Kind::Slos, &Rows { slos: vec![slo], ..rows(&["shop"]) });
        table.filter("critical");
        assert_eq!(identities(&table), ["availability"]);
        assert_eq!(table.rows[0].len(), table.columns.len());
    }
}
