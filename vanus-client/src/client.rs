//! The client itself.

use std::{sync::Arc, time::Duration};

use vanus_proto::message::{EventbusKey, LookupOffset, ReadEvent, ReadReply, ReadRequest};
use vanus_types::{
    Batch, ErrorCode, EventId, EventbusId, EventlogId, Fault, Name, SubscriptionId,
    control::StoredEvent,
};

use crate::{
    admin::Admin,
    config::ClientConfig,
    consumer::{Consumer, ConsumerOptions},
    error::ClientError,
    link::Link,
    producer::{Producer, ProducerOptions},
    subscriber::{Subscriber, SubscriberOptions},
};

/// A client of a Vanus server. Cheap to clone; clones share their connections.
///
/// Must be used within a tokio runtime.
#[derive(Debug, Clone)]
pub struct Client {
    link: Arc<Link>,
}

impl Client {
    /// Connects to the first configured server that answers.
    ///
    /// # Errors
    /// [`ClientError::Transport`] when none does, [`ClientError::Refused`] when the server speaks
    /// another version.
    pub async fn connect(config: ClientConfig) -> Result<Self, ClientError> {
        let client = Self::lazy(config)?;
        client.link.ensure_connected().await?;
        Ok(client)
    }

    /// A client that connects when it is first needed.
    ///
    /// # Errors
    /// [`ClientError::Transport`] when the configured trust cannot be read.
    pub fn lazy(config: ClientConfig) -> Result<Self, ClientError> {
        Ok(Self {
            link: Arc::new(Link::new(config)?),
        })
    }

    /// What exists, and changing it.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(Arc::clone(&self.link))
    }

    /// A producer of events for one eventbus.
    ///
    /// # Errors
    /// [`ClientError`], for example that the eventbus does not exist, or has no such eventlog.
    pub async fn producer(
        &self,
        namespace: &str,
        eventbus: &str,
        options: ProducerOptions,
    ) -> Result<Producer, ClientError> {
        let key = key(namespace, eventbus)?;
        let record = match self.link.routes().get(&key) {
            Some(known) => known,
            None => {
                let record = Arc::new(self.admin().get_eventbus(key.clone(), false).await?.record);
                self.link.routes().learn(key, Arc::clone(&record));
                record
            }
        };
        if let Some(eventlog) = options.eventlog
            && !record.eventlogs.contains(&eventlog)
        {
            let message = format!("eventlog {eventlog} is none of eventbus \"{eventbus}\"");
            return Err(Fault::new(ErrorCode::EventlogNotFound, message).into());
        }
        Ok(Producer::new(Arc::clone(&self.link), &record, options))
    }

    /// A consumer of the events of one eventbus.
    ///
    /// Where it starts is decided before this returns: one that starts with the latest event sees
    /// whatever is published from then on.
    ///
    /// # Errors
    /// [`ClientError`], for example that the eventbus does not exist.
    pub async fn consumer(
        &self,
        namespace: &str,
        eventbus: &str,
        options: ConsumerOptions,
    ) -> Result<Consumer, ClientError> {
        let bus = self
            .admin()
            .get_eventbus(key(namespace, eventbus)?, false)
            .await?;
        Consumer::start(Arc::clone(&self.link), &bus, options).await
    }

    /// Receives the deliveries of a subscription with the sink `pull`. Whether there is one is told by
    /// the first [`Subscriber::next`].
    #[must_use]
    pub fn subscriber(
        &self,
        subscription: SubscriptionId,
        options: SubscriberOptions,
    ) -> Subscriber {
        Subscriber::new(Arc::clone(&self.link), subscription, options)
    }

    /// Reads whole batches from `offset` on; the first one may begin with earlier events.
    ///
    /// Waits up to `wait` for an event if there is none yet, and answers no batch after that.
    ///
    /// # Errors
    /// [`ClientError`]; checksums are verified.
    pub async fn read(
        &self,
        eventlog: EventlogId,
        offset: u64,
        max_bytes: u32,
        wait: Duration,
    ) -> Result<(ReadReply, Vec<Batch>), ClientError> {
        let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let request = ReadRequest {
            eventlog,
            offset,
            max_bytes,
            wait_ms,
        };
        let answer = self.link.ask(&request, wait).await?;
        let batches = answer.batches()?;
        Ok((answer.reply, batches))
    }

    /// Reads one event.
    ///
    /// # Errors
    /// [`ClientError`], for example that it is not kept any more.
    pub async fn read_event(&self, id: EventId) -> Result<StoredEvent, ClientError> {
        let answer = self
            .link
            .ask(&ReadEvent { event: id }, Duration::ZERO)
            .await?;
        for batch in answer.batches()? {
            let append_time_ms = batch.header().append_time_ms;
            for (offset, event) in batch.events() {
                if offset == id.offset && batch.header().eventlog == id.eventlog {
                    return Ok(StoredEvent {
                        id,
                        append_time_ms,
                        event,
                    });
                }
            }
        }
        let detail = format!("the answer does not hold event {id}");
        Err(ClientError::Answer {
            what: "ReadEvent",
            detail,
        })
    }

    /// Per eventlog of an eventbus the first offset appended at `time_ms` (milliseconds since the
    /// Unix epoch) or later.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lookup_offset(
        &self,
        eventbus: EventbusId,
        time_ms: i64,
    ) -> Result<Vec<(EventlogId, u64)>, ClientError> {
        let request = LookupOffset { eventbus, time_ms };
        Ok(self.link.ask(&request, Duration::ZERO).await?.reply.offsets)
    }

    /// Closes all connections. Producers and consumers that go on make a new one; requests under way
    /// fail, unless asking again is without danger.
    pub fn close(&self) {
        self.link.close();
    }
}

fn key(namespace: &str, eventbus: &str) -> Result<EventbusKey, ClientError> {
    Ok(EventbusKey::Name {
        namespace: Name::new(namespace)?,
        name: Name::new(eventbus)?,
    })
}
