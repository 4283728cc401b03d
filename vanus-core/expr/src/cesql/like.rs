//! The pattern of `LIKE`.
//!
//! A pattern is cut at its `%` into pieces, which are looked for one after the other, each as far
//! to the left as possible. Nothing is tried twice, so that matching takes at most the length of
//! the text times that of the longest piece with a `_`, and is paid for.

use crate::{
    budget::{Budget, Exhausted},
    filter::Comparison,
};

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What the text begins with; all of it without a `%`.
    first: Piece,
    /// What comes behind each `%`.
    rest: Box<[Piece]>,
}

/// Characters between two `%`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// These characters.
    Literal(Box<str>),
    /// These characters, `None` standing for any one.
    Wild(Box<[Option<char>]>),
}

impl Pattern {
    /// Compiles a pattern: `\%` and `\_` stand for themselves, and so does any other backslash.
    pub(super) fn new(pattern: &str) -> Self {
        let mut pieces = vec![Vec::new()];
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let next = match c {
                '%' => {
                    pieces.push(Vec::new());
                    continue;
                }
                '_' => None,
                '\\' => Some(chars.next_if(|next| matches!(next, '%' | '_')).unwrap_or(c)),
                other => Some(other),
            };
            if let Some(piece) = pieces.last_mut() {
                piece.push(next);
            }
        }
        let mut pieces = pieces.into_iter().map(Piece::new);
        Self {
            first: pieces.next().unwrap_or(Piece::Literal("".into())),
            rest: pieces.collect(),
        }
    }

    /// What every text that matches is, begins with or ends with, if the pattern says so.
    pub(super) fn need(&self) -> Option<(Comparison, &str)> {
        match (&self.first, self.rest.split_last()) {
            (Piece::Literal(whole), None) => Some((Comparison::Exact, whole)),
            (Piece::Literal(start), Some(_)) if !start.is_empty() => {
                Some((Comparison::Prefix, start))
            }
            (_, Some((Piece::Literal(end), _))) if !end.is_empty() => {
                Some((Comparison::Suffix, end))
            }
            _ => None,
        }
    }

    /// Whether the whole of `text` matches.
    pub(super) fn matches(&self, text: &str, budget: &Budget) -> Result<bool, Exhausted> {
        budget.pay(text.len())?;
        let Some(rest) = self.first.at_start(text) else {
            return Ok(false);
        };
        let Some((last, middle)) = self.rest.split_last() else {
            return Ok(rest.is_empty());
        };
        let mut rest = rest;
        for piece in middle {
            match piece.find(rest, budget)? {
                Some(after) => rest = after,
                None => return Ok(false),
            }
        }
        Ok(last.is_end_of(rest))
    }
}

impl Piece {
    fn new(chars: Vec<Option<char>>) -> Self {
        match chars.iter().copied().collect::<Option<String>>() {
            Some(literal) => Self::Literal(literal.into()),
            None => Self::Wild(chars.into()),
        }
    }

    /// What comes behind the piece, if `text` begins with it.
    fn at_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => text.strip_prefix(&**literal),
            Self::Wild(wanted) => {
                let mut chars = text.chars();
                for wanted in wanted {
                    let found = chars.next()?;
                    if wanted.is_some_and(|wanted| wanted != found) {
                        return None;
                    }
                }
                Some(chars.as_str())
            }
        }
    }

    /// What comes behind the piece where it is first found.
    fn find<'t>(&self, text: &'t str, budget: &Budget) -> Result<Option<&'t str>, Exhausted> {
        match self {
            Self::Literal(literal) => {
                budget.pay(text.len())?;
                Ok(text.split_once(&**literal).map(|(_, after)| after))
            }
            Self::Wild(wanted) => {
                let mut rest = text;
                loop {
                    budget.pay(wanted.len())?;
                    if let Some(after) = self.at_start(rest) {
                        return Ok(Some(after));
                    }
                    let mut chars = rest.chars();
                    if chars.next().is_none() {
                        return Ok(None);
                    }
                    rest = chars.as_str();
                }
            }
        }
    }

    /// Whether `text` ends with the piece.
    fn is_end_of(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => text.ends_with(&**literal),
            Self::Wild(wanted) => {
                let mut chars = text.chars();
                wanted.iter().rev().all(|wanted| {
                    let found = chars.next_back();
                    found.is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern).matches(text, &Budget::new()).unwrap()
    }

    /// The rules, tried out in every way.
    fn obviously(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|n| obviously(&text[n..], rest)),
            ['\\', wanted @ ('%' | '_'), rest @ ..] => {
                text.first() == Some(wanted) && obviously(&text[1..], rest)
            }
            ['_', rest @ ..] => !text.is_empty() && obviously(&text[1..], rest),
            [wanted, rest @ ..] => text.first() == Some(wanted) && obviously(&text[1..], rest),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn patterns_match_what_the_rules_say(text in r"[ab%_\\é]{0,8}", pattern in r"[ab%_\\é]{0,6}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(like(&text, &pattern), obviously(&chars(&text), &chars(&pattern)));
        }
    }

    #[test]
    fn a_character_is_one_whatever_its_length() {
        assert!(like("é😀", "__"));
        assert!(!like("é", "__"));
        assert!(like("", "%") && like("", "") && !like("", "_"));
    }

    #[test]
    fn patterns_that_backtrack_elsewhere_end_soon_or_run_out_of_budget() {
        let text = "a".repeat(60_000);
        let literal = format!("{}b", "%a".repeat(2000));
        assert_eq!(
            Pattern::new(&literal).matches(&text, &Budget::new()),
            Err(Exhausted)
        );
        let few = format!("{}b", "%a".repeat(20));
        assert!(!like(&text, &few));
        let wild = format!("%_{}b%", "a".repeat(3000));
        assert_eq!(
            Pattern::new(&wild).matches(&text, &Budget::new()),
            Err(Exhausted)
        );
    }
}
