//! Receives the deliveries of a subscription, and settles them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use vanus_proto::{
    Op,
    message::{AttemptKey, Receive, Settle, Settlement},
};
use vanus_types::{Batch, Event, EventId, SubscriptionId, limits::MAX_RECEIVE_EVENTS};

use crate::{error::ClientError, link::Link};

/// How a [`Subscriber`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriberOptions {
    /// Most deliveries held at a time; 1 to 1,000. All of them are to be settled within the delivery
    /// time-out of the subscription, so hold no more than you get done. Default: 64.
    pub prefetch: usize,
    /// How long one request waits at the server; the next one follows. Default: 30 s.
    pub wait: Duration,
}

impl Default for SubscriberOptions {
    fn default() -> Self {
        Self {
            prefetch: 64,
            wait: Duration::from_secs(30),
        }
    }
}

/// An event that waits to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The event.
    pub event: Event,
    /// Its eventlog and offset.
    pub id: EventId,
    /// The number of this attempt, from 1: more than one says that it was delivered before.
    pub attempt: u32,
}

impl Handed {
    const fn key(&self) -> AttemptKey {
        AttemptKey {
            id: self.id,
            attempt: self.attempt,
        }
    }
}

/// Receives the deliveries of one subscription with the sink `pull`.
///
/// A request waits at the server as long as there is nothing, so that an event comes as soon as it
/// passes the filters. Many subscribers may share a subscription: each delivery goes to one of them.
/// Broken connections are made anew; what was handed out and not settled comes again.
#[derive(Debug)]
pub struct Subscriber {
    link: Arc<Link>,
    subscription: SubscriptionId,
    options: SubscriberOptions,
    held: VecDeque<Handed>,
}

impl Subscriber {
    pub(crate) fn new(
        link: Arc<Link>,
        subscription: SubscriptionId,
        options: SubscriberOptions,
    ) -> Self {
        Self {
            link,
            subscription,
            options,
            held: VecDeque::new(),
        }
    }

    /// The next delivery; waits for one. Cancellation safe, but for deliveries that are just on their
    /// way: they come again after their time-out.
    ///
    /// # Errors
    /// [`ClientError`], for example that the subscription does not exist or has another sink.
    pub async fn next(&mut self) -> Result<Handed, ClientError> {
        loop {
            if let Some(handed) = self.held.pop_front() {
                return Ok(handed);
            }
            self.fetch().await?;
        }
    }

    async fn fetch(&mut self) -> Result<(), ClientError> {
        let most = self.options.prefetch.clamp(1, MAX_RECEIVE_EVENTS);
        let request = Receive {
            subscription: self.subscription,
            most: u32::try_from(most).unwrap_or(1),
            wait_ms: u32::try_from(self.options.wait.as_millis()).unwrap_or(u32::MAX),
        };
        let answer = self.link.ask(&request, self.options.wait).await?;
        let batches = answer.batches()?;
        let events: Vec<Event> = batches
            .iter()
            .flat_map(Batch::events)
            .map(|(_, event)| event)
            .collect();
        let attempts = answer.reply.attempts;
        if attempts.len() != events.len() {
            let detail = format!("{} of {} events came", events.len(), attempts.len());
            return Err(ClientError::Answer {
                what: Op::Receive.name(),
                detail,
            });
        }
        let pairs = attempts.into_iter().zip(events);
        self.held.extend(pairs.map(|(key, event)| Handed {
            event,
            id: key.id,
            attempt: key.attempt,
        }));
        Ok(())
    }

    /// Acknowledges a delivery; false if its time was over, so that it comes again.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ack(&self, handed: &Handed) -> Result<bool, ClientError> {
        self.settle(handed, Settlement::Ack).await
    }

    /// Wants a delivery again, not before `delay` has passed, nor before its place in the retry
    /// schedule; false if its time was over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn nack(&self, handed: &Handed, delay: Duration) -> Result<bool, ClientError> {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.settle(handed, Settlement::Nack { delay_ms }).await
    }

    /// Gives a delivery up: it becomes a dead letter for this reason; false if its time was over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn reject(
        &self,
        handed: &Handed,
        reason: impl Into<String>,
    ) -> Result<bool, ClientError> {
        let reason = reason.into();
        self.settle(handed, Settlement::Reject { reason }).await
    }

    async fn settle(&self, handed: &Handed, settlement: Settlement) -> Result<bool, ClientError> {
        let request = Settle {
            subscription: self.subscription,
            attempts: vec![(handed.key(), settlement)],
        };
        let answer = self.link.ask(&request, Duration::ZERO).await?;
        Ok(answer.reply.late.is_empty())
    }
}
