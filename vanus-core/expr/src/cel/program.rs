//! A compiled expression: names resolved, patterns compiled.

use regex::Regex;

use super::{
    ast::{BinaryOp, Literal},
    functions::CelFunction,
    value::Kind,
};
use crate::json::JsonPath;

/// A node of the program, and the byte of the text it comes from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) at: usize,
}

/// The kinds of nodes.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Literal(Literal),
    Type(Kind),
    /// An attribute of the event.
    Attribute(Box<str>),
    HasAttribute(Box<str>),
    /// The payload as JSON.
    Data,
    HasData,
    /// A value of the payload, converted.
    Reference(JsonPath, Kind),
    /// The variable of the comprehension with this many around it.
    Variable(usize),
    Member(Box<Node>, Box<str>),
    HasMember(Box<Node>, Box<str>),
    Index(Box<[Node; 2]>),
    Call(&'static CelFunction, Box<[Node]>),
    /// Whether a text matches a pattern, and the work for each byte of the text.
    Matches(Box<Node>, Regex, usize),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Or(Box<[Node]>),
    And(Box<[Node]>),
    Binary(BinaryOp, Box<[Node; 2]>),
    Conditional(Box<[Node; 3]>),
    Comprehension(Box<Comprehension>),
}

/// A macro over a list or the keys of a map.
#[derive(Debug, Clone)]
pub(super) struct Comprehension {
    pub(super) what: Macro,
    pub(super) over: Node,
    /// How many variables there are around it.
    pub(super) variable: usize,
    /// What is asked of each item.
    pub(super) body: Node,
    /// With three arguments, what `map` makes of the items that pass.
    pub(super) made: Option<Node>,
}

/// The macros over lists and maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Macro {
    /// The macro of this name with this number of arguments.
    pub(super) fn read(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 2) => Self::All,
            ("exists", 2) => Self::Exists,
            ("exists_one" | "existsOne", 2) => Self::ExistsOne,
            ("filter", 2) => Self::Filter,
            ("map", 2 | 3) => Self::Map,
            _ => return None,
        })
    }

    /// What it gives.
    pub(super) const fn returns(self) -> Kind {
        match self {
            Self::All | Self::Exists | Self::ExistsOne => Kind::Bool,
            Self::Filter | Self::Map => Kind::List,
        }
    }
}
