//! Paths as they are written.

use super::{Path, Step};
use crate::json::{MAX_PATH_LEN, MAX_PATH_STEPS, PathWords};

/// Why a text is no path: where, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transform) struct PathMistake {
    /// Bytes of the path before it.
    pub(in crate::transform) at: usize,
    pub(in crate::transform) what: String,
}

impl Path {
    /// Reads a path; what comes after it is left over.
    pub(in crate::transform) fn read_prefix(text: &str) -> Result<(Self, &str), PathMistake> {
        let mut parser = Parser(PathWords::new(text));
        let mut steps = Vec::new();
        while parser.0.rest().starts_with(['.', '[']) {
            if steps.len() == MAX_PATH_STEPS {
                return Err(parser.mistake(format!("a path has at most {MAX_PATH_STEPS} steps")));
            }
            steps.push(parser.step()?);
            if parser.0.at() > MAX_PATH_LEN {
                return Err(parser.mistake(format!("a path has at most {MAX_PATH_LEN} bytes")));
            }
        }
        let steps = steps.into();
        Ok((Self { steps }, parser.0.rest()))
    }

    /// Reads a text that is a path and nothing else.
    pub(in crate::transform) fn read(text: &str) -> Result<Self, PathMistake> {
        let (path, rest) = Self::read_prefix(text)?;
        if rest.is_empty() {
            return Ok(path);
        }
        Err(PathMistake {
            at: text.len() - rest.len(),
            what: "a dot or a bracket is expected".to_owned(),
        })
    }
}

struct Parser<'p>(PathWords<'p>);

impl Parser<'_> {
    fn step(&mut self) -> Result<Step, PathMistake> {
        if self.0.take('.') {
            if self.0.take('*') {
                return Ok(Step::All);
            }
            let name = self
                .0
                .name()
                .ok_or_else(|| self.mistake("a name is expected; write other names as ['name']"))?;
            return Ok(Step::Member(name.into()));
        }
        self.0.take('[');
        let step = if self.0.take('*') {
            Step::All
        } else if self.0.take('\'') {
            self.quoted('\'')?
        } else if self.0.take('"') {
            self.quoted('"')?
        } else {
            self.numbers()?
        };
        if self.0.take(']') {
            return Ok(step);
        }
        Err(self.mistake("a closing bracket is expected"))
    }

    fn numbers(&mut self) -> Result<Step, PathMistake> {
        let start = self.number()?;
        if !self.0.take(':') {
            return start.map(Step::Item).ok_or_else(|| {
                self.mistake("a number, a name in quotes, a slice or * is expected")
            });
        }
        let end = self.number()?;
        let step = if self.0.take(':') {
            self.number()?
        } else {
            None
        };
        match step.unwrap_or(1) {
            0 => Err(self.mistake("the step of a slice cannot be 0")),
            step => Ok(Step::Slice { start, end, step }),
        }
    }

    fn number(&mut self) -> Result<Option<i64>, PathMistake> {
        let number = self.0.number(|c| c.is_ascii_digit() || c == '-');
        number.map_err(|_| self.mistake("a number is expected"))
    }

    fn quoted(&mut self, quote: char) -> Result<Step, PathMistake> {
        let name = self.0.quoted(quote);
        name.map(Step::Member)
            .ok_or_else(|| self.mistake("a closing quote is expected"))
    }

    fn mistake(&self, what: impl Into<String>) -> PathMistake {
        PathMistake {
            at: self.0.at(),
            what: what.into(),
        }
    }
}
