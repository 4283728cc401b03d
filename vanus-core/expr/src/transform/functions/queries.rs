//! jq expressions.

use super::{
    super::{
        action::Action,
        argument::{Argument, Source},
        error::{ActionFault, TransformerError},
        jq::Jq,
        run::Run,
        value::Value,
    },
    Extra,
};

/// Compiles the expression.
pub(super) fn compile(arguments: &[Argument], at: &str) -> Result<Extra, TransformerError> {
    let at = format!("{at}[2]");
    match arguments.get(1).map(|argument| &argument.source) {
        Some(Source::Constant(Value::String(text))) => {
            let jq = Jq::compile(text).map_err(|mistake| TransformerError::Text {
                at,
                position: mistake.at,
                what: mistake.what,
            })?;
            Ok(Extra::Jq(Box::new(jq)))
        }
        _ => Err(TransformerError::Argument {
            at,
            what: "a jq expression in a string is expected".to_owned(),
        }),
    }
}

pub(super) fn jq<'a>(run: &mut Run<'a>, action: &'a Action) -> Result<(), ActionFault> {
    let Extra::Jq(jq) = &action.extra else {
        return Err(ActionFault::value("there is no expression"));
    };
    let attributes = run.document.attributes(&run.budget)?;
    let null = Value::Null;
    let data = run.document.data.as_ref().unwrap_or(&null);
    let value = jq.run(data, &attributes, run.now_ms, &run.budget)?;
    run.set(action, 0, value)
}
