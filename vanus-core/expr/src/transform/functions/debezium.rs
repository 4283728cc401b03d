//! Changes of a database, as Debezium tells them, for a MongoDB sink.

use super::super::{
    action::Action,
    argument::Argument,
    error::{ActionFault, TransformerError},
    run::Run,
    value::{Object, Value},
};
use super::Extra;

/// The attribute that says what happened to a row.
const OPERATION: &str = "iodebeziumop";

/// Checks that keys and values come in pairs.
pub(super) fn pairs(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    if arguments.len().is_multiple_of(2) {
        return Ok(Extra::Nothing);
    }
    Err(TransformerError::Argument {
        at: at.to_owned(),
        what: "keys and values come in pairs, and the last key has no value".to_owned(),
    })
}

pub(super) fn convert<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let operation = run.document.attribute(OPERATION, &run.budget)?;
    let Some(Value::String(operation)) = operation else {
        return Err(ActionFault::Missing(format!("$.{OPERATION}")));
    };
    let mut filter = Object::default();
    for n in (0..action.arguments.len()).step_by(2) {
        let name = run.text(action, n)?.into_owned();
        filter.set(name, run.copy(action, n + 1)?);
    }
    let one = |name: &'static str, members: Vec<(&'static str, Value<'a>)>| {
        let mut object = Object::default();
        for (name, value) in members {
            object.set(name, value);
        }
        (name, Value::Object(object))
    };
    let data = match &run.document.data {
        None => return Err(ActionFault::Missing("$.data".to_owned())),
        Some(data) => data.copy(&run.budget)?,
    };
    let (list, change) = match operation.as_ref() {
        "r" | "c" => ("inserts", data),
        "u" => {
            let Value::Object(mut set) = data else {
                return Err(ActionFault::value("the data must be an object"));
            };
            set.members.retain(|(name, _)| filter.get(name).is_none());
            let update = one("update", vec![("$set", Value::Object(set))]).1;
            let filter = Value::Object(filter);
            one("updates", vec![("filter", filter), ("update", update)])
        }
        "d" => one("deletes", vec![("filter", Value::Object(filter))]),
        other => {
            let other = super::super::error::short(other);
            return Err(ActionFault::value(format!(
                "$.{OPERATION} must be r, c, u or d, not {other}"
            )));
        }
    };
    let mut result = Object::default();
    result.set(list, Value::Array(vec![change]));
    run.document.data = Some(Value::Object(result));
    Ok(())
}
