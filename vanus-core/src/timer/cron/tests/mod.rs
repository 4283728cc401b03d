//! Schedules against the table, and what the table cannot say.

mod table;

use proptest::prelude::*;
use vanus_types::{Coded, ErrorCode, event::timestamp};

use super::*;

fn ms(text: &str) -> i64 {
    timestamp::parse_ms(text).unwrap()
}

/// The next occurrences in UTC, counted from the epoch.
fn next(cron: &str, after: &str) -> Option<String> {
    let next = Cron::parse(cron)
        .unwrap()
        .next_after(ms(after), &Zone::UTC, 0);
    next.map(timestamp::format_ms)
}

#[test]
fn periods_are_counted_from_their_anchor() {
    for text in [
        "@every 90",
        "@every 1m30s",
        "@every PT1M30S",
        "@every 90000ms",
    ] {
        let cron = Cron::parse(text).unwrap();
        let next = |after: i64| cron.next_after(after, &Zone::UTC, 1_000).unwrap();
        assert_eq!(next(-5_000_000), 91_000, "{text}");
        assert_eq!(next(1_000), 91_000);
        assert_eq!(next(90_999), 91_000);
        assert_eq!(next(91_000), 181_000);
    }
    let cron = Cron::parse("@every 1d12h").unwrap();
    assert_eq!(cron.next_after(0, &Zone::UTC, 0), Some(36 * 3_600_000));
}

#[test]
fn occurrences_end_with_the_calendar() {
    assert_eq!(
        next("0 0 1 1 *", "9998-06-01T00:00:00Z").unwrap(),
        "9999-01-01T00:00:00.000Z"
    );
    assert_eq!(next("0 0 1 1 *", "9999-06-01T00:00:00Z"), None);
    assert_eq!(next("* * * * *", "9999-12-31T23:59:30Z"), None);
    for cron in ["* * * * *", "0 9 * * *", "@every 5"] {
        let cron = Cron::parse(cron).unwrap();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(cron.next_after(i64::MAX, &berlin, 0), None);
        assert!(
            cron.next_after(i64::MIN / 8, &berlin, 0)
                .is_none_or(|next| next <= 5_000)
        );
    }
}

#[test]
fn a_mistake_is_named() {
    for (text, named) in [
        ("", "this has 0"),
        ("* * * *", "this has 4"),
        ("* * * * * * *", "this has 7"),
        ("60 * * * *", "\"60\" is no minute: 0 to 59"),
        ("60 * * * * *", "\"60\" is no second"),
        ("* 24 * * *", "no hour: 0 to 23"),
        ("* * 0 * *", "no day of the month: 1 to 31"),
        ("* * 32 * *", "no day of the month"),
        ("* * * 13 *", "no month: 1 to 12 or JAN to DEC"),
        ("* * * * 8", "no day of the week: 0 to 7 or SUN to SAT"),
        ("* * * * funday", "\"funday\" is no day of the week"),
        ("* * * * 1#6", "\"1#6\" is no day of the week"),
        ("* * * * 1#0", "\"1#0\""),
        ("* * * * L", "\"L\""),
        ("* * L-31 * *", "\"L-31\""),
        ("* * W * *", "\"W\""),
        ("* * L-1W * *", "\"L-1W\""),
        ("+1 * * * *", "\"+1\" is no minute"),
        ("-1 * * * *", "\"\" is no minute"),
        ("1, * * * *", "\"\" is no minute"),
        ("? * * * *", "\"?\" is no minute"),
        (
            "9-5 * * * *",
            "the range \"9-5\" of the minute runs backwards",
        ),
        ("* * * * FRI-MON", "runs backwards"),
        (
            "*/0 * * * *",
            "the step of \"*/0\" in the minute must be a number from 1 to 60",
        ),
        ("*/61 * * * *", "from 1 to 60"),
        ("1/2/3 * * * *", "step"),
        ("0 0 30 2 *", "there is no such day"),
        ("0 0 31 2,4,6,9,11 *", "there is no such day"),
        ("0 0 L-30 2 *", "there is no such day"),
        ("@reboot", "there is no schedule \"@reboot\""),
        ("@every", "there is no schedule \"@every\""),
        ("@every soon", "has no duration"),
        ("@every 1m1h", "has no duration"),
        ("@every 1.5h", "has no duration"),
        ("@every 0", "out of range"),
        ("@every 999ms", "out of range"),
        ("@every 365001d", "out of range"),
    ] {
        let error = Cron::parse(text).unwrap_err();
        assert!(error.to_string().contains(named), "{text:?}: {error}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
    let long = "1,".repeat(200) + "1 * * * *";
    assert!(matches!(Cron::parse(&long), Err(InvalidCron::TooLong(409))));
}

#[test]
fn a_schedule_shows_as_it_was_written() {
    let cron: Cron = "  30 9\t* *  mon-FRI ".parse().unwrap();
    assert_eq!(cron.to_string(), "30 9 * * mon-FRI");
}

#[test]
fn zones_are_found_by_name() {
    assert_eq!(
        Zone::named("europe/lisbon").unwrap().to_string(),
        "Europe/Lisbon"
    );
    assert_eq!(Zone::named("utc").unwrap(), Zone::UTC);
    for bad in ["", "Mars/Olympus", "+02:00", "Europe"] {
        let error = Zone::named(bad).unwrap_err();
        assert!(error.to_string().contains("Europe/Lisbon"), "{error}");
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}

/// Fields that are sparse and dense, in ranges, lists and steps.
fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("*".to_owned()),
        3 => (least..=most).prop_map(|value| value.to_string()),
        2 => (1..=most).prop_map(|step| format!("*/{step}")),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => prop::collection::vec(least..=most, 1..4)
            .prop_map(|all| all.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing lies between a moment and its next occurrence: asked from anywhere in between, the
    /// answer is the same.
    #[test]
    fn the_next_occurrence_is_the_next_from_any_moment_before_it(
        fields in (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
        zone in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
            "Pacific/Apia", "Antarctica/Troll", "America/Sao_Paulo",
        ]),
        after in 1_000_000_000_000_i64..2_000_000_000_000,
        part in 0.0_f64..1.0,
    ) {
        let (minute, hour, day, month, weekday) = fields;
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let Ok(cron) = Cron::parse(&text) else {
            return Ok(());
        };
        let zone = Zone::named(zone).unwrap();
        let first = cron.next_after(after, &zone, 0).unwrap();
        prop_assert!(first > after && first % 1_000 == 0);
        let between = after + ((first - 1 - after) as f64 * part) as i64;
        prop_assert_eq!(cron.next_after(between, &zone, 0), Some(first));
        prop_assert_eq!(cron.next_after(first - 1, &zone, 0), Some(first));
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[*0-9/,LW#@? -]{0,40}|.{0,60}") {
        if let Ok(cron) = Cron::parse(&text) {
            assert!(cron.next_after(0, &Zone::UTC, 0).is_none_or(|next| next > 0));
        }
    }
}
