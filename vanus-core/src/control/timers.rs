//! Timers: the hidden eventbus they are kept in, where their events go, and publishing events of which some wait.

use std::sync::{Arc, Weak};

use futures_util::future::join;
use vanus_types::{
    Durability, Event, EventbusId, EventlogId, Name,
    control::{EventbusRecord, RetainFor},
};

use super::{
    catalog::Bus, control::Control, error::ControlError, eventbuses::DEAD_LETTER_RETENTION_MS,
    recovery::system_namespace,
};
use crate::{
    error::Error,
    eventbus::{PublishError, PublishOptions, Published, admit, place_of, publish},
    timer::{Goes, NewTimer, SetTimer, Target, TimerHost, Timers, due_ms},
};

/// The hidden eventbus whose eventlogs are the shards of timers.
const TIMERS: &str = "__timer";

/// Where events go whose eventbus was deleted before they were due.
const LETTERS: &str = "__dl_timer";

/// Whether this is the eventbus that timers are kept in: it is listed nowhere, and nobody may touch it.
pub(super) fn is_hidden(record: &EventbusRecord) -> bool {
    record.name.as_str() == TIMERS && record.namespace == system_namespace().0
}

impl Control {
    /// The shards of timers.
    pub(crate) const fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Lets timers ask this control plane, and lets those that are there work. Where they cannot, everything else goes on; health
    /// tells it, and the next timer that is to be set tries again.
    pub(super) async fn start_timers(self: &Arc<Self>) {
        let host: Weak<Self> = Arc::downgrade(self);
        self.timers.bind(host);
        if let Some(bus) = self.system_bus(TIMERS)
            && let Err(error) = self.timers.start(&bus.record.eventlogs).await
        {
            tracing::error!(%error, "the timers do not start; what waits does not fire");
        }
    }

    fn system_bus(&self, name: &str) -> Option<Arc<Bus>> {
        let (namespace, _) = system_namespace();
        self.look(|catalog| catalog.bus(namespace.as_str(), name))
    }

    /// Makes the eventbus of timers, if this is the first one.
    async fn need_timers(&self) -> Result<(), ControlError> {
        if self.timers.is_started() {
            return Ok(());
        }
        let _turn = self.change().await?;
        if self.timers.is_started() {
            return Ok(());
        }
        if self.system_bus(TIMERS).is_none() {
            let letters = self.system_record(LETTERS, 1, DEAD_LETTER_RETENTION_MS)?;
            // What waits is kept until it has fired, however long that is.
            let timers = self.system_record(TIMERS, self.timers.wanted_shards(), u64::MAX)?;
            self.store_new(letters, timers).await?;
        }
        let bus = self.system_bus(TIMERS).ok_or(ControlError::Closing)?;
        Ok(self.timers.start(&bus.record.eventlogs).await?)
    }

    fn system_record(
        &self,
        name: &str,
        eventlogs: u16,
        retention_ms: u64,
    ) -> Result<EventbusRecord, ControlError> {
        let (namespace, namespace_id) = system_namespace();
        let now_ms = self.clock.now_ms();
        Ok(EventbusRecord {
            id: EventbusId::from_u64(self.next_id()),
            name: Name::new(name)?,
            namespace_id,
            namespace,
            description: "Timers".to_owned(),
            eventlogs: (0..eventlogs)
                .map(|_| EventlogId::from_u64(self.next_id()))
                .collect(),
            retention_ms,
            retention_bytes: None,
            retain_for: RetainFor::None,
            dead_letter: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        })
    }

    /// Sets timers for events of one eventbus; they are synced when this answers.
    async fn set_timers(
        &self,
        bus: &Bus,
        timers: &[NewTimer],
    ) -> Result<Vec<SetTimer>, ControlError> {
        self.need_timers().await?;
        let record = &bus.record;
        Ok(self
            .timers
            .set(record.id, record.namespace_id, timers)
            .await?)
    }

    /// As [`Control::set_timers`], for events that were not looked at yet.
    pub(crate) async fn set_timers_admitted(
        &self,
        bus: &Bus,
        timers: &[NewTimer],
    ) -> Result<Vec<SetTimer>, Error> {
        for (index, timer) in timers.iter().enumerate() {
            admit(&timer.event).map_err(|source| PublishError::NotAdmitted { index, source })?;
        }
        Ok(self.set_timers(bus, timers).await?)
    }

    /// As [`Control::set_timers_admitted`], for events some of which say themselves when they are due.
    pub(crate) async fn set_timers_asked(
        &self,
        bus: &Bus,
        events: Vec<(Event, Option<i64>)>,
    ) -> Result<Vec<SetTimer>, Error> {
        let now_ms = self.timers.now_ms();
        let mut timers = Vec::with_capacity(events.len());
        for (index, (event, due)) in events.into_iter().enumerate() {
            let asked = match due {
                Some(due) => Some(due),
                None => {
                    due_ms(&event, now_ms).map_err(|source| ControlError::Time { index, source })?
                }
            };
            let due_ms = asked.ok_or(ControlError::NoTime { index })?;
            timers.push(NewTimer { event, due_ms });
        }
        self.set_timers_admitted(bus, &timers).await
    }

    /// Publishes events; those that are to wait become timers. Tells, in their order, where they are.
    ///
    /// Dropping the future does not take back what was already handed to the store.
    pub(crate) async fn publish(
        &self,
        bus: &Bus,
        events: &[Event],
        options: PublishOptions,
    ) -> Result<Vec<Published>, Error> {
        let mut now_ms = None;
        let mut waiting = Vec::new();
        for (index, event) in events.iter().enumerate() {
            let asks =
                admit(event).map_err(|source| PublishError::NotAdmitted { index, source })?;
            if !asks {
                continue;
            }
            let now_ms = *now_ms.get_or_insert_with(|| self.timers.now_ms());
            let due_ms =
                due_ms(event, now_ms).map_err(|source| ControlError::Time { index, source })?;
            // What is due goes straight through.
            if let Some(due_ms) = due_ms.filter(|due_ms| *due_ms > now_ms) {
                let event = event.clone();
                waiting.push((index, NewTimer { event, due_ms }));
            }
        }
        if waiting.is_empty() {
            return Ok(publish(&self.logs, &bus.record, &bus.turns, events, options).await?);
        }
        if options.producer.is_some() || options.eventlog.is_some() {
            return Err(ControlError::TimerPlaced.into());
        }
        self.publish_some(bus, events, options, waiting).await
    }

    /// Publishes what does not wait, and sets the timers of what does.
    async fn publish_some(
        &self,
        bus: &Bus,
        events: &[Event],
        options: PublishOptions,
        waiting: Vec<(usize, NewTimer)>,
    ) -> Result<Vec<Published>, Error> {
        let (places, timers): (Vec<usize>, Vec<NewTimer>) = waiting.into_iter().unzip();
        let mut waits = vec![false; events.len()];
        for index in &places {
            if let Some(waits) = waits.get_mut(*index) {
                *waits = true;
            }
        }
        let with = events.iter().zip(&waits);
        let straight: Vec<Event> = with
            .filter(|(_, waits)| !**waits)
            .map(|(event, _)| event.clone())
            .collect();
        let publishing = async {
            if straight.is_empty() {
                return Ok(Vec::new());
            }
            publish(&self.logs, &bus.record, &bus.turns, &straight, options).await
        };
        let (set, published) = join(self.set_timers(bus, &timers), publishing).await;
        let (mut set, mut published) = (set?.into_iter(), published?.into_iter());
        let told = waits.into_iter().filter_map(|waits| {
            if waits {
                set.next().map(waiting_at)
            } else {
                published.next()
            }
        });
        Ok(told.collect())
    }
}

/// What is told of an event that waits.
fn waiting_at(timer: SetTimer) -> Published {
    Published {
        id: timer.entry,
        append_time_ms: timer.append_time_ms,
        durability: Durability::Fsync,
        duplicate: false,
        timer: Some(timer.id),
    }
}

impl TimerHost for Control {
    fn target(&self, goes: &Goes, turn: usize) -> Option<Target> {
        let Some(bus) = self.look(|catalog| catalog.bus_by_id(goes.eventbus)) else {
            return self.letters();
        };
        let eventlogs = &bus.record.eventlogs;
        let place = match goes.key {
            Some(hash) => place_of(hash, eventlogs.len()),
            None => turn % eventlogs.len().max(1),
        };
        let eventlog = eventlogs.get(place).copied()?;
        let dead = false;
        Some(Target { eventlog, dead })
    }

    fn letters(&self) -> Option<Target> {
        let bus = self.system_bus(LETTERS)?;
        let eventlog = bus.record.eventlogs.first().copied()?;
        let dead = true;
        Some(Target { eventlog, dead })
    }

    fn names(&self, eventbus: EventbusId) -> Option<(Name, Name)> {
        let bus = self.look(|catalog| catalog.bus_by_id(eventbus))?;
        Some((bus.record.namespace.clone(), bus.record.name.clone()))
    }
}
