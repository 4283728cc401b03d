//! From what a text says to a program: names are resolved, types that are known are checked.

use regex::RegexBuilder;
use vanus_types::limits::{MAX_ATTRIBUTE_NAME_LEN, MAX_REGEX_LEN, MAX_REGEXES, MAX_REGEXES_LEN};

use super::{
    ast::{BinaryOp, Expr, ExprKind, Literal},
    error::CelError,
    functions::{self, CEL_FUNCTIONS},
    program::{Comprehension, Macro, Node, NodeKind},
    value::Kind,
};
use crate::Position;

/// Compiled patterns up to this size cost the same, in bytes.
const SMALL_REGEX_LEN: usize = 4 * 1024;

/// A node, and the type of its value if that is known.
type Typed = (Node, Option<Kind>);

/// Resolves an expression that is to be a filter.
pub(super) fn resolve(text: &str, expr: &Expr) -> Result<Node, CelError> {
    let mut resolver = Resolver {
        text,
        variables: Vec::new(),
        patterns: 0,
        patterns_len: 0,
    };
    let (node, kind) = resolver.node(expr)?;
    match kind {
        None | Some(Kind::Bool) => Ok(node),
        Some(kind) => {
            let given = kind.name();
            let what = format!(
                "the expression gives {given}, and a filter must be true or false; compare it \
                 with something"
            );
            Err(resolver.wrong(expr, what))
        }
    }
}

struct Resolver<'t> {
    text: &'t str,
    /// The names of the variables, outermost first.
    variables: Vec<&'t str>,
    /// How many patterns there are so far, and how large they are together, in bytes.
    patterns: usize,
    patterns_len: usize,
}

impl<'t> Resolver<'t> {
    fn node<'e: 't>(&mut self, expr: &'e Expr) -> Result<Typed, CelError> {
        let (kind, known) = match &expr.kind {
            ExprKind::Literal(literal) => {
                let known = literal_kind(literal);
                (NodeKind::Literal(literal.clone()), Some(known))
            }
            ExprKind::Reference(path, kind) => self.reference(expr, path, kind)?,
            ExprKind::Name(name) => self.name(expr, name)?,
            ExprKind::Select(operand, field) => self.select(expr, operand, field)?,
            ExprKind::Index(pair) => self.index(expr, pair)?,
            ExprKind::Call(None, name, arguments) if &**name == "has" => {
                (self.has(expr, arguments)?, Some(Kind::Bool))
            }
            ExprKind::Call(operand, name, arguments) => {
                self.call(expr, operand.as_deref(), name, arguments)?
            }
            ExprKind::List(items) => (NodeKind::List(self.all(items)?), Some(Kind::List)),
            ExprKind::Map(entries) => {
                let mut nodes = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    nodes.push((self.node(key)?.0, self.node(value)?.0));
                }
                (NodeKind::Map(nodes.into()), Some(Kind::Map))
            }
            ExprKind::Not(inner) => {
                let inner = self.must(inner, Kind::Bool)?;
                (NodeKind::Not(Box::new(inner)), Some(Kind::Bool))
            }
            ExprKind::Negate(inner) => {
                let (node, kind) = self.node(inner)?;
                if kind.is_some_and(|kind| !matches!(kind, Kind::Int | Kind::Double)) {
                    let what = "only int and double have a minus before them";
                    return Err(self.wrong(expr, what.to_owned()));
                }
                (NodeKind::Negate(Box::new(node)), kind)
            }
            ExprKind::Or(terms) => (NodeKind::Or(self.conditions(terms)?), Some(Kind::Bool)),
            ExprKind::And(terms) => (NodeKind::And(self.conditions(terms)?), Some(Kind::Bool)),
            ExprKind::Binary(op, sides) => self.binary(expr, *op, sides)?,
            ExprKind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                let condition = self.must(condition, Kind::Bool)?;
                let (then, a) = self.node(then)?;
                let (otherwise, b) = self.node(otherwise)?;
                let parts = Box::new([condition, then, otherwise]);
                (NodeKind::Conditional(parts), a.filter(|a| b == Some(*a)))
            }
        };
        Ok((Node { kind, at: expr.at }, known))
    }

    fn all<'e: 't>(&mut self, exprs: &'e [Expr]) -> Result<Box<[Node]>, CelError> {
        exprs.iter().map(|expr| Ok(self.node(expr)?.0)).collect()
    }

    fn conditions<'e: 't>(&mut self, exprs: &'e [Expr]) -> Result<Box<[Node]>, CelError> {
        exprs
            .iter()
            .map(|expr| self.must(expr, Kind::Bool))
            .collect()
    }

    fn must<'e: 't>(&mut self, expr: &'e Expr, wanted: Kind) -> Result<Node, CelError> {
        let (node, kind) = self.node(expr)?;
        match kind {
            Some(kind) if kind != wanted => {
                let (given, wanted) = (kind.name(), wanted.name());
                Err(self.wrong(expr, format!("{wanted} is needed, and this is {given}")))
            }
            _ => Ok(node),
        }
    }

    fn reference(
        &self,
        expr: &Expr,
        path: &str,
        kind: &str,
    ) -> Result<(NodeKind, Option<Kind>), CelError> {
        let wanted = match kind {
            "string" => Kind::Text,
            "int64" => Kind::Int,
            "uint64" => Kind::Uint,
            "bool" => Kind::Bool,
            "double" => Kind::Double,
            _ => {
                let hint = "there are string, int64, uint64, bool and double".to_owned();
                return Err(self.unknown(expr, "type of a value", kind, hint));
            }
        };
        let path = path.parse().map_err(|source| CelError::Path {
            at: self.at(expr),
            source,
        })?;
        Ok((NodeKind::Reference(path, wanted), Some(wanted)))
    }

    fn name(&self, expr: &Expr, name: &str) -> Result<(NodeKind, Option<Kind>), CelError> {
        if let Some(number) = self.variables.iter().rposition(|known| *known == name) {
            return Ok((NodeKind::Variable(number), None));
        }
        if let Some(kind) = Kind::read(name) {
            return Ok((NodeKind::Type(kind), Some(Kind::Type)));
        }
        let hint = if name == "event" {
            "ask for one of its attributes or for its data, such as event.type".to_owned()
        } else {
            format!("attributes are named event.{name}, values of JSON data ${name}.(string)")
        };
        Err(self.unknown(expr, "variable", name, hint))
    }

    /// Whether this is the event, and not a variable of that name.
    fn is_event(&self, expr: &Expr) -> bool {
        let event = ExprKind::Name("event".into());
        expr.kind == event && !self.variables.contains(&"event")
    }

    fn attribute(&self, expr: &Expr, name: &str) -> Result<(NodeKind, Option<Kind>), CelError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if name == "data" {
            return Ok((NodeKind::Data, None));
        }
        if name.is_empty() || name.len() > MAX_ATTRIBUTE_NAME_LEN || !name.bytes().all(allowed) {
            let hint = "names of attributes have lower-case letters and digits".to_owned();
            return Err(self.unknown(expr, "attribute", name, hint));
        }
        let known = match name {
            "id" | "source" | "type" | "specversion" | "subject" | "time" | "datacontenttype"
            | "dataschema" => Some(Kind::Text),
            _ => None,
        };
        Ok((NodeKind::Attribute(name.into()), known))
    }

    fn select<'e: 't>(
        &mut self,
        expr: &'e Expr,
        operand: &'e Expr,
        field: &str,
    ) -> Result<(NodeKind, Option<Kind>), CelError> {
        if self.is_event(operand) {
            return self.attribute(expr, field);
        }
        let operand = self.must_hold(operand)?;
        Ok((NodeKind::Member(Box::new(operand), field.into()), None))
    }

    fn index<'e: 't>(
        &mut self,
        expr: &'e Expr,
        [operand, key]: &'e [Expr; 2],
    ) -> Result<(NodeKind, Option<Kind>), CelError> {
        if self.is_event(operand) {
            return match &key.kind {
                ExprKind::Literal(Literal::Text(name)) => self.attribute(expr, name),
                _ => {
                    let what = "an attribute is named by a literal, such as event[\"type\"]";
                    Err(self.wrong(expr, what.to_owned()))
                }
            };
        }
        let operand = self.must_hold(operand)?;
        let (key, _) = self.node(key)?;
        Ok((NodeKind::Index(Box::new([operand, key])), None))
    }

    /// Something that may have members or items.
    fn must_hold<'e: 't>(&mut self, expr: &'e Expr) -> Result<Node, CelError> {
        let (node, kind) = self.node(expr)?;
        match kind {
            None | Some(Kind::List | Kind::Map) => Ok(node),
            Some(kind) => {
                let what = format!("{} has no members and no items", kind.name());
                Err(self.wrong(expr, what))
            }
        }
    }

    fn has<'e: 't>(&mut self, expr: &'e Expr, arguments: &'e [Expr]) -> Result<NodeKind, CelError> {
        let [
            Expr {
                kind: ExprKind::Select(operand, field),
                ..
            },
        ] = arguments
        else {
            let what = "has() asks for one field, such as has(event.subject)";
            return Err(self.wrong(expr, what.to_owned()));
        };
        if self.is_event(operand) {
            return Ok(match self.attribute(expr, field)?.0 {
                NodeKind::Attribute(name) => NodeKind::HasAttribute(name),
                _ => NodeKind::HasData,
            });
        }
        let operand = self.must_hold(operand)?;
        Ok(NodeKind::HasMember(Box::new(operand), field.clone()))
    }

    fn call<'e: 't>(
        &mut self,
        expr: &'e Expr,
        operand: Option<&'e Expr>,
        name: &str,
        arguments: &'e [Expr],
    ) -> Result<(NodeKind, Option<Kind>), CelError> {
        if let (Some(over), Some(what)) = (operand, Macro::read(name, arguments.len())) {
            let node = self.comprehension(expr, what, over, arguments)?;
            return Ok((node, Some(what.returns())));
        }
        let values: Vec<&Expr> = operand.into_iter().chain(arguments).collect();
        if let ("matches", [text, pattern]) = (name, &*values) {
            let text = self.must(text, Kind::Text)?;
            return Ok((self.matches(text, pattern)?, Some(Kind::Bool)));
        }
        let Some(function) = functions::find(name, values.len(), operand.is_some()) else {
            return Err(self.no_function(expr, name, arguments.len()));
        };
        let nodes = values.into_iter().map(|value| Ok(self.node(value)?.0));
        let nodes = nodes.collect::<Result<_, CelError>>()?;
        Ok((NodeKind::Call(function, nodes), function.returns))
    }

    fn matches(&mut self, text: Node, pattern: &Expr) -> Result<NodeKind, CelError> {
        let ExprKind::Literal(Literal::Text(written)) = &pattern.kind else {
            let what = "the pattern of matches must be a literal, so that it is compiled once";
            return Err(self.wrong(pattern, what.to_owned()));
        };
        self.patterns += 1;
        if self.patterns > MAX_REGEXES {
            return Err(self.too_many_patterns(pattern));
        }
        let build = |limit| {
            RegexBuilder::new(written)
                .size_limit(limit)
                .dfa_size_limit(MAX_REGEX_LEN)
                .nest_limit(50)
                .build()
        };
        // How large it is says how long matching may take.
        let mut size = SMALL_REGEX_LEN;
        let mut built = build(size);
        while size < MAX_REGEX_LEN && matches!(built, Err(regex::Error::CompiledTooBig(_))) {
            size *= 2;
            built = build(size);
        }
        match built {
            Ok(regex) => {
                self.patterns_len += size;
                if self.patterns_len > MAX_REGEXES_LEN {
                    return Err(self.too_many_patterns(pattern));
                }
                Ok(NodeKind::Matches(Box::new(text), regex, size / 1024))
            }
            Err(error) => {
                let reason = match error {
                    regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                    // The last line says what, those before draw it.
                    other => {
                        let told = other.to_string();
                        let last = told.lines().last().unwrap_or_default();
                        last.trim_start_matches("error: ").to_owned()
                    }
                };
                Err(CelError::Pattern {
                    at: self.at(pattern),
                    reason,
                })
            }
        }
    }

    fn comprehension<'e: 't>(
        &mut self,
        expr: &'e Expr,
        what: Macro,
        over: &'e Expr,
        arguments: &'e [Expr],
    ) -> Result<NodeKind, CelError> {
        let over = self.must_hold(over)?;
        let (variable, bodies) = match arguments {
            [
                Expr {
                    kind: ExprKind::Name(variable),
                    ..
                },
                bodies @ ..,
            ] => (variable, bodies),
            _ => {
                let what = "the first argument of a macro is the name of its variable";
                return Err(self.wrong(expr, what.to_owned()));
            }
        };
        let number = self.variables.len();
        self.variables.push(variable);
        let made = match bodies {
            [_, made] => Some(self.node(made)?.0),
            _ => None,
        };
        let body = match bodies.first() {
            Some(body) if what == Macro::Map && made.is_none() => self.node(body)?.0,
            Some(body) => self.must(body, Kind::Bool)?,
            None => return Err(self.no_function(expr, "macro", 0)),
        };
        self.variables.pop();
        Ok(NodeKind::Comprehension(Box::new(Comprehension {
            what,
            over,
            variable: number,
            body,
            made,
        })))
    }

    fn binary<'e: 't>(
        &mut self,
        expr: &'e Expr,
        op: BinaryOp,
        [left, right]: &'e [Expr; 2],
    ) -> Result<(NodeKind, Option<Kind>), CelError> {
        let (left, a) = self.node(left)?;
        let (right, b) = self.node(right)?;
        let node = NodeKind::Binary(op, Box::new([left, right]));
        let mismatch = || {
            let name = |kind: Option<Kind>| kind.map_or("anything", Kind::name);
            let what = format!(
                "{} {} {} makes no sense; convert one of them, as in string(x) or double(x)",
                name(a),
                op.symbol(),
                name(b)
            );
            Err(self.wrong(expr, what))
        };
        match op {
            BinaryOp::Equal | BinaryOp::NotEqual => match (a, b) {
                (Some(a), Some(b))
                    if a != b
                        && !(a.is_number() && b.is_number())
                        && a != Kind::Null
                        && b != Kind::Null =>
                {
                    mismatch()
                }
                _ => Ok((node, Some(Kind::Bool))),
            },
            BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual => match (a, b) {
                (Some(a), Some(b)) if a != b && !(a.is_number() && b.is_number()) => mismatch(),
                (Some(Kind::Null | Kind::List | Kind::Map | Kind::Type), _) => mismatch(),
                _ => Ok((node, Some(Kind::Bool))),
            },
            BinaryOp::In => match b {
                None | Some(Kind::List | Kind::Map) => Ok((node, Some(Kind::Bool))),
                _ => mismatch(),
            },
            _ => match (a, b) {
                (Some(a), Some(b)) => match result(op, a, b) {
                    Some(kind) => Ok((node, Some(kind))),
                    None => mismatch(),
                },
                _ => Ok((node, None)),
            },
        }
    }

    fn too_many_patterns(&self, pattern: &Expr) -> CelError {
        CelError::Patterns {
            at: self.at(pattern),
        }
    }

    fn no_function(&self, expr: &Expr, name: &str, arguments: usize) -> CelError {
        let known = CEL_FUNCTIONS.iter().find(|function| function.name == name);
        let hint = match known {
            Some(function) => format!("call it as {}", function.summary),
            None => {
                let names = CEL_FUNCTIONS.iter().map(|function| function.name);
                let names: Vec<&str> = names.collect();
                format!(
                    "there are has, matches, all, exists, exists_one, filter, map, {}",
                    names.join(", ")
                )
            }
        };
        let what = match arguments {
            0 => "function without arguments called",
            1 => "function with one argument called",
            _ => "function with so many arguments called",
        };
        self.unknown(expr, what, name, hint)
    }

    fn unknown(&self, expr: &Expr, what: &'static str, name: &str, hint: String) -> CelError {
        CelError::Unknown {
            at: self.at(expr),
            what,
            name: name.chars().take(40).collect(),
            hint,
        }
    }

    fn wrong(&self, expr: &Expr, what: String) -> CelError {
        let at = self.at(expr);
        CelError::Type { at, what }
    }

    fn at(&self, expr: &Expr) -> Position {
        Position::of(self.text, expr.at)
    }
}

const fn literal_kind(literal: &Literal) -> Kind {
    match literal {
        Literal::Null => Kind::Null,
        Literal::Bool(_) => Kind::Bool,
        Literal::Int(_) => Kind::Int,
        Literal::Uint(_) => Kind::Uint,
        Literal::Double(_) => Kind::Double,
        Literal::Text(_) => Kind::Text,
        Literal::Bytes(_) => Kind::Bytes,
    }
}

/// What arithmetic with these types gives.
const fn result(op: BinaryOp, a: Kind, b: Kind) -> Option<Kind> {
    use Kind::{Bytes, Double, Duration, Int, List, Text, Timestamp, Uint};
    match (op, a, b) {
        (_, Int, Int) => Some(Int),
        (_, Uint, Uint) => Some(Uint),
        (BinaryOp::Remainder, ..) => None,
        (_, Double, Double) => Some(Double),
        (BinaryOp::Add, Text, Text) => Some(Text),
        (BinaryOp::Add, Bytes, Bytes) => Some(Bytes),
        (BinaryOp::Add, List, List) => Some(List),
        (BinaryOp::Add | BinaryOp::Subtract, Duration, Duration)
        | (BinaryOp::Subtract, Timestamp, Timestamp) => Some(Duration),
        (BinaryOp::Add | BinaryOp::Subtract, Timestamp, Duration)
        | (BinaryOp::Add, Duration, Timestamp) => Some(Timestamp),
        _ => None,
    }
}
