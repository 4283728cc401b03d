//! Timers: events that wait for their time on the server.

use std::time::Duration;

use vanus_proto::message::{
    Call, CancelTimer, EventbusKey, FireTimer, GetTimer, ListTimers, NewTimer, SetTimers,
    UpdateTimer,
};
use vanus_types::{
    Event, Name, TimerId,
    control::{TimerFilter, TimerInfo, TimerList, TimerOutcome, TimerPlace},
    limits::MAX_RECORD_LEN,
};

use crate::{admin::Admin, error::ClientError};

/// Bytes of records that one request carries, about.
const REQUEST_LEN: usize = MAX_RECORD_LEN - 64 * 1024;

/// What an event takes up of a request besides its record, in bytes.
const EVENT_OVERHEAD: usize = 32;

impl Admin {
    /// Lets events wait, each until the time beside it (milliseconds since the Unix epoch), or until the time its attributes
    /// `xvanusdeliverytime` or `xvanusdelay` say. They are synced to disk when this answers; tells, in their order, what they are
    /// called. An event has a mebibyte at most here, in bytes of its record; larger ones can be published over HTTP.
    ///
    /// # Errors
    /// [`ClientError`]; of events for several requests, those of the first ones may be set.
    pub async fn set_timers(
        &self,
        namespace: &Name,
        eventbus: &Name,
        events: &[(Event, Option<i64>)],
    ) -> Result<Vec<TimerId>, ClientError> {
        let mut ids = Vec::with_capacity(events.len());
        let mut rest = events;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|(event, _)| {
                bytes += event.record().len() + EVENT_OVERHEAD;
                bytes <= REQUEST_LEN
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            let new = |(event, due_ms): &(Event, Option<i64>)| NewTimer {
                due_ms: *due_ms,
                record: event.record().to_vec(),
            };
            let request = SetTimers {
                eventbus: EventbusKey::Name {
                    namespace: namespace.clone(),
                    name: eventbus.clone(),
                },
                timers: now.iter().map(new).collect(),
            };
            ids.extend(self.ask(&request).await?.ids);
            rest = later;
        }
        Ok(ids)
    }

    /// Cancels a timer. [`TimerOutcome::Done`] means that it was in time: the event will not be stored.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn cancel_timer(&self, timer: TimerId) -> Result<TimerOutcome, ClientError> {
        self.ask(&CancelTimer { timer }).await
    }

    /// Lets a timer be due at another time, in milliseconds since the Unix epoch. Its id stays.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_timer(
        &self,
        timer: TimerId,
        due_ms: i64,
    ) -> Result<TimerOutcome, ClientError> {
        self.ask(&UpdateTimer { timer, due_ms }).await
    }

    /// Lets a timer be due now.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fire_timer(&self, timer: TimerId) -> Result<TimerOutcome, ClientError> {
        self.ask(&FireTimer { timer }).await
    }

    /// Describes a timer that waits, and its event.
    ///
    /// # Errors
    /// [`ClientError`]; refused where there is none.
    pub async fn get_timer(&self, timer: TimerId) -> Result<(TimerInfo, Event), ClientError> {
        let answer = self.link().ask(&GetTimer { timer }, Duration::ZERO).await?;
        let batches = answer.batches()?;
        match batches.first().and_then(|batch| batch.events().next()) {
            Some((_, event)) => Ok((answer.reply.info, event)),
            None => Err(ClientError::Answer {
                what: GetTimer::OP.name(),
                detail: "the event did not come".to_owned(),
            }),
        }
    }

    /// Lists timers that wait, by the time they are due: at most `limit` after `after`, of one eventbus or of all.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn list_timers(
        &self,
        eventbus: Option<EventbusKey>,
        filter: TimerFilter,
        after: Option<TimerPlace>,
        limit: u32,
    ) -> Result<TimerList, ClientError> {
        let request = ListTimers {
            eventbus,
            filter,
            after,
            limit,
        };
        self.ask(&request).await
    }
}
