//! Paths to a member or item of a JSON text.

use std::fmt;

use super::words::{PathWords, is_name};

/// Longest path, in bytes.
pub const MAX_PATH_LEN: usize = 1024;
/// Most steps of a path.
pub const MAX_PATH_STEPS: usize = 64;

/// Which value of a JSON text is meant: `.name`, `['name']`, `["name"]` and `[number]`, in any
/// number and order. The dot before a leading name may be left out.
///
/// In quotes, `\` makes the character after it itself. There are no slices, wildcards, filters or
/// negative numbers: a path means at most one value.
///
/// ```
/// use vanus_expr::json::JsonPath;
///
/// let path: JsonPath = "order.lines[0]['unit price']".parse()?;
/// assert_eq!(path.to_string(), r#".order.lines[0]["unit price"]"#);
/// # Ok::<(), vanus_expr::json::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonPath {
    steps: Box<[Step]>,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The member of an object.
    Member(Box<str>),
    /// The item of an array, counted from 0.
    Item(u32),
}

impl JsonPath {
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }
}

impl std::str::FromStr for JsonPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        if path.len() > MAX_PATH_LEN {
            return Err(PathError::TooLong { length: path.len() });
        }
        let mut parser = Parser(PathWords::new(path));
        let mut steps = Vec::new();
        if !path.starts_with(['.', '[']) {
            steps.push(parser.name()?);
        }
        while !parser.0.rest().is_empty() {
            if steps.len() == MAX_PATH_STEPS {
                return Err(PathError::TooManySteps { at: parser.0.at() });
            }
            steps.push(parser.step()?);
        }
        Ok(Self {
            steps: steps.into(),
        })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Item(number) => write!(f, "[{number}]")?,
                Step::Member(name) if name.chars().all(is_name) && !name.is_empty() => {
                    write!(f, ".{name}")?;
                }
                Step::Member(name) => {
                    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, "[\"{escaped}\"]")?;
                }
            }
        }
        Ok(())
    }
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path is too long.
    #[error("the path has {length} bytes, where at most {MAX_PATH_LEN} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The path has too many steps.
    #[error("the path has more than {MAX_PATH_STEPS} steps, the next one at byte {at}")]
    TooManySteps {
        /// How many bytes come before the first step too many.
        at: usize,
    },
    /// Something else is expected.
    #[error("at byte {at} of the path, {expected} is expected")]
    Syntax {
        /// How many bytes of the path come before.
        at: usize,
        /// What is expected there.
        expected: &'static str,
    },
}

struct Parser<'p>(PathWords<'p>);

impl Parser<'_> {
    fn step(&mut self) -> Result<Step, PathError> {
        if self.0.take('.') {
            return self.name();
        }
        if !self.0.take('[') {
            return Err(self.error("a dot or a bracket"));
        }
        let step = if self.0.take('\'') {
            self.quoted('\'')?
        } else if self.0.take('"') {
            self.quoted('"')?
        } else {
            self.number()?
        };
        if self.0.take(']') {
            Ok(step)
        } else {
            Err(self.error("a closing bracket"))
        }
    }

    fn name(&mut self) -> Result<Step, PathError> {
        let name = self.0.name();
        let name = name.ok_or_else(|| self.error("a name (write other names as ['name'])"))?;
        Ok(Step::Member(name.into()))
    }

    fn number(&mut self) -> Result<Step, PathError> {
        match self.0.number(|c| c.is_ascii_digit()) {
            Ok(Some(number)) => Ok(Step::Item(number)),
            Ok(None) | Err(_) => Err(self.error("a number or a name in quotes")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Step, PathError> {
        let name = self.0.quoted(quote);
        name.map(Step::Member)
            .ok_or_else(|| self.error("a closing quote"))
    }

    fn error(&self, expected: &'static str) -> PathError {
        PathError::Syntax {
            at: self.0.at(),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Result<JsonPath, PathError> {
        path.parse()
    }

    #[test]
    fn every_way_to_write_a_step_is_read() {
        let path = parse(r#"a.b-c["d.e"]['f\'g'][12].ü[""]"#).unwrap();
        let steps = ["a", "b-c", "d.e", "f'g"].map(|name| Step::Member(name.into()));
        assert_eq!(path.steps[..4], steps);
        let rest = [
            Step::Item(12),
            Step::Member("ü".into()),
            Step::Member("".into()),
        ];
        assert_eq!(path.steps[4..], rest);
        assert_eq!(parse(".a"), parse("a"));
        assert_eq!(parse("['a']"), parse("a"));
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        let refused = [
            ("", 0),
            (".", 1),
            ("a.", 2),
            ("a..b", 2),
            ("a b", 1),
            ("a[", 2),
            ("a[]", 2),
            ("a[1", 3),
            ("a['b", 4),
            ("a['b'", 5),
            ("a[*]", 2),
            ("a.*", 2),
            ("a[-1]", 2),
            ("a[1:2]", 3),
            ("a[4294967296]", 2),
            ("a]", 1),
            ("a[?(@.b)]", 2),
        ];
        for (path, place) in refused {
            match parse(path) {
                Err(PathError::Syntax { at, .. }) => assert_eq!(at, place, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn length_and_steps_are_limited() {
        assert!(parse(&"a".repeat(MAX_PATH_LEN)).is_ok());
        assert!(matches!(
            parse(&"a".repeat(MAX_PATH_LEN + 1)),
            Err(PathError::TooLong { .. })
        ));
        assert!(parse(&".a".repeat(MAX_PATH_STEPS)).is_ok());
        let many = parse(&".a".repeat(MAX_PATH_STEPS + 1));
        assert_eq!(
            many,
            Err(PathError::TooManySteps {
                at: 2 * MAX_PATH_STEPS
            })
        );
    }
}
