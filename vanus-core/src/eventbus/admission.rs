//! Which events are accepted. Attributes that start with `xvanus` belong to the system. Pure.
//!
//! When an event is due that asks to wait is not known here.

use vanus_types::{Batch, BatchError, Coded, ErrorCode, Event};

pub(crate) const RESERVED_PREFIX: &str = "xvanus";

/// With one of these an event asks to be delivered later.
const TIMES: [&str; 2] = ["xvanusdelay", "xvanusdeliverytime"];

/// Why an event is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// An attribute belongs to the system.
    #[error("attribute \"{0}\" is reserved: names that start with \"xvanus\" belong to Vanus")]
    Reserved(String),
    /// The batch is damaged or an event in it is invalid.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl Coded for NotAdmitted {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Reserved(_) => ErrorCode::InvalidArgument,
            Self::Batch(error) => error.code(),
        }
    }
}

/// Accepts or refuses one event; tells whether it asks to be delivered later.
pub(crate) fn admit(event: &Event) -> Result<bool, NotAdmitted> {
    let mut asks = false;
    for (name, _) in event.extensions() {
        if !name.starts_with(RESERVED_PREFIX) {
            continue;
        }
        if !TIMES.contains(&name) {
            return Err(NotAdmitted::Reserved(name.to_owned()));
        }
        asks = true;
    }
    Ok(asks)
}

/// Accepts or refuses a batch that comes from outside, as a whole: its records are checked, then
/// its events. Tells which of them ask to be delivered later.
pub(crate) fn admit_batch(batch: &Batch) -> Result<Vec<Event>, NotAdmitted> {
    batch.check_events()?;
    let mut asking = Vec::new();
    for (_, event) in batch.events() {
        if admit(&event)? {
            asking.push(event);
        }
    }
    Ok(asking)
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
        let code = |event: &Event| admit(event).unwrap_err().code();
        assert_eq!(code(&with("xvanussubid", "1")), ErrorCode::InvalidArgument);
        assert_eq!(code(&with("xvanusnew", "1")), ErrorCode::InvalidArgument);
        assert_eq!(admit(&with("xvanu", "1")), Ok(false));
    }

    #[test]
    fn an_event_may_ask_to_be_delivered_later() {
        for name in TIMES {
            assert_eq!(admit(&with(name, "anything")), Ok(true));
        }
    }
}
