//! Timers as an embedder sees them: events are published with a time, and looked after here.

use vanus_types::{
    Event, TimerId,
    control::{TimerFilter, TimerInfo, TimerList, TimerOutcome, TimerPlace},
};

use super::{eventbus::Eventbus, vanus::Vanus};
use crate::{
    control::ControlError,
    error::Error,
    timer::{NewTimer, TimerMetrics},
};

impl Eventbus {
    /// Lets an event wait until `due_ms`, in milliseconds since the Unix epoch; it is synced to disk when this answers. The event
    /// is not changed. What is due already is stored at once, by way of a timer all the same.
    ///
    /// Dropping the future does not take the timer back.
    ///
    /// # Errors
    /// When the event is not accepted or too large to wait, the quota of the namespace is used up, the eventbus belongs to the
    /// system, or the store does not take it.
    pub async fn set_timer(&self, event: Event, due_ms: i64) -> Result<TimerId, Error> {
        let set = self.set_timers(&[(event, due_ms)]).await?;
        let one = set.first().copied();
        one.ok_or_else(|| ControlError::Closing.into())
    }

    /// As [`Eventbus::set_timer`], for many. Tells, in their order, what they are called.
    ///
    /// # Errors
    /// As [`Eventbus::set_timer`]; some may be set all the same where they do not fit one batch.
    pub async fn set_timers(&self, events: &[(Event, i64)]) -> Result<Vec<TimerId>, Error> {
        let bus = self.writable()?;
        let new = |(event, due_ms): &(Event, i64)| NewTimer {
            event: event.clone(),
            due_ms: *due_ms,
        };
        let timers: Vec<_> = events.iter().map(new).collect();
        let set = self
            .vanus()
            .control()
            .set_timers_admitted(&bus, &timers)
            .await?;
        Ok(set.into_iter().map(|timer| timer.id).collect())
    }
}

impl Vanus {
    /// Cancels a timer. [`TimerOutcome::Done`] means that it was in time: the event will not be stored. Safe to repeat.
    ///
    /// # Errors
    /// When it is not known what became of it, as the store does not answer.
    pub async fn cancel_timer(&self, id: TimerId) -> Result<TimerOutcome, Error> {
        Ok(self
            .control()
            .timers()
            .cancel(id)
            .await
            .map_err(ControlError::from)?)
    }

    /// Lets a timer be due at another time, in milliseconds since the Unix epoch. Its id stays.
    ///
    /// # Errors
    /// As [`Vanus::cancel_timer`].
    pub async fn update_timer(&self, id: TimerId, due_ms: i64) -> Result<TimerOutcome, Error> {
        let timers = self.control().timers();
        Ok(timers
            .update(id, due_ms)
            .await
            .map_err(ControlError::from)?)
    }

    /// Lets a timer be due now.
    ///
    /// # Errors
    /// As [`Vanus::cancel_timer`].
    pub async fn fire_timer(&self, id: TimerId) -> Result<TimerOutcome, Error> {
        Ok(self
            .control()
            .timers()
            .fire_now(id)
            .await
            .map_err(ControlError::from)?)
    }

    /// Tells about a timer that waits, and its event.
    ///
    /// # Errors
    /// When there is none with this id: it has fired, was cancelled, or never was.
    pub async fn timer(&self, id: TimerId) -> Result<(TimerInfo, Event), Error> {
        Ok(self
            .control()
            .timers()
            .get(id)
            .await
            .map_err(ControlError::from)?)
    }

    /// Tells about timers that wait, by the time they are due: at most `limit` after `after`.
    ///
    /// # Errors
    /// When what is stored of them cannot be read.
    pub async fn timers(
        &self,
        filter: TimerFilter,
        after: Option<TimerPlace>,
        limit: usize,
    ) -> Result<TimerList, Error> {
        let timers = self.control().timers();
        let listed = timers.list(filter, after, limit).await;
        Ok(listed.map_err(ControlError::from)?)
    }

    /// Counters and gauges of timers.
    #[must_use]
    pub fn timer_metrics(&self) -> TimerMetrics {
        self.control().timers().metrics()
    }
}
