//! Where in a text something is.

use std::fmt;

/// A place in the text of an expression, for people and for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Bytes of the text before it.
    pub offset: usize,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its column in characters, counted from 1.
    pub column: usize,
}

impl Position {
    /// The position of byte `offset` of `text`; what lies inside a character or behind the end is
    /// moved back to where a character begins.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            offset,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {} (byte {})",
            self.line, self.column, self.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters() {
        let text = "a\né = ü";
        let at = |offset| {
            let at = Position::of(text, offset);
            (at.offset, at.line, at.column)
        };
        assert_eq!(at(0), (0, 1, 1));
        assert_eq!(at(2), (2, 2, 1));
        assert_eq!(at(3), (2, 2, 1));
        assert_eq!(at(7), (7, 2, 5));
        assert_eq!(at(99), (9, 2, 6));
        let shown = Position::of(text, 7).to_string();
        assert_eq!(shown, "line 2, column 5 (byte 7)");
    }
}
