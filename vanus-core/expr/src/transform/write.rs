//! Values as JSON text, without white space.

use super::value::{Number, Value};
use crate::{
    budget::{Budget, Exhausted},
    json::plain_len,
};

/// Writes a value.
pub(super) fn value(value: &Value<'_>, out: &mut String, budget: &Budget) -> Result<(), Exhausted> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(true) => out.push_str("true"),
        Value::Boolean(false) => out.push_str("false"),
        Value::Number(Number::Written(text)) => {
            budget.pay(text.len())?;
            out.push_str(text);
        }
        Value::Number(number) => {
            budget.pay(16)?;
            out.push_str(&number.text());
        }
        Value::String(text) => string(text, out, budget)?,
        Value::Array(items) => {
            budget.pay(items.len())?;
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                self::value(item, out, budget)?;
            }
            out.push(']');
        }
        Value::Object(object) => {
            budget.pay(object.members.len())?;
            out.push('{');
            for (n, (name, member)) in object.members.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                string(name, out, budget)?;
                out.push(':');
                self::value(member, out, budget)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Writes a string with its quotes.
pub(super) fn string(text: &str, out: &mut String, budget: &Budget) -> Result<(), Exhausted> {
    out.push('"');
    escaped(text, out, budget)?;
    out.push('"');
    Ok(())
}

/// Writes what stands between the quotes of a string.
pub(super) fn escaped(text: &str, out: &mut String, budget: &Budget) -> Result<(), Exhausted> {
    budget.pay(text.len())?;
    if plain_len(text.as_bytes()) == text.len() {
        out.push_str(text);
        return Ok(());
    }
    // An escape takes six bytes at most.
    budget.pay(text.len())?;
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c @ '\0'..'\u{20}' => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
                ];
                let code = u32::from(c) as usize;
                out.push_str("\\u00");
                out.extend([code >> 4, code & 15].map(|digit| HEX.get(digit).unwrap_or(&'0')));
            }
            c => out.push(c),
        }
    }
    Ok(())
}
