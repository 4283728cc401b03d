//! The pages about transformers: tables are those of the code, and examples are what they say.

use std::path::Path;

use serde_json::{Map, Value, json};
use vanus_expr::transform::{FUNCTIONS, JQ_FUNCTIONS, TransformContext, Transformer};
use vanus_types::{Event, SeededEntropy, control::TransformerSpec, format};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The blocks of JSON of a page.
fn blocks(page: &str) -> Vec<Value> {
    let blocks = page.split("```json\n").skip(1);
    blocks
        .map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap())
        .collect()
}

#[test]
fn the_functions_are_listed_as_they_are() {
    let page = page("transformers.md");
    let lines = page.lines().skip_while(|line| *line != "## Functions");
    let rows = lines.skip_while(|line| !line.starts_with('|'));
    let found: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    let head = ["| function | what it does |", "|---|---|"].map(str::to_owned);
    let rows = FUNCTIONS.iter().map(|function| {
        let (signature, summary) = (function.signature(), function.summary);
        format!("| `{signature}` | {summary} |")
    });
    let expected: Vec<String> = head.into_iter().chain(rows).collect();
    assert_eq!(found, expected, "should be:\n{}", expected.join("\n"));
}

#[test]
fn the_functions_of_jq_are_listed_as_they_are() {
    let page = page("transformers.md");
    let names: Vec<String> = JQ_FUNCTIONS
        .iter()
        .map(|(name, arity)| format!("`{name}/{arity}`"))
        .collect();
    let expected = names.join(" ");
    // The page breaks lines where it likes.
    let words: Vec<&str> = page.split_whitespace().collect();
    assert!(
        words.join(" ").contains(&expected),
        "should be:\n{expected}"
    );
}

/// An event of a page; what it does not say is made up.
fn event(value: &Value) -> Event {
    let mut members: Map<String, Value> = value.as_object().unwrap().clone();
    for (name, value) in [
        ("specversion", "1.0"),
        ("id", "1"),
        ("source", "/s"),
        ("type", "t"),
    ] {
        members.entry(name).or_insert_with(|| value.into());
    }
    format::json::decode(Value::Object(members).to_string().as_bytes()).unwrap()
}

fn run(transformer: &Value, given: &Value) -> Value {
    let spec: TransformerSpec = serde_json::from_value(transformer.clone()).unwrap();
    let transformer = Transformer::compile(&spec).unwrap();
    let entropy = SeededEntropy::new(1);
    let mut context = TransformContext::new(0, &entropy);
    let made = transformer.run(&event(given), &mut context).unwrap();
    assert_eq!(context.skipped, [], "{transformer:?}");
    serde_json::from_slice(&format::json::encode(&made)).unwrap()
}

#[test]
fn every_recipe_of_the_cookbook_gives_what_it_says() {
    let page = page("cookbook.md");
    let recipes = page.matches("\n## ").count();
    let blocks = blocks(&page);
    assert!(recipes >= 10 && blocks.len() == 3 * recipes);
    for recipe in blocks.chunks(3) {
        let [transformer, given, expected] = recipe else {
            panic!()
        };
        let made = run(transformer, given);
        for (name, expected) in expected.as_object().unwrap() {
            assert_eq!(
                made[name].to_string(),
                expected.to_string(),
                "{transformer}"
            );
        }
    }
    println!("cookbook: {recipes} recipes");
}

#[test]
fn the_first_example_of_the_page_is_what_it_says() {
    let page = page("transformers.md");
    let transformer = blocks(&page).remove(0);
    let given = json!({"data": {"user": {"login": "ada"}, "country": "pt", "net": 100}});
    assert_eq!(
        run(&transformer, &given)["data"],
        json!({"text": "ada from PT spent 123"})
    );
}
