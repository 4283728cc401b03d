//! A transformer, compiled, and its run.

use std::collections::BTreeMap;

use vanus_types::{
    DataKind, Entropy, Event,
    control::{OnError, TemplateType, TransformerSpec},
};

use super::{
    action::Action,
    argument::{self, Scope, Source},
    document::Document,
    error::{ActionError, ActionFault, TransformError, TransformerError},
    read,
    run::Run,
    template::Template,
    value::Value,
    write,
};
use crate::budget::{Budget, Exhausted};

/// Output that a context keeps room for; a larger one gives its memory back.
const KEPT_OUTPUT: usize = 64 * 1024;

/// A transformer, checked and compiled. One run takes no more than its budget
/// ([`MAX_TRANSFORM_WORK`](vanus_types::limits::MAX_TRANSFORM_WORK) and
/// [`TRANSFORM_WORK_PER_BYTE`](vanus_types::limits::TRANSFORM_WORK_PER_BYTE)).
///
/// ```
/// use vanus_expr::transform::{TransformContext, Transformer};
/// use vanus_types::{Event, SeededEntropy, control::TransformerSpec};
///
/// let spec: TransformerSpec = serde_json::from_str(
///     r#"{"pipeline": [{"command": ["upper_case", "$.data.country"]}],
///         "template": "{\"text\": \"an order from <$.data.country>\"}"}"#,
/// )?;
/// let transformer = Transformer::compile(&spec)?;
/// let event = Event::builder().id("1").source("/s").ty("t").json(r#"{"country": "pt"}"#);
/// let entropy = SeededEntropy::new(1);
/// let mut context = TransformContext::new(0, &entropy);
/// let event = transformer.run(&event.build()?, &mut context)?;
/// assert_eq!(event.data().as_str(), Some(r#"{"text":"an order from PT"}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Transformer {
    /// Where the values of the defines are.
    defines: Box<[Source]>,
    actions: Box<[(Action, OnError)]>,
    template: Template,
    kind: TemplateType,
}

/// What a run is given, and what it tells besides the event. It can be used for the next event.
#[derive(Debug)]
pub struct TransformContext<'c> {
    /// The time, in milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Where random numbers come from.
    pub entropy: &'c dyn Entropy,
    /// The actions that the last run left out, as they failed.
    pub skipped: Vec<ActionError>,
    output: String,
}

impl<'c> TransformContext<'c> {
    /// A context at this time.
    #[must_use]
    pub fn new(now_ms: i64, entropy: &'c dyn Entropy) -> Self {
        Self {
            now_ms,
            entropy,
            skipped: Vec::new(),
            output: String::new(),
        }
    }
}

impl Transformer {
    /// Compiles a transformer.
    ///
    /// # Errors
    /// [`TransformerError`] says what is wrong with which part, and where in it.
    pub fn compile(spec: &TransformerSpec) -> Result<Self, TransformerError> {
        // Bounds numbers and depth, so that what follows may recurse.
        spec.check()?;
        let names = spec.define.keys().enumerate();
        let names: BTreeMap<&str, usize> = names.map(|(n, name)| (name.as_str(), n)).collect();
        let define = |(name, value): (&String, &String)| {
            let at = format!("transformer.define.{name}");
            let place = match value.starts_with("@.") {
                true => None,
                false => argument::place(value.trim(), &at)?,
            };
            Ok(place.unwrap_or_else(|| Source::Constant(Value::text(value.clone()))))
        };
        let defines = spec.define.iter().map(define);
        let defines = defines.collect::<Result<_, TransformerError>>()?;
        let scope = Scope {
            defines: &names,
            in_array: false,
        };
        let actions = spec.pipeline.iter().enumerate().map(|(n, action)| {
            let at = format!("transformer.pipeline[{n}].command");
            let compiled = Action::compile(&action.command, &at, scope)?;
            Ok((compiled, action.on_error.unwrap_or(spec.on_error)))
        });
        let kind = spec.template_type();
        Ok(Self {
            defines,
            actions: actions.collect::<Result<_, TransformerError>>()?,
            template: Template::compile(kind, &spec.template, &names)?,
            kind,
        })
    }

    /// Makes another event of `event`, which stays as it is.
    ///
    /// # Errors
    /// [`TransformError`] when the data is not JSON, an action fails that must not, the result is
    /// no event, or it takes too much work.
    pub fn run(
        &self,
        event: &Event,
        context: &mut TransformContext<'_>,
    ) -> Result<Event, TransformError> {
        context.skipped.clear();
        if self.actions.is_empty() && self.kind == TemplateType::None {
            return Ok(event.clone());
        }
        let mut run = Run {
            document: Document::new(event, data(event)?),
            budget: Budget::of_transform(event.record().len()),
            now_ms: context.now_ms,
            entropy: context.entropy,
        };
        self.define(&mut run).map_err(|_| TransformError::Budget)?;
        for (index, (action, on_error)) in self.actions.iter().enumerate() {
            let Err(fault) = action.run(&mut run) else {
                continue;
            };
            if fault == ActionFault::Budget || run.budget.is_exhausted() {
                return Err(TransformError::Budget);
            }
            let error = ActionError {
                index,
                function: action.function.name,
                fault,
            };
            match on_error {
                OnError::Skip => context.skipped.push(error),
                OnError::Fail => return Err(TransformError::Action(error)),
            }
        }
        let output = &mut context.output;
        output.clear();
        output.shrink_to(KEPT_OUTPUT);
        let written = self
            .write(&run, output)
            .map_err(|_| TransformError::Budget)?;
        let (kind, media_type) = match (self.kind, written) {
            (_, false) => (DataKind::None, None),
            (TemplateType::Text, _) => (DataKind::Text, Some("text/plain")),
            _ => (DataKind::Json, Some("application/json")),
        };
        Ok(run.document.event(kind, output, media_type)?)
    }

    /// Gives the defines their values.
    fn define<'a>(&'a self, run: &mut Run<'a>) -> Result<(), Exhausted> {
        let mut values = Vec::with_capacity(self.defines.len());
        for source in &self.defines {
            let found = run.document.look_null(source, &run.budget)?;
            values.push(match (source, found) {
                (_, None) => None,
                (Source::Constant(value), _) => Some(value.lend(&run.budget)?),
                (_, Some(found)) => Some(found.into_copy(&run.budget)?),
            });
        }
        run.document.defines = values;
        Ok(())
    }

    /// Writes the new data; answers whether there is any.
    fn write(&self, run: &Run<'_>, output: &mut String) -> Result<bool, Exhausted> {
        match (self.kind, &run.document.data) {
            (TemplateType::None, None) => Ok(false),
            (TemplateType::None, Some(data)) => {
                output.reserve(512);
                write::value(data, output, &run.budget).map(|()| true)
            }
            _ => {
                output.reserve(512);
                let rendered = self.template.render(&run.document, output, &run.budget);
                rendered.map(|()| true)
            }
        }
    }
}

/// The data of an event, which is JSON if there is any.
fn data(event: &Event) -> Result<Option<Value<'_>>, TransformError> {
    let data = event.data();
    match data.kind {
        DataKind::None => Ok(None),
        DataKind::Proto => Err(TransformError::NotText),
        DataKind::Binary | DataKind::Text | DataKind::Json => {
            let text = data.as_str().ok_or(TransformError::NotText)?;
            read::read(text).map(Some).map_err(TransformError::NotJson)
        }
    }
}
