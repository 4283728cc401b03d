//! The rules of routes, with many events.

use std::collections::BTreeMap;

use vanus_types::Event;

use super::{super::slots::slots_of, *};

fn spec(json: &str) -> RoutesSpec {
    let spec: RoutesSpec = serde_json::from_str(json).unwrap();
    spec.check().unwrap();
    spec
}

fn table(spec: &RoutesSpec) -> Table {
    Table::new(spec, &slots_of(spec, &RouteSlots::new())).unwrap()
}

fn event(key: u64, ty: &str) -> Event {
    let event = Event::builder().id(key.to_string()).source("/s").ty(ty);
    event.subject(format!("key-{key}")).build().unwrap()
}

fn choose(table: &Table, event: &Event, number: u64, pins: &mut Pins) -> String {
    let draw = Draw {
        event: mix(number),
        avoid: None,
    };
    table
        .choose(&EventView::new(event), draw, pins)
        .unwrap()
        .to_owned()
}

/// How many of `count` events go where.
fn shares(table: &Table, count: u64, ty: &str) -> BTreeMap<String, u64> {
    let mut shares = BTreeMap::new();
    let mut pins = Pins::default();
    for number in 0..count {
        let name = choose(table, &event(number, ty), number, &mut pins);
        *shares.entry(name).or_default() += 1;
    }
    shares
}

/// The sum of the squares by which shares differ from what is expected of them; with up to five
/// routes it is past 27.9 in less than one of a hundred thousand cases by chance.
fn chi_square(shares: &BTreeMap<String, u64>, expected: &[(&str, f64)]) -> f64 {
    let total: u64 = shares.values().sum();
    let term = |(name, percent): &(&str, f64)| {
        let wanted = total as f64 * percent / 100.0;
        let found = shares.get(*name).copied().unwrap_or(0) as f64;
        if wanted == 0.0 {
            assert!(found == 0.0, "{name} has no weight and got {found}");
            return 0.0;
        }
        (found - wanted).powi(2) / wanted
    };
    expected.iter().map(term).sum()
}

fn two(a: &str, b: &str, more: &str) -> String {
    format!(
        r#"{{"routes": [{{"name": "stable", "sink": "http://a/", "weight": {a}}},
            {{"name": "canary", "sink": "http://b/", "weight": {b}}}]{more}}}"#
    )
}

#[test]
fn weights_are_kept_as_a_chi_square_test_says() {
    for (a, b) in [
        (90.0, 10.0),
        (99.99, 0.01),
        (50.0, 50.0),
        (0.0, 100.0),
        (66.67, 33.33),
    ] {
        for more in [
            "",
            r#", "sticky": {"by": "subject"}"#,
            r#", "sticky": {"by": "subject", "mode": "pinned"}"#,
        ] {
            let table = table(&spec(&two(&a.to_string(), &b.to_string(), more)));
            let shares = shares(&table, 60_000, "t");
            let chi = chi_square(&shares, &[("stable", a), ("canary", b)]);
            assert!(chi < 27.9, "{a}/{b} {more}: {shares:?} gives {chi}");
        }
    }
    // A test that cannot fail is none.
    let off = [("stable".to_owned(), 53_500), ("canary".to_owned(), 6_500)].into();
    assert!(chi_square(&off, &[("stable", 90.0), ("canary", 10.0)]) > 27.9);
}

#[test]
fn the_first_condition_wins_with_its_strength_and_the_rest_goes_by_weight() {
    let text = r#"{"routes": [
        {"name": "a", "sink": "http://a/", "weight": 80},
        {"name": "b", "sink": "http://b/", "weight": 20,
         "condition": {"exact": {"type": "vip"}}, "strength": 50},
        {"name": "c", "sink": "http://c/", "weight": 0,
         "condition": {"prefix": {"type": "v"}}}]}"#;
    let table = table(&spec(text));
    let vip = shares(&table, 100_000, "vip");
    // Half by the condition, and a fifth of the other half by weight; c was not asked.
    let chi = chi_square(&vip, &[("a", 40.0), ("b", 60.0), ("c", 0.0)]);
    assert!(chi < 27.9, "{vip:?} gives {chi}");
    assert_eq!(
        shares(&table, 1_000, "very"),
        [("c".to_owned(), 1_000)].into()
    );
    let others = shares(&table, 100_000, "t");
    assert!(chi_square(&others, &[("a", 80.0), ("b", 20.0), ("c", 0.0)]) < 27.9);
}

#[test]
fn a_growing_canary_keeps_every_key_it_has() {
    let mut slots = RouteSlots::new();
    let mut before: BTreeMap<u64, String> = BTreeMap::new();
    for canary in [1, 5, 10, 25, 50, 75, 100] {
        let text = two(
            &(100 - canary).to_string(),
            &canary.to_string(),
            r#", "sticky": {"by": "subject"}"#,
        );
        let spec = spec(&text);
        slots = slots_of(&spec, &slots);
        let table = Table::new(&spec, &slots).unwrap();
        for key in 0..5_000 {
            let now = choose(&table, &event(key, "t"), key, &mut Pins::default());
            let again = choose(
                &table,
                &event(key, "other"),
                key + 9_999,
                &mut Pins::default(),
            );
            assert_eq!(now, again, "key {key} goes two ways");
            let was = before.insert(key, now.clone());
            assert!(
                was.as_deref() != Some("canary") || now == "canary",
                "key {key} left at {canary}%"
            );
        }
    }
}

#[test]
fn a_pin_outlives_every_change_of_weights_but_not_its_route() {
    let sticky = r#", "sticky": {"by": "subject", "mode": "pinned"}"#;
    let mut pins = Pins::default();
    let first = table(&spec(&two("90", "10", sticky)));
    let pinned: Vec<String> = (0..2_000)
        .map(|key| choose(&first, &event(key, "t"), key, &mut pins))
        .collect();
    assert!(
        pinned.iter().any(|name| name == "stable") && pinned.iter().any(|name| name == "canary")
    );
    let second = table(&spec(&two("0", "100", sticky)));
    for (key, name) in (0..).zip(&pinned) {
        assert_eq!(choose(&second, &event(key, "t"), key + 7, &mut pins), *name);
    }
    assert_eq!(
        choose(&second, &event(5_000, "t"), 1, &mut pins),
        "canary",
        "a new key goes by weight"
    );
    let third = two("0", "100", sticky).replace("stable", "other");
    let third = table(&spec(&third));
    for key in 0..2_000 {
        assert_eq!(choose(&third, &event(key, "t"), key, &mut pins), "canary");
    }
}

#[test]
fn groups_lead_on_and_a_route_is_avoided_where_there_is_another() {
    let text = r#"{"retry": "fail-over",
        "routes": [{"name": "a", "sink": "http://a/", "weight": 50}, {"name": "more", "group": "g", "weight": 50}],
        "groups": {"g": {"routes": [{"name": "b", "sink": "http://b/", "weight": 50}, {"name": "c", "sink": "http://c/"}]}}}"#;
    let table = table(&spec(text));
    let all = shares(&table, 100_000, "t");
    let chi = chi_square(&all, &[("a", 50.0), ("b", 25.0), ("c", 25.0)]);
    assert!(chi < 27.9, "{all:?} gives {chi}");
    assert!(table.has("b") && !table.has("more"));
    for number in 0..1_000 {
        for avoid in ["a", "b", "c"] {
            let draw = Draw {
                event: mix(number),
                avoid: Some(avoid),
            };
            let event = event(number, "t");
            let found = table.choose(&EventView::new(&event), draw, &mut Pins::default());
            assert_ne!(found, Some(avoid));
        }
    }
    let one = table_of_one();
    let draw = Draw {
        event: 1,
        avoid: Some("a"),
    };
    assert_eq!(
        one.choose(&EventView::new(&event(1, "t")), draw, &mut Pins::default()),
        Some("a")
    );
}

fn table_of_one() -> Table {
    table(&spec(r#"{"routes": [{"name": "a", "sink": "http://a/"}]}"#))
}
