//! A jq expression, its names resolved.

use regex::Regex;

/// A filter: from a value to any number of values.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Identity,
    RecurseDefault,
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Box<str>),
    /// Pieces of a string, each formatted.
    Interpolated(Format, Box<[Piece]>),
    Array(Option<Box<Node>>),
    Object(Box<[(Node, Node)]>),
    Negate(Box<Node>),
    Pipe(Box<[Node; 2]>),
    Bind(Box<(Node, Pattern, Node)>),
    Comma(Box<[Node; 2]>),
    Alternative(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    And(Box<[Node; 2]>),
    Math(Math, Box<[Node; 2]>),
    Compare(Compare, Box<[Node; 2]>),
    Assign(Box<[Node; 2]>),
    Update(Box<[Node; 2]>),
    UpdateMath(Math, Box<[Node; 2]>),
    UpdateAlternative(Box<[Node; 2]>),
    Label(u32, Box<Node>),
    Break(u32),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>),
    Try(Box<Node>, Option<Box<Node>>),
    If(Box<[(Node, Node)]>, Option<Box<Node>>),
    Define(Box<[Definition]>, Box<Node>),
    /// A function or closure of the expression.
    Call(u32, Box<[Node]>),
    /// A function of the prelude, by its number.
    Global(usize, Box<[Node]>),
    Native(Native, Box<[Node]>),
    /// A function of text and a pattern.
    Match(Match, Box<Regex>, usize, Option<Box<Node>>),
    Variable(u32),
    Path(Box<Node>, Box<[(Part, bool)]>),
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Box<str>),
    Value(Node),
}

/// A step of a path; `true` beside it means that its errors are left out.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Index(Node),
    Slice(Option<Node>, Option<Node>),
    All,
}

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Variable(u32),
    Array(Box<[Pattern]>),
    Object(Box<[(Node, Pattern)]>),
}

#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub(super) source: Node,
    pub(super) pattern: Pattern,
    pub(super) start: Node,
    pub(super) update: Node,
    pub(super) extract: Option<Node>,
}

#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) id: u32,
    pub(super) parameters: Box<[Parameter]>,
    pub(super) body: Node,
}

/// A parameter: a closure, and a variable too if it is written with `$`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) closure: u32,
    pub(super) variable: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Math {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Base64,
    Base64Decode,
    Uri,
    Html,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Test,
    Capture,
    Sub,
    Gsub,
}

/// A function that is written in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    Empty,
    Error,
    ErrorOf,
    Not,
    Length,
    Utf8ByteLength,
    Keys,
    KeysUnsorted,
    Has,
    Contains,
    Floor,
    Ceil,
    Round,
    Sqrt,
    Abs,
    Pow,
    ToString,
    ToNumber,
    Type,
    Sort,
    SortBy,
    GroupBy,
    UniqueBy,
    MinBy,
    MaxBy,
    Reverse,
    Flatten,
    Range,
    AsciiDowncase,
    AsciiUpcase,
    Trim,
    LtrimStr,
    RtrimStr,
    StartsWith,
    EndsWith,
    Split,
    Join,
    IndexOf,
    ToJson,
    FromJson,
    Explode,
    Implode,
    Path,
    GetPath,
    SetPath,
    DelPaths,
    First,
    Limit,
    Until,
    While,
    Repeat,
    Recurse,
    Now,
    ToDate,
    FromDate,
    Format(Format),
    Infinite,
    Nan,
}
