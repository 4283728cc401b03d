//! From what jaq's parser reads to nodes: names become numbers, and those that mean nothing are
//! mistakes.

use jaq_core::{
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern as Written, Term},
    },
    ops,
    path::{Opt, Part as WrittenPart, Path as WrittenPath},
};

use super::{
    super::pattern::build,
    JqMistake,
    node::{
        Compare, Definition, Fold, Format, Match, Math, Native, Node, Parameter, Part, Pattern,
        Piece,
    },
    parse,
    prelude::{DEFINITIONS, NATIVES},
    value::{J, number},
};
use crate::Position;

/// Largest pattern, compiled, in bytes of memory.
const MAX_PATTERN_LEN: usize = 64 * 1024;
/// Most patterns of one expression.
const MAX_PATTERNS: usize = 16;

/// A name that can be seen.
#[derive(Debug, Clone, Copy)]
struct Name<'s> {
    name: &'s str,
    /// How many arguments it takes; a variable or label takes none of this kind.
    kind: Kind,
    id: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Variable,
    Label,
    Function(usize),
}

/// Turns terms into nodes.
pub(super) struct Lower<'s> {
    /// The expression, to tell places in it.
    text: &'s str,
    names: Vec<Name<'s>>,
    next: u32,
    /// The functions of the prelude that are used.
    pub(super) globals: Vec<Option<Definition>>,
    /// Which these are.
    used: Vec<(&'static str, usize)>,
    patterns: usize,
}

type Lowered<T> = Result<T, JqMistake>;

impl<'s> Lower<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            text,
            names: Vec::new(),
            next: 0,
            globals: Vec::new(),
            used: Vec::new(),
            patterns: 0,
        }
    }

    /// Makes a variable visible; answers its number.
    pub(super) fn variable(&mut self, name: &'s str) -> u32 {
        self.name(name, Kind::Variable)
    }

    fn name(&mut self, name: &'s str, kind: Kind) -> u32 {
        let id = self.next;
        self.next += 1;
        self.names.push(Name { name, kind, id });
        id
    }

    fn find(&self, name: &str, kind: Kind) -> Option<u32> {
        let mut names = self.names.iter().rev();
        let found = names.find(|taken| taken.name == name && taken.kind == kind);
        found.map(|name| name.id)
    }

    fn mistake(&self, part: &str, what: String) -> JqMistake {
        // Parts of the prelude are somewhere else; they have no mistakes.
        let offset = (part.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let offset = if offset <= self.text.len() { offset } else { 0 };
        JqMistake {
            at: Position::of(self.text, offset),
            what,
        }
    }

    /// A node of a term. Each kind has a function of its own: what is on the stack when they nest is
    /// what limits how deep they may.
    pub(super) fn term(&mut self, term: &Term<&'s str>) -> Lowered<Node> {
        match term {
            Term::Id => Ok(Node::Identity),
            Term::Recurse => Ok(Node::RecurseDefault),
            Term::Num(text) => self.number(text),
            Term::Str(format, parts) => self.string(*format, parts),
            Term::Arr(inner) => self.array(inner.as_deref()),
            Term::Obj(members) => self.object(members),
            Term::Neg(inner) => self.negate(inner),
            Term::BinOp(left, op, right) => self.binary(left, op, right),
            Term::Label(name, body) => self.label(name, body),
            Term::Break(name) => match self.find(name, Kind::Label) {
                Some(id) => Ok(Node::Break(id)),
                None => Err(self.mistake(name, format!("there is no label {name}"))),
            },
            Term::Fold(kind, source, pattern, arguments) => {
                self.fold(kind, source, pattern, arguments)
            }
            Term::TryCatch(body, handler) => self.catch(body, handler.as_deref()),
            Term::IfThenElse(branches, otherwise) => self.choose(branches, otherwise.as_deref()),
            Term::Def(definitions, body) => self.define(definitions, body),
            Term::Call(name, arguments) => self.call(name, arguments),
            Term::Var(name) => self.seen(name),
            Term::Path(head, path) => self.path(head, path),
        }
    }

    fn number(&self, text: &str) -> Lowered<Node> {
        match number(text) {
            Some(J::Int(number)) => Ok(Node::Int(number)),
            Some(J::Float(number)) => Ok(Node::Float(number)),
            _ => Err(self.mistake(text, format!("{text} is no number"))),
        }
    }

    fn array(&mut self, inner: Option<&Term<&'s str>>) -> Lowered<Node> {
        let inner = inner.map(|inner| self.boxed(inner));
        Ok(Node::Array(inner.transpose()?))
    }

    fn object(&mut self, members: &[(Term<&'s str>, Option<Term<&'s str>>)]) -> Lowered<Node> {
        let members = members
            .iter()
            .map(|(key, value)| self.member(key, value.as_ref()));
        Ok(Node::Object(members.collect::<Lowered<_>>()?))
    }

    fn negate(&mut self, inner: &Term<&'s str>) -> Lowered<Node> {
        Ok(Node::Negate(self.boxed(inner)?))
    }

    fn label(&mut self, name: &'s str, body: &Term<&'s str>) -> Lowered<Node> {
        let seen = self.names.len();
        let id = self.name(name, Kind::Label);
        let body = self.boxed(body)?;
        self.names.truncate(seen);
        Ok(Node::Label(id, body))
    }

    fn catch(&mut self, body: &Term<&'s str>, handler: Option<&Term<&'s str>>) -> Lowered<Node> {
        let body = self.boxed(body)?;
        let handler = handler.map(|handler| self.boxed(handler));
        Ok(Node::Try(body, handler.transpose()?))
    }

    fn choose(
        &mut self,
        branches: &[(Term<&'s str>, Term<&'s str>)],
        otherwise: Option<&Term<&'s str>>,
    ) -> Lowered<Node> {
        let branches = branches
            .iter()
            .map(|(condition, then)| Ok((self.term(condition)?, self.term(then)?)));
        let branches = branches.collect::<Lowered<_>>()?;
        let otherwise = otherwise.map(|otherwise| self.boxed(otherwise));
        Ok(Node::If(branches, otherwise.transpose()?))
    }

    fn define(&mut self, definitions: &[Def<&'s str>], body: &Term<&'s str>) -> Lowered<Node> {
        let seen = self.names.len();
        let definitions = definitions.iter().map(|def| self.definition(def, true));
        let definitions = definitions.collect::<Lowered<_>>()?;
        let body = self.boxed(body)?;
        self.names.truncate(seen);
        Ok(Node::Define(definitions, body))
    }

    fn seen(&self, name: &str) -> Lowered<Node> {
        match self.find(name, Kind::Variable) {
            Some(id) => Ok(Node::Variable(id)),
            None => {
                let what = format!("there is no variable {name}; the attributes are in $event");
                Err(self.mistake(name, what))
            }
        }
    }

    fn boxed(&mut self, term: &Term<&'s str>) -> Lowered<Box<Node>> {
        self.term(term).map(Box::new)
    }

    fn pair(&mut self, left: &Term<&'s str>, right: &Term<&'s str>) -> Lowered<Box<[Node; 2]>> {
        Ok(Box::new([self.term(left)?, self.term(right)?]))
    }

    fn string(
        &mut self,
        format: Option<&'s str>,
        parts: &[StrPart<&'s str, Term<&'s str>>],
    ) -> Lowered<Node> {
        let format = match format {
            None => Format::Text,
            Some(name) => self.format(name)?,
        };
        let (mut pieces, mut text) = (Vec::new(), String::new());
        for part in parts {
            match part {
                StrPart::Str(plain) => text.push_str(plain),
                StrPart::Char(c) => text.push(*c),
                StrPart::Term(term) => {
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text).into()));
                    }
                    pieces.push(Piece::Value(self.term(term)?));
                }
            }
        }
        if pieces.is_empty() {
            return Ok(Node::Str(text.into()));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        Ok(Node::Interpolated(format, pieces.into()))
    }

    fn format(&self, name: &str) -> Lowered<Format> {
        let found = NATIVES.iter().find(|(taken, ..)| *taken == name);
        match found {
            Some((_, _, Native::Format(format))) => Ok(*format),
            _ => Err(self.mistake(name, format!("there is no format {name}"))),
        }
    }

    fn member(
        &mut self,
        key: &Term<&'s str>,
        value: Option<&Term<&'s str>>,
    ) -> Lowered<(Node, Node)> {
        Ok(match (key, value) {
            // `{$x}` has the name of the variable.
            (Term::Var(name), None) => {
                let plain = name.strip_prefix('$').unwrap_or(name);
                (Node::Str(plain.into()), self.term(key)?)
            }
            (key, Some(value)) => (self.term(key)?, self.term(value)?),
            (key, None) => {
                let key = self.term(key)?;
                let part = [(Part::Index(key.clone()), false)];
                (key, Node::Path(Box::new(Node::Identity), part.into()))
            }
        })
    }

    fn binary(
        &mut self,
        left: &Term<&'s str>,
        op: &BinaryOp<&'s str>,
        right: &Term<&'s str>,
    ) -> Lowered<Node> {
        if let BinaryOp::Pipe(Some(pattern)) = op {
            let source = self.term(left)?;
            let seen = self.names.len();
            let pattern = self.pattern(pattern)?;
            let body = self.term(right)?;
            self.names.truncate(seen);
            return Ok(Node::Bind(Box::new((source, pattern, body))));
        }
        let sides = self.pair(left, right)?;
        Ok(match op {
            BinaryOp::Pipe(_) => Node::Pipe(sides),
            BinaryOp::Comma => Node::Comma(sides),
            BinaryOp::Alt => Node::Alternative(sides),
            BinaryOp::Or => Node::Or(sides),
            BinaryOp::And => Node::And(sides),
            BinaryOp::Math(op) => Node::Math(math(*op), sides),
            BinaryOp::Cmp(op) => Node::Compare(compare(*op), sides),
            BinaryOp::Assign => Node::Assign(sides),
            BinaryOp::Update => Node::Update(sides),
            BinaryOp::UpdateMath(op) => Node::UpdateMath(math(*op), sides),
            BinaryOp::UpdateAlt => Node::UpdateAlternative(sides),
        })
    }

    /// Makes the variables of a pattern visible.
    fn pattern(&mut self, pattern: &Written<&'s str>) -> Lowered<Pattern> {
        Ok(match pattern {
            Written::Var(name) => Pattern::Variable(self.name(name, Kind::Variable)),
            Written::Arr(items) => {
                let items = items.iter().map(|item| self.pattern(item));
                Pattern::Array(items.collect::<Lowered<_>>()?)
            }
            Written::Obj(members) => {
                let members = members
                    .iter()
                    .map(|(key, inner)| Ok((self.term(key)?, self.pattern(inner)?)));
                Pattern::Object(members.collect::<Lowered<_>>()?)
            }
        })
    }

    fn fold(
        &mut self,
        kind: &&'s str,
        source: &Term<&'s str>,
        pattern: &Written<&'s str>,
        arguments: &[Term<&'s str>],
    ) -> Lowered<Node> {
        let source = self.term(source)?;
        let (start, update, extract) = match (*kind, arguments) {
            (_, [start, update]) => (start, update, None),
            ("foreach", [start, update, extract]) => (start, update, Some(extract)),
            _ => return Err(self.mistake(kind, format!("{kind} takes a start and an update"))),
        };
        let start = self.term(start)?;
        let seen = self.names.len();
        let pattern = self.pattern(pattern)?;
        let update = self.term(update)?;
        let extract = extract.map(|extract| self.term(extract)).transpose()?;
        self.names.truncate(seen);
        let fold = Box::new(Fold {
            source,
            pattern,
            start,
            update,
            extract,
        });
        Ok(match *kind {
            "reduce" => Node::Reduce(fold),
            _ => Node::Foreach(fold),
        })
    }

    /// A definition, which sees itself; it stays visible if it is not of the prelude.
    fn definition(&mut self, def: &Def<&'s str>, visible: bool) -> Lowered<Definition> {
        let arity = Kind::Function(def.args.len());
        let outer = self.names.len();
        let id = self.name(def.name, arity);
        let seen = self.names.len();
        let parameters = def.args.iter().map(|name| match name.strip_prefix('$') {
            None => Parameter {
                closure: self.name(name, Kind::Function(0)),
                variable: None,
            },
            Some(plain) => Parameter {
                closure: self.name(plain, Kind::Function(0)),
                variable: Some(self.name(name, Kind::Variable)),
            },
        });
        let parameters = parameters.collect();
        let body = self.term(&def.body)?;
        self.names.truncate(if visible { seen } else { outer });
        Ok(Definition {
            id,
            parameters,
            body,
        })
    }

    fn call(&mut self, name: &'s str, arguments: &[Term<&'s str>]) -> Lowered<Node> {
        let arity = arguments.len();
        if let Some(id) = self.find(name, Kind::Function(arity)) {
            return Ok(Node::Call(id, self.arguments(arguments)?));
        }
        match (name, arity) {
            ("null", 0) => return Ok(Node::Null),
            ("true", 0) => return Ok(Node::Bool(true)),
            ("false", 0) => return Ok(Node::Bool(false)),
            ("test", 1) => return self.regex(name, Match::Test, arguments),
            ("capture", 1) => return self.regex(name, Match::Capture, arguments),
            ("sub", 2) => return self.regex(name, Match::Sub, arguments),
            ("gsub", 2) => return self.regex(name, Match::Gsub, arguments),
            _ => {}
        }
        let native = NATIVES
            .iter()
            .find(|(taken, takes, _)| *taken == name && *takes == arity);
        if let Some((.., native)) = native {
            return Ok(Node::Native(*native, self.arguments(arguments)?));
        }
        let number = self.global(name, arity)?;
        Ok(Node::Global(number, self.arguments(arguments)?))
    }

    fn arguments(&mut self, arguments: &[Term<&'s str>]) -> Lowered<Box<[Node]>> {
        arguments
            .iter()
            .map(|argument| self.term(argument))
            .collect()
    }

    /// The number of a function of the prelude, which is read when it is used first.
    fn global(&mut self, name: &str, arity: usize) -> Lowered<usize> {
        let found = DEFINITIONS
            .iter()
            .find(|(taken, takes, _)| *taken == name && *takes == arity);
        let Some((taken, _, text)) = found else {
            return Err(self.mistake(
                name,
                format!("there is no function {name} with {arity} arguments"),
            ));
        };
        if let Some(number) = self.used.iter().position(|used| *used == (*taken, arity)) {
            return Ok(number);
        }
        let number = self.used.len();
        self.used.push((taken, arity));
        self.globals.push(None);
        // It sees nothing of the expression it is used in.
        let names = std::mem::take(&mut self.names);
        let def = parse::definition(text).ok_or_else(|| self.mistake(name, name.to_owned()))?;
        let lowered = self.definition(&def, false)?;
        self.names = names;
        if let Some(slot) = self.globals.get_mut(number) {
            *slot = Some(lowered);
        }
        Ok(number)
    }

    fn regex(&mut self, name: &str, kind: Match, arguments: &[Term<&'s str>]) -> Lowered<Node> {
        let pattern = match arguments.first() {
            Some(term) => self.term(term)?,
            None => Node::Null,
        };
        let Node::Str(pattern) = pattern else {
            let what =
                format!("the pattern of {name} must be a literal, so that it is compiled once");
            return Err(self.mistake(name, what));
        };
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            let what = format!("an expression has at most {MAX_PATTERNS} patterns");
            return Err(self.mistake(name, what));
        }
        let (regex, cost) = build(&pattern, MAX_PATTERN_LEN)
            .map_err(|why| self.mistake(name, format!("the pattern cannot be used: {why}")))?;
        let new = arguments.get(1).map(|new| self.boxed(new)).transpose()?;
        Ok(Node::Match(kind, Box::new(regex), cost, new))
    }

    fn path(&mut self, head: &Term<&'s str>, path: &WrittenPath<Term<&'s str>>) -> Lowered<Node> {
        let head = self.boxed(head)?;
        let parts = path.0.iter().map(|(part, optional)| {
            let part = match part {
                WrittenPart::Index(index) => Part::Index(self.term(index)?),
                WrittenPart::Range(None, None) => Part::All,
                WrittenPart::Range(from, to) => {
                    let from = from.as_ref().map(|from| self.term(from)).transpose()?;
                    let to = to.as_ref().map(|to| self.term(to)).transpose()?;
                    Part::Slice(from, to)
                }
            };
            Ok((part, matches!(optional, Opt::Optional)))
        });
        Ok(Node::Path(head, parts.collect::<Lowered<_>>()?))
    }
}

const fn math(op: ops::Math) -> Math {
    match op {
        ops::Math::Add => Math::Add,
        ops::Math::Sub => Math::Sub,
        ops::Math::Mul => Math::Mul,
        ops::Math::Div => Math::Div,
        ops::Math::Rem => Math::Rem,
    }
}

const fn compare(op: ops::Cmp) -> Compare {
    match op {
        ops::Cmp::Lt => Compare::Less,
        ops::Cmp::Le => Compare::LessOrEqual,
        ops::Cmp::Gt => Compare::Greater,
        ops::Cmp::Ge => Compare::GreaterOrEqual,
        ops::Cmp::Eq => Compare::Equal,
        ops::Cmp::Ne => Compare::NotEqual,
    }
}
