//! Why the control plane refuses.

use vanus_expr::{FilterError, TransformerError, TrialError};
use vanus_storage::{AdminError, ReadError, meta::MetaError};
use vanus_types::{
    Coded, ErrorCode, EventbusId, EventlogId, InvalidName, Name, NamespaceId, SubscriptionId,
    control::InvalidSpec,
};

use crate::{
    eventbus::NotAdmitted,
    eventlog::LogError,
    timer::{InvalidSchedule, InvalidTime, TimerError},
    trigger::{SinkError, StartError},
};

/// A wish the control plane does not grant; nothing was changed, unless the error says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// There is no such namespace.
    #[error("namespace \"{0}\" not found")]
    NamespaceNotFound(Name),
    /// There is no such namespace.
    #[error("namespace {0} not found")]
    NamespaceIdNotFound(NamespaceId),
    /// There is no such eventbus.
    #[error("eventbus \"{name}\" not found in namespace \"{namespace}\"")]
    EventbusNotFound {
        /// The namespace.
        namespace: Name,
        /// The name.
        name: Name,
    },
    /// There is no such eventbus.
    #[error("eventbus {0} not found")]
    EventbusIdNotFound(EventbusId),
    /// There is no such eventlog.
    #[error("eventlog {0} not found")]
    EventlogNotFound(EventlogId),
    /// There is no such subscription.
    #[error("subscription {0} not found")]
    SubscriptionNotFound(SubscriptionId),
    /// The name is taken.
    #[error("namespace \"{0}\" already exists")]
    NamespaceExists(Name),
    /// The name is taken.
    #[error("eventbus \"{name}\" already exists in namespace \"{namespace}\"")]
    EventbusExists {
        /// The namespace.
        namespace: Name,
        /// The name.
        name: Name,
    },
    /// The id the caller chose is taken.
    #[error("{kind} id {id:016X} already exists")]
    IdTaken {
        /// What kind of thing.
        kind: &'static str,
        /// The id.
        id: u64,
    },
    /// The namespace still has eventbuses.
    #[error("namespace \"{name}\" has {eventbuses} eventbuses; delete them first")]
    NamespaceInUse {
        /// The namespace.
        name: Name,
        /// How many eventbuses it has.
        eventbuses: usize,
    },
    /// It belongs to the system.
    #[error("{what} \"{name}\" belongs to the system and cannot be {action}")]
    SystemOwned {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: Name,
        /// What was asked for.
        action: &'static str,
    },
    /// A limit of the node is reached.
    #[error("there are {limit} {what}, which is the limit of a node")]
    TooMany {
        /// What kind of things.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A subscription's eventbus cannot be changed.
    #[error("the eventbus of subscription {0} cannot be changed; create another subscription")]
    EventbusFixed(SubscriptionId),
    /// The eventbus holds dead letters itself.
    #[error("eventbus \"{0}\" has no dead letter eventbus; turn dead letters off")]
    NoDeadLetters(Name),
    /// The subscription must be disabled for this.
    #[error("subscription {0} is running; disable it first")]
    NotDisabled(SubscriptionId),
    /// The subscription delivers to an address, not to a function.
    #[error("subscription {0} delivers to an address, so no function can be attached")]
    NotEmbedded(SubscriptionId),
    /// The deliveries of the subscription are not fetched, but sent.
    #[error(
        "subscription {0} delivers to an address or a function; only one with the sink \"pull\" is fetched from"
    )]
    NotPulled(SubscriptionId),
    /// There can be no sink at such an address.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A number of a range is out of its limits.
    #[error("{field} is {value}, allowed are 1 to {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// The value given.
        value: u64,
        /// The greatest value allowed.
        most: u64,
    },
    /// A name has the wrong form.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A field of the specification is wrong.
    #[error(transparent)]
    Spec(#[from] InvalidSpec),
    /// A filter cannot be compiled.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A transformer cannot be compiled.
    #[error(transparent)]
    Transformer(#[from] TransformerError),
    /// The metadata store failed.
    #[error("the metadata store does not answer")]
    Meta(#[from] MetaError),
    /// The event store failed.
    #[error("the event store does not answer")]
    Store(#[from] AdminError),
    /// An eventlog could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event does not say well when it is due; nothing was stored.
    #[error("event {index} is not accepted: {source}")]
    Time {
        /// Index of the event in the call.
        index: usize,
        /// What is wrong with it.
        source: InvalidTime,
    },
    /// Nobody says when an event is due; nothing was stored.
    #[error(
        "event {index} does not say when it is due: give a time, or the attribute xvanusdeliverytime or xvanusdelay"
    )]
    NoTime {
        /// Index of the event in the call.
        index: usize,
    },
    /// Events that wait cannot be numbered, nor be sent to an eventlog by name; nothing was stored.
    #[error(
        "an event that waits for its time goes to the eventlog of its partition key when it is due: publish it without producer and eventlog"
    )]
    TimerPlaced,
    /// There is no such schedule.
    #[error("schedule \"{name}\" not found in namespace \"{namespace}\"")]
    ScheduleNotFound {
        /// The namespace.
        namespace: Name,
        /// The name.
        name: Name,
    },
    /// The name is taken.
    #[error("schedule \"{name}\" already exists in namespace \"{namespace}\"")]
    ScheduleExists {
        /// The namespace.
        namespace: Name,
        /// The name.
        name: Name,
    },
    /// What a schedule says makes no sense.
    #[error(transparent)]
    Schedule(#[from] InvalidSchedule),
    /// The events of a schedule would not be accepted.
    #[error("event: {0}")]
    ScheduleEvent(NotAdmitted),
    /// Timers were not set or changed.
    #[error(transparent)]
    Timer(#[from] TimerError),
    /// The engine is closing.
    #[error("the engine is closing")]
    Closing,
}

impl From<ReadError> for ControlError {
    fn from(error: ReadError) -> Self {
        Self::Log(LogError::Read(error))
    }
}

impl From<TrialError> for ControlError {
    fn from(error: TrialError) -> Self {
        match error {
            TrialError::Filter(error) => Self::Filter(error),
            TrialError::Transformer(error) => Self::Transformer(error),
        }
    }
}

impl From<StartError> for ControlError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Filter(error) => Self::Filter(error),
            StartError::Transformer(error) => Self::Transformer(error),
            StartError::Meta(error) => Self::Meta(error),
        }
    }
}

impl Coded for ControlError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NamespaceNotFound(_) | Self::NamespaceIdNotFound(_) => {
                ErrorCode::NamespaceNotFound
            }
            Self::EventbusNotFound { .. } | Self::EventbusIdNotFound(_) => {
                ErrorCode::EventbusNotFound
            }
            Self::EventlogNotFound(_) => ErrorCode::EventlogNotFound,
            Self::SubscriptionNotFound(_) => ErrorCode::SubscriptionNotFound,
            Self::NamespaceExists(_)
            | Self::EventbusExists { .. }
            | Self::ScheduleExists { .. }
            | Self::IdTaken { .. } => ErrorCode::AlreadyExists,
            Self::NamespaceInUse { .. } | Self::SystemOwned { .. } | Self::EventbusFixed(_) => {
                ErrorCode::CannotOperate
            }
            Self::TooMany { .. } => ErrorCode::ResourceExhausted,
            Self::NotDisabled(_) | Self::NotEmbedded(_) | Self::NotPulled(_) => {
                ErrorCode::WrongState
            }
            Self::Sink(error) => error.code(),
            Self::Range { .. }
            | Self::NoDeadLetters(_)
            | Self::NoTime { .. }
            | Self::TimerPlaced => ErrorCode::InvalidArgument,
            Self::Time { source, .. } => source.code(),
            Self::Timer(error) => error.code(),
            Self::Schedule(error) => error.code(),
            Self::ScheduleEvent(error) => error.code(),
            Self::ScheduleNotFound { .. } => ErrorCode::NotFound,
            Self::Name(error) => error.code(),
            Self::Spec(error) => error.code(),
            Self::Filter(error) => error.code(),
            Self::Transformer(error) => error.code(),
            Self::Meta(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Closing => ErrorCode::Closed,
        }
    }
}
