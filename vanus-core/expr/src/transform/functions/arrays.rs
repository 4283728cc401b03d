//! Functions of arrays.

use super::{
    super::{
        action::Action,
        argument::{Argument, Source},
        cast,
        document::data_at,
        error::{ActionFault, TransformerError},
        path::Path,
        run::Run,
        value::Value,
    },
    Extra,
};
use crate::Position;

pub(super) fn array_foreach<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let items = match run.copy(action, 0)? {
        Value::Array(items) => items,
        single => vec![single],
    };
    let outer = run.document.data.take();
    let changed = run.document.changes();
    let changes = each(run, action, items);
    run.document.data = outer;
    match changes {
        Ok(items) => run.set(action, 0, Value::Array(items)),
        Err(fault) => {
            run.document.undo(changed);
            Err(fault)
        }
    }
}

/// Does the actions inside `action` with each item as the data.
fn each<'a>(
    run: &mut Run<'a>,
    action: &'a Action,
    items: Vec<Value<'a>>,
) -> Result<Vec<Value<'a>>, ActionFault> {
    let mut done = Vec::with_capacity(items.len());
    for (number, item) in items.into_iter().enumerate() {
        run.document.data = Some(item);
        for inner in &action.nested {
            inner.run(run).map_err(|fault| match fault {
                ActionFault::Budget => fault,
                fault => ActionFault::Nested {
                    item: number,
                    function: inner.function.name,
                    fault: Box::new(fault),
                },
            })?;
        }
        done.push(run.document.data.take().unwrap_or(Value::Null));
    }
    Ok(done)
}

pub(super) fn unfold_array<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let items = match run.copy(action, 0)? {
        Value::Array(items) => items,
        single => vec![single],
    };
    let Source::Data(prefix) = &Run::argument(action, 1)?.source else {
        return Err(ActionFault::value("the prefix must be a place in the data"));
    };
    let Some((object, name)) = prefix.split_member() else {
        return Err(ActionFault::value("the prefix must end with a name"));
    };
    for item in &items {
        prefix.fits(item)?;
    }
    let Some(data) = &mut run.document.data else {
        return Err(ActionFault::Missing("$.data".to_owned()));
    };
    for (n, item) in items.into_iter().enumerate() {
        let member = object.with_member(&format!("{name}-{n}"));
        run.budget.pay(name.len() + 32)?;
        member.set(data, item, &run.budget)?;
    }
    Ok(())
}

pub(super) fn length<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let length = {
        let look = run.look(action, 1)?;
        match look.value() {
            Value::String(text) => text.len(),
            Value::Array(items) => items.len(),
            Value::Object(object) => object.members.len(),
            other => {
                let written = &Run::argument(action, 1)?.written;
                return Err(cast::wrong(
                    other,
                    written,
                    "a string, an array or an object",
                ));
            }
        }
    };
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    run.set(action, 0, Value::integer(length))
}

/// A text with places of an item in it.
#[derive(Debug, Clone)]
pub(in crate::transform) struct Render {
    parts: Box<[Part]>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(Box<str>),
    /// A place in the item.
    Item(Path),
}

/// Compiles the template of `render_array`.
pub(super) fn render(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    let Some(Source::Constant(constant)) = arguments.get(2).map(|argument| &argument.source) else {
        return Ok(Extra::Nothing);
    };
    let at = format!("{at}[3]");
    let Value::String(template) = constant else {
        let what = format!("the template must be a string, not {}", constant.kind());
        return Err(TransformerError::Argument { at, what });
    };
    let mut parts = Vec::new();
    let mut rest: &str = template;
    while let Some((before, after)) = rest.split_once("<@") {
        let Some((path, behind)) = after.split_once('>') else {
            break;
        };
        let offset = template.len() - after.len();
        let path = Path::read(path).map_err(|mistake| TransformerError::Text {
            at: at.clone(),
            position: Position::of(template, offset + mistake.at),
            what: format!("{} in the path", mistake.what),
        })?;
        if !before.is_empty() {
            parts.push(Part::Text(before.into()));
        }
        parts.push(Part::Item(path));
        rest = behind;
    }
    // A bracket that is not closed is text.
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    let parts = parts.into();
    Ok(Extra::Render(Render { parts }))
}

pub(super) fn render_array<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let Extra::Render(render) = &action.extra else {
        return Err(ActionFault::value("the template must be a constant"));
    };
    let mut texts = Vec::new();
    let constant = !render
        .parts
        .iter()
        .any(|part| matches!(part, Part::Item(_)));
    if constant {
        texts.push(render_item(run, render, &Value::Null, 0)?);
    } else {
        let look = run.look(action, 1)?;
        let Value::Array(items) = look.value() else {
            let written = &Run::argument(action, 1)?.written;
            return Err(cast::wrong(look.value(), written, "an array"));
        };
        for (number, item) in items.iter().enumerate() {
            texts.push(render_item(run, render, item, number)?);
        }
    }
    run.set(action, 0, Value::texts(texts))
}

fn render_item(
    run: &Run<'_>,
    render: &Render,
    item: &Value<'_>,
    number: usize,
) -> Result<String, ActionFault> {
    let mut text = String::new();
    for part in &render.parts {
        match part {
            Part::Text(plain) => {
                run.budget.pay(plain.len())?;
                text.push_str(plain);
            }
            Part::Item(path) => {
                let found = data_at(item, path, &run.budget)?;
                let found = found.filter(|look| look.value().present().is_some());
                let found = found.ok_or_else(|| {
                    ActionFault::Missing(format!("a value of the template in item {number}"))
                })?;
                text.push_str(&cast::text(found.value(), &run.budget)?);
            }
        }
    }
    Ok(text)
}
