//! Subscriptions.

use vanus_types::{
    SubscriptionId,
    codec::{Decode, Encode},
    control::{SubscriptionInfo, SubscriptionReset, SubscriptionSpec},
};

use super::EventbusKey;

/// Creates a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct CreateSubscription {
    /// What it shall be.
    pub spec: SubscriptionSpec,
}

/// Lists subscriptions in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ListSubscriptions {
    /// Only those of this eventbus.
    pub eventbus: Option<EventbusKey>,
    /// Begin after this one.
    pub after: Option<SubscriptionId>,
    /// Most items wanted; the server may answer fewer.
    pub limit: u32,
}

/// Some subscriptions.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct SubscriptionPage {
    /// The subscriptions.
    pub items: Vec<SubscriptionInfo>,
    /// Ask again after this one; `None` on the last page.
    pub next: Option<SubscriptionId>,
}

/// Describes a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct GetSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
}

/// Changes a subscription; what it is to be is given whole.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct UpdateSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
    /// What it shall be.
    pub spec: SubscriptionSpec,
}

/// Deletes a subscription and its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DeleteSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
}

/// Pauses a subscription; it keeps its offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct DisableSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
}

/// Resumes a paused subscription where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ResumeSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
}

/// Moves a paused subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub struct ResetSubscription {
    /// Which one.
    pub subscription: SubscriptionId,
    /// Where it shall go on.
    pub reset: SubscriptionReset,
}
