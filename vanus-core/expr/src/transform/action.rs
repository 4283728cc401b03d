//! Actions: a function with its arguments, compiled.

use serde_json::Value as Json;

use super::{
    argument::{Argument, Scope, Source},
    error::{ActionFault, TransformerError, short},
    functions::{self, Extra, Function, Takes},
    run::Run,
};

/// An action, compiled.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) function: &'static Function,
    pub(super) arguments: Box<[Argument]>,
    /// Actions inside this one.
    pub(super) nested: Box<[Action]>,
    /// What its function has compiled of constants.
    pub(super) extra: Extra,
}

impl Action {
    /// Compiles a command. How deep commands nest was checked.
    pub(super) fn compile(
        command: &[Json],
        at: &str,
        scope: Scope<'_>,
    ) -> Result<Self, TransformerError> {
        let name = command.first().and_then(Json::as_str).unwrap_or_default();
        let Some(function) = functions::find(name) else {
            return Err(TransformerError::Function {
                at: format!("{at}[0]"),
                name: short(name),
                hint: functions::hint(name),
            });
        };
        let given = command.len().saturating_sub(1);
        if !function.accepts(given) {
            return Err(TransformerError::Arity {
                at: at.to_owned(),
                function: function.name,
                wanted: function.signature(),
                given,
            });
        }
        let (mut arguments, mut nested) = (Vec::new(), Vec::new());
        for (n, json) in command.iter().enumerate().skip(1) {
            let at = format!("{at}[{n}]");
            let takes = function.takes_at(n - 1);
            if takes == Takes::Action {
                let Some(inner) = json.as_array() else {
                    return Err(TransformerError::Argument {
                        at,
                        what: "an action is expected, a list such as [\"upper_case\", \"@.name\"]"
                            .to_owned(),
                    });
                };
                let scope = Scope {
                    in_array: true,
                    ..scope
                };
                nested.push(Self::compile(inner, &at, scope)?);
                continue;
            }
            let argument = match takes {
                Takes::Expression => Argument {
                    source: Source::Constant(json.into()),
                    written: "the expression".into(),
                },
                _ => Argument::compile(json, &at, scope)?,
            };
            if let Some(what) = takes.refuses(&argument) {
                return Err(TransformerError::Argument { at, what });
            }
            arguments.push(argument);
        }
        let extra = (function.prepare)(&arguments, at)?;
        Ok(Self {
            function,
            arguments: arguments.into(),
            nested: nested.into(),
            extra,
        })
    }

    /// Does it. The event is as it was when this fails.
    pub(super) fn run<'a>(&'a self, run: &mut Run<'a>) -> Result<(), ActionFault> {
        run.budget.pay(32)?;
        (self.function.run)(run, self)
    }
}
