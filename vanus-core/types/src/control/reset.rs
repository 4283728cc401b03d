//! Where a subscription is moved to.

use serde::{Deserialize, Serialize};

use super::subscription::StartFrom;
use crate::{
    codec::{Decode, Encode},
    id::EventlogId,
};

/// A wish to move a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionReset {
    /// Where it goes on.
    pub to: StartFrom,
    /// In which eventlog; else in all of its eventbus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eventlog: Option<EventlogId>,
    /// What becomes of the events that wait for their next attempt.
    #[serde(default)]
    pub retries: WaitingRetries,
}

/// What becomes of waiting events when a subscription is moved.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum WaitingRetries {
    /// They are tried again, except those that are read again anyway.
    #[default]
    Keep,
    /// They are forgotten. Those from the new place on are read again.
    Drop,
}

impl From<StartFrom> for SubscriptionReset {
    /// In all eventlogs; waiting events are kept.
    fn from(to: StartFrom) -> Self {
        Self {
            to,
            eventlog: None,
            retries: WaitingRetries::Keep,
        }
    }
}
