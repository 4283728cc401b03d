//! Records as they were stored, byte by byte: a build that no longer writes these bytes has changed a
//! record, and owes it another format.
//!
//! `formats.txt` holds a line for each record below: its name, its format, and its value in hexadecimal
//! digits.

use vanus_storage::meta::{MemoryMeta, MetaStore as _};
use vanus_types::{Coded as _, ErrorCode};

use super::*;

const STORED: &str = include_str!("formats.txt");

const NAMESPACE: &str = r#"{"id": "0000000000000A01", "name": "shop", "description": "all shops",
    "created_at_ms": 1700000000000, "updated_at_ms": 1700000000001}"#;

const EVENTBUS: &str = r#"{"id": "0000000000000B01", "name": "orders", "namespace_id": "0000000000000A01",
    "namespace": "shop", "description": "what was ordered", "eventlogs": ["0000000000000C01", "0000000000000C02"],
    "retention_ms": 86400000, "retention_bytes": 1073741824, "retain_for": "subscriptions",
    "dead_letter": "0000000000000B02", "created_at_ms": 1700000000000, "updated_at_ms": 1700000000001}"#;

const SUBSCRIPTION: &str = r#"{"id": "0000000000000D01", "eventbus_id": "0000000000000B01",
    "namespace_id": "0000000000000A01", "name": "bill", "namespace": "shop", "eventbus": "orders",
    "sink": "https://bills.example.com/in", "protocol": "http",
    "credential": {"type": "plain", "identifier": "me", "secret": "s3cret"},
    "filters": [{"all": [{"exact": {"type": "order.placed"}}, {"sql": "hops < 5"}]}, {"cel": "event.a == 'b'"}],
    "transformer": {"define": {"who": "$.data.name"}, "pipeline": [{"command": ["delete", "$.data.card"]}], "template": "{\"who\": \"<who>\"}"},
    "config": {"rate_limit": 100, "start_from": "earliest", "delivery_timeout_ms": 5000, "max_retry_attempts": 7,
        "dead_letter": false, "in_flight": 9, "key_limit": {"key": "tenant", "in_flight": 2}},
    "delivery": {"mode": "batch", "batch_events": 8, "batch_linger_ms": 20, "reply": "answers",
        "handshake": {"origin": "vanus.example.com", "rate": 120, "callback": "https://vanus.example.com/"}},
    "headers": {"x-shop": "lisbon"}, "description": "bills what was ordered", "disabled": true,
    "disabled_reason": "the sink is gone", "consent": {"granted": true, "rate": 60},
    "created_at_ms": 1700000000000, "updated_at_ms": 1700000000001}"#;

const ROUTED: &str = r#"{"id": "0000000000000D02", "eventbus_id": "0000000000000B01",
    "namespace_id": "0000000000000A01", "name": "canary", "namespace": "shop", "eventbus": "orders", "sink": "routes",
    "routes": {"routes": [
        {"name": "old", "sink": "https://a.example.com/", "weight": "90%"},
        {"name": "new", "sink": "https://b.example.com/", "weight": "10%", "condition": {"exact": {"type": "t"}}, "strength": "50%",
            "rewrites": [{"path": "/v2"}], "headers": {"x-route": "new"}}],
        "sticky": {"by": "tenant", "mode": "pinned"}, "retry": "fail-over"},
    "config": {"ordering": {"key": "tenant"}},
    "created_at_ms": 1700000000000, "updated_at_ms": 1700000000001}"#;

const SCHEDULE: &str = r#"{"id": "0000000000000E01", "name": "nightly", "namespace_id": "0000000000000A01",
    "namespace": "shop", "eventbus_id": "0000000000000B01", "eventbus": "orders", "cron": "30 2 * * *",
    "time_zone": "Europe/Lisbon", "start_ms": 1700000000000, "end_ms": 1800000000000, "count": 7, "jitter_ms": 500,
    "missed": "all", "description": "counts the till", "event": {"type": "till.count", "source": "/till",
        "subject": "all", "datacontenttype": "application/json", "data": "{}", "attributes": {"tenant": "t1"}},
    "paused": true, "resumed_at_ms": 1700000000002, "created_at_ms": 1700000000000, "updated_at_ms": 1700000000001}"#;

fn specimen<R: serde::de::DeserializeOwned>(json: &str) -> R {
    serde_json::from_str(json).unwrap()
}

fn routed() -> SubscriptionRecord {
    let mut record: SubscriptionRecord = specimen(ROUTED);
    let slots = vec![("old".to_owned(), 9_000), ("new".to_owned(), 1_000)];
    record.route_slots = [(String::new(), slots)].into();
    record
}

/// The line of a record of this name, unless it is stored as it was; it is read back in any case.
fn changed<R: Stored + PartialEq + std::fmt::Debug>(name: &str, record: &R) -> Option<String> {
    let bytes = value(record);
    assert_eq!(&read::<R>(&bytes).unwrap(), record);
    let line = format!("{name} {} {}", R::FORMAT, hex(&bytes));
    STORED.lines().all(|stored| stored != line).then_some(line)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn records_are_stored_as_they_were() {
    let changed = [
        changed::<NamespaceRecord>("namespace", &specimen(NAMESPACE)),
        changed::<EventbusRecord>("eventbus", &specimen(EVENTBUS)),
        changed::<SubscriptionRecord>("subscription", &specimen(SUBSCRIPTION)),
        changed::<SubscriptionRecord>("routed", &routed()),
        changed::<ScheduleRecord>("schedule", &specimen(SCHEDULE)),
    ];
    let lines: Vec<String> = changed.into_iter().flatten().collect();
    assert!(
        lines.is_empty(),
        "records changed: give each table the next format, and add these lines to formats.txt:\n{}",
        lines.join("\n")
    );
}

#[test]
fn a_record_of_another_format_is_refused_and_says_which() {
    let meta = MemoryMeta::new();
    let record: NamespaceRecord = specimen(NAMESPACE);
    let key = record.key().to_be_bytes();
    let now = value(&record);
    // As it was before records had a format, and as another build may write it.
    for (found, bytes) in [(1, now[1..].to_vec()), (9, [&[9][..], &now[1..]].concat())] {
        let batch = MetaBatch::new().put(Table::Namespaces, key, bytes);
        meta.commit_blocking(batch).unwrap();
        let stored = meta.get(Table::Namespaces, &key).unwrap().unwrap();
        let error = read::<NamespaceRecord>(&stored).unwrap_err();
        assert_eq!(error.code(), ErrorCode::UnknownFormat);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!(
                "table namespaces holds a record of format {found}, this build reads format 2"
            )),
            "{text}"
        );
    }
    for damaged in [&[][..], &now[..now.len() - 1]] {
        let error = read::<NamespaceRecord>(damaged).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CorruptData);
    }
}
