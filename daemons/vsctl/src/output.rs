//! Printing: tables for people, JSON for programs. Nothing else writes to standard output.

use std::io::{self, Write as _};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;
use serde_json::json;

use crate::{cli::Format, error::CliError, hint::hint};

/// Narrowest table on a terminal, in columns.
const LEAST_WIDTH: u16 = 40;

/// Longest cells that are not broken over lines, in columns: a time.
const WHOLE: u16 = 24;

/// Space between two columns.
const GAP: u16 = 2;

/// How answers are printed.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    format: Format,
    /// Columns of the terminal; absent when the answer goes elsewhere: lines are not cut then.
    width: Option<u16>,
}

/// A field and its value, for people.
pub(crate) type Field = (&'static str, String);

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        let out = rustix::stdio::stdout();
        let size = rustix::termios::tcgetwinsize(out)
            .ok()
            .map(|size| size.ws_col);
        Self {
            format,
            width: size.filter(|columns| *columns > 0),
        }
    }

    /// Whether answers are for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The same output, for programs if `json` asks for it.
    pub(crate) fn or_json(&self, json: bool) -> Self {
        let format = if json { Format::Json } else { self.format };
        Self {
            format,
            width: self.width,
        }
    }

    /// One thing: its serialized form, or its fields below each other.
    pub(crate) fn one<T: Serialize>(
        &self,
        value: &T,
        fields: impl FnOnce() -> Vec<Field>,
    ) -> Result<(), CliError> {
        if self.is_json() {
            return self.json(value);
        }
        let mut table = self.table();
        for (name, value) in fields() {
            table.add_row([format!("{name}:"), clean(&value)]);
        }
        self.print(table)
    }

    /// Many things: their serialized forms as a list, or a row each. `none` says that there are
    /// none.
    pub(crate) fn many<T: Serialize>(
        &self,
        values: &[T],
        none: &str,
        columns: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), CliError> {
        if self.is_json() {
            return self.json(&values);
        }
        if values.is_empty() {
            return self.text(none);
        }
        self.rows(columns, values.iter().map(row))
    }

    /// A table of `rows`, for people.
    pub(crate) fn rows(
        &self,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<String>>,
    ) -> Result<(), CliError> {
        let mut table = self.table();
        table.set_header(columns);
        for row in rows {
            table.add_row(row.iter().map(|cell| clean(cell)));
        }
        self.print(table)
    }

    /// A table of `rows`, each followed by a note, for people. Lines are not broken.
    pub(crate) fn rows_with_notes(
        &self,
        columns: &[&str],
        rows: impl Iterator<Item = (Vec<String>, String)>,
    ) -> Result<(), CliError> {
        let unbroken = Self {
            format: self.format,
            width: None,
        };
        let (mut table, mut notes) = (unbroken.table(), Vec::new());
        table.set_header(columns);
        for (row, note) in rows {
            table.add_row(row.iter().map(|cell| clean(cell)));
            notes.push(note);
        }
        unbroken.arrange(&mut table);
        let mut text = String::new();
        for (number, line) in table.lines().enumerate() {
            text.push_str(&line);
            text.push('\n');
            if let Some(note) = number.checked_sub(1).and_then(|row| notes.get(row)) {
                text.push_str(&format!("  {note}\n"));
            }
        }
        self.text(&text)
    }

    /// That something was done: `value` for programs, `sentence` for people.
    pub(crate) fn done<T: Serialize>(&self, value: &T, sentence: &str) -> Result<(), CliError> {
        if self.is_json() {
            self.json(value)
        } else {
            self.text(&clean(sentence))
        }
    }

    /// One document.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other);
        self.text(&text.map_err(CliError::Output)?)
    }

    /// One document on one line, for streams of them.
    pub(crate) fn json_line<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(io::Error::other);
        self.raw(format!("{}\n", text.map_err(CliError::Output)?).as_bytes())
    }

    /// Text for people, line by line without spaces at the ends of lines.
    pub(crate) fn text(&self, text: &str) -> Result<(), CliError> {
        let mut lines = String::with_capacity(text.len() + 1);
        for line in text.lines() {
            lines.push_str(line.trim_end());
            lines.push('\n');
        }
        self.raw(lines.as_bytes())
    }

    /// Bytes as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(CliError::Output)
    }

    /// Why the command failed, to standard error.
    pub(crate) fn error(&self, error: &CliError) {
        let (fault, hint) = (error.fault(), hint(error.fault().code));
        let text = if matches!(error, CliError::Output(_)) {
            // Whoever read the answer is gone; who reads this one is not.
            format!("error: {fault}\n")
        } else if self.is_json() {
            let (code, title) = (fault.code.to_string(), fault.code.title());
            let error =
                json!({ "code": code, "title": title, "message": fault.message, "hint": hint });
            format!("{}\n", json!({ "error": error }))
        } else {
            let hint = hint
                .map(|hint| format!("hint: {hint}\n"))
                .unwrap_or_default();
            format!("error: {}\n{hint}", clean(&fault.to_string()))
        };
        if error.exit_code() != 0 {
            // There is nowhere left to complain to.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// Something people should know, to standard error; programs are not told.
    pub(crate) fn note(&self, sentence: &str) {
        if !self.is_json() {
            let _ = writeln!(io::stderr().lock(), "{}", clean(sentence));
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(LEAST_WIDTH));
        }
        table
    }

    fn print(&self, mut table: Table) -> Result<(), CliError> {
        self.arrange(&mut table);
        self.text(&table.to_string())
    }

    fn arrange(&self, table: &mut Table) {
        let widths = table.column_max_content_widths();
        let mut room = self.width.map_or(0, |width| width.max(LEAST_WIDTH) / 4 * 3);
        for (column, width) in table.column_iter_mut().zip(widths) {
            column.set_padding((0, GAP));
            // Ids, offsets and times stay in one piece as long as that leaves room for the rest.
            if width <= WHOLE && width + GAP <= room {
                room -= width + GAP;
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
}

/// Text from elsewhere with its control characters made visible, so that it cannot steer the
/// terminal it is printed on.
pub(crate) fn clean(text: &str) -> String {
    let control = |c: char| c.is_control() && c != '\n';
    if !text.contains(control) {
        return text.to_owned();
    }
    let show = |c: char| {
        if control(c) {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_narrow_terminal_times_stay_whole_and_nothing_is_wider_than_it() {
        let output = Output {
            format: Format::Table,
            width: Some(80),
        };
        let mut table = output.table();
        table.set_header(["OFFSET", "APPENDED", "TYPE", "SOURCE", "ID", "DATA"]);
        let (time, id) = (
            "2026-01-31T12:00:00.000Z",
            "448f306c-17a2-4db5-9f36-d5b9ceb7eb32",
        );
        table.add_row(["0", time, "order.placed", "/vsctl", id, "{\"total\": 12}"]);
        output.arrange(&mut table);
        let text = table.to_string();
        assert!(text.contains(time), "{text}");
        assert!(
            text.lines()
                .all(|line| line.trim_end().chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(clean("a\u{1b}[31mb\tc\nd"), "a\\u{1b}[31mb\\tc\nd");
        assert_eq!(clean("größe"), "größe");
    }
}
