//! Functions that make lists of texts, or a text of lists.

use super::{
    super::{action::Action, cast, error::ActionFault, run::Run, value::Value},
    text::split_at_char,
};
use crate::transform::value::VALUE_WORK;

fn put<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
    n: usize,
    parts: Vec<String>,
) -> Result<(), ActionFault> {
    run.set(action, n, Value::texts(parts))
}

pub(super) fn join<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let mut text = String::new();
    {
        let separator = run.text(action, 1)?;
        let mut first = true;
        for n in 2..action.arguments.len() {
            let look = run.look(action, n)?;
            let items = match look.value() {
                Value::Array(items) => items.as_slice(),
                single => std::slice::from_ref(single),
            };
            for item in items {
                run.budget.pay(separator.len())?;
                if !std::mem::take(&mut first) {
                    text.push_str(&separator);
                }
                text.push_str(&cast::text(item, &run.budget)?);
            }
        }
    }
    run.set_text(action, 0, text)
}

pub(super) fn split_with_delimiter<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let parts = {
        let (text, delimiter) = (run.text(action, 0)?, run.text(action, 1)?);
        if delimiter.is_empty() {
            run.budget.pay(VALUE_WORK * text.len())?;
            text.chars().map(String::from).collect()
        } else {
            let times = text.matches(&*delimiter).count() + 1;
            run.budget.pay(VALUE_WORK * times + text.len())?;
            text.split(&*delimiter).map(str::to_owned).collect()
        }
    };
    put(run, action, 2, parts)
}

pub(super) fn split_from_start<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    let position = run.position(action, 1)?;
    if position == 0 {
        return Err(ActionFault::value("the position must be more than 0"));
    }
    let parts = {
        let text = run.text(action, 0)?;
        let (before, after) = split_at_char(&text, position);
        vec![before.to_owned(), after.to_owned()]
    };
    put(run, action, 2, parts)
}

pub(super) fn split_between_positions<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    run.expect_free(action, 3)?;
    let (start, end) = (run.position(action, 1)?, run.position(action, 2)?);
    if start >= end {
        return Err(ActionFault::value(format!(
            "position {start} must be less than position {end}"
        )));
    }
    let parts = {
        let text = run.text(action, 0)?;
        let (before, rest) = split_at_char(&text, start);
        let (part, after) = split_at_char(rest, end - start);
        [before, part, after].map(str::to_owned).into()
    };
    put(run, action, 3, parts)
}

pub(super) fn split_with_intervals<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
) -> Result<(), ActionFault> {
    run.expect_free(action, 3)?;
    let (start, interval) = (run.position(action, 1)?, run.position(action, 2)?);
    if interval == 0 {
        return Err(ActionFault::value("the interval must be more than 0"));
    }
    let parts = {
        let text = run.text(action, 0)?;
        run.budget.pay(VALUE_WORK * (text.len() / interval + 2))?;
        let (before, mut rest) = split_at_char(&text, start);
        let mut parts = Vec::new();
        // Without a start there is nothing before it.
        if start > 0 || rest.is_empty() {
            parts.push(before.to_owned());
        }
        while !rest.is_empty() {
            let (part, after) = split_at_char(rest, interval);
            parts.push(part.to_owned());
            rest = after;
        }
        parts
    };
    put(run, action, 3, parts)
}
