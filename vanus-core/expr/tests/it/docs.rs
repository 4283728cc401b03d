//! The page about filters: its tables are those of the code, and its examples are what it says.

use std::path::Path;

use vanus_expr::cesql::FUNCTIONS;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/filters.md");
    std::fs::read_to_string(path).unwrap()
}

/// The lines of the table below a heading.
fn table<'p>(page: &'p str, heading: &str) -> Vec<&'p str> {
    let lines = page.lines().skip_while(|line| *line != heading);
    let rows = lines.skip_while(|line| !line.starts_with('|'));
    rows.take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn the_functions_of_cesql_are_listed_as_they_are() {
    let head = ["| function | what it gives |", "|---|---|"].map(str::to_owned);
    let rows = FUNCTIONS.iter().map(|function| {
        let (signature, summary) = (function.signature(), function.summary);
        format!("| `{signature}` | {summary} |")
    });
    let expected: Vec<String> = head.into_iter().chain(rows).collect();
    let page = page();
    let found = table(&page, "### Functions of CESQL");
    assert_eq!(found, expected, "should be:\n{}", expected.join("\n"));
}

#[cfg(feature = "cel")]
#[test]
fn the_functions_of_cel_are_listed_as_they_are() {
    use vanus_expr::cel::CEL_FUNCTIONS;

    let head = ["| function | how it is called |", "|---|---|"].map(str::to_owned);
    let rows = CEL_FUNCTIONS.iter().map(|function| {
        let (name, summary) = (function.name, function.summary);
        format!("| `{name}` | {summary} |")
    });
    let expected: Vec<String> = head.into_iter().chain(rows).collect();
    let page = page();
    let found = table(&page, "### Functions of CEL");
    assert_eq!(found, expected, "should be:\n{}", expected.join("\n"));
}

/// Every filter of the page passes the event of the page, and none passes an empty one.
#[test]
#[cfg(feature = "cel")]
fn the_examples_pass_the_event_of_the_page() {
    use vanus_expr::{EventView, Filter};
    use vanus_types::{Event, control::FilterSpec};

    let page = page();
    let blocks: Vec<&str> = page.split("```json\n").skip(1).collect();
    let blocks = blocks
        .iter()
        .map(|block| block.split("```").next().unwrap());
    let (mut event, mut filters) = (None, 0);
    let other = Event::builder().id("9").source("/else").ty("else");
    let other = other.build().unwrap();
    for block in blocks {
        if block.contains("specversion") {
            let read = vanus_types::format::json::decode(block.as_bytes());
            event = Some(read.unwrap());
            continue;
        }
        let specs: Vec<FilterSpec> = serde_json::from_str(block).unwrap();
        for spec in specs {
            let filter = Filter::compile(std::slice::from_ref(&spec)).unwrap();
            let event = event.as_ref().unwrap();
            assert!(filter.matches(&EventView::new(event)), "{spec:?}");
            assert!(!filter.matches(&EventView::new(&other)), "{spec:?}");
            filters += 1;
        }
    }
    assert!(filters >= 12, "only {filters} filters on the page");
}
