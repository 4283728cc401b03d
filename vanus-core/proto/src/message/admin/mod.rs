//! What exists: namespaces, eventbuses, subscriptions, dead letters, the cluster.
//!
//! The records themselves are those of `vanus_types::control`.

mod cluster;
mod dead_letter;
mod eventbus;
mod namespace;
mod page;
mod subscription;

pub use cluster::GetClusterInfo;
pub use dead_letter::{
    DeadLetter, DeadLetterPage, GetDeadLetters, ResendDeadLetters, ResendReport,
};
pub use eventbus::{
    CreateEventbus, DeleteEventbus, EventbusKey, EventbusPage, GetEventbus, ListEventbuses,
    UpdateEventbus,
};
pub use namespace::{
    CreateNamespace, DeleteNamespace, GetNamespace, ListNamespaces, NamespaceKey, NamespacePage,
};
pub use page::{MAX_PAGE_ITEMS, MAX_PAGE_LEN, fill_page};
pub use subscription::{
    CreateSubscription, DeleteSubscription, DisableSubscription, GetSubscription,
    ListSubscriptions, ResetSubscription, ResumeSubscription, SubscriptionPage, UpdateSubscription,
};
