//! Templates: as text what is taken is written, as JSON it is JSON, and mistakes are within the text.

use std::time::Duration;

use vanus_expr::transform::{Transformer, TransformerError};
use vanus_types::control::{TemplateType, TransformerSpec};

use super::{
    Target,
    cesql::evaluations,
    record, same,
    transform::{self, transformed},
};

/// The target.
pub const TARGET: Target = Target {
    name: "template",
    seeds,
    mend: |_| {},
    run,
    memory: evaluations,
    evaluation: Some(evaluation),
};

const SEEDS: [&str; 8] = [
    r#"{"a": <$.data.a>, "b": "<$.type> is \"<$.data.b.c>\"", "c": [<$.data.none>, <who>, 1], "d": {}}"#,
    r#"["\<<$.data['b'].c>\>", <$["data"].a[0:2]>, -1.5e3, true, null, "<$.data[\"a\"][0]>"]"#,
    r#""<who> \u00e9 \ud83d\ude00 \/""#,
    "Hi <who>,\\n<$.data.a[*]> \\<b\\> \\u00e9 \\x41 <$.subject>",
    "<$.data>",
    r#"{"x": {"y": {"z": [[], {}, [<$.data.b>]]}}}"#,
    r#"{ "é" : "<$.data.a[-1]><$.bytes><$.flag><$.number>" }"#,
    "plain",
];

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn evaluation(input: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(input).ok()?;
    transform::of(&Transformer::compile(&spec(text, TemplateType::Text)).ok()?)
}

fn spec(text: &str, kind: TemplateType) -> TransformerSpec {
    TransformerSpec {
        define: [("who".to_owned(), "$.id".to_owned())].into(),
        template: text.to_owned(),
        template_type: Some(kind),
        ..TransformerSpec::default()
    }
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Ok(false);
    };
    let mut taken = false;
    for kind in [TemplateType::Text, TemplateType::Json] {
        match Transformer::compile(&spec(text, kind)) {
            Ok(transformer) => {
                taken = true;
                for event in record::events() {
                    transformed(&transformer, &event)?;
                }
            }
            Err(TransformerError::Text { position, .. }) => {
                let within = text.is_char_boundary(position.offset);
                same("place of a mistake", &within, &true)?;
            }
            Err(_) => {}
        }
    }
    Ok(taken)
}
