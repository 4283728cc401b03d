//! What one evaluation of a filter costs: comparisons of attributes in each dialect, and of JSON data.
//!
//! `cargo bench -p vanus-expr --bench filters`; each figure is the median of five.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and ends when something is wrong"
)]

use std::hint::black_box;

use vanus_expr::{EventView, Filter, json::JsonIndex};
use vanus_types::control::FilterSpec;

mod setup;

const TURNS: u32 = 400_000;

const FILTERS: &[(&str, &str)] = &[
    ("exact type", r#"{"exact": {"type": "order.placed"}}"#),
    ("sql: one equality", r#"{"sql": "type = 'order.placed'"}"#),
    ("sql: an extension", r#"{"sql": "hops < 5"}"#),
    (
        "sql: LIKE and EXISTS",
        r#"{"sql": "source LIKE '/shop/%' AND EXISTS subject"}"#,
    ),
    (
        "sql: three comparisons",
        r#"{"sql": "type = 'order.placed' AND hops < 5 AND subject IN ('Bob', 'Ada')"}"#,
    ),
    ("sql: a function", r#"{"sql": "LEFT(subject, 1) = 'A'"}"#),
    ("sql: missing attribute", r#"{"sql": "absent = 1"}"#),
    (
        "cel: one equality",
        r#"{"cel": "event.type == 'order.placed'"}"#,
    ),
    (
        "cel: two and has",
        r#"{"cel": "event.source.startsWith('/shop') && event.hops < 5 && has(event.subject)"}"#,
    ),
    (
        "cel: $path.(int64)",
        r#"{"cel": "$order.total.(int64) > 100"}"#,
    ),
    (
        "cel: event.data",
        r#"{"cel": "event.data.order.total > 100"}"#,
    ),
    (
        "cel: exists over 8 items",
        r#"{"cel": "event.data.order.lines.exists(l, l.n == 7)"}"#,
    ),
    (
        "exact data.path",
        r#"{"exact": {"data.order.total": "120"}}"#,
    ),
];

fn main() {
    let lines: Vec<String> = (0..8)
        .map(|n| format!(r#"{{"n": {n}, "sku": "{}"}}"#, "x".repeat(70)))
        .collect();
    let json = format!(
        r#"{{"customer": "Ada", "order": {{"lines": [{}], "total": 120}}}}"#,
        lines.join(", ")
    );
    let event = setup::order(&json);
    for (name, filter) in FILTERS {
        let spec: FilterSpec = serde_json::from_str(filter).unwrap();
        let filter = Filter::compile(&[spec]).unwrap();
        let each = setup::each_ns(TURNS, || {
            let mut index = JsonIndex::new();
            let mut passed = 0;
            for _ in 0..TURNS {
                let view = EventView::with_index(black_box(&event), index);
                passed += u32::from(filter.matches(&view));
                index = view.into_index();
            }
            assert!(passed == 0 || passed == TURNS);
        });
        println!("{name:<26} {each:>7.1} ns");
    }
}
