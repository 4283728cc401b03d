//! When an event is due that asks to wait. Pure.

use vanus_types::{Coded, ErrorCode, Event, event::AttributeRef};

use super::time::{InvalidDelay, InvalidDeliveryTime, delay, delivery_time};

const DELIVERY_TIME: &str = "xvanusdeliverytime";
const DELAY: &str = "xvanusdelay";

/// An event does not say well when it is due.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Its attribute `xvanusdeliverytime` is no time.
    #[error("invalid delivery time: {0}")]
    DeliveryTime(#[from] InvalidDeliveryTime),
    /// Its attribute `xvanusdelay` is no delay.
    #[error("invalid delay: {0}")]
    Delay(#[from] InvalidDelay),
    /// It has both attributes.
    #[error("invalid delivery time: an event has either xvanusdeliverytime or xvanusdelay")]
    Both,
}

impl Coded for InvalidTime {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// When `event` is due, in milliseconds since the Unix epoch; nothing if it does not ask to wait. A delay counts from `now_ms` on.
pub(crate) fn due_ms(event: &Event, now_ms: i64) -> Result<Option<i64>, InvalidTime> {
    let text = |value: AttributeRef<'_>| value.canonical().into_owned();
    match (event.attribute(DELIVERY_TIME), event.attribute(DELAY)) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(InvalidTime::Both),
        (Some(time), None) => Ok(Some(delivery_time(&text(time))?)),
        (None, Some(wait)) => {
            let wait = i64::try_from(delay(&text(wait))?).unwrap_or(i64::MAX);
            Ok(Some(now_ms.saturating_add(wait)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(extensions: &[(&str, &str)]) -> Event {
        let builder = Event::builder().id("1").source("/s").ty("t");
        let with = |builder: vanus_types::EventBuilder, (name, value): &(&str, &str)| {
            builder.extension(*name, *value)
        };
        extensions.iter().fold(builder, with).build().unwrap()
    }

    #[test]
    fn times_and_delays_are_read() {
        let due = |extensions: &[(&str, &str)]| due_ms(&with(extensions), 1_000);
        assert_eq!(due(&[]), Ok(None));
        assert_eq!(
            due(&[(DELIVERY_TIME, "1970-01-01T00:00:10Z")]),
            Ok(Some(10_000))
        );
        assert_eq!(due(&[(DELAY, "PT1M")]), Ok(Some(61_000)));
        let seconds = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .extension(DELAY, 90);
        assert_eq!(due_ms(&seconds.build().unwrap(), 0), Ok(Some(90_000)));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for bad in [
            &[(DELIVERY_TIME, "noon")][..],
            &[(DELAY, "soon")],
            &[(DELAY, "5"), (DELIVERY_TIME, "1970-01-01T00:00:10Z")],
        ] {
            let error = due_ms(&with(bad), 0).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            assert!(error.to_string().starts_with("invalid del"), "{error}");
        }
    }
}
