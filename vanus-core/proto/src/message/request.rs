//! Which op carries which message, and what answers it.

use vanus_types::{
    codec::{self, CodecError, Decode, Encode},
    control::{
        ClusterInfo, EventbusInfo, NamespaceRecord, ScheduleInfo, SubscriptionInfo, TimerList,
        TimerOutcome,
    },
};

use super::{
    CancelTimer, CreateEventbus, CreateNamespace, CreateSchedule, CreateSubscription,
    DeadLetterPage, DeleteEventbus, DeleteNamespace, DeleteSchedule, DeleteSubscription,
    DisableSubscription, EventbusPage, FireTimer, GetClusterInfo, GetDeadLetters, GetEventbus,
    GetNamespace, GetSchedule, GetSubscription, GetTimer, Hello, HelloReply, ListEventbuses,
    ListNamespaces, ListSchedules, ListSubscriptions, ListTimers, LookupOffset, LookupOffsetReply,
    NamespacePage, PauseSchedule, PublishReply, PublishRequest, Push, ReadEvent, ReadReply,
    ReadRequest, Receive, Received, ResendDeadLetters, ResendReport, ResetSubscription,
    ResumeSchedule, ResumeSubscription, SchedulePage, SetTimers, Settle, Settled, SubscriptionPage,
    TailProgress, TailRequest, TimerDetail, TimersSet, UpdateEventbus, UpdateSubscription,
    UpdateTimer,
};
use crate::Op;

/// A message that asks something, and what answers it.
pub trait Call: Encode + Decode<()> + Send + Sync + 'static {
    /// The op that carries the message, and its answer.
    const OP: Op;
    /// The message that answers it, if no fault does.
    type Reply: Encode + Decode<()> + Send + 'static;
}

macro_rules! carried {
    ($($name:ident: $message:ty => $reply:ty;)*) => {$(
        impl Call for $message {
            const OP: Op = Op::$name;
            type Reply = $reply;
        }
    )*};
}

macro_rules! requests {
    ($($(#[doc = $doc:literal])* $name:ident: $message:ty => $reply:ty;)*) => {
        carried! { $($name: $message => $reply;)* }

        /// A request with one answer.
        ///
        /// Publishing, tailing and pushing are not among them: they have an order, or many answers.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Request {
            $($(#[doc = $doc])* $name($message),)*
        }

        impl Request {
            /// Reads the control bytes of a frame; `None` if the op is no request of this kind.
            ///
            /// # Errors
            /// [`CodecError`] when the bytes are not the message of this op.
            pub fn decode(op: Op, control: &[u8]) -> Result<Option<Self>, CodecError> {
                match op {
                    $(Op::$name => codec::decode(control).map(|m| Some(Self::$name(m))),)*
                    _ => Ok(None),
                }
            }

            /// The op that carries this request.
            #[must_use]
            pub const fn op(&self) -> Op {
                match self { $(Self::$name(_) => Op::$name,)* }
            }
        }
    };
}

carried! {
    Hello: Hello => HelloReply;
    Publish: PublishRequest => PublishReply;
    Tail: TailRequest => TailProgress;
    Push: Push => Received;
}

requests! {
    /// Reads batches; the answer carries them.
    Read: ReadRequest => ReadReply;
    /// Reads the batch of one event; the answer carries it.
    ReadEvent: ReadEvent => ReadReply;
    /// Finds the offsets of a point in time.
    LookupOffset: LookupOffset => LookupOffsetReply;

    /// Creates a namespace.
    CreateNamespace: CreateNamespace => NamespaceRecord;
    /// Lists namespaces.
    ListNamespaces: ListNamespaces => NamespacePage;
    /// Describes a namespace.
    GetNamespace: GetNamespace => NamespaceRecord;
    /// Deletes a namespace.
    DeleteNamespace: DeleteNamespace => ();

    /// Creates an eventbus.
    CreateEventbus: CreateEventbus => EventbusInfo;
    /// Lists eventbuses.
    ListEventbuses: ListEventbuses => EventbusPage;
    /// Describes an eventbus.
    GetEventbus: GetEventbus => EventbusInfo;
    /// Changes an eventbus.
    UpdateEventbus: UpdateEventbus => EventbusInfo;
    /// Deletes an eventbus.
    DeleteEventbus: DeleteEventbus => ();

    /// Creates a subscription.
    CreateSubscription: CreateSubscription => SubscriptionInfo;
    /// Lists subscriptions.
    ListSubscriptions: ListSubscriptions => SubscriptionPage;
    /// Describes a subscription.
    GetSubscription: GetSubscription => SubscriptionInfo;
    /// Changes a subscription.
    UpdateSubscription: UpdateSubscription => SubscriptionInfo;
    /// Deletes a subscription.
    DeleteSubscription: DeleteSubscription => ();
    /// Pauses a subscription.
    DisableSubscription: DisableSubscription => SubscriptionInfo;
    /// Resumes a subscription.
    ResumeSubscription: ResumeSubscription => SubscriptionInfo;
    /// Moves a subscription to a point in time.
    ResetSubscription: ResetSubscription => SubscriptionInfo;

    /// Reads dead letters; the answer carries them.
    GetDeadLetters: GetDeadLetters => DeadLetterPage;
    /// Delivers dead letters once more.
    ResendDeadLetters: ResendDeadLetters => ResendReport;

    /// Fetches deliveries; the answer carries them.
    Receive: Receive => Received;
    /// Ends attempts.
    Settle: Settle => Settled;

    /// Lets events wait.
    SetTimers: SetTimers => TimersSet;
    /// Describes a timer; the answer carries its event.
    GetTimer: GetTimer => TimerDetail;
    /// Lists timers.
    ListTimers: ListTimers => TimerList;
    /// Cancels a timer.
    CancelTimer: CancelTimer => TimerOutcome;
    /// Lets a timer be due at another time.
    UpdateTimer: UpdateTimer => TimerOutcome;
    /// Lets a timer be due now.
    FireTimer: FireTimer => TimerOutcome;

    /// Creates a schedule.
    CreateSchedule: CreateSchedule => ScheduleInfo;
    /// Lists schedules.
    ListSchedules: ListSchedules => SchedulePage;
    /// Describes a schedule.
    GetSchedule: GetSchedule => ScheduleInfo;
    /// Pauses a schedule.
    PauseSchedule: PauseSchedule => ScheduleInfo;
    /// Resumes a schedule.
    ResumeSchedule: ResumeSchedule => ScheduleInfo;
    /// Deletes a schedule.
    DeleteSchedule: DeleteSchedule => ();

    /// Describes the node or cluster.
    GetClusterInfo: GetClusterInfo => ClusterInfo;
}
