//! Vanus: an embeddable event streaming engine for CloudEvents.
//!
//! Open an engine, create an eventbus, publish events to it, and let subscriptions filter and
//! deliver them with retries and dead letters, or read them back:
//!
//! ```
//! use vanus_core::{Event, EventbusSpec, Name, SubscriptionSpec, Vanus};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let vanus = Vanus::builder().in_memory().open().await?;
//! let orders = vanus.create_eventbus("default", EventbusSpec::new(Name::new("orders")?)).await?;
//! let everything = SubscriptionSpec::embedded("printer", "default", "orders")?;
//! vanus.subscribe(everything, |delivery| async move {
//!     println!("{}", delivery.event.id());
//!     Ok(())
//! }).await?;
//! let event = Event::builder().id("1").source("/shop").ty("order.placed").json("{}").build()?;
//! let published = orders.publish(event).await?;
//! assert_eq!(published.id.offset, 0);
//! vanus.close().await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
//! #     .block_on(run()).unwrap();
//! ```
//!
//! The engine runs inside the caller's tokio runtime and needs nothing else: no service, no other
//! process. What it promises is listed in `docs/guarantees.md`, what lies on disk in
//! `docs/disk.md`.

mod error;

mod eventlog;

mod eventbus;

pub mod timer;

mod trigger;

mod control;

mod service;

mod engine;

pub use vanus_expr::{Trial, TrialError};
pub use vanus_net::egress::{AddressKind, EgressPolicy, EgressRule, Network};
pub use vanus_storage::{Stats, StoreOptions};
pub use vanus_types::{
    AttributeRef, AttributeValue, Batch, Clock, Coded, Data, DataKind, Durability, Entropy,
    ErrorCode, Event, EventBuilder, EventId, EventbusId, EventlogId, Fault, InvalidEvent, Name,
    NamespaceId, ProducerId, RetryClass, ScheduleId, SubscriptionId, TimerId,
    control::{
        ActionSpec, ClusterInfo, Consent, Credential, DeliveryMode, DeliveryOrder, DeliverySpec,
        EventTemplate, EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, EventlogInfo,
        EventlogProgress, FilterSpec, HandshakeSpec, KeyLimit, Missed, NamespaceRecord,
        NamespaceSpec, OnError, Percent, Protocol, RetainFor, Rewrite, RouteGroup, RouteRetry,
        RouteSpec, RoutesSpec, ScheduleInfo, SchedulePhase, ScheduleRecord, ScheduleSpec, Secret,
        SegmentInfo, StartFrom, Sticky, StickyMode, StoredEvent, SubscriptionConfig,
        SubscriptionInfo, SubscriptionPhase, SubscriptionRecord, SubscriptionReset,
        SubscriptionSpec, SubscriptionTotals, TemplateType, TimerFilter, TimerInfo, TimerList,
        TimerOutcome, TimerPlace, TransformerSpec, WaitingRetries,
    },
};

pub use crate::{
    control::{ControlError, DeadLetters, Resent, SecretsKey},
    engine::{
        EngineHealth, EngineMetrics, Eventbus, OpenOptions, ReadOptions, ReadPage,
        SubscriptionMetrics, Tail, Vanus, VanusBuilder,
    },
    error::{Error, OpenError},
    eventbus::{NotAdmitted, PublishError, PublishOptions, Published},
    eventlog::LogError,
    service::Service,
    timer::{
        InvalidSchedule, InvalidTime, LATENESS_BOUNDS_MS, ScheduleMetrics, TimerError,
        TimerMetrics, TimerOptions,
    },
    trigger::{Delivery, DeliveryError, Sink, SinkError},
};
