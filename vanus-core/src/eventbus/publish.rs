//! Publishing events: split by eventlog, append, tell where each one is.

use futures_util::future::join_all;
use vanus_storage::Appended;
use vanus_types::{
    Batch, Coded, Durability, ErrorCode, Event, EventId, EventlogId, ProducerId, TimerId,
    control::EventbusRecord,
};

use super::{
    admission::NotAdmitted,
    partition::{RoundRobin, keyed},
};
use crate::eventlog::{LogError, Logs};

/// How to publish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// What the acknowledgement shall promise.
    pub durability: Durability,
    /// The eventlog to use for all events, instead of their partition keys or the next in turn.
    pub eventlog: Option<EventlogId>,
    /// The idempotent producer and the sequence number of the first event. Events of a producer
    /// are numbered without gaps per eventlog; all events of one call must go to one eventlog.
    pub producer: Option<(ProducerId, u64)>,
}

/// Where a published event is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Eventlog and offset.
    pub id: EventId,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub append_time_ms: i64,
    /// What the acknowledgement promises.
    pub durability: Durability,
    /// Whether it had been stored by an earlier call with the same producer and sequence.
    pub duplicate: bool,
    /// The timer it waits as, if it asks to be delivered later. Then `id` is where the timer is written down, and the event gets a
    /// place in its eventbus when it is due.
    pub timer: Option<TimerId>,
}

impl Published {
    const fn at(eventlog: EventlogId, offset: u64, appended: &Appended) -> Self {
        Self {
            id: EventId { eventlog, offset },
            append_time_ms: appended.append_time_ms,
            durability: appended.durability,
            duplicate: appended.duplicate,
            timer: None,
        }
    }
}

/// Why events were not published.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PublishError {
    /// An event is not accepted; nothing was stored.
    #[error("event {index} is not accepted: {source}")]
    NotAdmitted {
        /// Index of the event in the call.
        index: usize,
        /// What is wrong with it.
        source: NotAdmitted,
    },
    /// The eventlog is none of this eventbus; nothing was stored.
    #[error("eventlog {eventlog} is none of eventbus \"{eventbus}\"")]
    ForeignEventlog {
        /// The eventlog asked for.
        eventlog: EventlogId,
        /// The eventbus.
        eventbus: String,
    },
    /// The events of an idempotent producer would be spread; nothing was stored.
    #[error(
        "the events of one call of an idempotent producer must go to one eventlog in one batch; name the eventlog, or give them one partition key"
    )]
    ProducerSpread,
    /// The eventlog failed; of events for several eventlogs, others may be stored.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Coded for PublishError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAdmitted { source, .. } => source.code(),
            Self::ForeignEventlog { .. } => ErrorCode::EventlogNotFound,
            Self::ProducerSpread => ErrorCode::InvalidArgument,
            Self::Log(error) => error.code(),
        }
    }
}

/// Publishes `events`, which were admitted, to `bus` and tells, in their order, where they are.
///
/// Dropping the future does not take back what was already handed to the store.
pub(crate) async fn publish(
    logs: &Logs,
    bus: &EventbusRecord,
    turns: &RoundRobin,
    events: &[Event],
    options: PublishOptions,
) -> Result<Vec<Published>, PublishError> {
    if let [event] = events {
        return publish_one(logs, bus, turns, event, options).await;
    }
    let places = split(bus, turns, events, options)?;
    if let [place] = places.as_slice() {
        return append(logs, place, options).await;
    }
    let appended = join_all(places.iter().map(|place| append(logs, place, options))).await;
    let mut published = vec![None; events.len()];
    for (place, appended) in places.iter().zip(appended) {
        for (index, where_to) in place.indices.iter().zip(appended?) {
            if let Some(slot) = published.get_mut(*index) {
                *slot = Some(where_to);
            }
        }
    }
    Ok(published.into_iter().flatten().collect())
}

/// Publishes one event, with less ado than a list of them.
async fn publish_one(
    logs: &Logs,
    bus: &EventbusRecord,
    turns: &RoundRobin,
    event: &Event,
    options: PublishOptions,
) -> Result<Vec<Published>, PublishError> {
    let count = bus.eventlogs.len();
    let place = named(bus, options.eventlog)?
        .or_else(|| keyed(event, count))
        .unwrap_or_else(|| turn(turns, count, options));
    let Some(eventlog) = bus.eventlogs.get(place).copied() else {
        return Ok(Vec::new());
    };
    let batch = numbered(Batch::of_one(event), options);
    let appended = logs.append(eventlog, batch, options.durability).await?;
    Ok(vec![Published::at(
        eventlog,
        appended.base_offset,
        &appended,
    )])
}

/// The events of a call that go to one eventlog.
struct Place {
    eventlog: EventlogId,
    indices: Vec<usize>,
    batches: Vec<Batch>,
}

fn split(
    bus: &EventbusRecord,
    turns: &RoundRobin,
    events: &[Event],
    options: PublishOptions,
) -> Result<Vec<Place>, PublishError> {
    let count = bus.eventlogs.len();
    let fixed = named(bus, options.eventlog)?;
    let turn = turn(turns, count, options);
    let mut by_log: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (index, event) in events.iter().enumerate() {
        let place = fixed.or_else(|| keyed(event, count)).unwrap_or(turn);
        if let Some(indices) = by_log.get_mut(place) {
            indices.push(index);
        }
    }
    let mut places = Vec::new();
    for (eventlog, indices) in bus.eventlogs.iter().zip(by_log) {
        if indices.is_empty() {
            continue;
        }
        let of_place: Vec<Event> = indices
            .iter()
            .filter_map(|index| events.get(*index))
            .cloned()
            .collect();
        places.push(Place {
            eventlog: *eventlog,
            indices,
            batches: Batch::pack(&of_place),
        });
    }
    let batches: usize = places.iter().map(|place| place.batches.len()).sum();
    if options.producer.is_some() && batches > 1 {
        return Err(PublishError::ProducerSpread);
    }
    Ok(places)
}

/// The place of the eventlog asked for among those of `bus`, if one is asked for.
fn named(
    bus: &EventbusRecord,
    eventlog: Option<EventlogId>,
) -> Result<Option<usize>, PublishError> {
    let Some(eventlog) = eventlog else {
        return Ok(None);
    };
    match bus.eventlogs.iter().position(|log| *log == eventlog) {
        None => Err(PublishError::ForeignEventlog {
            eventlog,
            eventbus: bus.name.to_string(),
        }),
        found => Ok(found),
    }
}

/// Where events without a key go.
fn turn(turns: &RoundRobin, count: usize, options: PublishOptions) -> usize {
    // A producer's events must find the same eventlog when they are sent again.
    options.producer.map_or_else(
        || if count == 1 { 0 } else { turns.next(count) },
        |(producer, _)| usize::try_from(producer.get() % count.max(1) as u64).unwrap_or(0),
    )
}

/// The batch with the number of its producer, if there is one.
fn numbered(batch: Batch, options: PublishOptions) -> Batch {
    match options.producer {
        Some((producer, sequence)) => batch.produced_by(producer, sequence),
        None => batch,
    }
}

async fn append(
    logs: &Logs,
    place: &Place,
    options: PublishOptions,
) -> Result<Vec<Published>, PublishError> {
    let mut published = Vec::with_capacity(place.indices.len());
    for batch in &place.batches {
        let batch = numbered(batch.clone(), options);
        let appended = logs
            .append(place.eventlog, batch, options.durability)
            .await?;
        let offsets = (appended.base_offset..).take(appended.count as usize);
        published.extend(offsets.map(|offset| Published::at(place.eventlog, offset, &appended)));
    }
    Ok(published)
}
