//! Rows of texts in, an aligned table out.

use comfy_table::{CellAlignment, ContentArrangement, Table};

/// Where a column's texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table without lines: columns apart by two spaces, so that it can be read by `awk` too.
///
/// Never cut nor wrapped: an endpoint that is not whole cannot be copied.
pub fn render(columns: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|(title, _)| *title));
    table.add_rows(rows);
    for (column, (_, align)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        column.set_cell_alignment(match align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
    let text: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n", text.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_spaces() {
        let rows =
            vec![vec!["/a".to_owned(), "1".to_owned()], vec!["/long/{id}".to_owned(), "12,345".to_owned()]];
        let text = render(&[("endpoint", Align::Left), ("requests", Align::Right)], &rows);
        assert_eq!(text, "endpoint    requests\n/a                 1\n/long/{id}    12,345\n");
    }
}
