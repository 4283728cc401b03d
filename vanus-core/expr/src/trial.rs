//! What would become of an event: whether the filters pass it, and what the transformer makes of it.

use serde_json::{Value, json};
use vanus_types::{
    Coded as _, Entropy, Event,
    control::{FilterSpec, TransformerSpec},
    format,
};

use crate::{
    EventView, Filter, FilterError,
    transform::{ActionError, TransformContext, TransformError, Transformer, TransformerError},
};

/// What would become of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Whether the filters pass it. The transformer is run all the same.
    pub passes: bool,
    /// The event that would be delivered, or why there is none.
    pub event: Result<Event, TransformError>,
    /// The actions that were left out, as they failed.
    pub skipped: Vec<ActionError>,
}

/// Why nothing can be tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// A filter has a mistake.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The transformer has a mistake.
    #[error(transparent)]
    Transformer(#[from] TransformerError),
}

impl vanus_types::Coded for TrialError {
    fn code(&self) -> vanus_types::ErrorCode {
        match self {
            Self::Filter(error) => error.code(),
            Self::Transformer(error) => error.code(),
        }
    }
}

impl Trial {
    /// Tries filters and a transformer on an event. Nothing is stored or delivered.
    ///
    /// # Errors
    /// [`TrialError`] when the filters or the transformer have a mistake.
    pub fn of(
        filters: &[FilterSpec],
        transformer: Option<&TransformerSpec>,
        event: &Event,
        now_ms: i64,
        entropy: &dyn Entropy,
    ) -> Result<Self, TrialError> {
        let passes = Filter::compile(filters)?.matches(&EventView::new(event));
        let mut context = TransformContext::new(now_ms, entropy);
        let event = match transformer {
            None => Ok(event.clone()),
            Some(spec) => Transformer::compile(spec)?.run(event, &mut context),
        };
        Ok(Self {
            passes,
            event,
            skipped: context.skipped,
        })
    }

    /// The same as JSON: `passes`, `event`, `skipped` and `error`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let event = self.event.as_ref().ok().map(|event| {
            let text = format::json::encode(event);
            serde_json::from_slice(text.as_ref()).unwrap_or(Value::Null)
        });
        let error =
            self.event.as_ref().err().map(
                |error| json!({ "code": error.code().to_string(), "message": error.to_string() }),
            );
        let skipped: Vec<Value> = self
            .skipped
            .iter()
            .map(|error| {
                json!({
                    "action": error.index,
                    "function": error.function,
                    "message": error.fault.to_string(),
                })
            })
            .collect();
        json!({ "passes": self.passes, "event": event, "skipped": skipped, "error": error })
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::SeededEntropy;

    use super::*;

    fn trial(filters: &str, transformer: &str) -> Result<Value, TrialError> {
        let event = Event::builder().id("1").source("/s").ty("t");
        let event = event.json(r#"{"a":1}"#).build().unwrap();
        let filters: Vec<FilterSpec> = serde_json::from_str(filters).unwrap();
        let transformer = serde_json::from_str(transformer).unwrap();
        let entropy = SeededEntropy::new(1);
        let trial = Trial::of(&filters, Some(&transformer), &event, 0, &entropy)?;
        Ok(trial.to_json())
    }

    #[test]
    fn it_tells_the_filter_the_event_and_each_failed_action() {
        let told = trial(
            r#"[{"exact": {"type": "other"}}]"#,
            r#"{"pipeline": [{"command": ["create", "$.data.b", 2]}, {"command": ["delete", "$.data.a"]},
                {"command": ["upper_case", "$.data.a"]}]}"#,
        );
        let told = told.unwrap();
        assert_eq!(told["passes"], false);
        assert_eq!(told["event"]["data"], json!({"b": 2}));
        assert_eq!(
            told["skipped"],
            json!([{"action": 2, "function": "upper_case", "message": "$.data.a is missing"}])
        );
        assert_eq!(told["error"], Value::Null);
    }

    #[test]
    fn it_tells_why_there_is_no_event_and_what_is_a_mistake() {
        let told = trial(
            "[]",
            r#"{"on_error": "fail", "pipeline": [{"command": ["upper_case", "$.data.z"]}]}"#,
        );
        let told = told.unwrap();
        assert_eq!(
            (&told["passes"], &told["event"]),
            (&json!(true), &Value::Null)
        );
        let message = told["error"]["message"].as_str().unwrap();
        assert_eq!(message, "pipeline[0] upper_case: $.data.z is missing");
        let mistake = trial("[]", r#"{"template": "<"}"#).unwrap_err();
        assert_eq!(mistake.code().to_string(), "V9108");
        let mistake = trial(r#"[{"sql": "1 +"}]"#, "{}").unwrap_err();
        assert_eq!(mistake.code().to_string(), "V9102");
    }
}
