//! A table that fits a terminal.

use crate::human::cut;

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Padded behind.
    Left,
    /// Padded before.
    Right,
}

/// A column: its title, and how it gives way where the terminal is too narrow.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// How its cells stand.
    pub align: Align,
    /// Whether its cells may be cut.
    pub yields: bool,
}

const GAP: usize = 2;
/// What is left of the longest name where the terminal is too narrow for anything.
const LEAST: usize = 9;

/// The lines of a table: the titles, then one for each row. With `width`, the columns that yield
/// are cut, the widest first, until the lines fit; what was cut ends with `…`.
pub fn lines<const N: usize>(
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
        let yielding = widths.iter_mut().zip(columns).filter(|(_, column)| column.yields);
        match yielding.map(|(width, _)| width).max() {
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
        match column.align {
            Align::Left => line.extend([cell, padding]),
            Align::Right => line.extend([padding, cell]),
        }
        line.push_str(&" ".repeat(GAP));
    }
    line.truncate(line.trim_end().len());
    line
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { title: "package", align: Align::Left, yields: true },
        Column { title: "size", align: Align::Right, yields: false },
        Column { title: "key", align: Align::Left, yields: true },
    ];

    fn rows() -> Vec<[String; 3]> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        vec![
            row(["7e1d0000-0000-0000-0000-000000000000", "1 byte", "a-rather-long-key"]),
            row(["Été", "12.3 MiB", "b"]),
        ]
    }

    #[test]
    fn cells_stand_below_their_titles() {
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
    fn the_widest_column_gives_way_first() {
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
