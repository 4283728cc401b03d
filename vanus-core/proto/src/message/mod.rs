//! The messages, by family. Which op carries which message is said in one place, `request`.

mod admin;
mod publish;
mod pull;
mod read;
mod request;
mod session;
mod tail;

pub use admin::{
    CancelTimer, CreateEventbus, CreateNamespace, CreateSchedule, CreateSubscription, DeadLetter,
    DeadLetterPage, DeleteEventbus, DeleteNamespace, DeleteSchedule, DeleteSubscription,
    DisableSubscription, EventbusKey, EventbusPage, FireTimer, GetClusterInfo, GetDeadLetters,
    GetEventbus, GetNamespace, GetSchedule, GetSubscription, GetTimer, ListEventbuses,
    ListNamespaces, ListSchedules, ListSubscriptions, ListTimers, MAX_PAGE_ITEMS, MAX_PAGE_LEN,
    NamespaceKey, NamespacePage, NewTimer, PauseSchedule, ResendDeadLetters, ResendReport,
    ResetSubscription, ResumeSchedule, ResumeSubscription, ScheduleKey, SchedulePage, SetTimers,
    SubscriptionPage, TimerDetail, TimersSet, UpdateEventbus, UpdateSubscription, UpdateTimer,
    fill_page,
};
pub use publish::{PublishReply, PublishRequest};
pub use pull::{AttemptKey, Push, Receive, Received, Settle, Settled, Settlement};
pub use read::{LookupOffset, LookupOffsetReply, ReadEvent, ReadReply, ReadRequest};
pub use request::{Call, Request};
pub use session::{
    DrainNotice, Hello, HelloReply, MAX_CLIENT_NAME_LEN, PROTOCOL_VERSION, SessionLimits,
};
pub use tail::{TailProgress, TailRequest};
