//! Paths: those that filters know mean the same to transformers, and every other is refused or followed.

use std::time::Duration;

use serde_json::json;
use vanus_expr::{
    json::{JsonIndex, JsonKind, JsonPath},
    transform::{TransformContext, Transformer},
};
use vanus_types::{
    Event, SeededEntropy,
    control::{ActionSpec, TransformerSpec},
};

use super::{
    Target,
    cesql::evaluations,
    record, same,
    transform::{self, transformed},
};

/// The target.
pub const TARGET: Target = Target {
    name: "path",
    seeds,
    mend: |_| {},
    run,
    memory: evaluations,
    evaluation: Some(evaluation),
};

const SEEDS: [&str; 10] = [
    ".a",
    ".a[0]",
    ".a[-1]",
    ".b['c']",
    "[\"b\"][\"c\"]",
    ".a[1:3]",
    ".a[::-2]",
    ".a[*]",
    ".*.c",
    ".x.y[0].z",
];

fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn evaluation(input: &[u8]) -> Option<Duration> {
    let place = format!("$.data{}", std::str::from_utf8(input).ok()?);
    transform::of(&compile(&json!(["duplicate", place, "$.copied"])).ok()?)
}

fn run(input: &[u8]) -> Result<bool, String> {
    let Ok(path) = std::str::from_utf8(input) else {
        return Ok(false);
    };
    // White space around an argument is cut, and without a dot or bracket it is an attribute.
    if path.trim() != path || !path.starts_with(['.', '[']) {
        return Ok(false);
    }
    let place = format!("$.data{path}");
    let known = path.parse::<JsonPath>().ok();
    let copy = match compile(&json!(["duplicate", place, "$.copied"])) {
        Ok(copy) => copy,
        Err(error) if known.is_some() => return Err(format!("{path:?} is refused: {error}")),
        Err(_) => return Ok(false),
    };
    let others = [
        compile(&json!(["create", place, 1])),
        compile(&json!(["delete", place])),
        compile(&json!(["replace", place, {"a": [1]}])),
    ];
    for event in record::events() {
        transformed(&copy, &event)?;
        for other in others.iter().flatten() {
            transformed(other, &event)?;
        }
        if let Some(known) = &known {
            found_alike(&event, known, &copy)?;
        }
    }
    Ok(true)
}

fn compile(command: &serde_json::Value) -> Result<Transformer, String> {
    let command = command.as_array().cloned().unwrap_or_default();
    let action = ActionSpec {
        command,
        on_error: None,
    };
    let spec = TransformerSpec {
        pipeline: vec![action],
        ..TransformerSpec::default()
    };
    Transformer::compile(&spec).map_err(|error| error.to_string())
}

/// What a filter finds there is what is copied from there.
fn found_alike(event: &Event, path: &JsonPath, copy: &Transformer) -> Result<(), String> {
    let text = event.data().as_str().unwrap_or_default();
    let mut index = JsonIndex::new();
    if index.read(text).is_err() {
        return Ok(());
    }
    let found = index.find(text, path);
    // Escapes in these stay as they were written in a filter.
    let inner = |kind| matches!(kind, JsonKind::Array | JsonKind::Object);
    if found.is_some_and(|value| inner(value.kind())) {
        return Ok(());
    }
    let found = found.and_then(|value| value.text());
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(0, &entropy);
    let Ok(made) = copy.run(event, &mut context) else {
        return Ok(());
    };
    let copied = made.attribute("copied").map(|value| value.canonical());
    same("value at a path", &found, &copied)
}
