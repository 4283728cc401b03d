//! Laws that hold for all filters and events.

use proptest::prelude::*;
use vanus_types::{Event, control::FilterSpec};

use crate::{EventView, Filter};

const NAMES: [&str; 6] = ["type", "source", "subject", "e", "n", "none"];

fn any_simple() -> impl Strategy<Value = FilterSpec> {
    let text = prop_oneof![3 => "[ab1%_]{1,3}", 1 => "[-0-9]{1,3}", 1 => "true|false"];
    let map = prop::collection::btree_map(
        prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        text,
        1..3,
    );
    (map, 0..3).prop_map(|(map, dialect)| match dialect {
        0 => FilterSpec::Exact(map),
        1 => FilterSpec::Prefix(map),
        _ => FilterSpec::Suffix(map),
    })
}

fn any_filter() -> impl Strategy<Value = FilterSpec> {
    let sql = prop::sample::select(vec![
        "type = 'a'",
        "EXISTS e",
        "n > 2",
        "LENGTH(subject) < 3",
        "none = 'a'",
    ]);
    let leaf =
        prop_oneof![3 => any_simple(), 1 => sql.prop_map(|text| FilterSpec::Sql(text.to_owned()))];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let several = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner
                .clone()
                .prop_map(|inner| FilterSpec::Not(Box::new(inner))),
            several().prop_map(FilterSpec::All),
            several().prop_map(FilterSpec::Any),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || "[ab1%_]{1,3}";
    let extension = prop_oneof![
        text().prop_map(vanus_types::AttributeValue::String),
        any::<bool>().prop_map(vanus_types::AttributeValue::Boolean),
    ];
    (
        text(),
        text(),
        prop::option::of(text()),
        prop::option::of(extension),
        any::<i8>(),
    )
        .prop_map(|(ty, source, subject, extension, n)| {
            let mut event = Event::builder()
                .id("i")
                .ty(ty)
                .source(source.replace('%', "a"));
            if let Some(subject) = subject {
                event = event.subject(subject);
            }
            if let Some(extension) = extension {
                event = event.extension("e", extension);
            }
            event.extension("n", i32::from(n)).build().unwrap()
        })
}

fn passes(spec: &FilterSpec, event: &Event) -> bool {
    let filter = Filter::compile(std::slice::from_ref(spec)).unwrap();
    filter.matches(&EventView::new(event))
}

fn not(spec: &FilterSpec) -> FilterSpec {
    FilterSpec::Not(Box::new(spec.clone()))
}

/// The same condition in CESQL.
fn in_sql(spec: &FilterSpec) -> FilterSpec {
    let (map, form): (_, fn(&str) -> String) = match spec {
        FilterSpec::Exact(map) => (map, |text| format!("= '{text}'")),
        FilterSpec::Prefix(map) => (map, |text| format!("LIKE '{}%'", escaped(text))),
        FilterSpec::Suffix(map) => (map, |text| format!("LIKE '%{}'", escaped(text))),
        other => panic!("{other:?} has no form in CESQL"),
    };
    let terms = map
        .iter()
        .map(|(name, text)| format!("(EXISTS {name} AND {name} {})", form(text)));
    FilterSpec::Sql(terms.collect::<Vec<_>>().join(" AND "))
}

fn escaped(text: &str) -> String {
    text.replace('%', "\\%").replace('_', "\\_")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn de_morgan_holds(a in any_filter(), b in any_filter(), event in any_event()) {
        let all = FilterSpec::All(vec![a.clone(), b.clone()]);
        let any = FilterSpec::Any(vec![a.clone(), b.clone()]);
        let none = FilterSpec::All(vec![not(&a), not(&b)]);
        let some = FilterSpec::Any(vec![not(&a), not(&b)]);
        prop_assert_eq!(passes(&not(&all), &event), passes(&some, &event));
        prop_assert_eq!(passes(&not(&any), &event), passes(&none, &event));
        prop_assert_eq!(passes(&not(&not(&a)), &event), passes(&a, &event));
        prop_assert_eq!(passes(&not(&a), &event), !passes(&a, &event));
    }

    #[test]
    fn exact_prefix_and_suffix_are_their_forms_in_cesql(spec in any_simple(), event in any_event()) {
        let sql = in_sql(&spec);
        prop_assert_eq!(passes(&spec, &event), passes(&sql, &event), "{:?}", sql);
    }
}
