//! Expressions as filters, beside the other dialects and in place of them.

use super::*;

#[test]
fn expressions_stand_beside_the_other_dialects() {
    let event = event().subject("Ada").json(r#"{"total": 12}"#);
    for (filters, expected) in [
        (
            r#"[{"sql":"source LIKE '/shop/%' AND EXISTS subject"}]"#,
            true,
        ),
        (r#"[{"sql":"source = '/shop'"}]"#, false),
        (r#"[{"sql":"missing = 'x'"}]"#, false),
        (r#"[{"not":{"sql":"missing = 'x'"}}]"#, true),
        (
            r#"[{"exact":{"id":"42"}},{"any":[{"sql":"id = 43"},{"sql":"id = 42"}]}]"#,
            true,
        ),
    ] {
        assert_eq!(matches(filters, &event), expected, "{filters}");
    }
    #[cfg(feature = "cel")]
    for (filters, expected) in [
        (
            r#"[{"cel":"$total.(int64) == 12 && event.subject == 'Ada'"}]"#,
            true,
        ),
        (r#"[{"cel":"event.data.total > 12"}]"#, false),
        (r#"[{"not":{"cel":"event.missing == 1"}}]"#, true),
        (
            r#"[{"all":[{"sql":"id = 42"},{"cel":"event.id == \"42\""},{"exact":{"data.total":"12"}}]}]"#,
            true,
        ),
    ] {
        assert_eq!(matches(filters, &event), expected, "{filters}");
    }
}

#[test]
fn mistakes_in_expressions_are_refused_with_their_place_and_code() {
    for (filters, says, code) in [
        (
            r#"[{"all":[{"exact":{"id":"1"}},{"sql":"a = "}]}]"#,
            "filters[0].all[1].sql: at line 1, column 5 (byte 4)",
            ErrorCode::InvalidSql,
        ),
        (
            r#"[{"sql":"NOPE(a)"}]"#,
            "filters[0].sql: at line 1",
            ErrorCode::InvalidSql,
        ),
        (
            r#"[{"sql":" "}]"#,
            "filters[0].sql needs an expression",
            ErrorCode::InvalidFilter,
        ),
        #[cfg(feature = "cel")]
        (
            r#"[{"cel":"event.type = 1"}]"#,
            "filters[0].cel: at line 1, column 12",
            ErrorCode::InvalidCel,
        ),
        #[cfg(not(feature = "cel"))]
        (
            r#"[{"cel":"true"}]"#,
            "filters[0].cel: this program was built without",
            ErrorCode::Unsupported,
        ),
    ] {
        let error = Filter::compile(&specs(filters)).unwrap_err();
        assert!(error.to_string().starts_with(says), "{filters}: {error}");
        assert_eq!(error.code(), code, "{filters}");
    }
}

#[test]
fn the_expressions_of_one_filter_share_a_budget() {
    let big = "x".repeat(60_000);
    let event = event().extension("big", big.as_str()).build().unwrap();
    let view = EventView::new(&event);
    // Each costs about a hundredth of the budget, and is false.
    let one = FilterSpec::Sql("LENGTH(big) = 1".to_owned());
    let passes = |times: usize| {
        let filters = FilterSpec::Any(vec![one.clone(); times]);
        Filter::compile(&[FilterSpec::Not(Box::new(FilterSpec::All(vec![
            filters,
            FilterSpec::Sql("TRUE".to_owned()),
        ])))])
        .unwrap()
        .matches(&view)
    };
    assert!(passes(10) && passes(500));
    let measured = FilterSpec::Any(
        std::iter::repeat_n(one.clone(), 500)
            .chain([FilterSpec::Sql("TRUE".to_owned())])
            .collect(),
    );
    assert!(!Filter::compile(&[measured]).unwrap().matches(&view));
}

/// A literal of CESQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "\\'"))
}

/// The same test in CESQL; nothing where it looks at data.
fn in_sql(filter: &FilterSpec) -> Option<String> {
    let every = |map: &BTreeMap<String, String>, test: fn(&str, &str) -> String| {
        if map.keys().any(|key| key.starts_with("data")) {
            return None;
        }
        let tests: Vec<String> = map.iter().map(|(key, value)| test(key, value)).collect();
        Some(tests.join(" AND "))
    };
    match filter {
        FilterSpec::Exact(map) => every(map, |key, text| {
            format!("STRING({key}) = {}", literal(text))
        }),
        FilterSpec::Prefix(map) => every(map, |key, text| {
            format!("{key} LIKE {}", literal(&format!("{}%", escaped(text))))
        }),
        FilterSpec::Suffix(map) => every(map, |key, text| {
            format!("{key} LIKE {}", literal(&format!("%{}", escaped(text))))
        }),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "\\%").replace('_', "\\_")
}

/// Comparisons of attributes, with texts that patterns would read otherwise.
fn any_comparison() -> impl Strategy<Value = FilterSpec> {
    let key = prop::sample::select(vec!["type", "source", "subject", "e", "n", "none"]);
    let map = prop::collection::btree_map(key.prop_map(str::to_owned), "[ab1%_']{1,2}", 1..3);
    (map, 0..3).prop_map(|(map, dialect)| match dialect {
        0 => FilterSpec::Exact(map),
        1 => FilterSpec::Prefix(map),
        _ => FilterSpec::Suffix(map),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn exact_prefix_and_suffix_are_their_cesql_forms(
        filter in any_comparison(),
        mut event in any_event(),
        odd in prop::option::of("[ab%_']{1,3}"),
    ) {
        if let Some(odd) = odd {
            event = event.to_builder().ty(odd).build().unwrap();
        }
        let sql = FilterSpec::Sql(in_sql(&filter).unwrap());
        let view = EventView::new(&event);
        let passes = |filter: &FilterSpec| {
            Filter::compile(std::slice::from_ref(filter)).unwrap().matches(&view)
        };
        prop_assert_eq!(passes(&filter), passes(&sql), "{:?} {:?}", filter, sql);
    }

    #[test]
    fn the_algebra_holds_with_expressions_too(
        a in any_comparison(),
        b in any_comparison(),
        event in any_event(),
    ) {
        let sql = |filter: &FilterSpec| FilterSpec::Sql(in_sql(filter).unwrap());
        let not = |filter: FilterSpec| FilterSpec::Not(Box::new(filter));
        let view = EventView::new(&event);
        let passes = |filter: FilterSpec| Filter::compile(&[filter]).unwrap().matches(&view);
        let left = not(FilterSpec::All(vec![sql(&a), b.clone()]));
        let right = FilterSpec::Any(vec![not(a.clone()), not(sql(&b))]);
        prop_assert_eq!(passes(left), passes(right));
        let left = not(FilterSpec::Any(vec![a.clone(), sql(&b)]));
        let right = FilterSpec::All(vec![not(sql(&a)), not(b)]);
        prop_assert_eq!(passes(left), passes(right));
    }
}
