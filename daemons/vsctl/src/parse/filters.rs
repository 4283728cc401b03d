//! Filters and transformers of a subscription, written as JSON.

use vanus_types::{
    ErrorCode, Fault,
    control::{FilterSpec, TransformerSpec},
};

/// Reads a list of filters, or a single one.
pub(crate) fn filters(text: &str) -> Result<Vec<FilterSpec>, Fault> {
    let bad = |error: serde_json::Error| {
        let message = format!("the filters cannot be read: {error}");
        Fault::new(ErrorCode::InvalidFilter, message)
    };
    let filters: Vec<FilterSpec> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(bad)?
    } else {
        vec![serde_json::from_str(text).map_err(bad)?]
    };
    FilterSpec::check_all(&filters).map_err(|error| Fault::of(&error))?;
    Ok(filters)
}

/// Reads a transformer.
pub(crate) fn transformer(text: &str) -> Result<TransformerSpec, Fault> {
    let bad = |error: &dyn std::fmt::Display| {
        let message = format!("the transformer cannot be read: {error}");
        Fault::new(ErrorCode::InvalidTransformer, message)
    };
    if !text.trim_start().starts_with('{') {
        return Err(bad(
            &"it must be an object, such as {\"template\": \"<$.data.id>\"}",
        ));
    }
    let spec: TransformerSpec = serde_json::from_str(text).map_err(|error| bad(&error))?;
    spec.check().map_err(|error| Fault::of(&error))?;
    Ok(spec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_a_single_filter_are_read() {
        let one = filters(r#"{"exact": {"type": "a"}}"#).unwrap();
        assert_eq!(filters(r#" [{"exact": {"type": "a"}}]"#).unwrap(), one);
        assert_eq!(filters("[]").unwrap(), []);
    }

    #[test]
    fn an_error_says_what_and_where() {
        let unknown = filters(r#"[{"like": {"type": "a"}}]"#).unwrap_err();
        assert_eq!(unknown.code, ErrorCode::InvalidFilter);
        assert!(unknown.message.contains("exact, prefix"), "{unknown}");
        let empty = filters(r#"{"all": [{"exact": {}}]}"#).unwrap_err();
        assert_eq!(empty.code, ErrorCode::FilterAttributeEmpty);
        assert!(
            empty.message.contains("filters[0].all.all[0].exact")
                || empty.message.contains("filters[0].all[0].exact"),
            "{empty}"
        );
        assert!(filters("type = 'a'").is_err());
    }

    #[test]
    fn a_transformer_is_read_as_the_original_wrote_it() {
        let text = r#"{"define": {"a": "$.id"}, "pipeline": [{"command": ["delete", "$.data.b"]}],
            "template": "<a>"}"#;
        assert_eq!(transformer(text).unwrap().pipeline.len(), 1);
        for wrong in [
            "",
            "[]",
            r#"{"pipeline": [{"command": []}]}"#,
            r#"{"x": 1}"#,
        ] {
            let told = transformer(wrong).unwrap_err();
            assert_eq!(told.code, ErrorCode::InvalidTransformer, "{wrong}");
        }
    }
}
