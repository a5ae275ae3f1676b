//! Tables in docker's plain style: no borders, two spaces between columns, nothing at the end of
//! a line. Widths are display widths.

use console::{measure_text_width, truncate_str};

use super::colour::{Paint, Tone};
use super::wording;

/// Rows under headings.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A heading, and how readily its column gives way on a narrow terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    title: String,
    gives_way: u8,
    least: usize,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

const GAP: usize = 2;
/// A column that gives way keeps at least this, so that one can still tell its values apart.
const LEAST: usize = 8;
/// What a column keeps where there is no room even so.
const HARDLY: usize = 4;

impl Column {
    /// Returns a column that is cut only where nothing else helps.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), gives_way: 0, least: LEAST }
    }

    /// Lets the column be cut when the terminal is too narrow; the highest rank goes first.
    #[must_use]
    pub fn gives_way(self, rank: u8) -> Self {
        Self { gives_way: rank, ..self }
    }

    /// Lets the column keep so much before others of a lower rank are cut, too.
    #[must_use]
    pub fn keeps(self, columns: usize) -> Self {
        Self { least: columns, ..self }
    }
}

impl Cell {
    /// Returns a field that is painted in `tone` where there is colour.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Tone::Normal)
    }
}

impl Table {
    /// Returns a table without rows.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; missing fields are empty, those beyond the last column are left out.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Renders the table for a terminal of that width, or in full when there is none.
    #[must_use]
    pub fn render(&self, terminal_width: Option<usize>, colour: bool) -> String {
        let paint = Paint::new(colour);
        let titles =
            self.columns.iter().map(|column| Cell::new(column.title.clone(), Tone::Strong));
        let titles: Vec<_> = titles.collect();
        let rows: Vec<Vec<Cell>> = std::iter::once(&titles)
            .chain(&self.rows)
            .map(|row| row.iter().take(self.columns.len()).map(Cell::safe).collect())
            .collect();
        let widths = self.widths(&rows, terminal_width);
        let mut out = String::new();
        for row in &rows {
            let mut line = String::new();
            let mut column = 0;
            let mut start = 0;
            for (cell, width) in row.iter().zip(&widths) {
                let text = truncate_str(&cell.text, *width, "…");
                if !text.is_empty() {
                    line.push_str(&" ".repeat(start - column));
                    line.push_str(&paint.apply(cell.tone, &text));
                    column = start + measure_text_width(&text);
                }
                start += width + GAP;
            }
            out.push_str(&truncate_str(&line, terminal_width.unwrap_or(usize::MAX), "…"));
            out.push('\n');
        }
        out
    }

    fn widths(&self, rows: &[Vec<Cell>], terminal_width: Option<usize>) -> Vec<usize> {
        let natural = |index: usize| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            cells.map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0)
        };
        let mut widths: Vec<_> = (0..self.columns.len()).map(natural).collect();
        let Some(room) = terminal_width else { return widths };
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
        let mut order: Vec<_> =
            (0..widths.len()).filter(|index| self.columns[*index].gives_way > 0).collect();
        order.sort_by_key(|index| std::cmp::Reverse(self.columns[*index].gives_way));
        let least = |index: usize| {
            self.columns[index].least.max(measure_text_width(&self.columns[index].title))
        };
        // A line that wraps is worse than a column of which hardly anything is left.
        let comfortable = order.iter().map(|index| (*index, least(*index)));
        let bare = order.iter().map(|index| (*index, 1));
        for (index, least) in comfortable.chain(bare) {
            let cut = excess.min(widths[index].saturating_sub(least));
            widths[index] -= cut;
            excess -= cut;
        }
        while excess > 0
            && let Some(widest) = widths.iter_mut().max().filter(|width| **width > HARDLY)
        {
            *widest -= 1;
            excess -= 1;
        }
        widths
    }
}

/// The rows that a text takes on a terminal of so many columns.
#[must_use]
pub fn rows_on_terminal(text: &str, columns: usize) -> usize {
    text.lines().map(|line| measure_text_width(line).div_ceil(columns.max(1)).max(1)).sum()
}

impl Cell {
    fn safe(&self) -> Self {
        Self { text: wording::one_line(&self.text).into_owned(), tone: self.tone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Table {
        let columns = [
            Column::new("SERVICE"),
            Column::new("IMAGE").gives_way(2),
            Column::new("STATE").gives_way(1),
            Column::new("URL"),
        ];
        let mut table = Table::new(columns.into());
        table.push(vec![
            "db".into(),
            "registry.example.org/team/postgres:17-alpine".into(),
            Cell::new("running (healthy)", Tone::Good),
            "postgres://localhost:5432".into(),
        ]);
        table.push(vec!["検索".into(), "meili:1".into(), Cell::new("exited (1)", Tone::Bad)]);
        table.push(vec!["mq".into(), "".into(), "".into(), "amqp://localhost:5672".into()]);
        table
    }

    #[test]
    fn a_piped_table_is_whole_and_has_no_trailing_blanks() {
        insta::assert_snapshot!(services().render(None, false), @"
        SERVICE  IMAGE                                         STATE              URL
        db       registry.example.org/team/postgres:17-alpine  running (healthy)  postgres://localhost:5432
        検索     meili:1                                       exited (1)
        mq                                                                        amqp://localhost:5672
        ");
    }

    #[test]
    fn on_a_narrow_terminal_the_least_important_column_is_cut_first() {
        insta::assert_snapshot!(services().render(Some(80), false), @"
        SERVICE  IMAGE                      STATE              URL
        db       registry.example.org/tea…  running (healthy)  postgres://localhost:5432
        検索     meili:1                    exited (1)
        mq                                                     amqp://localhost:5672
        ");
        insta::assert_snapshot!(services().render(Some(60), false), @"
        SERVICE  IMAGE     STATE           URL
        db       registr…  running (heal…  postgres://localhost:5432
        検索     meili:1   exited (1)
        mq                                 amqp://localhost:5672
        ");
    }

    #[test]
    fn on_no_terminal_does_a_line_wrap() {
        for width in 1..=100 {
            for colour in [false, true] {
                let text = services().render(Some(width), colour);
                let widest = text.lines().map(measure_text_width).max();
                assert!(widest <= Some(width), "{width}: {text}");
            }
        }
        insta::assert_snapshot!(services().render(Some(40), false));
        insta::assert_snapshot!(services().render(Some(20), false));
    }

    #[test]
    fn a_column_that_keeps_much_goes_on_giving_way_after_the_others() {
        let columns =
            [Column::new("NAME").gives_way(1), Column::new("PORTS").gives_way(2).keeps(24)];
        let mut table = Table::new(columns.into());
        let ports = "127.0.0.1:5432->5432/tcp, 127.0.0.1:5433->5433/tcp";
        table.push(vec!["shop-database-1".into(), ports.into()]);
        insta::assert_snapshot!(table.render(Some(41), false));
        insta::assert_snapshot!(table.render(Some(36), false));
        insta::assert_snapshot!(table.render(Some(30), false));
    }

    #[test]
    fn the_rows_of_a_text_on_a_terminal_are_counted() {
        assert_eq!(rows_on_terminal("", 10), 0);
        assert_eq!(rows_on_terminal("a\n\nb\n", 10), 3);
        assert_eq!(rows_on_terminal("1234567890\n12345678901\n検索検索検索\n", 10), 5);
        assert_eq!(rows_on_terminal("\u{1b}[31m1234567890\u{1b}[0m", 10), 1);
    }

    #[test]
    fn colour_does_not_move_columns() {
        let plain = services().render(Some(60), false);
        let painted = services().render(Some(60), true);
        assert!(painted.contains("\u{1b}[31m"));
        assert_eq!(console::strip_ansi_codes(&painted), plain);
    }

    #[test]
    fn an_empty_table_has_headings() {
        assert_eq!(
            Table::new(vec![Column::new("NAME"), Column::new("ID")]).render(None, false),
            "NAME  ID\n"
        );
    }
}
