//! One attempt to deliver one event: read it if need be, deliver it, decide what comes next.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use vanus_expr::transform::{TransformContext, TransformError};
use vanus_storage::meta::MetaError;
use vanus_types::{
    Batch, Coded as _, Durability, ErrorCode, Event, EventId, EventlogId,
    limits::MAX_RETRY_AFTER_MS,
};

use super::{
    dead_letter,
    delivery::{Delivery, DeliveryError},
    pending::Retry,
    place::Place,
    schedule,
    shared::Shared,
    totals::add,
};

/// Reason of an event that was tried as often as its subscription allows.
const REASON_ATTEMPTS: &str = "MaxDeliveryAttemptExceeded";

/// Reason of an event that its transformer makes nothing of.
const REASON_TRANSFORM: &str = "TransformError";

/// How long an event waits whose attempt failed inside Vanus, in milliseconds.
const INTERNAL_RETRY_MS: i64 = 1_000;

/// What became of an event after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The sink acknowledged it.
    Delivered,
    /// It is in the dead letter eventbus.
    DeadLettered,
    /// It was given up, as dead letters are turned off.
    Dropped,
    /// It is no longer kept.
    Expired,
    /// It waits for its next attempt.
    Again(Retry),
}

/// Where the events of a worker come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// An eventlog of the eventbus.
    Eventlog,
    /// The dead letter eventlog: events that are sent again, with marks to be taken off.
    DeadLetters,
}

/// An event to be tried, and what is known about it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) shared: Arc<Shared>,
    pub(crate) origin: Origin,
    pub(crate) eventlog: EventlogId,
    pub(crate) offset: u64,
    /// The event, unless it has to be read again.
    pub(crate) event: Option<Event>,
    /// What happened before.
    pub(crate) retry: Retry,
}

impl Attempt {
    /// Makes the attempt, in its place. Never fails: whatever goes wrong is a [`Fate`].
    pub(crate) async fn run(mut self, place: &mut Place) -> Fate {
        let event = match self.event.take() {
            Some(event) => event,
            None => match self.fetch().await {
                Ok(event) => event,
                Err(fate) => return fate,
            },
        };
        if let Some(reason) = self.retry.give_up.take() {
            return self.give_up(&event, reason).await;
        }
        // The original is kept: it is what is tried again, and what a dead letter is.
        let outgoing = match self.transform(&event) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                self.retry.error = shortened(error.to_string());
                return self.give_up(&event, REASON_TRANSFORM.to_owned()).await;
            }
        };
        if let Err(error) = self.choose_route(&event).await {
            return self.postpone(error.to_string());
        }
        add(&self.shared.totals.attempts, 1);
        self.retry.attempts += 1;
        place.take();
        let answer = self.deliver(outgoing).await;
        self.note(&answer);
        match answer {
            Ok(()) => Fate::Delivered,
            Err(DeliveryError::Reject { reason, message }) => {
                self.retry.error = shortened(message);
                self.give_up(&event, reason).await
            }
            Err(DeliveryError::Retry(message)) => {
                self.try_later(&event, message, Duration::ZERO).await
            }
            Err(DeliveryError::RetryAfter { message, after }) => {
                self.try_later(&event, message, after).await
            }
        }
    }

    /// Takes note of how the sink is.
    fn note(&self, answer: &Result<(), DeliveryError>) {
        let Shared { sink, health, .. } = self.shared.as_ref();
        match answer {
            Err(error) if error.may_pass() && sink.paces_itself() => {}
            Err(error) if error.may_pass() => health.failed(),
            _ => health.answered(),
        }
    }

    /// Lets the event wait for its next attempt, at least as long as the sink asks for, or gives it
    /// up if that was the last one.
    async fn try_later(mut self, event: &Event, message: String, after: Duration) -> Fate {
        self.retry.error = shortened(message);
        if self.retry.attempts > self.shared.config.max_retry_attempts {
            return self.give_up(event, REASON_ATTEMPTS.to_owned()).await;
        }
        let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let delay = u64::from(schedule::delay_ms(self.retry.attempts));
        let delay = delay.max(after.min(MAX_RETRY_AFTER_MS));
        self.retry.due_ms = self.shared.clock.now_ms() + i64::try_from(delay).unwrap_or(0);
        Fate::Again(self.retry)
    }

    /// Reads the event from its eventlog.
    async fn fetch(&mut self) -> Result<Event, Fate> {
        let id = EventId {
            eventlog: self.eventlog,
            offset: self.offset,
        };
        let event = match self.shared.logs.read_event(id).await {
            Ok(stored) => stored.event,
            Err(error) if error.code() == ErrorCode::OffsetUnderflow => return Err(Fate::Expired),
            Err(error) => {
                tracing::warn!(%id, %error, "an event that waits for delivery cannot be read");
                return Err(self.postpone(error.to_string()));
            }
        };
        match self.origin {
            Origin::Eventlog => Ok(event),
            Origin::DeadLetters => {
                dead_letter::unmark(&event).map_err(|error| self.postpone(error.to_string()))
            }
        }
    }

    /// Lets the event wait because something failed inside Vanus.
    fn postpone(&mut self, error: String) -> Fate {
        self.retry.error = error;
        self.retry.due_ms = self.shared.clock.now_ms() + INTERNAL_RETRY_MS;
        Fate::Again(self.retry.clone())
    }

    /// Decides which route the next attempt takes, if there are routes. What is pinned by it is stored
    /// before anything is delivered, so that a crash moves no key.
    async fn choose_route(&mut self, event: &Event) -> Result<(), MetaError> {
        let Some(router) = &self.shared.router else {
            return Ok(());
        };
        let id = EventId {
            eventlog: self.eventlog,
            offset: self.offset,
        };
        let (saver, before) = (&self.shared.saver, self.retry.route.as_deref());
        let attempt = self.retry.attempts + 1;
        let (route, pinned) = router.choose(saver, event, id, attempt, before);
        self.retry.route = route;
        while pinned.iter().any(|key| !router.is_stored(*key)) {
            saver.flush().await?;
        }
        Ok(())
    }

    /// What is delivered of the event.
    fn transform(&self, event: &Event) -> Result<Event, TransformError> {
        let Some(transformer) = &self.shared.transformer else {
            return Ok(event.clone());
        };
        let now_ms = self.shared.clock.now_ms();
        let mut context = TransformContext::new(now_ms, self.shared.entropy.as_ref());
        let made = transformer.run(event, &mut context);
        for skipped in &context.skipped {
            tracing::debug!(subscription = %self.shared.id, eventlog = %self.eventlog,
                offset = self.offset, error = %skipped, "an action of the transformer is left out");
        }
        made
    }

    async fn deliver(&self, event: Event) -> Result<(), DeliveryError> {
        let delivery = Delivery {
            event,
            id: EventId {
                eventlog: self.eventlog,
                offset: self.offset,
            },
            subscription: self.shared.id,
            attempt: self.retry.attempts,
            route: self.retry.route.clone(),
        };
        let timeout = Duration::from_millis(self.shared.config.delivery_timeout_ms.into());
        let timeout = timeout + self.shared.sink.linger();
        let delivering = AssertUnwindSafe(self.shared.sink.deliver(delivery)).catch_unwind();
        match tokio::time::timeout(timeout, delivering).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(DeliveryError::retry("the sink panicked")),
            Err(_elapsed) => Err(DeliveryError::retry(format!(
                "no answer within {timeout:?}"
            ))),
        }
    }

    /// Leaves the event in the dead letter eventbus. Until it is durable there it keeps waiting.
    async fn give_up(&mut self, event: &Event, reason: String) -> Fate {
        if !self.shared.config.dead_letter {
            return Fate::Dropped;
        }
        let now_ms = self.shared.clock.now_ms();
        let error = &self.retry.error;
        let route = self.retry.route.as_deref();
        let marked = dead_letter::mark(event, self.shared.id, &reason, error, route, now_ms);
        // An event without room for the marks is kept without them rather than lost.
        let letter = marked.unwrap_or_else(|_| event.clone());
        let batch = Batch::of_one(&letter);
        let target = self.shared.dead_letters;
        match self
            .shared
            .logs
            .append(target, batch, Durability::Fsync)
            .await
        {
            Ok(_) => Fate::DeadLettered,
            Err(error) => {
                tracing::warn!(subscription = %self.shared.id, %error, "a dead letter cannot be stored");
                self.retry.give_up = Some(reason);
                self.retry.due_ms = now_ms + INTERNAL_RETRY_MS;
                Fate::Again(self.retry.clone())
            }
        }
    }
}

/// Keeps the start of an error text: it is stored with every event that waits.
fn shortened(mut text: String) -> String {
    const MAX_LEN: usize = 512;
    let mut end = MAX_LEN.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
