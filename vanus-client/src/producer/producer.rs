//! The producer as its user sees it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Semaphore, TryAcquireError};
use vanus_proto::message::EventbusKey;
use vanus_types::{ErrorCode, Event, Fault, checksum::crc32c, control::EventbusRecord};

use super::{
    Ack, NotSent, ProducerOptions, ProducerStats, Receipt, SendError, SendRefusal,
    driver::{Core, Counters, Driver},
    lane::Lane,
};
use crate::link::Link;

/// The attribute whose value picks the eventlog: equal keys, one order.
const PARTITION_KEY: &str = "partitionkey";

/// What an event takes up of the window besides its record, in bytes: so that many tiny events
/// are bounded too.
const EVENT_OVERHEAD: usize = 32;

/// Publishes events to one eventbus. Cheap to clone; clones share window and batches.
///
/// Events with a `partitionkey` extension go to the eventlog of their key, others fill one batch
/// after the other, eventlog by eventlog. A retried event is stored once. When the last clone is
/// dropped, what was taken in is still sent.
#[derive(Debug, Clone)]
pub struct Producer {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    core: Arc<Core>,
    lanes: Vec<Arc<Lane>>,
    /// The lane of events without a key.
    turn: AtomicUsize,
}

impl Drop for Handle {
    fn drop(&mut self) {
        for lane in &self.lanes {
            lane.close();
        }
    }
}

/// Whether an event asks to be delivered later. In a batch it would be refused together with all others.
fn is_delayed(event: &Event) -> bool {
    let times = ["xvanusdelay", "xvanusdeliverytime"];
    event.extensions().any(|(name, _)| times.contains(&name))
}

impl Producer {
    pub(crate) fn new(
        link: Arc<Link>,
        eventbus: &EventbusRecord,
        options: ProducerOptions,
    ) -> Self {
        let options = options.within_limits();
        let key = EventbusKey::Name {
            namespace: eventbus.namespace.clone(),
            name: eventbus.name.clone(),
        };
        let only = options.eventlog;
        let core = Arc::new(Core {
            link,
            eventbus: key,
            window: Semaphore::new(options.window_bytes),
            options,
            counters: Counters::default(),
        });
        let lanes: Vec<_> = eventbus
            .eventlogs
            .iter()
            .filter(|eventlog| only.is_none_or(|only| only == **eventlog))
            .map(|eventlog| Arc::new(Lane::new(*eventlog)))
            .collect();
        for lane in &lanes {
            tokio::spawn(Driver::new(Arc::clone(&core), Arc::clone(lane)).run());
        }
        Self {
            handle: Arc::new(Handle {
                core,
                lanes,
                turn: AtomicUsize::new(0),
            }),
        }
    }

    /// Takes `event` in, waiting while the window is full, and answers its acknowledgement.
    ///
    /// Cancellation safe: an event of a cancelled call was not taken in.
    ///
    /// # Errors
    /// [`NotSent`] gives the event back when the producer is closed, or the event asks to be delivered later.
    pub async fn send(&self, event: Event) -> Result<Ack, NotSent> {
        if is_delayed(&event) {
            let reason = SendRefusal::Delayed;
            return Err(NotSent { event, reason });
        }
        let cost = self.cost(&event);
        let window = &self.handle.core.window;
        match window.try_acquire_many(cost) {
            Ok(room) => room.forget(),
            Err(TryAcquireError::NoPermits) => match window.acquire_many(cost).await {
                Ok(room) => room.forget(),
                Err(_) => {
                    return Err(NotSent {
                        event,
                        reason: SendRefusal::Closed,
                    });
                }
            },
            Err(TryAcquireError::Closed) => {
                return Err(NotSent {
                    event,
                    reason: SendRefusal::Closed,
                });
            }
        }
        self.enqueue(event, cost)
    }

    /// Takes `event` in if there is room for it right now.
    ///
    /// # Errors
    /// [`NotSent`] gives the event back when the window is full, the producer is closed, or the event asks to be delivered later.
    pub fn try_send(&self, event: Event) -> Result<Ack, NotSent> {
        if is_delayed(&event) {
            let reason = SendRefusal::Delayed;
            return Err(NotSent { event, reason });
        }
        let cost = self.cost(&event);
        match self.handle.core.window.try_acquire_many(cost) {
            Ok(room) => room.forget(),
            Err(TryAcquireError::NoPermits) => {
                let limit = self.handle.core.options.window_bytes;
                return Err(NotSent {
                    event,
                    reason: SendRefusal::Full { limit },
                });
            }
            Err(TryAcquireError::Closed) => {
                return Err(NotSent {
                    event,
                    reason: SendRefusal::Closed,
                });
            }
        }
        self.enqueue(event, cost)
    }

    /// Sends `event` and waits until it is stored.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send_and_wait(&self, event: Event) -> Result<Receipt, SendError> {
        match self.send(event).await {
            Ok(ack) => ack.await,
            Err(NotSent { reason, .. }) if reason == SendRefusal::Delayed => {
                let fault = Fault::new(ErrorCode::InvalidArgument, reason.to_string());
                Err(SendError::Refused(fault))
            }
            Err(_) => Err(SendError::Closed {
                may_be_stored: false,
            }),
        }
    }

    /// Lets nothing linger, and waits until every event taken in before has its outcome; which
    /// one it is, the acknowledgements say. Cancellation safe.
    pub async fn flush(&self) {
        let lanes = &self.handle.lanes;
        let awaited: Vec<_> = lanes.iter().map(|lane| lane.flush()).collect();
        for (lane, awaited) in lanes.iter().zip(awaited) {
            // Fails only when the lane is gone, and with it whatever could be awaited.
            let _ = lane
                .settled
                .subscribe()
                .wait_for(|settled| *settled >= awaited)
                .await;
        }
    }

    /// Takes no further event in, for all clones, and waits like [`Producer::flush`].
    pub async fn close(&self) {
        self.handle.core.window.close();
        for lane in &self.handle.lanes {
            lane.close();
        }
        self.flush().await;
    }

    /// What became of the events so far.
    #[must_use]
    pub fn stats(&self) -> ProducerStats {
        let counters = &self.handle.core.counters;
        ProducerStats {
            sent: counters.sent.load(Ordering::Relaxed),
            acknowledged: counters.acknowledged.load(Ordering::Relaxed),
            failed: counters.failed.load(Ordering::Relaxed),
            batches: counters.batches.load(Ordering::Relaxed),
            resent: counters.resent.load(Ordering::Relaxed),
        }
    }

    /// What an event takes up of the window; one larger than the window takes all of it.
    fn cost(&self, event: &Event) -> u32 {
        let cost =
            (event.record().len() + EVENT_OVERHEAD).min(self.handle.core.options.window_bytes);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    fn enqueue(&self, event: Event, cost: u32) -> Result<Ack, NotSent> {
        let core = &self.handle.core;
        let cost = usize::try_from(cost).unwrap_or(usize::MAX);
        let pushed = self
            .lane_of(&event)
            .and_then(|lane| lane.push(&event, cost, &core.options));
        match pushed {
            Some(ack) => {
                core.counters.sent.fetch_add(1, Ordering::Relaxed);
                Ok(ack)
            }
            None => {
                core.window.add_permits(cost);
                Err(NotSent {
                    event,
                    reason: SendRefusal::Closed,
                })
            }
        }
    }

    fn lane_of(&self, event: &Event) -> Option<&Arc<Lane>> {
        let lanes = &self.handle.lanes;
        if lanes.len() <= 1 {
            return lanes.first();
        }
        if let Some(key) = event.attribute(PARTITION_KEY) {
            let hash = crc32c(key.canonical().as_bytes());
            return lanes.get(usize::try_from(hash).ok()? % lanes.len());
        }
        let turn = self.handle.turn.load(Ordering::Relaxed);
        let lane = lanes.get(turn % lanes.len())?;
        if lane.is_filling() {
            return Some(lane);
        }
        // Its batch is on the way: the next one goes to the next eventlog.
        let next = turn.wrapping_add(1);
        self.handle.turn.store(next, Ordering::Relaxed);
        lanes.get(next % lanes.len())
    }
}
