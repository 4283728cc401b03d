//! What an event looks like whose eventbus is not there any more when it is due. Pure.

use vanus_types::{AttributeValue, Event, EventbusId, TimerId, event::timestamp};

const EVENTBUS: &str = "xvanuseventbus";
const TIMER: &str = "xvanustimer";
const REASON: &str = "xvanusdlreason";
const LAST_TIME: &str = "xvanuslastdltime";

/// The reason that dead letters of timers tell.
const NO_EVENTBUS: &str = "EventbusNotFound";

/// The event with its marks: which timer it was, which eventbus it was meant for, why and when it became a dead letter. The event
/// itself where it has no room for them.
pub(super) fn mark(event: &Event, timer: TimerId, eventbus: EventbusId, time_ms: i64) -> Event {
    let time = AttributeValue::Timestamp(timestamp::format_ms(time_ms));
    let marked = event
        .to_builder()
        .extension(TIMER, timer.to_string())
        .extension(EVENTBUS, eventbus.to_string())
        .extension(REASON, NO_EVENTBUS)
        .extension(LAST_TIME, time)
        .build();
    marked.unwrap_or_else(|_| event.clone())
}

#[cfg(test)]
mod tests {
    use vanus_types::event::AttributeRef;

    use super::*;

    #[test]
    fn a_letter_tells_why_it_is_one() {
        let builder = Event::builder().id("1").source("/s").ty("t").text("data");
        let event = builder.build().unwrap();
        let timer = TimerId {
            shard: 1,
            offset: 16,
        };
        let letter = mark(&event, timer, EventbusId::from_u64(7), 0);
        let text = |name| match letter.attribute(name) {
            Some(AttributeRef::String(text) | AttributeRef::Timestamp(text)) => text.to_owned(),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(text(TIMER), "1-10");
        assert_eq!(text(EVENTBUS), "0000000000000007");
        assert_eq!(text(REASON), "EventbusNotFound");
        assert_eq!(text(LAST_TIME), "1970-01-01T00:00:00.000Z");
        assert_eq!(letter.data(), event.data());
    }
}
