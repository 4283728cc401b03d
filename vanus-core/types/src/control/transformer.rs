//! Transformers as they are written down. Compiling and running them is the work of `vanus-expr`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json_form::stored_as_json;
use crate::{
    error::{Coded, ErrorCode},
    limits::{
        MAX_ACTION_DEPTH, MAX_ACTIONS, MAX_DEFINE_NAME_LEN, MAX_DEFINES, MAX_TEMPLATE_LEN,
        MAX_TRANSFORMER_LEN,
    },
};

/// How an event is changed before it is delivered: values by name, then actions one after the
/// other, then a template that makes the data.
///
/// ```json
/// {"define": {"user": "$.data.user.login"},
///  "pipeline": [{"command": ["upper_case", "$.data.country"]}],
///  "template": "{\"text\": \"<user> from <$.data.country>\"}"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerSpec {
    /// Values by name, taken from the event as it was published: `$.data…`, `$.attribute`, or a
    /// text that stands for itself. `<name>` is its value in the pipeline and the template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub define: BTreeMap<String, String>,
    /// What is done to the event, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipeline: Vec<ActionSpec>,
    /// What the data becomes; empty keeps the data as the pipeline leaves it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// What the template is; found out from its first character if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_type: Option<TemplateType>,
    /// What happens when an action fails.
    #[serde(default, skip_serializing_if = "OnError::is_default")]
    pub on_error: OnError,
}

/// One action: the name of a function and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// The name, in any case of letters, and the arguments: `$.data…`, `$.attribute`, `<define>`,
    /// `@.path` within an array, lists that are actions themselves, and constants.
    pub command: Vec<Value>,
    /// What happens when it fails, if not what the transformer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
}

/// What a template makes of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateType {
    /// There is no template.
    None,
    /// Text, `text/plain`.
    Text,
    /// JSON, `application/json`.
    Json,
}

/// What happens when an action fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The action is left out, and the next one follows.
    #[default]
    Skip,
    /// The event is not delivered: it goes to the dead letters, with the reason `TransformError`.
    Fail,
}

impl OnError {
    const fn is_default(&self) -> bool {
        matches!(self, Self::Skip)
    }
}

impl TransformerSpec {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pipeline.is_empty() && self.template_type() == TemplateType::None
    }

    /// What the template is: as given; else JSON if it begins with `{`, `[` or `"`, text if it
    /// begins with anything else, and none if it is empty.
    #[must_use]
    pub fn template_type(&self) -> TemplateType {
        match self.template_type {
            Some(given) => given,
            None => match self.template.trim_start().as_bytes().first() {
                None if self.template.is_empty() => TemplateType::None,
                Some(b'{' | b'[' | b'"') => TemplateType::Json,
                _ => TemplateType::Text,
            },
        }
    }

    /// Checks lengths, numbers and depth; what the parts mean is checked when it is compiled.
    ///
    /// # Errors
    /// [`TransformerSpecError`] says where, such as `transformer.pipeline[2]`.
    pub fn check(&self) -> Result<(), TransformerSpecError> {
        let over = |at: &str, what, found, most| {
            Err(TransformerSpecError::Limit {
                at: at.to_owned(),
                what,
                found,
                most,
            })
        };
        if self.define.len() > MAX_DEFINES {
            return over(
                "transformer.define",
                "names",
                self.define.len(),
                MAX_DEFINES,
            );
        }
        for name in self.define.keys() {
            let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || name.len() > MAX_DEFINE_NAME_LEN || !name.chars().all(fits) {
                let name = name.chars().take(40).collect();
                return Err(TransformerSpecError::DefineName { name });
            }
        }
        if self.template.len() > MAX_TEMPLATE_LEN {
            let length = self.template.len();
            return over("transformer.template", "bytes", length, MAX_TEMPLATE_LEN);
        }
        let mut actions = 0;
        for (n, action) in self.pipeline.iter().enumerate() {
            let at = format!("transformer.pipeline[{n}]");
            check_command(&action.command, &at, 1, &mut actions)?;
        }
        let length = serde_json::to_string(self).map_or(usize::MAX, |text| text.len());
        if length > MAX_TRANSFORMER_LEN {
            return over("transformer", "bytes", length, MAX_TRANSFORMER_LEN);
        }
        Ok(())
    }
}

/// Counts an action and those in it.
fn check_command(
    command: &[Value],
    at: &str,
    depth: usize,
    actions: &mut usize,
) -> Result<(), TransformerSpecError> {
    *actions += 1;
    let limit = |what, found, most| {
        Err(TransformerSpecError::Limit {
            at: at.to_owned(),
            what,
            found,
            most,
        })
    };
    if *actions > MAX_ACTIONS {
        return limit("actions", *actions, MAX_ACTIONS);
    }
    if depth > MAX_ACTION_DEPTH {
        return limit("levels of actions", depth, MAX_ACTION_DEPTH);
    }
    if !command.first().is_some_and(Value::is_string) {
        return Err(TransformerSpecError::NoName { at: at.to_owned() });
    }
    let nested = command
        .iter()
        .enumerate()
        .filter_map(|(n, argument)| Some((n, argument.as_array()?)));
    for (n, inner) in nested {
        // A list that is a constant, not an action, begins with something else than a name.
        if inner.first().is_some_and(Value::is_string) {
            check_command(inner, &format!("{at}.command[{n}]"), depth + 1, actions)?;
        }
    }
    Ok(())
}

/// Why a transformer cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransformerSpecError {
    /// Something is too long, too many or too deep.
    #[error("{at} has {found} {what}, where at most {most} are allowed")]
    Limit {
        /// Where.
        at: String,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A name of a define has a form that is not allowed.
    #[error(
        "transformer.define: \"{name}\" is no name (letters, digits, _ and -, at most \
         {MAX_DEFINE_NAME_LEN} bytes)"
    )]
    DefineName {
        /// The name, cut to 40 characters.
        name: String,
    },
    /// An action begins with something else than the name of a function.
    #[error("{at}.command must begin with the name of a function, such as \"upper_case\"")]
    NoName {
        /// Which action.
        at: String,
    },
}

impl Coded for TransformerSpecError {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidTransformer
    }
}

// Arguments are any JSON.
stored_as_json!(TransformerSpec);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    fn parse(text: &str) -> TransformerSpec {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn it_survives_json_and_codec() {
        let text = r#"{"define":{"a":"$.id"},"pipeline":[{"command":["create","$.data.x",[1,{"y":null}]],"on_error":"fail"}],"template":"<a>","template_type":"text","on_error":"fail"}"#;
        let spec = parse(text);
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
        assert_eq!(decode::<TransformerSpec>(&encode(&spec)).unwrap(), spec);
        spec.check().unwrap();
        let empty = parse("{}");
        assert!(empty.is_empty());
        assert_eq!(serde_json::to_string(&empty).unwrap(), "{}");
        assert!(serde_json::from_str::<TransformerSpec>(r#"{"pipelines":[]}"#).is_err());
    }

    #[test]
    fn the_type_of_a_template_is_found_from_its_beginning() {
        let kind = |template: &str| {
            let template = template.to_owned();
            TransformerSpec {
                template,
                ..TransformerSpec::default()
            }
            .template_type()
        };
        for json in ["{}", "[1]", "\"a\"", " \n{}"] {
            assert_eq!(kind(json), TemplateType::Json, "{json:?}");
        }
        for text in ["a", "<a>", "1", "  "] {
            assert_eq!(kind(text), TemplateType::Text, "{text:?}");
        }
        assert_eq!(kind(""), TemplateType::None);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let wrong = |text: &str| {
            let error = parse(text).check().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidTransformer);
            error.to_string()
        };
        let no_name = wrong(r#"{"pipeline":[{"command":["a"]},{"command":[1]}]}"#);
        assert!(no_name.starts_with("transformer.pipeline[1].command must begin"));
        assert!(wrong(r#"{"define":{"a b":"x"}}"#).contains("\"a b\" is no name"));
        let long = format!(r#"{{"template":"{}"}}"#, "a".repeat(MAX_TEMPLATE_LEN + 1));
        assert!(wrong(&long).contains("transformer.template has 65537 bytes"));
        let deep = format!(
            r#"{{"pipeline":[{{"command":{}{}}}]}}"#,
            r#"["array_foreach","@.x","#.repeat(20),
            "[\"a\"]".to_owned() + &"]".repeat(20)
        );
        assert!(wrong(&deep).contains("levels of actions"));
        let many = r#"{"command":["a"]},"#.repeat(MAX_ACTIONS);
        let many = format!(r#"{{"pipeline":[{many}{{"command":["a"]}}]}}"#);
        assert!(wrong(&many).contains("257 actions"));
    }
}
