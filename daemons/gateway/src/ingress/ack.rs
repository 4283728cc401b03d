//! The answer to a publisher: where each event is, and what that promises.

use serde::Serialize;
use vanus_core::Published;
use vanus_types::{Durability, EventId, EventlogId};

/// The answer, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Ack {
    events: Vec<AckedEvent>,
    durability: Durability,
}

#[derive(Debug, Serialize)]
struct AckedEvent {
    eventlog: EventlogId,
    offset: u64,
    event_id: EventId,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl Ack {
    /// The answer for `published`; `asked` is promised where there is no event.
    pub(super) fn new(published: &[Published], asked: Durability) -> Self {
        let weakest = published.iter().map(|event| event.durability).min();
        let events = published.iter().map(|event| AckedEvent {
            eventlog: event.id.eventlog,
            offset: event.id.offset,
            event_id: event.id,
            duplicate: event.duplicate,
        });
        Self {
            events: events.collect(),
            durability: weakest.unwrap_or(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_promise_is_told() {
        let published = |offset, durability, duplicate| Published {
            id: EventId {
                eventlog: EventlogId::from_u64(1),
                offset,
            },
            append_time_ms: 0,
            durability,
            duplicate,
        };
        let ack = Ack::new(
            &[
                published(1, Durability::Fsync, false),
                published(2, Durability::PageCache, true),
            ],
            Durability::Fsync,
        );
        assert_eq!(
            serde_json::to_string(&ack).unwrap(),
            r#"{"events":[{"eventlog":"0000000000000001","offset":1,"event_id":"AAAAAAAAAAEAAAAAAAAAAQ=="},{"eventlog":"0000000000000001","offset":2,"event_id":"AAAAAAAAAAEAAAAAAAAAAg==","duplicate":true}],"durability":"page-cache"}"#
        );
        let none = Ack::new(&[], Durability::Fsync);
        assert_eq!(
            serde_json::to_string(&none).unwrap(),
            r#"{"events":[],"durability":"fsync"}"#
        );
    }
}
