//! The messages, by family. Which op carries which message is said in one place, `request`.

mod admin;
mod publish;
mod pull;
mod read;
mod request;
mod session;
mod tail;

pub use admin::{
    CreateEventbus, CreateNamespace, CreateSubscription, DeadLetter, DeadLetterPage,
    DeleteEventbus, DeleteNamespace, DeleteSubscription, DisableSubscription, EventbusKey,
    EventbusPage, GetClusterInfo, GetDeadLetters, GetEventbus, GetNamespace, GetSubscription,
    ListEventbuses, ListNamespaces, ListSubscriptions, MAX_PAGE_ITEMS, MAX_PAGE_LEN, NamespaceKey,
    NamespacePage, ResendDeadLetters, ResendReport, ResetSubscription, ResumeSubscription,
    SubscriptionPage, UpdateEventbus, UpdateSubscription, fill_page,
};
pub use publish::{PublishReply, PublishRequest};
pub use pull::{AttemptKey, Push, Receive, Received, Settle, Settled, Settlement};
pub use read::{LookupOffset, LookupOffsetReply, ReadEvent, ReadReply, ReadRequest};
pub use request::{Call, Request};
pub use session::{
    DrainNotice, Hello, HelloReply, MAX_CLIENT_NAME_LEN, PROTOCOL_VERSION, SessionLimits,
};
pub use tail::{TailProgress, TailRequest};
