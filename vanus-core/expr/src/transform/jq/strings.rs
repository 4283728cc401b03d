//! Texts: formats, patterns, parts.

use std::rc::Rc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;

use super::{
    node::{Format, Match},
    stop::{Flow, Stop},
    value::{J, told},
};
use crate::budget::Budget;

/// The text of a string.
pub(super) fn text(value: &J, what: &str) -> Result<Rc<str>, Stop> {
    match value {
        J::Str(text) => Ok(Rc::clone(text)),
        other => Err(Stop::error(format!(
            "{what} needs a string, not {}",
            told(other)
        ))),
    }
}

/// The parts of a text between separators.
pub(super) fn split(text: &str, separator: &str, budget: &Budget) -> Result<J, Stop> {
    budget.pay(text.len())?;
    if text.is_empty() {
        return J::arr(Vec::new());
    }
    let parts: Vec<J> = match separator {
        "" => {
            budget.pay(48 * text.len())?;
            text.chars()
                .map(|c| J::str(c.encode_utf8(&mut [0; 4])))
                .collect()
        }
        separator => {
            budget.pay(48 * (text.matches(separator).count() + 1))?;
            text.split(separator).map(J::str).collect()
        }
    };
    J::arr(parts)
}

/// A value in a format.
pub(super) fn format(format: Format, value: &J, budget: &Budget) -> Result<String, Stop> {
    let text = |value: &J| value.text(budget);
    Ok(match format {
        Format::Text => text(value)?.to_string(),
        Format::Json => value.json(budget)?,
        Format::Base64 => {
            let text = text(value)?;
            budget.pay(2 * text.len())?;
            STANDARD.encode(text.as_bytes())
        }
        Format::Base64Decode => {
            let text = text(value)?;
            budget.pay(2 * text.len())?;
            let bytes = STANDARD.decode(text.as_bytes());
            let bytes = bytes.map_err(|_| Stop::error("the text is no base64"))?;
            String::from_utf8(bytes).map_err(|_| Stop::error("the bytes are no UTF-8 text"))?
        }
        Format::Uri => {
            let text = text(value)?;
            budget.pay(4 * text.len())?;
            text.bytes().fold(String::new(), |mut out, byte| {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                        out.push(char::from(byte));
                    }
                    byte => out.push_str(&format!("%{byte:02X}")),
                }
                out
            })
        }
        Format::Html => {
            let text = text(value)?;
            budget.pay(6 * text.len())?;
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('\'', "&#39;")
                .replace('"', "&quot;")
        }
        Format::Csv => csv(value, budget)?,
    })
}

fn csv(value: &J, budget: &Budget) -> Result<String, Stop> {
    let J::Arr(list) = value else {
        return Err(Stop::error(format!(
            "@csv needs an array, not {}",
            told(value)
        )));
    };
    let mut fields = Vec::with_capacity(list.items.len());
    for item in &list.items {
        fields.push(match item {
            J::Null => String::new(),
            J::Str(text) => {
                budget.pay(2 * text.len())?;
                format!("\"{}\"", text.replace('"', "\"\""))
            }
            J::Arr(_) | J::Obj(_) => {
                return Err(Stop::error(format!("{} is no field of @csv", told(item))));
            }
            other => other.json(budget)?,
        });
    }
    Ok(fields.join(","))
}

/// A text and a pattern.
pub(super) struct Matching<'m> {
    pub(super) text: &'m str,
    pub(super) regex: &'m Regex,
    /// The work the pattern makes of a byte.
    pub(super) cost: usize,
}

impl Matching<'_> {
    /// `test` and `capture`.
    pub(super) fn find(
        &self,
        kind: Match,
        budget: &Budget,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        budget.pay(self.text.len().saturating_mul(self.cost))?;
        if kind == Match::Test {
            return out(J::Bool(self.regex.is_match(self.text)));
        }
        match self.regex.captures(self.text) {
            Some(found) => out(self.groups(&found, budget)?),
            None => Ok(()),
        }
    }

    /// `sub` and `gsub`: `new` makes the text of the groups.
    pub(super) fn replace(
        &self,
        kind: Match,
        budget: &Budget,
        new: &mut dyn FnMut(&J) -> Result<Rc<str>, Stop>,
        out: &mut dyn FnMut(J) -> Flow,
    ) -> Flow {
        budget.pay(self.text.len().saturating_mul(self.cost))?;
        let most = if kind == Match::Sub { 1 } else { usize::MAX };
        let (mut made, mut at) = (String::new(), 0);
        for found in self.regex.captures_iter(self.text).take(most) {
            // How far the search looked ahead is not told: it may have been the whole rest.
            let rest = self.text.len() - at.min(self.text.len());
            budget.pay(32 + rest.saturating_mul(self.cost) / 64)?;
            let Some(whole) = found.get(0) else { break };
            made.push_str(self.text.get(at..whole.start()).unwrap_or_default());
            let text = new(&self.groups(&found, budget)?)?;
            budget.pay(text.len())?;
            made.push_str(&text);
            at = whole.end();
        }
        made.push_str(self.text.get(at..).unwrap_or_default());
        out(J::str(made))
    }

    /// The named groups of a match.
    fn groups(&self, found: &regex::Captures<'_>, budget: &Budget) -> Result<J, Stop> {
        let mut members: Vec<(Rc<str>, J)> = Vec::new();
        for name in self.regex.capture_names().flatten() {
            let value = found
                .name(name)
                .map_or(J::Null, |group| J::str(group.as_str()));
            budget.pay(48)?;
            members.push((name.into(), value));
        }
        J::obj(members)
    }
}
