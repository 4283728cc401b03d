//! The consumer as its user sees it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{sync::mpsc, task::JoinSet};
use vanus_proto::message::LookupOffset;
use vanus_types::{
    Batch, Event, EventId, EventlogId,
    batch::BatchEvents,
    control::{EventbusInfo, EventlogInfo},
};

use super::{ConsumerOptions, StartAt, reader::Reader};
use crate::{error::ClientError, link::Link};

/// Consumes the events of one eventbus, each eventlog in order.
///
/// It remembers nothing by itself: to go on later, keep the offset after the last event of each
/// eventlog and start with [`StartAt::Offsets`].
#[derive(Debug)]
pub struct Consumer {
    batches: mpsc::Receiver<Result<ReceivedBatch, ClientError>>,
    current: Option<Current>,
    /// The readers; they end with the consumer.
    _readers: JoinSet<()>,
}

/// The batch whose events are being handed out.
#[derive(Debug)]
struct Current {
    eventlog: EventlogId,
    append_time_ms: i64,
    events: BatchEvents,
    skip_below: u64,
}

/// A consumed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Where it is stored.
    pub eventlog: EventlogId,
    /// Its offset there.
    pub offset: u64,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// The event, as it was published.
    pub event: Event,
}

impl Received {
    /// Eventlog and offset in one.
    #[must_use]
    pub const fn id(&self) -> EventId {
        EventId {
            eventlog: self.eventlog,
            offset: self.offset,
        }
    }
}

/// A consumed batch. Its checksums hold.
#[derive(Debug, Clone)]
pub struct ReceivedBatch {
    /// The batch as it lies in the log.
    pub batch: Batch,
    /// The first offset that is wanted: the batch a consumer starts with may begin earlier.
    pub first_offset: u64,
}

impl ReceivedBatch {
    /// How many of its events are wanted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.batch
            .header()
            .next_offset()
            .saturating_sub(self.first_offset)
    }

    /// Whether none is; never so for a batch that was received.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events that are wanted, with their offsets.
    pub fn events(&self) -> impl Iterator<Item = (u64, Event)> + use<> {
        let first = self.first_offset;
        self.batch
            .events()
            .skip_while(move |(offset, _)| *offset < first)
    }
}

impl Consumer {
    pub(crate) async fn start(
        link: Arc<Link>,
        eventbus: &EventbusInfo,
        options: ConsumerOptions,
    ) -> Result<Self, ClientError> {
        let starts = starts(&link, eventbus, &options).await?;
        let (sender, batches) = mpsc::channel(options.read_ahead.max(1));
        let mut readers = JoinSet::new();
        for (eventlog, offset) in starts {
            let reader = Reader::new(
                Arc::clone(&link),
                eventlog,
                offset,
                options.mode,
                options.max_bytes,
                sender.clone(),
            );
            readers.spawn(reader.run());
        }
        Ok(Self {
            batches,
            current: None,
            _readers: readers,
        })
    }

    /// The next event, of whichever eventlog has one; waits for it. Cancellation safe.
    ///
    /// # Errors
    /// [`ClientError`] when one eventlog cannot be read on, for example because its next event
    /// is not kept any more. The others go on. [`ClientError::Closed`] when none is left.
    pub async fn next(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(received) = self.take_current() {
                return Ok(received);
            }
            let next = self.receive().await?;
            self.current = Some(Current {
                eventlog: next.batch.header().eventlog,
                append_time_ms: next.batch.header().append_time_ms,
                events: next.batch.events(),
                skip_below: next.first_offset,
            });
        }
    }

    /// The next whole batch; waits for it. What [`Consumer::next`] left of a batch is passed over.
    /// Cancellation safe.
    ///
    /// # Errors
    /// As [`Consumer::next`].
    pub async fn next_batch(&mut self) -> Result<ReceivedBatch, ClientError> {
        self.current = None;
        self.receive().await
    }

    async fn receive(&mut self) -> Result<ReceivedBatch, ClientError> {
        self.batches
            .recv()
            .await
            .unwrap_or(Err(ClientError::Closed))
    }

    fn take_current(&mut self) -> Option<Received> {
        let current = self.current.as_mut()?;
        let skip_below = current.skip_below;
        let (offset, event) = current.events.find(|(offset, _)| *offset >= skip_below)?;
        Some(Received {
            eventlog: current.eventlog,
            offset,
            append_time_ms: current.append_time_ms,
            event,
        })
    }
}

/// Where each eventlog is to be read from.
async fn starts(
    link: &Link,
    eventbus: &EventbusInfo,
    options: &ConsumerOptions,
) -> Result<Vec<(EventlogId, u64)>, ClientError> {
    let named: HashMap<EventlogId, u64> = match &options.start {
        StartAt::Earliest | StartAt::Latest => HashMap::new(),
        StartAt::Offsets(offsets) => offsets.iter().copied().collect(),
        StartAt::Time(time_ms) => {
            let request = LookupOffset {
                eventbus: eventbus.record.id,
                time_ms: *time_ms,
            };
            link.ask(&request, Duration::ZERO)
                .await?
                .reply
                .offsets
                .into_iter()
                .collect()
        }
    };
    let wanted = |id: &EventlogId| {
        options
            .eventlogs
            .as_ref()
            .is_none_or(|only| only.contains(id))
    };
    let start = |log: &EventlogInfo| match options.start {
        StartAt::Latest => log.end_offset,
        _ => named.get(&log.id).copied().unwrap_or(log.start_offset),
    };
    Ok(eventbus
        .logs
        .iter()
        .filter(|log| wanted(&log.id))
        .map(|log| (log.id, start(log)))
        .collect())
}
