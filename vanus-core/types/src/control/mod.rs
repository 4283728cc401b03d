//! Records of the control plane: what is stored about namespaces, eventbuses and subscriptions,
//! what a caller asks for, and what is told about them.
//!
//! `…Spec` is what a caller asks for, `…Record` what is stored, `…Info` what is told. Rules that
//! need nothing but the record are checked by its `check`; the rest is the engine's.

mod arn;
mod cluster;
mod credential;
mod delivery;
mod eventbus;
mod filter;
mod handshake;
mod invalid;
mod json_form;
mod namespace;
mod ordering;
mod percent;
mod reset;
mod routes;
mod schedule;
mod secret;
mod secret_header;
mod sink;
mod stored;
mod subscription;
mod timer;
mod transformer;

pub use arn::LambdaArn;
pub use cluster::ClusterInfo;
pub use credential::{Credential, Protocol};
pub use delivery::{DeliveryMode, DeliverySpec};
pub use eventbus::{
    EventbusInfo, EventbusRecord, EventbusSpec, EventbusUpdate, EventlogInfo, RetainFor,
    SegmentInfo,
};
pub use filter::{FilterSpec, FilterSpecError};
pub use handshake::HandshakeSpec;
pub use invalid::InvalidSpec;
pub use namespace::{DEFAULT_NAMESPACE, NamespaceRecord, NamespaceSpec, SYSTEM_NAMESPACE};
pub use ordering::{DeliveryOrder, KeyLimit};
pub use percent::{InvalidPercent, Percent};
pub use reset::{SubscriptionReset, WaitingRetries};
pub use routes::{
    Rewrite, RouteGroup, RouteRetry, RouteSlots, RouteSpec, RoutesSpec, Sticky, StickyMode, weights,
};
pub use schedule::{
    EventTemplate, Missed, ScheduleInfo, SchedulePhase, ScheduleRecord, ScheduleSpec,
};
pub use secret::{SECRET_MASK, Secret};
pub use stored::StoredEvent;
pub use subscription::{
    Consent, EventlogProgress, StartFrom, SubscriptionConfig, SubscriptionInfo, SubscriptionPhase,
    SubscriptionRecord, SubscriptionSpec, SubscriptionTotals,
};
pub use timer::{TimerFilter, TimerInfo, TimerList, TimerOutcome, TimerPlace};
pub use transformer::{ActionSpec, OnError, TemplateType, TransformerSpec, TransformerSpecError};
