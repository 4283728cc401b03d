//! Which events are accepted. Attributes that start with `xvanus` belong to the system. Pure.

use vanus_types::{
    Batch, BatchError, Coded, ErrorCode, Event,
    event::{AttributeRef, timestamp},
};

const RESERVED_PREFIX: &str = "xvanus";
const DELIVERY_TIME: &str = "xvanusdeliverytime";

/// Why an event is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// An attribute belongs to the system.
    #[error("attribute \"{0}\" is reserved: names that start with \"xvanus\" belong to Vanus")]
    Reserved(String),
    /// The delivery time is no timestamp.
    #[error("attribute \"xvanusdeliverytime\" is no RFC 3339 timestamp: \"{0}\"")]
    DeliveryTime(String),
    /// The event asks to be delivered later. Delivering it now would be early.
    #[error("delivery in the future, at {0}, is not supported by this version")]
    Delayed(String),
    /// The batch is damaged or an event in it is invalid.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl Coded for NotAdmitted {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Reserved(_) | Self::DeliveryTime(_) => ErrorCode::InvalidArgument,
            Self::Delayed(_) => ErrorCode::Unsupported,
            Self::Batch(error) => error.code(),
        }
    }
}

/// Accepts or refuses one event.
pub(crate) fn admit(event: &Event, now_ms: i64) -> Result<(), NotAdmitted> {
    for (name, value) in event.extensions() {
        if !name.starts_with(RESERVED_PREFIX) {
            continue;
        }
        if name != DELIVERY_TIME {
            return Err(NotAdmitted::Reserved(name.to_owned()));
        }
        let text = match value {
            AttributeRef::String(text) | AttributeRef::Timestamp(text) => text,
            other => return Err(NotAdmitted::DeliveryTime(other.canonical().into_owned())),
        };
        match timestamp::parse_ms(text) {
            None => return Err(NotAdmitted::DeliveryTime(text.to_owned())),
            Some(due_ms) if due_ms > now_ms => return Err(NotAdmitted::Delayed(text.to_owned())),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Accepts or refuses a batch that comes from outside, as a whole: its records are checked, then
/// its events.
pub(crate) fn admit_batch(batch: &Batch, now_ms: i64) -> Result<(), NotAdmitted> {
    batch.check_events()?;
    batch
        .events()
        .try_for_each(|(_, event)| admit(&event, now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Event {
        let builder = Event::builder().id("1").source("/s").ty("t");
        builder.extension(name, value).build().unwrap()
    }

    #[test]
    fn the_attributes_of_the_system_are_refused() {
        let code = |event: &Event| admit(event, 0).unwrap_err().code();
        assert_eq!(code(&with("xvanussubid", "1")), ErrorCode::InvalidArgument);
        assert_eq!(code(&with("xvanusnew", "1")), ErrorCode::InvalidArgument);
        assert!(admit(&with("xvanu", "1"), 0).is_ok());
    }

    #[test]
    fn a_delivery_time_is_accepted_once_it_has_come() {
        let event = with("xvanusdeliverytime", "1970-01-01T00:00:10Z");
        assert!(admit(&event, 10_000).is_ok());
        assert_eq!(
            admit(&event, 9_999).unwrap_err().code(),
            ErrorCode::Unsupported
        );
        let garbage = with("xvanusdeliverytime", "noon");
        assert_eq!(
            admit(&garbage, 0).unwrap_err().code(),
            ErrorCode::InvalidArgument
        );
    }
}
