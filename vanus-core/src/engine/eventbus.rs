//! A handle to one eventbus.

use std::sync::Arc;

use vanus_types::{
    Event, EventId, EventbusId, EventlogId,
    control::{EventbusRecord, StartFrom, StoredEvent},
};

use super::{
    reader::{ReadOptions, ReadPage, Tail},
    vanus::Vanus,
};
use crate::{
    control::{Bus, ControlError},
    error::Error,
    eventbus::{PublishOptions, Published},
    eventlog::LogError,
};

/// One eventbus of an engine. Cheap to clone.
///
/// The handle goes on working after the eventbus is changed; after it is deleted, its functions
/// answer that it is not found.
#[derive(Debug, Clone)]
pub struct Eventbus {
    vanus: Vanus,
    id: EventbusId,
}

impl Eventbus {
    pub(super) const fn new(vanus: Vanus, id: EventbusId) -> Self {
        Self { vanus, id }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> EventbusId {
        self.id
    }

    /// What is stored about it.
    ///
    /// # Errors
    /// When it was deleted.
    pub fn record(&self) -> Result<EventbusRecord, Error> {
        Ok(self.vanus.control().bus_by_id(self.id)?.record.clone())
    }

    /// Publishes one event; it is synced to disk when this answers.
    ///
    /// # Errors
    /// See [`Eventbus::publish_with`].
    pub async fn publish(&self, event: Event) -> Result<Published, Error> {
        let published = self
            .publish_with(&[event], PublishOptions::default())
            .await?;
        let one = published.first().copied();
        one.ok_or(Error::Log(LogError::Closing))
    }

    /// Publishes events; they are synced to disk when this answers. Tells, in their order, where
    /// they are.
    ///
    /// # Errors
    /// See [`Eventbus::publish_with`].
    pub async fn publish_all(&self, events: &[Event]) -> Result<Vec<Published>, Error> {
        self.publish_with(events, PublishOptions::default()).await
    }

    /// Publishes events the way `options` say.
    ///
    /// Events with the extension `partitionkey` go to the eventlog of their key; the others of one
    /// call go together to the next eventlog in turn. What goes to one eventlog keeps its order
    /// and is stored together, or not at all if it fits one batch.
    ///
    /// Events with the extension `xvanusdeliverytime` (RFC 3339) or `xvanusdelay` (seconds, or ISO 8601) wait for their time as
    /// timers, synced whatever `options` say; they are stored when they are due, once. What is due already is stored now.
    ///
    /// Dropping the future does not take events back that the store already has.
    ///
    /// # Errors
    /// When an event is not accepted (nothing is stored), the eventbus belongs to the system, or
    /// the store does not take events: see [`vanus_types::RetryClass`] of the error's code.
    pub async fn publish_with(
        &self,
        events: &[Event],
        options: PublishOptions,
    ) -> Result<Vec<Published>, Error> {
        let bus = self.writable()?;
        self.vanus.control().publish(&bus, events, options).await
    }

    /// Reads events of one eventlog from an offset on.
    ///
    /// # Errors
    /// When the eventlog is none of this eventbus, the offset has expired or lies beyond the end,
    /// or stored bytes are damaged.
    pub async fn read(
        &self,
        eventlog: EventlogId,
        offset: u64,
        options: ReadOptions,
    ) -> Result<ReadPage, Error> {
        self.check_eventlog(eventlog)?;
        ReadPage::read(self.vanus.logs(), eventlog, offset, options).await
    }

    /// Reads one event.
    ///
    /// # Errors
    /// When there is no such event in this eventbus.
    pub async fn event(&self, id: EventId) -> Result<StoredEvent, Error> {
        self.check_eventlog(id.eventlog)?;
        Ok(self.vanus.logs().read_event(id).await?)
    }

    /// The offset in each eventlog at which a reader starts.
    ///
    /// # Errors
    /// When the eventbus was deleted or an eventlog cannot be read.
    pub async fn offsets(&self, from: StartFrom) -> Result<Vec<(EventlogId, u64)>, Error> {
        let bus = self.vanus.control().bus_by_id(self.id)?;
        let mut offsets = Vec::with_capacity(bus.record.eventlogs.len());
        for eventlog in &bus.record.eventlogs {
            let offset = self.vanus.control().start_offset(*eventlog, from).await?;
            offsets.push((*eventlog, offset));
        }
        Ok(offsets)
    }

    /// Follows one eventlog from an offset on, for ever.
    ///
    /// # Errors
    /// When the eventlog is none of this eventbus.
    pub fn tail(&self, eventlog: EventlogId, offset: u64) -> Result<Tail, Error> {
        self.check_eventlog(eventlog)?;
        Ok(Tail::new(self.vanus.logs().clone(), eventlog, offset))
    }

    pub(super) const fn vanus(&self) -> &Vanus {
        &self.vanus
    }

    /// The eventbus, if it may be published to.
    pub(super) fn writable(&self) -> Result<Arc<Bus>, ControlError> {
        self.vanus.control().writable_bus(self.id)
    }

    fn check_eventlog(&self, eventlog: EventlogId) -> Result<(), Error> {
        let bus = self.vanus.control().bus_by_id(self.id)?;
        if bus.record.eventlogs.contains(&eventlog) {
            return Ok(());
        }
        Err(ControlError::EventlogNotFound(eventlog).into())
    }
}
