//! A table that fits a terminal.

use unicode_width::UnicodeWidthStr;

use crate::Context;
use crate::human::cut;
use crate::style::title;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    is_right: bool,
    /// Whether its cells are shortened where the terminal is too narrow.
    is_cut: bool,
}

impl Column {
    /// A column aligned to the left.
    pub(crate) const fn left(title: &'static str) -> Self {
        Self { title, is_right: false, is_cut: false }
    }

    /// A column aligned to the right.
    pub(crate) const fn right(title: &'static str) -> Self {
        Self { title, is_right: true, is_cut: false }
    }

    /// The same, shortened where the terminal is too narrow.
    pub(crate) const fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }
}

/// The spaces between two columns.
const GAP: usize = 2;
/// A column is not cut to less than this width.
const LEAST: usize = 9;

/// The lines of a table: the titles, then one for each row. In a narrow terminal, cells are cut, those
/// of the widest column first, and end with `…`.
pub(crate) fn table<const N: usize>(
    columns: &[Column; N],
    rows: &[[String; N]],
    context: &Context<'_>,
) -> Vec<String> {
    let mut lines = lines(columns, rows, context.width);
    lines[0] = title(&lines[0]);
    lines
}

fn lines<const N: usize>(
    columns: &[Column; N],
    rows: &[[String; N]],
    width: Option<usize>,
) -> Vec<String> {
    let titles = columns.map(|column| column.title.to_owned());
    let mut widths = [0; N];
    for row in std::iter::once(&titles).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(length(cell));
        }
    }
    if let Some(width) = width {
        shrink(columns, &mut widths, width);
    }
    std::iter::once(&titles).chain(rows).map(|row| line(columns, &widths, row)).collect()
}

fn shrink<const N: usize>(columns: &[Column; N], widths: &mut [usize; N], width: usize) {
    let gaps = GAP * N.saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let cut = widths.iter_mut().zip(columns).filter(|(_, column)| column.is_cut);
        match cut.map(|(width, _)| width).max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => return,
        }
    }
}

fn line<const N: usize>(columns: &[Column; N], widths: &[usize; N], row: &[String; N]) -> String {
    let mut line = String::new();
    for ((column, width), cell) in columns.iter().zip(widths).zip(row) {
        let cell = cut(cell, *width);
        let padding = " ".repeat(width - length(&cell));
        line.extend(if column.is_right { [padding, cell] } else { [cell, padding] });
        line.push_str(&" ".repeat(GAP));
    }
    line.truncate(line.trim_end().len());
    line
}

/// The columns that a text takes.
fn length(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] =
        [Column::left("package").cut(), Column::right("size"), Column::left("key").cut()];

    fn rows() -> Vec<[String; 3]> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        vec![
            row(["7e1d0000-0000-0000-0000-000000000000", "1 byte", "a-rather-long-key"]),
            row(["Été", "12.3 MiB", "b"]),
        ]
    }

    #[test]
    fn cells_are_below_their_titles() {
        assert_eq!(
            lines(&COLUMNS, &rows(), None),
            [
                "package                                   size  key",
                "7e1d0000-0000-0000-0000-000000000000    1 byte  a-rather-long-key",
                "Été                                   12.3 MiB  b",
            ]
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [["数据集", "1 byte", "键"].map(str::to_owned)];
        let expected = ["package    size  key", "数据集   1 byte  键"];
        assert_eq!(lines(&COLUMNS, &rows, None), expected);
    }

    #[test]
    fn the_widest_column_is_cut_first() {
        assert_eq!(
            lines(&COLUMNS, &rows(), Some(44)),
            [
                "package               size  key",
                "7e1d0000-0000-0…    1 byte  a-rather-long-k…",
                "Été               12.3 MiB  b",
            ]
        );
    }

    #[test]
    fn a_table_stays_readable_in_no_space_at_all() {
        let lines = lines(&COLUMNS, &rows(), Some(1));
        assert_eq!(lines[1], "7e1d0000…    1 byte  a-rather…");
    }

    #[test]
    fn no_rows_leave_the_titles() {
        assert_eq!(lines(&COLUMNS, &[], Some(80)), ["package  size  key"]);
    }
}
