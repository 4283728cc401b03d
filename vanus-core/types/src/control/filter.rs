//! Filters as they are written down. Compiling and evaluating them is the work of `vanus-expr`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::Value;

use super::json_form::stored_as_json;
use crate::{
    error::{Coded, ErrorCode},
    limits::{MAX_EXPRESSION_LEN, MAX_FILTER_DEPTH, MAX_FILTER_NODES},
};

/// One filter: exactly one dialect.
///
/// In JSON an object with one member: `{"exact": {"type": "a"}}`, `{"not": {…}}`,
/// `{"all": [{…}, {…}]}`, `{"sql": "EXISTS subject"}`. Keys of `exact`, `prefix` and `suffix` are
/// attribute names, `data`, or `data.` and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterSpec {
    /// Every named value equals its text.
    Exact(BTreeMap<String, String>),
    /// Every named value starts with its text.
    Prefix(BTreeMap<String, String>),
    /// Every named value ends with its text.
    Suffix(BTreeMap<String, String>),
    /// The inner filter fails.
    Not(Box<FilterSpec>),
    /// Every inner filter passes.
    All(Vec<FilterSpec>),
    /// At least one inner filter passes.
    Any(Vec<FilterSpec>),
    /// A CESQL expression is true.
    Sql(String),
    /// A CEL expression is true.
    Cel(String),
}

impl FilterSpec {
    /// Checks depth, number and the non-emptiness of everything, over all filters together.
    ///
    /// # Errors
    /// [`FilterSpecError`] says where, such as `filters[0].all[2].exact`.
    pub fn check_all(filters: &[Self]) -> Result<(), FilterSpecError> {
        let mut nodes = 0;
        for (index, filter) in filters.iter().enumerate() {
            filter.check(&format!("filters[{index}]"), 1, &mut nodes)?;
        }
        Ok(())
    }

    /// The name of the dialect.
    #[must_use]
    pub const fn dialect(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Prefix(_) => "prefix",
            Self::Suffix(_) => "suffix",
            Self::Not(_) => "not",
            Self::All(_) => "all",
            Self::Any(_) => "any",
            Self::Sql(_) => "sql",
            Self::Cel(_) => "cel",
        }
    }

    fn check(&self, at: &str, depth: usize, nodes: &mut usize) -> Result<(), FilterSpecError> {
        let at = format!("{at}.{}", self.dialect());
        if depth > MAX_FILTER_DEPTH {
            return Err(FilterSpecError::TooDeep { at });
        }
        *nodes += 1;
        if *nodes > MAX_FILTER_NODES {
            return Err(FilterSpecError::TooMany { at });
        }
        match self {
            Self::Exact(map) | Self::Prefix(map) | Self::Suffix(map) => {
                if map.is_empty() || map.iter().any(|(k, v)| k.is_empty() || v.is_empty()) {
                    return Err(FilterSpecError::EmptyAttribute { at });
                }
                *nodes += map.len();
                Ok(())
            }
            Self::Not(inner) => inner.check(&at, depth + 1, nodes),
            Self::All(list) | Self::Any(list) if list.is_empty() => {
                Err(FilterSpecError::EmptyList { at })
            }
            Self::All(list) | Self::Any(list) => {
                list.iter().enumerate().try_for_each(|(index, inner)| {
                    inner.check(&format!("{at}[{index}]"), depth + 1, nodes)
                })
            }
            Self::Sql(text) | Self::Cel(text) if text.trim().is_empty() => {
                Err(FilterSpecError::EmptyExpression { at })
            }
            Self::Sql(text) | Self::Cel(text) if text.len() > MAX_EXPRESSION_LEN => {
                let length = text.len();
                Err(FilterSpecError::TooLong { at, length })
            }
            Self::Sql(_) | Self::Cel(_) => Ok(()),
        }
    }

    fn from_json(value: &Value, at: &str, depth: usize) -> Result<Self, FilterSpecError> {
        let wrong = || FilterSpecError::Dialect { at: at.to_owned() };
        if depth > MAX_FILTER_DEPTH {
            return Err(FilterSpecError::TooDeep { at: at.to_owned() });
        }
        let object = value.as_object().ok_or_else(wrong)?;
        let mut members = object.iter();
        let (Some((dialect, body)), None) = (members.next(), members.next()) else {
            return Err(wrong());
        };
        let at = format!("{at}.{dialect}");
        let list = || -> Result<Vec<Self>, FilterSpecError> {
            let items = body.as_array();
            let items = items.ok_or_else(|| FilterSpecError::Form {
                at: at.clone(),
                form: "a list",
            })?;
            let filters = items.iter().enumerate();
            filters
                .map(|(i, item)| Self::from_json(item, &format!("{at}[{i}]"), depth + 1))
                .collect()
        };
        match dialect.as_str() {
            "exact" => Ok(Self::Exact(text_map(body, &at)?)),
            "prefix" => Ok(Self::Prefix(text_map(body, &at)?)),
            "suffix" => Ok(Self::Suffix(text_map(body, &at)?)),
            "not" => Ok(Self::Not(Box::new(Self::from_json(body, &at, depth + 1)?))),
            "all" => Ok(Self::All(list()?)),
            "any" => Ok(Self::Any(list()?)),
            "sql" => Ok(Self::Sql(text(body, &at)?)),
            "cel" => Ok(Self::Cel(text(body, &at)?)),
            _ => Err(FilterSpecError::Dialect { at }),
        }
    }
}

fn text_map(value: &Value, at: &str) -> Result<BTreeMap<String, String>, FilterSpecError> {
    let form = || FilterSpecError::Form {
        at: at.to_owned(),
        form: "an object of strings",
    };
    let object = value.as_object().ok_or_else(form)?;
    object
        .iter()
        .map(|(key, text)| Ok((key.clone(), text.as_str().ok_or_else(form)?.to_owned())))
        .collect()
}

fn text(value: &Value, at: &str) -> Result<String, FilterSpecError> {
    let form = || FilterSpecError::Form {
        at: at.to_owned(),
        form: "an expression in a string",
    };
    value.as_str().map(str::to_owned).ok_or_else(form)
}

/// Why a filter cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterSpecError {
    /// Not exactly one known dialect.
    #[error(
        "{at} must be an object with exactly one of exact, prefix, suffix, not, all, any, \
         sql, cel"
    )]
    Dialect {
        /// Where.
        at: String,
    },
    /// A dialect has a body of the wrong form.
    #[error("{at} must be {form}")]
    Form {
        /// Where.
        at: String,
        /// The form asked for.
        form: &'static str,
    },
    /// An attribute or its value is empty, or there is none.
    #[error("{at} needs at least one attribute, and neither names nor values may be empty")]
    EmptyAttribute {
        /// Where.
        at: String,
    },
    /// A list has no filters.
    #[error("{at} needs at least one filter")]
    EmptyList {
        /// Where.
        at: String,
    },
    /// An expression is empty.
    #[error("{at} needs an expression, such as \"EXISTS subject\"")]
    EmptyExpression {
        /// Where.
        at: String,
    },
    /// An expression is too long.
    #[error(
        "{at} has {length} bytes, where at most {MAX_EXPRESSION_LEN} are allowed; split it into \
         several filters"
    )]
    TooLong {
        /// Where.
        at: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The nesting is too deep.
    #[error("{at} is nested deeper than {MAX_FILTER_DEPTH}")]
    TooDeep {
        /// Where.
        at: String,
    },
    /// There are too many filters.
    #[error("at {at} there are more than {MAX_FILTER_NODES} filters and attributes")]
    TooMany {
        /// Where.
        at: String,
    },
}

impl Coded for FilterSpecError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Dialect { .. } => ErrorCode::FilterDialect,
            Self::EmptyAttribute { .. } => ErrorCode::FilterAttributeEmpty,
            Self::Form { .. }
            | Self::EmptyList { .. }
            | Self::EmptyExpression { .. }
            | Self::TooLong { .. }
            | Self::TooDeep { .. }
            | Self::TooMany { .. } => ErrorCode::InvalidFilter,
        }
    }
}

impl Serialize for FilterSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Exact(body) | Self::Prefix(body) | Self::Suffix(body) => {
                map.serialize_entry(self.dialect(), body)?;
            }
            Self::Not(body) => map.serialize_entry(self.dialect(), body)?,
            Self::All(body) | Self::Any(body) => map.serialize_entry(self.dialect(), body)?,
            Self::Sql(body) | Self::Cel(body) => map.serialize_entry(self.dialect(), body)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for FilterSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value, "filter", 1).map_err(D::Error::custom)
    }
}

// Filters nest.
stored_as_json!(FilterSpec);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    fn parse(text: &str) -> Result<FilterSpec, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_dialect_survives_json_and_codec() {
        let text = r#"{"all":[{"exact":{"type":"a"}},{"any":[{"prefix":{"source":"/"}},{"suffix":{"data.x":"z"}}]},{"not":{"exact":{"id":"1"}}},{"sql":"a = 'b'"},{"cel":"event.a == \"b\""}]}"#;
        let filter = parse(text).unwrap();
        assert_eq!(serde_json::to_string(&filter).unwrap(), text);
        assert_eq!(decode::<FilterSpec>(&encode(&filter)).unwrap(), filter);
        FilterSpec::check_all(&[filter]).unwrap();
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let two = parse(r#"{"all":[{"exact":{"a":"b"},"not":{}}]}"#).unwrap_err();
        assert!(two.starts_with("filter.all[0] must be"), "{two}");
        assert!(
            parse(r#"{"regex":{"a":"b"}}"#)
                .unwrap_err()
                .contains("filter.regex")
        );
        assert!(
            parse(r#"{"exact":{"a":1}}"#)
                .unwrap_err()
                .contains("object of strings")
        );
        let empty = FilterSpec::check_all(&[parse(r#"{"exact":{"a":""}}"#).unwrap()]);
        assert_eq!(empty.unwrap_err().code(), ErrorCode::FilterAttributeEmpty);
        let no_text = parse(r#"{"sql":1}"#).unwrap_err();
        assert!(no_text.contains("filter.sql must be an expression"));
        for text in [" ".to_owned(), "a".repeat(MAX_EXPRESSION_LEN + 1)] {
            let wrong = FilterSpec::check_all(&[FilterSpec::Cel(text)]).unwrap_err();
            assert_eq!(wrong.code(), ErrorCode::InvalidFilter);
            assert!(wrong.to_string().starts_with("filters[0].cel "), "{wrong}");
        }
        let deep = format!(
            "{}{{\"exact\":{{\"a\":\"b\"}}}}{}",
            "{\"not\":".repeat(40),
            "}".repeat(40)
        );
        assert!(parse(&deep).unwrap_err().contains("nested deeper"));
    }
}
