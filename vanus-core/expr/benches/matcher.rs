//! Matching one event against many subscriptions, and adding and removing one of them.
//!
//! `cargo bench -p vanus-expr --bench matcher [-- MOST]`; each figure is the median of five rounds,
//! the times to add and remove are the longest of a thousand.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its figures and ends when something is wrong"
)]

use std::hint::black_box;

use vanus_expr::{
    EventView, Filter,
    json::JsonIndex,
    matcher::{Matcher, Scratch},
};
use vanus_types::{Clock, Event, SystemClock, control::FilterSpec};

const ROUNDS: usize = 5;
const EVENTS: u64 = 512;
const TURNS: u64 = 40;

fn main() {
    let most = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(100_000_u64);
    println!("subscriptions   kind         events/s   passed   longest insert, remove (us)");
    for count in [1, 100, 10_000, 100_000] {
        if count <= most {
            run(count, "attributes", attributes, &events(None));
            run(count, "mixed", mixed, &events(None));
            run(count, "JSON data", data, &events(Some(900)));
        }
    }
}

/// One of many tenants, and a kind of event.
fn attributes(number: u64) -> String {
    let (tenant, kind) = (number % 5000, number % 50);
    format!(r#"[{{"exact": {{"type": "order.{kind}", "tenant": "t{tenant}"}}}}]"#)
}

/// Every dialect that an index can find.
fn mixed(number: u64) -> String {
    let (tenant, kind) = (number % 5000, number % 50);
    match number % 4 {
        0 => format!(r#"[{{"sql": "tenant = 't{tenant}' AND hops < 5"}}]"#),
        1 => format!(r#"[{{"prefix": {{"source": "/shops/{tenant}/"}}}}]"#),
        2 => format!(
            r#"[{{"suffix": {{"subject": "-{tenant}"}}}}, {{"exact": {{"type": "order.{kind}"}}}}]"#
        ),
        _ => format!(r#"[{{"cel": "event.tenant == 't{tenant}' && event.hops < 5"}}]"#),
    }
}

/// Values of JSON data.
fn data(number: u64) -> String {
    let (tenant, kind) = (number % 5000, number % 50);
    format!(r#"[{{"exact": {{"data.customer.id": "c{tenant}", "data.kind": "{kind}"}}}}]"#)
}

fn events(data: Option<usize>) -> Vec<Event> {
    let event = |number: u64| {
        let (tenant, kind) = (number * 7 % 5000, number % 50);
        let event = Event::builder()
            .id(number.to_string())
            .source(format!("/shops/{tenant}/till"))
            .ty(format!("order.{kind}"))
            .subject(format!("order-{tenant}"))
            .extension("tenant", format!("t{tenant}"))
            .extension("hops", 3);
        let event = match data {
            None => event,
            Some(length) => {
                let lines: Vec<String> = (0..6)
                    .map(|n| format!(r#"{{"n": {n}, "sku": "{}"}}"#, "x".repeat(length / 8)))
                    .collect();
                event.json(format!(
                    r#"{{"kind": {kind}, "lines": [{}], "customer": {{"id": "c{tenant}"}}}}"#,
                    lines.join(", ")
                ))
            }
        };
        event.build().unwrap()
    };
    (0..EVENTS).map(event).collect()
}

fn compiled(filters: &str) -> Filter {
    let specs: Vec<FilterSpec> = serde_json::from_str(filters).unwrap();
    Filter::compile(&specs).unwrap()
}

fn run(count: u64, kind: &str, filters: fn(u64) -> String, events: &[Event]) {
    let clock = SystemClock::new();
    let mut matcher = Matcher::new();
    for number in 0..count {
        matcher.insert(number, &compiled(&filters(number)));
    }
    let mut scratch = Scratch::new();
    let mut rates = Vec::new();
    let mut passed = 0;
    for _ in 0..ROUNDS {
        let mut index = JsonIndex::new();
        passed = 0;
        let start = clock.monotonic_ns();
        for _ in 0..TURNS {
            for event in events {
                let view = EventView::with_index(black_box(event), index);
                passed += matcher.matches(&view, &mut scratch).len();
                index = view.into_index();
            }
        }
        let seconds = (clock.monotonic_ns() - start) as f64 / 1e9;
        rates.push((TURNS * EVENTS) as f64 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let rate = rates.get(ROUNDS / 2).copied().unwrap_or_default();
    let (mut insert, mut remove) = (0, 0);
    for number in 0..count.min(1000) {
        let filter = compiled(&filters(number));
        let start = clock.monotonic_ns();
        matcher.remove(number);
        let removed = clock.monotonic_ns();
        matcher.insert(number, &filter);
        insert = insert.max(clock.monotonic_ns() - removed);
        remove = remove.max(removed - start);
    }
    let each = passed as f64 / (TURNS * EVENTS) as f64;
    println!(
        "{count:>13}   {kind:<10} {rate:>10.0} {each:>8.1}   {:>8.1} {:>8.1}",
        insert as f64 / 1e3,
        remove as f64 / 1e3
    );
}
