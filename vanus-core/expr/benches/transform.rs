//! What one run of a transformer costs, from event to event.
//!
//! `cargo bench -p vanus-expr --bench transform`; each figure is the median of five.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and ends when something is wrong"
)]

use std::hint::black_box;

use vanus_expr::transform::{TransformContext, Transformer};
use vanus_types::{SeededEntropy, control::TransformerSpec};

mod setup;

const TURNS: u32 = 200_000;

const TRANSFORMERS: &[(&str, &str)] = &[
    (
        "no template: the data is read and written",
        r#"{"pipeline": [{"command": ["delete", "$.data.none"]}]}"#,
    ),
    (
        "three actions, JSON template",
        r#"{"define": {"who": "$.data.customer.name"},
            "pipeline": [
                {"command": ["upper_case", "$.data.customer.country"]},
                {"command": ["math_mul", "$.data.gross", "$.data.total", 1.23]},
                {"command": ["join", "$.data.skus", ",", "$.data.lines[*].sku"]}],
            "template": "{\"text\": \"<who> (<$.data.customer.country>) spent <$.data.gross>\", \"skus\": <$.data.skus>, \"order\": <$.data.id>, \"source\": \"<$.source>\", \"lines\": <$.data.lines>}"}"#,
    ),
    (
        "three actions, text template",
        r#"{"pipeline": [
                {"command": ["upper_case", "$.data.customer.country"]},
                {"command": ["math_mul", "$.data.gross", "$.data.total", 1.23]},
                {"command": ["date_format", "$.data.at", "d.m.Y H:i", "Europe/Lisbon"]}],
            "template": "<$.data.customer.name> spent <$.data.gross> on <$.data.at>"}"#,
    ),
    (
        "array_foreach over 8 items",
        r#"{"pipeline": [{"command": ["array_foreach", "$.data.lines", ["upper_case", "@.sku"], ["delete", "@.note"]]}]}"#,
    ),
    (
        "jq: a sum over 8 items",
        r#"{"pipeline": [{"command": ["jq", "$.data.sum", "[.lines[] | .n * .price] | add"]}]}"#,
    ),
];

fn main() {
    let lines: Vec<String> = (0..8)
        .map(|n| {
            format!(
                r#"{{"n": {n}, "sku": "sku-{n}", "price": 9.5, "note": "{}"}}"#,
                "x".repeat(34)
            )
        })
        .collect();
    let json = format!(
        r#"{{"id": 4711, "at": "2026-11-28T10:00:00Z", "total": 120.5, "customer": {{"name": "Ada Lovelace", "country": "pt", "vip": true}}, "comment": "{}", "lines": [{}]}}"#,
        "please leave it at the door ".repeat(2),
        lines.join(", ")
    );
    let event = setup::order(&json);
    let entropy = SeededEntropy::new(1);
    for (name, spec) in TRANSFORMERS {
        let spec: TransformerSpec = serde_json::from_str(spec).unwrap();
        let transformer = Transformer::compile(&spec).unwrap();
        let mut context = TransformContext::new(1_700_000_000_000, &entropy);
        let each = setup::each_ns(TURNS, || {
            for _ in 0..TURNS {
                let made = transformer.run(black_box(&event), &mut context).unwrap();
                assert!(context.skipped.is_empty());
                black_box(made);
            }
        });
        println!("{name:<44} {each:>7.0} ns {:>9.0} events/s", 1e9 / each);
    }
}
