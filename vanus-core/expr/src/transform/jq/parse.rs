//! Reading with jaq's lexer and parser, which recurse: what makes them go deep is counted first.

use jaq_core::load::{
    Lexer, Parser,
    lex::{StrPart, Tok, Token},
    parse::{Def, Term},
};
use vanus_types::limits::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_LEN};

use super::JqMistake;
use crate::Position;

/// Most keywords, operators and brackets of one expression.
const MAX_OPERATORS: usize = 2 * MAX_EXPRESSION_DEPTH;

/// Reads an expression.
pub(super) fn term(text: &str) -> Result<Term<&str>, JqMistake> {
    let mistake = |part: &str, what: String| {
        let offset = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        JqMistake {
            at: Position::of(text, offset),
            what,
        }
    };
    if text.len() > MAX_EXPRESSION_LEN {
        let what = format!(
            "the expression has {} bytes, where at most {MAX_EXPRESSION_LEN} are allowed",
            text.len()
        );
        return Err(mistake(text, what));
    }
    let brackets = text.bytes().filter(|b| matches!(b, b'(' | b'[' | b'{'));
    if brackets.count() > MAX_OPERATORS {
        let what = format!("an expression has at most {MAX_OPERATORS} brackets");
        return Err(mistake(text, what));
    }
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let (expected, found) = errors
            .into_iter()
            .next()
            .map_or(("an expression", text), |(expected, found)| {
                (expected.as_str(), found)
            });
        mistake(found, format!("{expected} is expected"))
    })?;
    if operators(&tokens) > MAX_OPERATORS {
        let what = format!("an expression has at most {MAX_OPERATORS} keywords and operators");
        return Err(mistake(text, what));
    }
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let (expected, found) = errors
            .into_iter()
            .next()
            .map_or(("an expression", text), |(expected, found)| {
                (expected.as_str(), Token::opt_as_str(found, text))
            });
        let expected = match expected {
            "" => "the end",
            expected => expected,
        };
        mistake(found, format!("{expected} is expected"))
    })
}

/// Reads a definition of the prelude.
pub(super) fn definition(text: &'static str) -> Option<Def<&'static str>> {
    let tokens = Lexer::new(text).lex().ok()?;
    // The parser borrows the tokens, not what it makes of them.
    let definitions = Parser::new(&tokens).parse(Parser::defs).ok()?;
    definitions.into_iter().next()
}

/// How many tokens there are that may make an expression nest. The lexer has bounded how deep
/// blocks do.
fn operators(tokens: &[Token<&str>]) -> usize {
    const FLAT: [&str; 6] = [",", ":", ";", "?", ".", ".."];
    const KEYWORDS: [&str; 12] = [
        "def", "if", "then", "elif", "else", "try", "catch", "reduce", "foreach", "label", "as",
        "break",
    ];
    let of = |Token(text, kind): &Token<&str>| match kind {
        Tok::Word => usize::from(KEYWORDS.contains(text)),
        Tok::Sym => usize::from(!FLAT.contains(text) && !text.starts_with('.')),
        Tok::Block(inner) => 1 + operators(inner),
        Tok::Str(parts) => parts
            .iter()
            .map(|part| match part {
                StrPart::Term(token) => 1 + operators(std::slice::from_ref(token)),
                _ => 0,
            })
            .sum(),
        Tok::Var | Tok::Fmt | Tok::Num => 0,
    };
    tokens.iter().map(of).sum()
}
