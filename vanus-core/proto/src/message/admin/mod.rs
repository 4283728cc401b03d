//! What exists: namespaces, eventbuses, subscriptions, dead letters, timers, schedules, the cluster.
//!
//! The records themselves are those of `vanus_types::control`.

mod cluster;
mod dead_letter;
mod eventbus;
mod namespace;
mod page;
mod schedule;
mod subscription;
mod timer;

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
pub use schedule::{
    CreateSchedule, DeleteSchedule, GetSchedule, ListSchedules, PauseSchedule, ResumeSchedule,
    ScheduleKey, SchedulePage,
};
pub use subscription::{
    CreateSubscription, DeleteSubscription, DisableSubscription, GetSubscription,
    ListSubscriptions, ResetSubscription, ResumeSubscription, SubscriptionPage, UpdateSubscription,
};
pub use timer::{
    CancelTimer, FireTimer, GetTimer, ListTimers, NewTimer, SetTimers, TimerDetail, TimersSet,
    UpdateTimer,
};
