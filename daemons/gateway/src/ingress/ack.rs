//! The answer to a publisher: where each event is, and what that promises.

use std::fmt::{self, Write as _};

use vanus_core::Published;
use vanus_types::Durability;

/// Bytes of JSON that one event takes, about.
const EVENT_LEN: usize = 128;

/// The answer, as JSON. It is written by hand: every value in it is a number, or text without
/// characters to be escaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ack(String);

impl Ack {
    /// The answer for `published`; `asked` is promised where there is no event.
    pub(super) fn new(published: &[Published], asked: Durability) -> Self {
        let mut json = String::with_capacity(EVENT_LEN * published.len().max(1));
        // Writing to memory cannot fail.
        let _ = write(&mut json, published, asked);
        Self(json)
    }

    /// The JSON object.
    pub(crate) fn into_json(self) -> String {
        self.0
    }
}

fn write(json: &mut String, published: &[Published], asked: Durability) -> fmt::Result {
    json.push_str(r#"{"events":["#);
    for (index, event) in published.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        let id = event.id;
        let (eventlog, offset) = (id.eventlog, id.offset);
        write!(
            json,
            r#"{{"eventlog":"{eventlog}","offset":{offset},"event_id":"{id}""#
        )?;
        if let Some(timer) = event.timer {
            write!(json, r#","timer":"{timer}""#)?;
        }
        json.push_str(if event.duplicate {
            r#","duplicate":true}"#
        } else {
            "}"
        });
    }
    let weakest = published.iter().map(|event| event.durability).min();
    let durability = weakest.unwrap_or(asked);
    write!(json, r#"],"durability":"{durability}"}}"#)
}

#[cfg(test)]
mod tests {
    use vanus_types::{EventId, EventlogId};

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
            timer: None,
        };
        let ack = Ack::new(
            &[
                published(1, Durability::Fsync, false),
                published(2, Durability::PageCache, true),
            ],
            Durability::Fsync,
        );
        assert_eq!(
            ack.into_json(),
            r#"{"events":[{"eventlog":"0000000000000001","offset":1,"event_id":"AAAAAAAAAAEAAAAAAAAAAQ=="},{"eventlog":"0000000000000001","offset":2,"event_id":"AAAAAAAAAAEAAAAAAAAAAg==","duplicate":true}],"durability":"page-cache"}"#
        );
        let waiting = Published {
            timer: Some(vanus_types::TimerId {
                shard: 1,
                offset: 2,
            }),
            ..published(2, Durability::Fsync, false)
        };
        assert_eq!(
            Ack::new(&[waiting], Durability::Fsync).into_json(),
            r#"{"events":[{"eventlog":"0000000000000001","offset":2,"event_id":"AAAAAAAAAAEAAAAAAAAAAg==","timer":"1-2"}],"durability":"fsync"}"#
        );
        let none = Ack::new(&[], Durability::Fsync);
        assert_eq!(none.into_json(), r#"{"events":[],"durability":"fsync"}"#);
    }
}
