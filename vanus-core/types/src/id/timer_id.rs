//! Which timer: its shard and the offset of its entry there.

use std::{fmt, str::FromStr};

use super::InvalidId;
use crate::codec::{Decode, Encode};

/// Identifies a timer: the shard that keeps it, and where in the eventlog of that shard it was set. It stays the same when the
/// timer is changed.
///
/// As text: both numbers in hexadecimal with a hyphen between, such as `2-1A4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
pub struct TimerId {
    /// The shard, from 0.
    pub shard: u16,
    /// The offset of the entry that set it.
    pub offset: u64,
}

impl fmt::Display for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}-{:X}", self.shard, self.offset)
    }
}

impl FromStr for TimerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok())?
        };
        let id = text.split_once('-').and_then(|(shard, offset)| {
            Some(Self {
                shard: u16::try_from(number(shard)?).ok()?,
                offset: number(offset)?,
            })
        });
        id.ok_or_else(|| InvalidId {
            kind: "timer",
            text: text.to_owned(),
        })
    }
}

impl serde::Serialize for TimerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TimerId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_leads_back() {
        let id = TimerId {
            shard: 2,
            offset: 0x1A4,
        };
        assert_eq!(id.to_string(), "2-1A4");
        assert_eq!("2-1a4".parse::<TimerId>().unwrap(), id);
        for bad in ["", "-", "1", "1-", "-1", "10000-1", "+1-2", "1-2-3"] {
            assert!(bad.parse::<TimerId>().is_err(), "{bad:?}");
        }
    }
}
