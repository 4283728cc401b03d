//! Paths as they are written.

use super::{Path, Step};
use crate::json::{MAX_PATH_LEN, MAX_PATH_STEPS};

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
        let mut parser = Parser { text, rest: text };
        let mut steps = Vec::new();
        while parser.rest.starts_with(['.', '[']) {
            if steps.len() == MAX_PATH_STEPS {
                return Err(parser.mistake(format!("a path has at most {MAX_PATH_STEPS} steps")));
            }
            steps.push(parser.step()?);
            if parser.at() > MAX_PATH_LEN {
                return Err(parser.mistake(format!("a path has at most {MAX_PATH_LEN} bytes")));
            }
        }
        let steps = steps.into();
        Ok((Self { steps }, parser.rest))
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

struct Parser<'p> {
    text: &'p str,
    rest: &'p str,
}

impl Parser<'_> {
    fn step(&mut self) -> Result<Step, PathMistake> {
        if self.take('.') {
            if self.take('*') {
                return Ok(Step::All);
            }
            let end = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
            if name.is_empty() {
                return Err(self.mistake("a name is expected; write other names as ['name']"));
            }
            self.rest = rest;
            return Ok(Step::Member(name.into()));
        }
        self.take('[');
        let step = if self.take('*') {
            Step::All
        } else if self.take('\'') {
            self.quoted('\'')?
        } else if self.take('"') {
            self.quoted('"')?
        } else {
            self.numbers()?
        };
        if self.take(']') {
            return Ok(step);
        }
        Err(self.mistake("a closing bracket is expected"))
    }

    fn numbers(&mut self) -> Result<Step, PathMistake> {
        let start = self.number()?;
        if !self.take(':') {
            return start.map(Step::Item).ok_or_else(|| {
                self.mistake("a number, a name in quotes, a slice or * is expected")
            });
        }
        let end = self.number()?;
        let step = if self.take(':') { self.number()? } else { None };
        match step.unwrap_or(1) {
            0 => Err(self.mistake("the step of a slice cannot be 0")),
            step => Ok(Step::Slice { start, end, step }),
        }
    }

    fn number(&mut self) -> Result<Option<i64>, PathMistake> {
        let digit = |c: char| c.is_ascii_digit() || c == '-';
        let end = self.rest.find(|c| !digit(c)).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits
            .parse()
            .map_err(|_| self.mistake("a number is expected"))?;
        self.rest = rest;
        Ok(Some(number))
    }

    fn quoted(&mut self, quote: char) -> Result<Step, PathMistake> {
        let mut name = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('\\') => name.extend(chars.next()),
                Some(c) if c == quote => break,
                Some(c) => name.push(c),
                None => {
                    self.rest = "";
                    return Err(self.mistake("a closing quote is expected"));
                }
            }
        }
        self.rest = chars.as_str();
        Ok(Step::Member(name.into()))
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn mistake(&self, what: impl Into<String>) -> PathMistake {
        PathMistake {
            at: self.at(),
            what: what.into(),
        }
    }
}

/// Whether a character may stand in a name without quotes.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | '/' | ':')
}
