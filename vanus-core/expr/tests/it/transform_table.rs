//! Every case of `tests/data/functions.txt`: what each function does, and what it refuses.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use vanus_expr::transform::{FUNCTIONS, TransformContext, TransformError, Transformer};
use vanus_types::{
    AttributeValue, Event, SeededEntropy,
    control::{ActionSpec, OnError, TransformerSpec},
};

/// One line of the table.
struct Case {
    line: usize,
    kind: String,
    command: Vec<Value>,
    data: Value,
    with: Value,
    outcome: Outcome,
}

enum Outcome {
    Gives(Value, Value),
    Fails(String),
    Refused(String),
}

/// Reads a JSON value from the beginning of a text.
fn value(text: &mut &str) -> Value {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let value = values.next().unwrap().unwrap();
    *text = text[values.byte_offset()..].trim_start();
    value
}

fn word<'t>(text: &mut &'t str) -> &'t str {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    *text = rest.trim_start();
    word
}

fn case(line: usize, text: &str) -> Case {
    let (kind, mut text) = text.trim().split_once(": ").unwrap();
    let command = value(&mut text).as_array().unwrap().clone();
    let mut case = Case {
        line,
        kind: kind.to_owned(),
        command,
        data: Value::Null,
        with: json!({}),
        outcome: Outcome::Refused(String::new()),
    };
    loop {
        match word(&mut text) {
            "on" => case.data = value(&mut text),
            "with" => case.with = value(&mut text),
            "gives" => case.outcome = Outcome::Gives(value(&mut text), json!({})),
            "and" => match &mut case.outcome {
                Outcome::Gives(_, attributes) => *attributes = value(&mut text),
                _ => panic!("line {line}: and without gives"),
            },
            "fails" => case.outcome = Outcome::Fails(value(&mut text).as_str().unwrap().to_owned()),
            "refused" => {
                case.outcome = Outcome::Refused(value(&mut text).as_str().unwrap().to_owned());
            }
            "" => return case,
            other => panic!("line {line}: {other:?}"),
        }
    }
}

/// The cases of each function.
fn table() -> BTreeMap<String, Vec<Case>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/functions.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut table = BTreeMap::<String, Vec<Case>>::new();
    let mut function = String::new();
    for (n, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
        } else if line.starts_with(' ') {
            let cases = table.entry(function.clone()).or_default();
            cases.push(case(n + 1, line));
        } else {
            line.trim().clone_into(&mut function);
        }
    }
    table
}

fn event(case: &Case) -> Event {
    let mut builder = Event::builder()
        .id("1")
        .source("/shop")
        .ty("order.placed")
        .subject("Ada")
        .json(case.data.to_string());
    for (name, value) in case.with.as_object().unwrap() {
        builder = match value {
            Value::String(text) if name == "time" => builder.time(text),
            Value::String(text) => builder.extension(name, AttributeValue::String(text.clone())),
            Value::Number(number) => builder.extension(name, number.as_i64().unwrap() as i32),
            other => panic!("line {}: {other}", case.line),
        };
    }
    builder.build().unwrap()
}

fn attribute(event: &Event, name: &str) -> Value {
    match event.attribute(name).map(|value| value.to_value()) {
        None => Value::Null,
        Some(AttributeValue::Integer(number)) => number.into(),
        Some(AttributeValue::Boolean(value)) => value.into(),
        Some(other) => other.as_ref().canonical().into_owned().into(),
    }
}

fn run(case: &Case) -> Result<(), String> {
    let spec = TransformerSpec {
        pipeline: vec![ActionSpec {
            command: case.command.clone(),
            on_error: None,
        }],
        ..TransformerSpec::default()
    };
    let transformer = match (Transformer::compile(&spec), &case.outcome) {
        (Ok(_), Outcome::Refused(_)) => return Err("it is not refused".to_owned()),
        (Ok(transformer), _) => transformer,
        (Err(error), Outcome::Refused(part)) => {
            let told = error.to_string();
            let placed = told.starts_with("transformer.pipeline[0].command");
            return match placed && told.contains(part) {
                true => Ok(()),
                false => Err(format!("it is refused with {told:?}")),
            };
        }
        (Err(error), _) => return Err(error.to_string()),
    };
    let event = event(case);
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(1_700_000_000_500, &entropy);
    let made = transformer
        .run(&event, &mut context)
        .map_err(|e| e.to_string())?;
    let data: Value = serde_json::from_slice(made.data().bytes).map_err(|e| e.to_string())?;
    match &case.outcome {
        Outcome::Gives(expected, attributes) => {
            if let Some(error) = context.skipped.first() {
                return Err(error.to_string());
            }
            gives(&made, &data, expected, attributes)
        }
        Outcome::Fails(part) => {
            let Some(error) = context.skipped.first() else {
                return Err(format!("it gives {data}"));
            };
            if !error.to_string().contains(part) {
                return Err(format!("it fails with {error}"));
            }
            let same = made.extensions().eq(event.extensions())
                && (made.id(), made.subject(), made.time())
                    == (event.id(), event.subject(), event.time());
            if data != case.data || !same {
                return Err(format!("it fails and leaves {data}"));
            }
            fails_whole(spec, &event, part)
        }
        Outcome::Refused(_) => Ok(()),
    }
}

fn gives(made: &Event, data: &Value, expected: &Value, attributes: &Value) -> Result<(), String> {
    // As text, so that the order of members counts.
    let (told, expected) = (data.to_string(), expected.to_string());
    if told != expected {
        return Err(format!("it gives {told}"));
    }
    for (name, expected) in attributes.as_object().unwrap() {
        let found = attribute(made, name);
        if found != *expected {
            return Err(format!("{name} is {found}"));
        }
    }
    Ok(())
}

/// With the other policy the same failure ends the run.
fn fails_whole(spec: TransformerSpec, event: &Event, part: &str) -> Result<(), String> {
    let spec = TransformerSpec {
        on_error: OnError::Fail,
        ..spec
    };
    let transformer = Transformer::compile(&spec).map_err(|e| e.to_string())?;
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(1_700_000_000_500, &entropy);
    match transformer.run(event, &mut context) {
        Err(TransformError::Action(error)) if error.to_string().contains(part) => Ok(()),
        other => Err(format!("with on_error fail it is {other:?}")),
    }
}

#[test]
fn every_case_is_as_the_table_says() {
    let table = table();
    let mut wrong = Vec::new();
    let (mut cases, mut defects) = (0, 0);
    for (function, of_function) in &table {
        for case in of_function {
            cases += 1;
            defects += usize::from(case.kind == "defect");
            if let Err(what) = run(case) {
                let (line, kind) = (case.line, &case.kind);
                wrong.push(format!("line {line}, {function} {kind}: {what}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!(
        "table: {} functions, {cases} cases, {defects} of defects",
        table.len()
    );
}

#[test]
fn every_function_has_a_case_of_every_kind() {
    let table = table();
    for function in FUNCTIONS {
        let cases = table.get(function.name).map_or(&[][..], Vec::as_slice);
        for kind in ["normal", "missing", "type", "edge"] {
            let has = |wanted: &str| cases.iter().any(|case| case.kind == wanted);
            let normal = kind == "normal" && has("documented");
            assert!(has(kind) || normal, "{} has no case {kind}", function.name);
        }
    }
    assert_eq!(table.len(), FUNCTIONS.len());
    assert!(FUNCTIONS.len() >= 38 + 8);
}
