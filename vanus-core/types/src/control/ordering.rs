//! In which order a subscription delivers.

use serde::{Deserialize, Deserializer, Serialize};

use super::invalid::{InvalidSpec, check_length, check_range};
use crate::{
    codec::{Decode, Encode},
    limits::{MAX_IN_FLIGHT, MAX_KEY_LEN},
};

/// Which events of an eventlog wait for each other. Events of different eventlogs never do: an
/// eventbus with several keeps the events of one partition key in one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryOrder {
    /// None: an event that is tried again is overtaken.
    #[default]
    None,
    /// All: one event after the other, and one that fails holds those behind it until it is
    /// delivered or given up.
    Strict,
    /// Those with the same value of an attribute (such as `partitionkey` or `subject`), of `data`
    /// or of `data.path`: one after the other, through retries. Events without the value are not
    /// ordered.
    Key(String),
}

impl DeliveryOrder {
    /// Reads an ordering, or the boolean that stood in its place: `true` is strict.
    pub(super) fn or_flag<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "\"none\", \"strict\" or {\"key\": NAME} is expected"
        )]
        enum Either {
            Flag(bool),
            Order(DeliveryOrder),
        }
        Ok(match Either::deserialize(from)? {
            Either::Flag(true) => Self::Strict,
            Either::Flag(false) => Self::None,
            Either::Order(order) => order,
        })
    }

    pub(super) fn check(&self) -> Result<(), InvalidSpec> {
        match self {
            Self::None | Self::Strict => Ok(()),
            Self::Key(key) => check_length("ordering.key", key, MAX_KEY_LEN),
        }
    }
}

/// How many events with the same value of a key may be in flight at a time, in each eventlog.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLimit {
    /// An attribute, `data` or `data.path`. Events without the value are not limited.
    pub key: String,
    /// Most deliveries of one key in flight.
    pub in_flight: u32,
}

impl KeyLimit {
    pub(super) fn check(&self) -> Result<(), InvalidSpec> {
        check_length("key_limit.key", &self.key, MAX_KEY_LEN)?;
        check_range(
            "key_limit.in_flight",
            self.in_flight.into(),
            1,
            MAX_IN_FLIGHT.into(),
        )
    }
}
