//! Where one event is stored: its eventlog and offset.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{EventlogId, InvalidId};
use crate::codec::{Decode, Encode};

/// The place of one stored event.
///
/// As text: standard base64 of 16 bytes, the big-endian eventlog id and the big-endian offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct EventId {
    /// The eventlog that holds the event.
    pub eventlog: EventlogId,
    /// The offset of the event in that eventlog.
    pub offset: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = (u128::from(self.eventlog.get()) << 64) | u128::from(self.offset);
        f.write_str(&STANDARD.encode(place.to_be_bytes()))
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            kind: "event",
            text: text.to_owned(),
        };
        let bytes = STANDARD.decode(text).map_err(|_| invalid())?;
        let place = <[u8; 16]>::try_from(bytes).map_err(|_| invalid())?;
        let place = u128::from_be_bytes(place);
        let low_half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
        Ok(Self {
            eventlog: EventlogId::from_u64(low_half(place >> 64)),
            offset: low_half(place),
        })
    }
}

impl serde::Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_holds_both_numbers() {
        let id = EventId {
            eventlog: EventlogId::from_u64(1),
            offset: 2,
        };
        assert_eq!(id.to_string(), "AAAAAAAAAAEAAAAAAAAAAg==");
        assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        assert!("AAAA".parse::<EventId>().is_err());
    }
}
