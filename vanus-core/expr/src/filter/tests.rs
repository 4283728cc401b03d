//! What filters mean, by example and against an interpreter written straight from the rules.

mod algebra;
mod expressions;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use vanus_types::{
    AttributeValue, DataKind, Event, EventBuilder,
    control::FilterSpec,
    error::{Coded, ErrorCode},
};

use super::*;
use crate::json::JsonIndex;

fn specs(text: &str) -> Vec<FilterSpec> {
    serde_json::from_str(text).unwrap()
}

fn event() -> EventBuilder {
    Event::builder()
        .id("42")
        .source("/shop/a")
        .ty("order.created")
}

fn matches(filters: &str, event: &EventBuilder) -> bool {
    let event = event.build().unwrap();
    Filter::compile(&specs(filters))
        .unwrap()
        .matches(&EventView::new(&event))
}

#[test]
fn no_filter_passes_everything() {
    assert!(matches("[]", &event()));
    assert_eq!(Filter::compile(&[]).unwrap(), Filter::pass());
}

#[test]
fn values_are_compared_whole_from_the_start_or_to_the_end() {
    for (filters, expected) in [
        (r#"[{"exact":{"type":"order.created"}}]"#, true),
        (r#"[{"exact":{"type":"order"}}]"#, false),
        (r#"[{"prefix":{"type":"order."}}]"#, true),
        (r#"[{"prefix":{"type":"created"}}]"#, false),
        (r#"[{"suffix":{"type":".created"}}]"#, true),
        (r#"[{"suffix":{"type":"order"}}]"#, false),
        (r#"[{"exact":{"type":"order.created","id":"42"}}]"#, true),
        (r#"[{"exact":{"type":"order.created","id":"43"}}]"#, false),
        (
            r#"[{"exact":{"id":"42"}},{"prefix":{"source":"/shop"}}]"#,
            true,
        ),
        (
            r#"[{"exact":{"id":"42"}},{"prefix":{"source":"/x"}}]"#,
            false,
        ),
        (r#"[{"exact":{"specversion":"1.0"}}]"#, true),
    ] {
        assert_eq!(matches(filters, &event()), expected, "{filters}");
    }
}

#[test]
fn every_attribute_type_is_compared_in_its_canonical_form() {
    let event = event()
        .subject("s")
        .time("2026-11-20T08:00:00Z")
        .extension("yes", true)
        .extension("count", -7)
        .extension("raw", vec![0_u8, 1])
        .extension("link", AttributeValue::Uri("http://a/b".to_owned()));
    for (key, value) in [
        ("yes", "true"),
        ("count", "-7"),
        ("raw", "AAE="),
        ("link", "http://a/b"),
        ("subject", "s"),
        ("time", "2026-11-20T08:00:00Z"),
    ] {
        assert!(
            matches(&format!(r#"[{{"exact":{{"{key}":"{value}"}}}}]"#), &event),
            "{key}"
        );
        assert!(
            !matches(&format!(r#"[{{"exact":{{"{key}":"{value}x"}}}}]"#), &event),
            "{key}"
        );
    }
}

#[test]
fn what_is_missing_fails_and_its_negation_passes() {
    for key in ["subject", "nosuch", "data", "data.a", "data[0]"] {
        let test = format!(r#"{{"prefix":{{"{key}":"x"}}}}"#);
        assert!(!matches(&format!("[{test}]"), &event()), "{key}");
        assert!(
            matches(&format!(r#"[{{"not":{test}}}]"#), &event()),
            "{key}"
        );
    }
}

#[test]
fn data_is_the_whole_payload_as_it_came() {
    let json = event().json(r#"{ "a": 1 }"#);
    assert!(matches(r#"[{"exact":{"data":"{ \"a\": 1 }"}}]"#, &json));
    assert!(matches(
        r#"[{"prefix":{"data":"{ "}},{"suffix":{"data":" }"}}]"#,
        &json
    ));
    let bytes = event().binary([0xff, b'a', b'b']);
    assert!(matches(r#"[{"suffix":{"data":"ab"}}]"#, &bytes));
    assert!(!matches(r#"[{"prefix":{"data":"a"}}]"#, &bytes));
}

#[test]
fn a_path_reads_one_value_of_json_data() {
    let text = r#"{"s":"x","esc":"a\u0062","n":1.50,"t":true,"z":null,"o":{"k":[1, "two"]},"a.b":"dot","":"e"}"#;
    let cases = [
        ("data.s", "x", true),
        ("data.esc", "ab", true),
        ("data.n", "1.50", true),
        ("data.n", "1.5", false),
        ("data.t", "true", true),
        ("data.z", "null", false),
        ("data.o.k[1]", "two", true),
        ("data.o.k[0]", "1", true),
        ("data.o.k[2]", "two", false),
        ("data.o.k", "[1,\\\"two\\\"]", true),
        ("data.o", "{\\\"k\\\":[1,\\\"two\\\"]}", true),
        ("data['a.b']", "dot", true),
        ("data.['a.b']", "dot", true),
        ("data.a.b", "dot", false),
        ("data.s.s", "x", false),
        ("data.nosuch", "x", false),
    ];
    let kinds = [DataKind::Json, DataKind::Binary, DataKind::Text];
    for (kind, (key, value, expected)) in kinds.iter().flat_map(|k| cases.map(|case| (k, case))) {
        let filters = format!(r#"[{{"exact":{{"{key}":"{value}"}}}}]"#);
        assert_eq!(
            matches(&filters, &event().data(*kind, text)),
            expected,
            "{kind:?} {filters}"
        );
    }
}

#[test]
fn data_that_is_not_json_has_no_values() {
    for broken in [&b"{\"a\":1"[..], b"a", b"", b"\"\xff\"", b"[1] x"] {
        let event = event().binary(broken);
        assert!(!matches(r#"[{"prefix":{"data.a":"1"}}]"#, &event));
        assert!(matches(r#"[{"not":{"prefix":{"data.a":"1"}}}]"#, &event));
    }
}

#[test]
fn mistakes_are_refused_with_their_place_and_code() {
    let deep = format!(
        "{}{}{}",
        r#"{"not":"#.repeat(20),
        r#"{"exact":{"a":"b"}}"#,
        "}".repeat(20)
    );
    for (filters, at, code) in [
        (
            r#"[{"exact":{"id":"1"}},{"all":[{"exact":{"id":"1"}},{"prefix":{"Type":"a"}}]}]"#,
            "filters[1].all[1].prefix",
            ErrorCode::InvalidFilter,
        ),
        (
            r#"[{"exact":{"data.a[*]":"1"}}]"#,
            "filters[0].exact",
            ErrorCode::InvalidFilter,
        ),
        (
            r#"[{"not":{"exact":{"data.":"1"}}}]"#,
            "filters[0].not.exact",
            ErrorCode::InvalidFilter,
        ),
        (
            r#"[{"any":[{"exact":{"a":""}}]}]"#,
            "filters[0].any[0].exact",
            ErrorCode::FilterAttributeEmpty,
        ),
        (
            r#"[{"suffix":{"":"x"}}]"#,
            "filters[0].suffix",
            ErrorCode::FilterAttributeEmpty,
        ),
        (
            r#"[{"all":[]}]"#,
            "filters[0].all",
            ErrorCode::InvalidFilter,
        ),
    ] {
        let error = Filter::compile(&specs(filters)).unwrap_err();
        assert!(error.to_string().starts_with(at), "{filters}: {error}");
        assert_eq!(error.code(), code, "{filters}");
    }
    let nested = specs(&format!("[{deep}]"));
    assert!(Filter::compile(&nested).is_ok());
    let deeper = (0..20).fold(nested[0].clone(), |inner, _| {
        FilterSpec::Not(Box::new(inner))
    });
    assert_eq!(
        Filter::compile(&[deeper]).unwrap_err().code(),
        ErrorCode::InvalidFilter
    );
    let many = vec![specs(r#"[{"exact":{"a":"b"}}]"#)[0].clone(); 2000];
    assert_eq!(
        Filter::compile(&many).unwrap_err().code(),
        ErrorCode::InvalidFilter
    );
}

#[test]
fn attribute_filters_allocate_nothing() {
    let filters = r#"[{"any":[{"exact":{"type":"x"}},{"all":[{"prefix":{"source":"/shop"}},
        {"suffix":{"count":"7"}},{"not":{"exact":{"raw":"AAE=","yes":"true"}}},
        {"exact":{"raw":"AAE="}},{"exact":{"data":"{\"a\": 1}"}}]}]}]"#;
    let filter = Filter::compile(&specs(filters)).unwrap();
    let event = event()
        .extension("count", 17)
        .extension("raw", vec![0_u8, 1])
        .json(r#"{"a": 1}"#);
    let event = event.build().unwrap();
    let allocated = allocation_counter::measure(|| {
        assert!(filter.matches(&EventView::new(&event)));
    });
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn data_is_read_once_and_its_memory_is_used_again() {
    let path = |name: &str| format!(r#"[{{"exact":{{"data.{name}":"1"}}}}]"#);
    let filters = ["a", "b", "c"].map(|name| Filter::compile(&specs(&path(name))).unwrap());
    let event = event().json(r#"{"a":1,"b":1,"c":1}"#).build().unwrap();
    let view = EventView::new(&event);
    assert!(filters[0].matches(&view));
    let index = {
        let allocated = allocation_counter::measure(|| {
            assert!(filters.iter().all(|filter| filter.matches(&view)));
        });
        assert_eq!(
            allocated.count_total, 0,
            "a second filter reads the data again"
        );
        view.into_index()
    };
    let mut index = Some(index);
    let allocated = allocation_counter::measure(|| {
        let view = EventView::with_index(&event, index.take().unwrap());
        assert!(filters.iter().all(|filter| filter.matches(&view)));
        index = Some(view.into_index());
    });
    assert_eq!(
        allocated.count_total, 0,
        "the memory of the index is not used again"
    );
    let broken = event
        .to_builder()
        .json("{}")
        .data(DataKind::Binary, "{")
        .build()
        .unwrap();
    let view = EventView::with_index(&broken, JsonIndex::new());
    assert!(!filters[0].matches(&view) && !filters[1].matches(&view));
}

/// Filters over few keys and texts, so that they match often.
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
        "data[0]",
    ]);
    let text = prop_oneof!["[ab1]{1,2}", Just("[".to_owned()), Just("null".to_owned())];
    let map = prop::collection::btree_map(key.prop_map(str::to_owned), text, 1..3);
    let leaf = (map, 0..3).prop_map(|(map, dialect)| match dialect {
        0 => FilterSpec::Exact(map),
        1 => FilterSpec::Prefix(map),
        _ => FilterSpec::Suffix(map),
    });
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|inner| FilterSpec::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(FilterSpec::All),
            prop::collection::vec(inner, 1..4).prop_map(FilterSpec::Any),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let scalar = prop_oneof![
        "[ab1]{0,2}".prop_map(Value::from),
        (0..20).prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    let json = scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    });
    let data = prop_oneof![
        3 => json.prop_map(|json| Some(json.to_string())),
        1 => "[ab\\[]{0,3}".prop_map(Some),
        1 => Just(None),
    ];
    let text = || "[ab1]{1,3}";
    (
        text(),
        text(),
        prop::option::of(text()),
        prop::option::of(text()),
        any::<i8>(),
        data,
    )
        .prop_map(|(ty, source, subject, extension, number, data)| {
            let mut event = Event::builder()
                .id("i")
                .ty(ty)
                .source(source)
                .extension("n", i32::from(number));
            if let Some(subject) = subject {
                event = event.subject(subject);
            }
            if let Some(extension) = extension {
                event = event.extension("e", extension);
            }
            if let Some(data) = data {
                event = event.binary(data);
            }
            event.build().unwrap()
        })
}

/// The rules, written down without a thought for speed.
fn interpret(filter: &FilterSpec, event: &Event) -> bool {
    let every = |map: &BTreeMap<String, String>, passes: fn(&str, &str) -> bool| {
        map.iter()
            .all(|(key, wanted)| text_of(event, key).is_some_and(|text| passes(&text, wanted)))
    };
    match filter {
        FilterSpec::Exact(map) => every(map, |text, wanted| text == wanted),
        FilterSpec::Prefix(map) => every(map, |text, wanted| text.starts_with(wanted)),
        FilterSpec::Suffix(map) => every(map, |text, wanted| text.ends_with(wanted)),
        FilterSpec::Not(inner) => !interpret(inner, event),
        FilterSpec::All(inner) => inner.iter().all(|filter| interpret(filter, event)),
        FilterSpec::Any(inner) => inner.iter().any(|filter| interpret(filter, event)),
        FilterSpec::Sql(_) | FilterSpec::Cel(_) => panic!("not generated"),
    }
}

fn text_of(event: &Event, key: &str) -> Option<String> {
    let data = event.data();
    let Some(path) = key.strip_prefix("data") else {
        return event
            .attribute(key)
            .map(|value| value.canonical().into_owned());
    };
    if data.is_none() || path.is_empty() {
        return (!data.is_none()).then(|| data.as_str().unwrap().to_owned());
    }
    let value: Value = serde_json::from_slice(data.bytes).ok()?;
    let pointer = path.replace(['.', '['], "/").replace(']', "");
    let step = |value: &Value, token: &str| match value {
        // A pointer would take a number for a member name too.
        Value::Array(items) => token
            .parse::<usize>()
            .ok()
            .and_then(|n| items.get(n).cloned()),
        Value::Object(members) if token.parse::<usize>().is_err() => members.get(token).cloned(),
        _ => None,
    };
    let value = pointer
        .split('/')
        .skip(1)
        .try_fold(value, |value, token| step(&value, token))?;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn compiled_filters_mean_what_the_rules_say(
        filters in prop::collection::vec(any_filter(), 0..3),
        event in any_event(),
    ) {
        let expected = filters.iter().all(|filter| interpret(filter, &event));
        let compiled = Filter::compile(&filters).unwrap();
        prop_assert_eq!(compiled.matches(&EventView::new(&event)), expected);
    }

    #[test]
    fn not_all_is_any_not(a in any_filter(), b in any_filter(), event in any_event()) {
        let not = |filter: FilterSpec| FilterSpec::Not(Box::new(filter));
        let left = not(FilterSpec::All(vec![a.clone(), b.clone()]));
        let right = FilterSpec::Any(vec![not(a), not(b)]);
        let view = EventView::new(&event);
        let passes = |filter| Filter::compile(&[filter]).unwrap().matches(&view);
        prop_assert_eq!(passes(left), passes(right));
    }
}
