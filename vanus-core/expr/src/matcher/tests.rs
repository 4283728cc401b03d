//! The matcher beside asking each filter alone.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vanus_types::{Event, control::FilterSpec};

use super::*;

fn compiled(spec: &FilterSpec) -> Filter {
    Filter::compile(std::slice::from_ref(spec)).unwrap()
}

/// Filters of every dialect over few names and texts, so that they share and match often.
fn any_filter() -> impl Strategy<Value = FilterSpec> {
    let key = prop::sample::select(vec![
        "type",
        "source",
        "subject",
        "e",
        "n",
        "data",
        "data.a",
        "data.b",
        "data.a.a",
        "data.a[0]",
        "data.a[1].b",
        "data.c",
        "data.d",
        "data.e",
        "data.f",
    ]);
    let map = prop::collection::btree_map(key.prop_map(str::to_owned), "[ab1]{1,3}", 1..3);
    let simple = (map, 0..3).prop_map(|(map, dialect)| match dialect {
        0 => FilterSpec::Exact(map),
        1 => FilterSpec::Prefix(map),
        _ => FilterSpec::Suffix(map),
    });
    let leaf = prop_oneof![6 => simple, 2 => any_sql(), 2 => any_cel()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            1 => inner.clone().prop_map(|inner| FilterSpec::Not(Box::new(inner))),
            3 => several().prop_map(FilterSpec::All),
            2 => several().prop_map(FilterSpec::Any),
        ]
    })
}

fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["type", "source", "subject", "e", "n", "none"])
}

fn any_sql() -> impl Strategy<Value = FilterSpec> {
    let operator = prop::sample::select(vec!["AND", "OR", "XOR"]);
    let sql_test = (any_name(), "[ab1]{0,2}", 0..6).prop_map(|(name, text, form)| match form {
        0 => format!("{name} = '{text}'"),
        1 => format!("{name} LIKE '{text}%'"),
        2 => format!("{name} LIKE '%{text}'"),
        3 => format!("{name} IN ('{text}', 'b', 1)"),
        4 => format!("NOT EXISTS {name}"),
        _ => format!("{name} LIKE 'a_%{text}'"),
    });
    prop::collection::vec((sql_test, operator), 1..4).prop_map(|terms| {
        let terms = terms
            .into_iter()
            .map(|(test, op)| format!("({test}) {op} "));
        FilterSpec::Sql(format!("{}TRUE", terms.collect::<String>()))
    })
}

#[cfg(feature = "cel")]
fn any_cel() -> impl Strategy<Value = FilterSpec> {
    let cel_test = (any_name(), "[ab1]{0,2}", 0..6).prop_map(|(name, text, form)| match form {
        0 => format!("event.{name} == dyn('{text}')"),
        1 => format!("string(event.{name}).startsWith('{text}')"),
        2 => format!("event.type == '{text}'"),
        3 => format!("event.source.endsWith('{text}')"),
        4 => format!("$a.(string) == '{text}'"),
        _ => format!("!has(event.{name})"),
    });
    let operator = prop::sample::select(vec!["&&", "||"]);
    prop::collection::vec((cel_test, operator), 1..4).prop_map(|terms| {
        let terms = terms.into_iter().map(|(test, op)| format!("{test} {op} "));
        FilterSpec::Cel(format!("{}true", terms.collect::<String>()))
    })
}

#[cfg(not(feature = "cel"))]
use any_sql as any_cel;

fn any_event() -> impl Strategy<Value = Event> {
    let text = || "[ab1]{1,3}";
    let json = prop_oneof![
        4 => (text(), text(), text()).prop_map(|(a, b, c)| format!(
            r#"{{"a": "{a}", "b": {{"a": 1}}, "c": "{c}", "a": {{"a": "{b}"}}, "d": 1, "e": null, "f": "\u0061"}}"#
        )),
        2 => (text(), text()).prop_map(|(a, b)| format!(r#"{{"a": ["{a}", {{"b": "{b}"}}], "b": "{b}"}}"#)),
        2 => text().prop_map(|a| format!(r#"{{"a": "{a}", "f": "{a}", "d": "{a}"}}"#)),
        1 => text(),
    ];
    let some = |range| prop::option::of(range);
    (
        text(),
        text(),
        some("[ab1]{1,3}"),
        some("[ab1]{1,3}"),
        any::<i8>(),
        json,
    )
        .prop_map(|(ty, source, subject, extension, number, json)| {
            let mut event = Event::builder()
                .id("i")
                .ty(ty)
                .source(source)
                .extension("n", i32::from(number))
                .binary(json);
            if let Some(subject) = subject {
                event = event.subject(subject);
            }
            if let Some(extension) = extension {
                event = event.extension("e", extension);
            }
            event.build().unwrap()
        })
}

/// What the matcher finds, in order, and what the filters say alone.
fn both(
    matcher: &Matcher,
    filters: &BTreeMap<u64, Filter>,
    event: &Event,
    scratch: &mut Scratch,
) -> (Vec<u64>, Vec<u64>) {
    let view = EventView::new(event);
    let mut found = matcher.matches(&view, scratch).to_vec();
    found.sort_unstable();
    let alone = filters.iter().filter(|(_, filter)| filter.matches(&view));
    (found, alone.map(|(number, _)| *number).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_matcher_finds_what_each_filter_says(
        specs in prop::collection::vec(any_filter(), 1..60),
        events in prop::collection::vec(any_event(), 1..10),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_filter(), any::<bool>()), 0..30),
    ) {
        let mut matcher = Matcher::new();
        let mut filters = BTreeMap::new();
        for (number, spec) in specs.iter().enumerate() {
            matcher.insert(number as u64, &compiled(spec));
            filters.insert(number as u64, compiled(spec));
        }
        let mut scratch = Scratch::new();
        for event in &events {
            let (found, expected) = both(&matcher, &filters, event, &mut scratch);
            prop_assert_eq!(found, expected);
        }
        for (place, spec, removes) in changes {
            let number = place.index(specs.len()) as u64;
            if removes {
                prop_assert_eq!(matcher.remove(number), filters.remove(&number).is_some());
            } else {
                matcher.insert(number, &compiled(&spec));
                filters.insert(number, compiled(&spec));
            }
            prop_assert_eq!(matcher.len(), filters.len());
        }
        for event in &events {
            let (found, expected) = both(&matcher, &filters, event, &mut scratch);
            prop_assert_eq!(found, expected);
        }
        for number in filters.keys() {
            matcher.remove(*number);
        }
        prop_assert!(matcher.is_empty() && matcher.shared_predicates() == 0);
        prop_assert!(matcher.attributes.is_empty() && matcher.paths.is_empty());
        prop_assert!(matcher.data.is_empty() && matcher.always.is_empty());
    }
}

#[test]
fn ten_thousand_random_filters_agree() {
    ten_thousand_filters_agree_for(20);
}

#[test]
#[ignore = "a hundred million evaluations: for the bar, built for release"]
fn ten_thousand_random_filters_and_events_agree() {
    ten_thousand_filters_agree_for(10_000);
}

fn ten_thousand_filters_agree_for(turns: usize) {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let mut draw =
        |strategy: &BoxedStrategy<FilterSpec>| strategy.new_tree(&mut runner).unwrap().current();
    let strategy = any_filter().boxed();
    let (mut matcher, mut filters) = (Matcher::new(), BTreeMap::new());
    for number in 0..10_000 {
        let filter = compiled(&draw(&strategy));
        matcher.insert(number, &filter);
        filters.insert(number, filter);
    }
    assert!(matcher.shared_predicates() < 10_000, "nothing is shared");
    let mut runner = TestRunner::deterministic();
    let events = any_event();
    let mut scratch = Scratch::new();
    let mut passed = 0;
    for _ in 0..turns {
        let event = events.new_tree(&mut runner).unwrap().current();
        let (found, expected) = both(&matcher, &filters, &event, &mut scratch);
        assert_eq!(found, expected);
        passed += found.len();
    }
    assert!(passed > turns * 100, "hardly anything passes: {passed}");
}

#[test]
fn filters_wait_where_fewest_others_do() {
    let mut matcher = Matcher::new();
    for number in 0..100_u64 {
        let text = format!(r#"[{{"exact":{{"type":"all","subject":"{number}"}}}}]"#);
        let specs: Vec<FilterSpec> = serde_json::from_str(&text).unwrap();
        matcher.insert(number, &Filter::compile(&specs).unwrap());
    }
    // The first may wait anywhere, the others know better than to wait beside it.
    let index = matcher.attributes.get("type");
    let waiting = index.map_or(0, |index| {
        index.count(crate::filter::Comparison::Exact, b"all")
    });
    assert!(
        waiting <= 1,
        "{waiting} filters wait for the type they share"
    );
    assert!(matcher.always.is_empty());
}

#[test]
fn a_second_event_needs_no_more_memory() {
    let mut matcher = Matcher::new();
    for number in 0..1000_u64 {
        let text = format!(
            r#"[{{"exact":{{"type":"t{}"}}}},{{"prefix":{{"data.a":"{}"}}}},{{"sql":"n < 5"}}]"#,
            number % 10,
            number % 7
        );
        let specs: Vec<FilterSpec> = serde_json::from_str(&text).unwrap();
        matcher.insert(number, &Filter::compile(&specs).unwrap());
    }
    let event = Event::builder()
        .id("1")
        .source("/s")
        .ty("t3")
        .extension("n", 3);
    let event = event.json(r#"{"a": "3x"}"#).build().unwrap();
    let mut scratch = Scratch::new();
    let view = EventView::new(&event);
    let first = matcher.matches(&view, &mut scratch).len();
    assert!(first > 5, "{first}");
    let measured = allocation_counter::measure(|| {
        assert_eq!(matcher.matches(&view, &mut scratch).len(), first);
    });
    assert_eq!(measured.count_total, 0);
}

/// An expression that takes about `work` units for an event with an attribute `e` of a thousand bytes.
fn laborious(times: usize) -> String {
    let term = "LENGTH(UPPER(CONCAT(e, e, e, e))) > 0";
    format!("EXISTS e AND ({})", vec![term; times].join(" AND "))
}

#[test]
fn expressions_of_a_filter_share_one_budget_however_many_others_asked_for_them() {
    // Each alone is within the budget, several together are not.
    let text = laborious(40);
    let one = format!(r#"[{{"sql": "{text}"}}]"#);
    let more: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"sql": "{text} AND {n} = {n}"}}"#))
        .collect();
    let several = format!("[{}]", more.join(","));
    let mut matcher = Matcher::new();
    let mut filters = BTreeMap::new();
    for (number, text) in [one.clone(), several, one].iter().enumerate() {
        let specs: Vec<FilterSpec> = serde_json::from_str(text).unwrap();
        let filter = Filter::compile(&specs).unwrap();
        matcher.insert(number as u64, &filter);
        filters.insert(number as u64, filter);
    }
    let event = Event::builder().id("1").source("/s").ty("t");
    let event = event.extension("e", "x".repeat(1000)).build().unwrap();
    let mut scratch = Scratch::new();
    let (found, expected) = both(&matcher, &filters, &event, &mut scratch);
    assert_eq!(found, expected);
    assert_eq!(found, [0, 2], "the budget is no test of this");
    assert!(scratch.costly().contains(&1), "{:?}", scratch.costly());
    let cheap = Event::builder()
        .id("1")
        .source("/s")
        .ty("t")
        .build()
        .unwrap();
    both(&matcher, &filters, &cheap, &mut scratch);
    assert!(scratch.costly().is_empty());
}
