//! Templates of JSON.

use std::collections::BTreeMap;

use vanus_types::limits::MAX_EXPRESSION_DEPTH;

use super::{Mistake, Node, Piece, reference::Reference, text::push_text};
use crate::{
    budget::Budget,
    json::Reader,
    transform::{value::Value, write},
};

/// Reads a template of JSON.
pub(super) fn read(template: &str, defines: &BTreeMap<&str, usize>) -> Result<Node, Mistake> {
    let mut parser = Parser {
        template,
        at: 0,
        defines,
    };
    let root = parser.node(0)?;
    match parser.next() {
        None => Ok(root),
        Some(_) => Err(parser.mistake("the end is expected")),
    }
}

struct Parser<'t> {
    template: &'t str,
    at: usize,
    defines: &'t BTreeMap<&'t str, usize>,
}

impl Parser<'_> {
    /// Reads a value within `depth` arrays and objects.
    fn node(&mut self, depth: usize) -> Result<Node, Mistake> {
        if depth >= MAX_EXPRESSION_DEPTH {
            return Err(self.mistake("the template nests too deep"));
        }
        match self.next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            Some(b'<') => {
                let (reference, end) =
                    Reference::read(self.template, self.at + 1, self.defines, false)?;
                self.at = end;
                Ok(Node::Value(reference))
            }
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, Mistake> {
        self.at += 1;
        let mut members = Vec::new();
        if self.takes(b'}') {
            return Ok(object(members));
        }
        loop {
            if self.next() != Some(b'"') {
                return Err(self.mistake("a name in quotes is expected"));
            }
            let at = self.at;
            let Node::Fixed(name) = self.string()? else {
                self.at = at;
                return Err(self.mistake("names are fixed; write \\< for the character itself"));
            };
            if !self.takes(b':') {
                return Err(self.mistake("a colon is expected"));
            }
            members.push((format!(",{name}:").into(), self.node(depth + 1)?));
            if self.takes(b'}') {
                return Ok(object(members));
            }
            if !self.takes(b',') {
                return Err(self.mistake("a comma or } is expected"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Node, Mistake> {
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(array(items));
        }
        loop {
            items.push(self.node(depth + 1)?);
            if self.takes(b']') {
                return Ok(array(items));
            }
            if !self.takes(b',') {
                return Err(self.mistake("a comma or ] is expected"));
            }
        }
    }

    /// Reads a string; its references make it one that is put together.
    fn string(&mut self) -> Result<Node, Mistake> {
        self.at += 1;
        let (mut pieces, mut text) = (Vec::new(), String::new());
        loop {
            let rest = self.template.get(self.at..).unwrap_or_default();
            match rest.chars().next() {
                Some('"') => {
                    self.at += 1;
                    break;
                }
                Some('<') => {
                    let (reference, end) =
                        Reference::read(self.template, self.at + 1, self.defines, true)?;
                    push_text(&mut pieces, &mut text);
                    pieces.push(Piece::Value(reference));
                    self.at = end;
                }
                Some('\\') => self.escape(&mut text)?,
                Some(c) if c < ' ' => {
                    return Err(self.mistake("control characters are written as escapes"));
                }
                Some(c) => {
                    self.at += c.len_utf8();
                    escape_into(&mut text, c.encode_utf8(&mut [0; 4]));
                }
                None => return Err(self.mistake("the end of the string is expected")),
            }
        }
        if pieces.is_empty() {
            return Ok(Node::Fixed(format!("\"{text}\"").into()));
        }
        push_text(&mut pieces, &mut text);
        Ok(Node::String(pieces.into()))
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Mistake> {
        let rest = self.template.get(self.at..).unwrap_or_default();
        for bracket in ["\\<", "\\>"] {
            if rest.starts_with(bracket) {
                text.push_str(bracket.get(1..).unwrap_or_default());
                self.at += 2;
                return Ok(());
            }
        }
        // As long an escape as JSON has, read as a string of its own.
        for length in [12, 6, 2] {
            let escape = rest.get(..length).unwrap_or_default();
            let one = length == 2 || escape.matches('\\').count() == length / 6;
            let quoted = format!("\"{escape}\"");
            if one
                && escape.len() == length
                && (length == 2) != escape.starts_with("\\u")
                && let Ok(Value::String(plain)) = crate::transform::read::read(&quoted)
                && plain.chars().count() == 1
            {
                escape_into(text, &plain);
                self.at += length;
                return Ok(());
            }
        }
        Err(self.mistake("this is no escape of JSON, nor \\< or \\>"))
    }

    /// Reads a number, or a word.
    fn word(&mut self) -> Result<Node, Mistake> {
        let rest = self.template.get(self.at..).unwrap_or_default();
        let mut reader = Reader::new(rest);
        let read = match rest.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => reader.number(),
            Some(b't') => reader.word("true"),
            Some(b'f') => reader.word("false"),
            Some(b'n') => reader.word("null"),
            _ => Err(reader.error("a value")),
        };
        let text = rest.get(..reader.at()).unwrap_or_default();
        if read.is_err() {
            return Err(self.mistake("a value is expected: JSON, or < and a reference"));
        }
        self.at += text.len();
        Ok(Node::Fixed(text.into()))
    }

    /// Skips white space and answers the byte after it.
    fn next(&mut self) -> Option<u8> {
        let rest = self.template.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\n', '\r', '\t']);
        self.at += rest.len() - trimmed.len();
        trimmed.bytes().next()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let takes = self.next() == Some(byte);
        self.at += usize::from(takes);
        takes
    }

    fn mistake(&self, what: &str) -> Mistake {
        Mistake {
            at: self.at,
            what: what.to_owned(),
        }
    }
}

/// Adds characters as JSON has them in a string.
fn escape_into(text: &mut String, plain: &str) {
    // A few characters: the budget of an evaluation is far larger.
    let _ = write::escaped(plain, text, &Budget::new());
}

/// An array, made into text if all of it is fixed.
fn array(items: Vec<Node>) -> Node {
    let fixed = |node: &Node| match node {
        Node::Fixed(text) => Some(text.to_string()),
        _ => None,
    };
    match items.iter().map(fixed).collect::<Option<Vec<_>>>() {
        Some(texts) => Node::Fixed(format!("[{}]", texts.join(",")).into()),
        None => Node::Array(items.into()),
    }
}

/// An object, made into text if all of it is fixed.
fn object(members: Vec<(Box<str>, Node)>) -> Node {
    let fixed = |(name, node): &(Box<str>, Node)| match node {
        Node::Fixed(text) => Some(format!("{name}{text}")),
        _ => None,
    };
    match members.iter().map(fixed).collect::<Option<String>>() {
        Some(text) => Node::Fixed(format!("{{{}}}", text.trim_start_matches(',')).into()),
        None => Node::Object(members.into()),
    }
}
