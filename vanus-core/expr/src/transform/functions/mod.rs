//! The functions of the pipeline, one table for all of them.

mod arrays;
mod codes;
mod conditions;
mod dates;
mod debezium;
mod math;
mod queries;
mod split;
mod structs;
mod table;
mod text;

use regex::Regex;

pub(super) use self::arrays::Render;
pub use self::table::FUNCTIONS;
use super::{
    action::Action,
    argument::{Argument, Source},
    error::{ActionFault, TransformerError},
    jq::Jq,
    run::Run,
};

/// A function of the pipeline.
#[derive(Debug)]
pub struct Function {
    /// Its name; commands write it in any case of letters.
    pub name: &'static str,
    /// Another name for it, that of the documentation of the original Vanus.
    pub alias: Option<&'static str>,
    /// What the arguments are called, in their order; those in brackets may be left out, and `…`
    /// stands for more of the last one.
    pub arguments: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it takes in each place.
    pub(super) takes: &'static [Takes],
    /// How many of the last of them may be left out.
    pub(super) optional: usize,
    /// What it takes any number of behind them.
    pub(super) more: Option<Takes>,
    pub(super) prepare: fn(&[Argument], &str) -> Result<Extra, TransformerError>,
    pub(super) run: for<'a> fn(&mut Run<'a>, &'a Action) -> Result<(), ActionFault>,
}

/// What a function takes as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// One place of the event that can be set.
    Place,
    /// Places of the event that can be deleted.
    Deletable,
    /// One place of the event that can be deleted.
    Movable,
    /// One place of the data.
    Data,
    /// A value of the event.
    Event,
    /// A value of the data.
    DataValue,
    /// Anything.
    Any,
    /// A value that stands in the command.
    Constant,
    /// A text that is an expression, whatever it begins with.
    Expression,
    /// An action.
    Action,
}

/// What a function has compiled of its constants.
#[derive(Debug, Clone)]
pub(super) enum Extra {
    Nothing,
    /// A pattern, and the work it makes of a byte.
    Pattern(Regex, usize),
    Dates(Box<dates::Dates>),
    Render(Render),
    Jq(Box<Jq>),
}

impl Function {
    /// The command as people write it.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("[\"{}\", {}]", self.name, self.arguments)
    }

    pub(super) fn accepts(&self, given: usize) -> bool {
        let least = self.takes.len() - self.optional;
        // An action that has others in it has at least one.
        let least = least + usize::from(self.more == Some(Takes::Action));
        given >= least && (given <= self.takes.len() || self.more.is_some())
    }

    pub(super) fn takes_at(&self, n: usize) -> Takes {
        let fixed = self.takes.get(n).copied();
        fixed.or(self.more).unwrap_or(Takes::Any)
    }
}

impl Takes {
    /// What is wrong with an argument in this place.
    pub(super) fn refuses(self, argument: &Argument) -> Option<String> {
        const FIXED: [&str; 2] = ["specversion", "datacontenttype"];
        const NEEDED: [&str; 4] = ["id", "source", "type", "specversion"];
        let written = &argument.written;
        let single = |path: &super::path::Path| {
            path.is_many()
                .then(|| format!("{written} may mean several places, and one is wanted"))
        };
        let attribute = |name: &str, refused: &[&str], verb| {
            refused
                .contains(&name)
                .then(|| format!("{name} cannot be {verb}"))
        };
        match (self, &argument.source) {
            (Self::Any | Self::Event, Source::Attribute(_) | Source::Data(_))
            | (Self::Any, _)
            | (Self::Deletable, Source::Data(_))
            | (Self::DataValue, Source::Data(_))
            | (Self::Constant | Self::Expression, Source::Constant(_)) => None,
            (Self::Place, Source::Attribute(name)) => attribute(name, &FIXED, "set"),
            (Self::Deletable | Self::Movable, Source::Attribute(name)) => {
                attribute(name, &NEEDED, "deleted")
            }
            (Self::Movable, Source::Data(path)) if path.counts_from_the_end() => Some(format!(
                "{written} counts from the end, which may be another item when it is deleted"
            )),
            (Self::Place | Self::Data | Self::Movable, Source::Data(path)) => single(path),
            (Self::Data | Self::DataValue, _) => Some(format!(
                "a place in the data is expected, such as $.data.x, not {written}"
            )),
            (Self::Constant | Self::Expression, _) => {
                Some(format!("a constant is expected, not {written}"))
            }
            (Self::Action, _) => Some("an action is expected".to_owned()),
            (Self::Place | Self::Deletable | Self::Movable | Self::Event, _) => Some(format!(
                "a place in the event is expected, such as $.data.x or $.subject, not {written}"
            )),
        }
    }
}

/// The function of this name, in any case of letters.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    let is = |taken: &str| taken.eq_ignore_ascii_case(name);
    FUNCTIONS
        .iter()
        .find(|function| is(function.name) || function.alias.is_some_and(is))
}

/// What to do about a name that no function has.
pub(super) fn hint(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let common = |other: &str| {
        let same = name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b);
        same.count()
    };
    let nearest = FUNCTIONS
        .iter()
        .max_by_key(|function| common(function.name));
    match nearest.filter(|function| common(function.name) > 2) {
        Some(function) => format!("is {} meant?", function.signature()),
        None => "docs/transformers.md lists what there is".to_owned(),
    }
}

/// For a function that has nothing to compile.
pub(super) fn nothing(_: &[Argument], _: &str) -> Result<Extra, TransformerError> {
    Ok(Extra::Nothing)
}
