//! One type per kind of identifier, so that they cannot be mixed up.

use std::{fmt, str::FromStr};

use crate::{
    codec::{Decode, Encode},
    error::{Coded, ErrorCode},
};

/// The text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no {kind} id: {}", form(kind))]
pub struct InvalidId {
    /// What kind of identifier was asked for.
    pub kind: &'static str,
    /// The text given.
    pub text: String,
}

impl Coded for InvalidId {
    fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}

/// What an id of this kind looks like.
fn form(kind: &str) -> &'static str {
    match kind {
        "timer" => "two hexadecimal numbers with a hyphen between, such as 2-1A4",
        _ => "up to 16 hexadecimal digits, not all zero",
    }
}

fn parse(kind: &'static str, text: &str) -> Result<u64, InvalidId> {
    let invalid = || InvalidId {
        kind,
        text: text.to_owned(),
    };
    if text.is_empty() || text.len() > 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(invalid());
    }
    match u64::from_str_radix(text, 16) {
        Ok(0) | Err(_) => Err(invalid()),
        Ok(id) => Ok(id),
    }
}

macro_rules! id_kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
        pub struct $name(u64);

        impl $name {
            /// The identifier with this number.
            #[must_use]
            pub const fn from_u64(number: u64) -> Self {
                Self(number)
            }

            /// The number of this identifier.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016X}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($kind, text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id_kinds! {
    /// Identifies a namespace.
    NamespaceId = "namespace";
    /// Identifies an eventbus.
    EventbusId = "eventbus";
    /// Identifies an eventlog of an eventbus.
    EventlogId = "eventlog";
    /// Identifies a subscription.
    SubscriptionId = "subscription";
    /// Identifies a schedule.
    ScheduleId = "schedule";
    /// Identifies an idempotent producer; zero in a batch header means "none".
    ProducerId = "producer";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_upper_case_digits() {
        let id = EventbusId::from_u64(0xAB);
        assert_eq!(id.to_string(), "00000000000000AB");
        assert_eq!("ab".parse::<EventbusId>().unwrap(), id);
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"00000000000000AB\"");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for bad in [
            "",
            "0",
            "+1",
            "xyz",
            "00000000000000000",
            "12345678901234567",
        ] {
            assert!(bad.parse::<EventlogId>().is_err(), "{bad:?}");
        }
    }
}
