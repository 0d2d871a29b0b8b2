//! A state in; plain tables for `--once` out, without any escape code.

use super::Top;
use super::cell::Cell;
use super::table::{Kind, Table};
use super::value::Value;
use crate::report::table::{self, Align};

impl Top {
    /// A line of what it is, the totals, what must not be missed, and each table that has rows.
    ///
    /// `time` is the second reading's, RFC 3339.
    pub fn text(&self, time: &str) -> String {
        let services: Vec<&str> = self.rows.services.keys().map(String::as_str).collect();
        let over = self.rows.seconds.unwrap_or(0.0);
        let mut text = format!(
            "Service {}, {time}, over {over:.1} s; REQUESTS since Envoy's start, durations in ms\n",
            services.join(", ")
        );
        let all = &self.rows.all;
        let totals = [
            (
                "rate/s",
                self.rows.seconds.map_or(Value::Missing, |seconds| Value::Rate(all.requests / seconds)),
            ),
            ("err%", Value::share(all.errors, all.requests)),
            ("4xx%", Value::share(all.refused, all.requests)),
            ("p50", Value::quantile(all.duration(0.5))),
            ("p95", Value::quantile(all.duration(0.95))),
            ("p99", Value::quantile(all.duration(0.99))),
            ("active", Value::Count(self.rows.in_flight)),
        ];
        let totals: Vec<String> =
            totals.iter().map(|(name, value)| format!("{name} {}", value.plain())).collect();
        text += &format!("All: {}\n", totals.join("  "));
        for notice in self.notices() {
            text += &format!("! {}\n", notice.text);
        }
        for kind in Kind::ALL {
            let table = self.table(kind);
            if !table.rows.is_empty() {
                text += &format!("\n{}", plain(&table));
            }
        }
        text
    }
}

fn plain(table: &Table) -> String {
    let align = |left| if left { Align::Left } else { Align::Right };
    let columns: Vec<_> = table.columns.iter().map(|column| (column.title, align(column.left))).collect();
    // A word of several words would be several columns.
    let row = |row: &Vec<Cell>| row.iter().map(|cell| cell.value.plain().replace(' ', "_")).collect();
    let rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
    table::render(&columns, &rows)
}
