//! Templates of text.

use std::collections::BTreeMap;

use super::{Mistake, Piece, reference::Reference};

/// Reads a template of text.
pub(super) fn read(
    template: &str,
    defines: &BTreeMap<&str, usize>,
) -> Result<Box<[Piece]>, Mistake> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let mut at = 0;
    while let Some(c) = template.get(at..).and_then(|rest| rest.chars().next()) {
        match c {
            '<' => {
                let (reference, end) = Reference::read(template, at + 1, defines, false)?;
                push_text(&mut pieces, &mut text);
                pieces.push(Piece::Value(reference));
                at = end;
            }
            '\\' => {
                let (c, end) = escape(template, at + 1)?;
                text.push(c);
                at = end;
            }
            c => {
                text.push(c);
                at += c.len_utf8();
            }
        }
    }
    push_text(&mut pieces, &mut text);
    Ok(pieces.into())
}

/// Moves text into the pieces.
pub(super) fn push_text(pieces: &mut Vec<Piece>, text: &mut String) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text).into()));
    }
}

/// The character that an escape means, whose backslash is before `at`, and where it ends.
fn escape(template: &str, at: usize) -> Result<(char, usize), Mistake> {
    let rest = template.get(at..).unwrap_or_default();
    let c = rest.chars().next();
    let single = match c {
        Some('<' | '>' | '\\' | '"' | '/') => c,
        Some('n') => Some('\n'),
        Some('r') => Some('\r'),
        Some('t') => Some('\t'),
        Some('b') => Some('\u{8}'),
        Some('f') => Some('\u{c}'),
        _ => None,
    };
    if let Some(c) = single {
        return Ok((c, at + 1));
    }
    let digits = match c {
        Some('u') => rest.get(1..5),
        Some('x') => rest.get(1..3),
        _ => None,
    };
    let code = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let code = code.and_then(|digits| Some((u32::from_str_radix(digits, 16).ok()?, digits.len())));
    match code.and_then(|(code, length)| Some((char::from_u32(code)?, at + 1 + length))) {
        Some(read) => Ok(read),
        None => Err(Mistake {
            at: at - 1,
            what: "an escape is one of \\< \\> \\\\ \\n \\r \\t \\b \\f \\xNN and \\uNNNN"
                .to_owned(),
        }),
    }
}
