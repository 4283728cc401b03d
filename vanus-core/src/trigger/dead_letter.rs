//! Dead letters: how an event that could not be delivered is marked, and unmarked. Pure.

use vanus_types::{
    AttributeValue, Event, InvalidEvent, SubscriptionId,
    event::{AttributeRef, timestamp},
};

const SUBSCRIPTION: &str = "xvanussubid";
const REASON: &str = "xvanusdlreason";
const LAST_ERROR: &str = "xvanuslastdlerror";
const LAST_TIME: &str = "xvanuslastdltime";
const ROUTE: &str = "xvanusroute";
const MARKS: [&str; 5] = [SUBSCRIPTION, REASON, LAST_ERROR, LAST_TIME, ROUTE];

/// Longest error text kept with a dead letter, in bytes.
const MAX_ERROR_LEN: usize = 1024;

/// The event with its marks: whose it is, why and when it was given up, and on which route.
///
/// # Errors
/// [`InvalidEvent`] when there is no room for the marks within the limits of an event.
pub(crate) fn mark(
    event: &Event,
    subscription: SubscriptionId,
    reason: &str,
    error: &str,
    route: Option<&str>,
    now_ms: i64,
) -> Result<Event, InvalidEvent> {
    let time = AttributeValue::Timestamp(timestamp::format_ms(now_ms));
    let letter = match route {
        Some(route) => event.to_builder().extension(ROUTE, route),
        None => event.to_builder(),
    };
    letter
        .extension(SUBSCRIPTION, subscription.to_string())
        .extension(REASON, printable(reason))
        .extension(LAST_ERROR, printable(error))
        .extension(LAST_TIME, time)
        .build()
}

/// The event as it was before [`mark`].
pub(crate) fn unmark(event: &Event) -> Result<Event, InvalidEvent> {
    MARKS
        .iter()
        .fold(event.to_builder(), |builder, mark| {
            builder.without_extension(mark)
        })
        .build()
}

/// Whether `event` is a dead letter of `subscription`.
pub(crate) fn belongs_to(event: &Event, subscription: SubscriptionId) -> bool {
    match event.attribute(SUBSCRIPTION) {
        Some(AttributeRef::String(id)) => id.parse() == Ok(subscription),
        _ => false,
    }
}

/// Text that an attribute may hold: no control characters, not too long.
fn printable(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if kept.len() + c.len_utf8() > MAX_ERROR_LEN {
            break;
        }
        kept.push(c);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_off_without_a_trace() {
        let event = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .extension("a", 1)
            .build()
            .unwrap();
        let id = SubscriptionId::from_u64(7);
        let marked = mark(&event, id, "Response400", "bad\nrequest", Some("canary"), 0).unwrap();
        assert!(belongs_to(&marked, id));
        assert!(!belongs_to(&marked, SubscriptionId::from_u64(8)));
        assert_eq!(
            marked.attribute(REASON),
            Some(AttributeRef::String("Response400"))
        );
        assert_eq!(
            marked.attribute(LAST_ERROR),
            Some(AttributeRef::String("bad request"))
        );
        assert_eq!(
            marked.attribute(ROUTE),
            Some(AttributeRef::String("canary"))
        );
        assert_eq!(unmark(&marked).unwrap(), event);
    }
}
