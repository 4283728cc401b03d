//! Functions that change a text in its place.

use regex::Regex;
use vanus_types::limits::MAX_REGEX_LEN;

use super::{
    super::{
        action::Action,
        argument::{Argument, Source},
        error::{ActionFault, TransformerError},
        pattern::build,
        run::Run,
        value::Value,
    },
    Extra,
};
use crate::Position;

/// Sets the first argument to what becomes of its text.
fn change<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
    change: impl FnOnce(&str) -> Result<String, ActionFault>,
) -> Result<(), ActionFault> {
    let text = change(&run.text(action, 0)?)?;
    run.set_text(action, 0, text)
}

pub(super) fn upper_case<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    change(run, action, |text| Ok(text.to_uppercase()))
}

pub(super) fn lower_case<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    change(run, action, |text| Ok(text.to_lowercase()))
}

pub(super) fn add_prefix<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let text = run.text(action, 1)?.into_owned() + &run.text(action, 0)?;
    run.set_text(action, 0, text)
}

pub(super) fn add_suffix<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let text = run.text(action, 0)?.into_owned() + &run.text(action, 1)?;
    run.set_text(action, 0, text)
}

pub(super) fn capitalize_sentence<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    change(run, action, |text| {
        let mut chars = text.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        Ok(first.collect::<String>() + chars.as_str())
    })
}

pub(super) fn capitalize_word<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    change(run, action, |text| {
        let (mut words, mut in_word) = (String::with_capacity(text.len()), false);
        for c in text.chars() {
            if c.is_whitespace() || in_word {
                words.push(c);
            } else {
                words.extend(c.to_uppercase());
            }
            in_word = !c.is_whitespace();
        }
        Ok(words)
    })
}

pub(super) fn replace_string<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let text = {
        let (text, part, new) = (
            run.text(action, 0)?,
            run.text(action, 1)?,
            run.text(action, 2)?,
        );
        let times = text.matches(&*part).count();
        run.budget.pay(times.saturating_mul(new.len() + 8))?;
        text.replace(&*part, &new)
    };
    run.set_text(action, 0, text)
}

pub(super) fn replace_between_positions<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let (start, end) = (run.position(action, 1)?, run.position(action, 2)?);
    let new = run.text(action, 3)?.into_owned();
    change(run, action, |text| {
        let length = text.chars().count();
        if start >= end || end >= length {
            return Err(ActionFault::value(format!(
                "positions {start} and {end} must be in this order and less than {length}, the \
                 number of characters"
            )));
        }
        let (before, rest) = split_at_char(text, start);
        let (_, after) = split_at_char(rest, end - start);
        Ok([before, &new, after].concat())
    })
}

pub(super) fn replace_between_delimiters<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let text = {
        let (text, start, end, new) = (
            run.text(action, 0)?,
            run.text(action, 1)?,
            run.text(action, 2)?,
            run.text(action, 3)?,
        );
        let (before, _, after) = between(&text, &start, &end)?;
        [before, &new, after].concat()
    };
    run.set_text(action, 0, text)
}

pub(super) fn extract_between_delimiters<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let part = {
        let (text, start, end) = (
            run.text(action, 0)?,
            run.text(action, 2)?,
            run.text(action, 3)?,
        );
        between(&text, &start, &end)?.1.to_owned()
    };
    run.set_text(action, 1, part)
}

pub(super) fn extract_between_positions<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let (start, end) = (run.position(action, 2)?, run.position(action, 3)?);
    let part = {
        let text = run.text(action, 0)?;
        let length = text.chars().count();
        if start < 1 || start > end || end > length {
            return Err(ActionFault::value(format!(
                "positions {start} and {end} must be in this order, from 1 to {length}, the \
                 number of characters"
            )));
        }
        let (_, rest) = split_at_char(&text, start - 1);
        split_at_char(rest, end - start + 1).0.to_owned()
    };
    run.set_text(action, 1, part)
}

/// What is before the first `start`, between it and the `end` behind it, and after that.
fn between<'t>(
    text: &'t str,
    start: &str,
    end: &str,
) -> Result<(&'t str, &'t str, &'t str), ActionFault> {
    if start.is_empty() || end.is_empty() {
        return Err(ActionFault::value("a delimiter is empty"));
    }
    let missing = |what: &str| {
        let what = super::super::error::short(what);
        ActionFault::value(format!("the delimiter \"{what}\" is not in the text"))
    };
    let (before, rest) = text.split_once(start).ok_or_else(|| missing(start))?;
    let (part, after) = rest.split_once(end).ok_or_else(|| missing(end))?;
    Ok((before, part, after))
}

/// A text cut before character `at`, or behind its end.
pub(super) fn split_at_char(text: &str, at: usize) -> (&str, &str) {
    let byte = match text.is_ascii() {
        true => at.min(text.len()),
        false => text.char_indices().nth(at).map_or(text.len(), |(n, _)| n),
    };
    text.split_at_checked(byte).unwrap_or((text, ""))
}

pub(super) fn replace_with_regex<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let text = match &action.extra {
        Extra::Pattern(regex, cost) => replace_all(run, action, regex, *cost)?,
        _ => {
            let pattern = run.text(action, 1)?;
            run.budget.pay(DYNAMIC_WORK)?;
            let (regex, cost) = build(&pattern, DYNAMIC_LEN)
                .map_err(|why| ActionFault::value(format!("the pattern cannot be used: {why}")))?;
            replace_all(run, action, &regex, cost)?
        }
    };
    run.set_text(action, 0, text)
}

/// Work of compiling a pattern that is not known before the event.
const DYNAMIC_WORK: usize = 100 * 1024;
/// Largest such pattern, compiled, in bytes of memory.
const DYNAMIC_LEN: usize = 32 * 1024;

fn replace_all<'a>(
    run: &Run<'a>,
    action: &'a Action,
    regex: &Regex,
    cost: usize,
) -> Result<String, ActionFault> {
    let (text, new) = (run.text(action, 0)?, run.text(action, 2)?);
    run.budget.pay(text.len().saturating_mul(cost))?;
    let (mut out, mut at) = (String::new(), 0);
    for found in regex.captures_iter(&text) {
        // How far the search looked ahead is not told: it may have been the whole rest.
        let rest = text.len() - at.min(text.len());
        run.budget.pay(32 + rest.saturating_mul(cost) / 64)?;
        let Some(whole) = found.get(0) else { break };
        out.push_str(text.get(at..whole.start()).unwrap_or_default());
        let before = out.len();
        // A group may be the whole match, and stand in every other byte of the replacement.
        let most = new.len().saturating_mul(1 + whole.len());
        if most > 1024 {
            run.budget.pay(most)?;
        }
        found.expand(&new, &mut out);
        run.budget.pay(out.len() - before)?;
        at = whole.end();
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(out)
}

/// Compiles a pattern that is a constant.
pub(super) fn pattern(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    let Some(Source::Constant(Value::String(pattern))) = arguments.get(1).map(|a| &a.source) else {
        return Ok(Extra::Nothing);
    };
    match build(pattern, MAX_REGEX_LEN) {
        Ok((regex, cost)) => Ok(Extra::Pattern(regex, cost)),
        Err(why) => Err(TransformerError::Text {
            at: format!("{at}[2]"),
            position: Position::of(pattern, 0),
            what: format!("the pattern cannot be used: {why} (RE2 syntax)"),
        }),
    }
}
