//! The functions of CESQL, one file per family, and the table of all of them.
//!
//! The table is what calls are resolved with, and what docs/filters.md shows.

mod casts;
mod number;
mod text;

use super::{
    error::EvalErrorKind,
    value::{Type, Value},
};
use crate::budget::{Budget, Exhausted};

/// A function: its name, what it takes and gives.
#[derive(Debug)]
pub struct Function {
    /// The name in capitals; in an expression any case of letters will do.
    pub name: &'static str,
    /// The arguments it always has, with their names.
    pub arguments: &'static [(&'static str, Type)],
    /// The type of any number of arguments more, if it takes such.
    pub more: Option<Type>,
    /// What it gives.
    pub returns: Type,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Does it. The arguments have the types above.
    pub(super) run: Run,
}

pub(super) type Run = for<'a> fn(&mut [Value<'a>], &Budget) -> Result<Outcome<'a>, Exhausted>;

/// A value, and an error beside it.
pub(super) struct Outcome<'a> {
    pub(super) value: Value<'a>,
    pub(super) error: Option<(EvalErrorKind, &'static str)>,
}

/// Every function.
pub static FUNCTIONS: &[Function] = &[
    text::LENGTH,
    text::CONCAT,
    text::CONCAT_WS,
    text::LOWER,
    text::UPPER,
    text::TRIM,
    text::LEFT,
    text::RIGHT,
    text::SUBSTRING,
    text::SUBSTRING_OF_LENGTH,
    number::ABS,
    casts::BOOL,
    casts::INT,
    casts::STRING,
    casts::IS_BOOL,
    casts::IS_INT,
];

/// The function of this name, in capitals, that takes this number of arguments.
pub(super) fn find(name: &str, arguments: usize) -> Option<&'static Function> {
    let takes = |function: &&Function| {
        let fixed = function.arguments.len();
        function.name == name
            && (fixed == arguments || (function.more.is_some() && fixed < arguments))
    };
    FUNCTIONS.iter().find(takes)
}

impl Function {
    /// The type of argument `number`, counted from 0.
    pub(super) fn argument(&self, number: usize) -> Type {
        let fixed = self.arguments.get(number).map(|(_, kind)| *kind);
        fixed.or(self.more).unwrap_or(Type::Any)
    }

    /// How it is called, such as `LEFT(x: String, y: Integer) -> String`.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|(name, kind)| format!("{name}: {}", kind.name()))
            .collect();
        arguments.extend(self.more.map(|kind| format!("...: {}", kind.name())));
        let (name, returns) = (self.name, self.returns.name());
        format!("{name}({}) -> {returns}", arguments.join(", "))
    }
}

impl<'a> Outcome<'a> {
    fn of(value: Value<'a>) -> Self {
        Self { value, error: None }
    }
}

/// The value of an argument, which is taken out.
fn take<'a>(arguments: &mut [Value<'a>], number: usize) -> Value<'a> {
    let argument = arguments.get_mut(number);
    argument.map_or(Value::Boolean(false), |argument| {
        std::mem::replace(argument, Value::Boolean(false))
    })
}

/// An argument that is an integer.
fn integer(arguments: &[Value<'_>], number: usize) -> i32 {
    match arguments.get(number) {
        Some(Value::Integer(integer)) => *integer,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_functions_can_be_meant_by_one_call() {
        for arguments in 0..8 {
            for function in FUNCTIONS {
                let meant = FUNCTIONS.iter().filter(|other| {
                    let fixed = other.arguments.len();
                    other.name == function.name
                        && (fixed == arguments || (other.more.is_some() && fixed < arguments))
                });
                assert!(meant.count() <= 1, "{} of {arguments}", function.name);
            }
        }
    }

    #[test]
    fn signatures_read_as_in_the_specification() {
        let signature = |name, arguments| find(name, arguments).unwrap().signature();
        assert_eq!(
            signature("SUBSTRING", 3),
            "SUBSTRING(x: String, pos: Integer, len: Integer) -> String"
        );
        assert_eq!(
            signature("CONCAT_WS", 5),
            "CONCAT_WS(delimiter: String, ...: String) -> String"
        );
        assert!(find("CONCAT_WS", 0).is_none() && find("LENGTH", 2).is_none());
        assert!(
            find("length", 1).is_none(),
            "names are resolved in capitals"
        );
    }
}
