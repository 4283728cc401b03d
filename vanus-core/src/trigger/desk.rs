//! The sink of a subscription whose events are fetched: deliveries wait at a desk for whoever asks.
//!
//! An attempt only begins when somebody asks, so that events wait in their eventlog and not here.
//! From then on its time-out runs: it is the time a consumer has to settle what it was given. What
//! is not settled in time is tried again, by the schedule.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use vanus_types::{EventId, limits::MAX_RECEIVE_LEN};

use super::{
    delivery::{Delivery, DeliveryError},
    sink::Sink,
};

/// An attempt: the event, and the number of the attempt.
pub(crate) type Handed = (EventId, u32);

/// Where deliveries of one subscription wait.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    /// Told when somebody asks for more.
    wanted: Notify,
    /// Told when a delivery has come.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Deliveries that nobody has yet, in their order.
    waiting: VecDeque<Handed>,
    slots: HashMap<Handed, Slot>,
    /// How many deliveries are asked for.
    demand: usize,
    /// Deliveries that are on their way here because somebody asked.
    coming: usize,
}

#[derive(Debug)]
struct Slot {
    delivery: Delivery,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
    handed: bool,
}

impl State {
    /// Takes note that one more delivery comes, if one more is asked for.
    fn claim(&mut self) -> bool {
        let wanted = self.waiting.len() + self.coming < self.demand;
        if wanted {
            self.coming += 1;
        }
        wanted
    }

    /// Hands out waiting deliveries: at most `most`, and so many bytes; one always fits.
    fn hand_out(&mut self, most: usize) -> Vec<Delivery> {
        let (mut handed, mut bytes) = (Vec::new(), 0);
        while handed.len() < most {
            let Some(key) = self.waiting.front() else {
                break;
            };
            let Some(slot) = self.slots.get_mut(key) else {
                self.waiting.pop_front();
                continue;
            };
            bytes += slot.delivery.event.record().len();
            if bytes > MAX_RECEIVE_LEN && !handed.is_empty() {
                break;
            }
            slot.handed = true;
            handed.push(slot.delivery.clone());
            self.waiting.pop_front();
        }
        handed
    }
}

impl Desk {
    /// Takes deliveries, at most `most`; waits up to `wait` for the first. Dropping the future takes
    /// nothing.
    pub(crate) async fn receive(&self, most: usize, wait: Duration) -> Vec<Delivery> {
        let _asking = Asking::new(self, most);
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                let handed = self.state.lock().hand_out(most);
                if !handed.is_empty() {
                    return handed;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(wait, waiting)
            .await
            .unwrap_or_default()
    }

    /// Ends an attempt that was handed out; false if it is over already.
    pub(crate) fn settle(&self, handed: Handed, outcome: Result<(), DeliveryError>) -> bool {
        let slot = {
            let mut state = self.state.lock();
            if !state.slots.get(&handed).is_some_and(|slot| slot.handed) {
                return false;
            }
            state.slots.remove(&handed)
        };
        slot.is_some_and(|slot| slot.answer.send(outcome).is_ok())
    }
}

/// Somebody asks, as long as this lives.
struct Asking<'a> {
    desk: &'a Desk,
    most: usize,
}

impl<'a> Asking<'a> {
    fn new(desk: &'a Desk, most: usize) -> Self {
        {
            let mut state = desk.state.lock();
            // What was on its way and did not come is not waited for.
            state.coming = 0;
            state.demand += most;
        }
        desk.wanted.notify_waiters();
        Self { desk, most }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.desk.state.lock().demand -= self.most;
    }
}

/// The desk as a sink.
#[derive(Debug)]
pub(crate) struct DeskSink(pub(crate) Arc<Desk>);

/// Takes an attempt off the desk when it is over, however it ended.
struct OnDesk<'a> {
    desk: &'a Desk,
    handed: Handed,
}

impl Drop for OnDesk<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state.lock();
        let removed = state.slots.remove(&self.handed);
        if removed.is_some_and(|slot| !slot.handed) {
            state.waiting.retain(|waiting| *waiting != self.handed);
        }
    }
}

#[async_trait]
impl Sink for DeskSink {
    async fn deliver(&self, delivery: Delivery) -> Result<(), DeliveryError> {
        let desk = self.0.as_ref();
        let handed = (delivery.id, delivery.attempt);
        let (answer, answered) = oneshot::channel();
        {
            let mut state = desk.state.lock();
            state.coming = state.coming.saturating_sub(1);
            let slot = Slot {
                delivery,
                answer,
                handed: false,
            };
            state.slots.insert(handed, slot);
            state.waiting.push_back(handed);
        }
        let _on_desk = OnDesk { desk, handed };
        desk.arrived.notify_one();
        let gone = |_| Err(DeliveryError::retry("the delivery was taken off the desk"));
        answered.await.unwrap_or_else(gone)
    }

    fn try_ready(&self) -> bool {
        self.0.state.lock().claim()
    }

    async fn ready(&self) {
        loop {
            let wanted = self.0.wanted.notified();
            if self.0.state.lock().claim() {
                return;
            }
            wanted.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use vanus_types::{Event, EventlogId, SubscriptionId};

    use super::*;

    fn delivery(offset: u64, data: usize) -> Delivery {
        Delivery {
            event: Event::builder()
                .id(offset.to_string())
                .source("/s")
                .ty("t")
                .text("x".repeat(data))
                .build()
                .unwrap(),
            id: EventId {
                eventlog: EventlogId::from_u64(1),
                offset,
            },
            subscription: SubscriptionId::from_u64(1),
            attempt: 1,
            route: None,
        }
    }

    fn desk() -> (Arc<Desk>, Arc<DeskSink>) {
        let desk = Arc::new(Desk::default());
        (Arc::clone(&desk), Arc::new(DeskSink(desk)))
    }

    /// Delivers as a worker does: once the sink is ready.
    fn offer(
        sink: &Arc<DeskSink>,
        delivery: Delivery,
    ) -> tokio::task::JoinHandle<Result<(), DeliveryError>> {
        let sink = Arc::clone(sink);
        tokio::spawn(async move {
            sink.ready().await;
            sink.deliver(delivery).await
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_begins_when_somebody_asks_and_ends_when_it_is_settled() {
        let (desk, sink) = desk();
        assert!(!sink.try_ready());
        let offered = [offer(&sink, delivery(0, 1)), offer(&sink, delivery(1, 1))];
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(desk.state.lock().slots.is_empty());
        let mut got = desk.receive(1, Duration::from_secs(1)).await;
        got.extend(desk.receive(1, Duration::from_secs(1)).await);
        let keys: Vec<Handed> = got.iter().map(|got| (got.id, got.attempt)).collect();
        assert_eq!(keys.len(), 2);
        assert!(desk.settle(keys[0], Ok(())));
        assert!(!desk.settle(keys[0], Ok(())), "settled twice");
        assert!(desk.settle(keys[1], Err(DeliveryError::retry("later"))));
        let mut answers = Vec::new();
        for offered in offered {
            answers.push(offered.await.unwrap());
        }
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(()), Err(DeliveryError::retry("later"))]);
        assert!(desk.state.lock().slots.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_in_vain_leaves_no_demand_and_takes_nothing() {
        let (desk, sink) = desk();
        assert!(desk.receive(8, Duration::from_millis(50)).await.is_empty());
        assert!(!sink.try_ready());
        {
            let asking = desk.receive(8, Duration::from_secs(60));
            assert!(
                tokio::time::timeout(Duration::from_millis(1), asking)
                    .await
                    .is_err()
            );
        }
        assert!(!sink.try_ready());
        assert_eq!(desk.state.lock().demand, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_over_is_off_the_desk() {
        let (desk, sink) = desk();
        let sink_of_worker = Arc::clone(&sink);
        let limit = Duration::from_secs(5);
        let attempt = tokio::spawn(async move {
            sink_of_worker.ready().await;
            tokio::time::timeout(limit, sink_of_worker.deliver(delivery(0, 1))).await
        });
        let got = desk.receive(1, Duration::from_secs(1)).await;
        assert!(attempt.await.unwrap().is_err());
        assert!(!desk.settle((got[0].id, 1), Ok(())), "too late");
        // Not even one that nobody took.
        let dropped =
            tokio::time::timeout(Duration::from_millis(1), sink.deliver(delivery(1, 1))).await;
        assert!(dropped.is_err());
        let state = desk.state.lock();
        assert!(state.slots.is_empty() && state.waiting.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_bounded_in_number_and_bytes() {
        let (desk, sink) = desk();
        let large = MAX_RECEIVE_LEN / 2;
        for (offset, size) in [(0, large), (1, large), (2, 1), (3, 1)] {
            let sink = Arc::clone(&sink);
            tokio::spawn(async move { sink.deliver(delivery(offset, size)).await });
        }
        tokio::task::yield_now().await;
        let mut sizes = Vec::new();
        for most in [10, 2, 10] {
            sizes.push(desk.receive(most, Duration::from_secs(1)).await.len());
        }
        assert_eq!(sizes, [1, 2, 1]);
    }
}
