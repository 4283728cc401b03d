//! The sink of a subscription whose events go to clients: deliveries wait at a desk for whoever
//! fetches them, or attends to it and has them pushed.
//!
//! An attempt only begins when somebody wants it, so that events wait in their eventlog and not
//! here. From then on its time-out runs: it is the time a consumer has to settle what it was given.
//! What is not settled in time is tried again, by the schedule. What an attendant was given and has
//! not settled when it leaves goes back to the desk, for the next one.

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

mod attendant;

pub(crate) use attendant::Attendant;

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
    /// Deliveries that nobody has, in the order in which they are handed out.
    waiting: VecDeque<Handed>,
    slots: HashMap<Handed, Slot>,
    /// How many deliveries are asked for.
    demand: usize,
    /// Deliveries that are on their way here because somebody asked.
    coming: usize,
    /// Those who have deliveries pushed, by their number.
    attendants: HashMap<u64, attendant::Window>,
    last_attendant: u64,
    /// How often all attendants were sent away.
    dismissals: u64,
}

#[derive(Debug)]
struct Slot {
    delivery: Delivery,
    answer: oneshot::Sender<Result<(), DeliveryError>>,
    holder: Holder,
    /// It was handed out, and may be settled, even if it has come back since.
    handed: bool,
}

/// Who has a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Nobody: it waits.
    Desk,
    /// Whoever fetched it.
    Fetcher,
    /// The attendant with this number.
    Attendant(u64),
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
    fn hand_out(&mut self, most: usize, holder: Holder) -> Vec<Delivery> {
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
            slot.holder = holder;
            slot.handed = true;
            handed.push(slot.delivery.clone());
            self.waiting.pop_front();
        }
        handed
    }

    /// Takes a delivery off the desk, wherever it is.
    fn remove(&mut self, handed: Handed) -> Option<Slot> {
        let slot = self.slots.remove(&handed)?;
        match slot.holder {
            Holder::Desk => self.waiting.retain(|waiting| *waiting != handed),
            Holder::Fetcher => {}
            Holder::Attendant(number) => self.give_room(number),
        }
        Some(slot)
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
                let handed = self.hand_out(most, Holder::Fetcher);
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

    fn hand_out(&self, most: usize, holder: Holder) -> Vec<Delivery> {
        let mut state = self.state.lock();
        let handed = state.hand_out(most, holder);
        if !state.waiting.is_empty() {
            // There is something for the next one too.
            self.arrived.notify_one();
        }
        handed
    }

    /// Ends an attempt that was handed out; false if it is over already.
    pub(crate) fn settle(&self, handed: Handed, outcome: Result<(), DeliveryError>) -> bool {
        let slot = {
            let mut state = self.state.lock();
            if !state.slots.get(&handed).is_some_and(|slot| slot.handed) {
                return false;
            }
            state.remove(handed)
        };
        self.wanted.notify_waiters();
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
        desk.state.lock().demand += most;
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
        let removed = self.desk.state.lock().remove(self.handed);
        if removed.is_some() {
            self.desk.wanted.notify_waiters();
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
                holder: Holder::Desk,
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

    fn paces_itself(&self) -> bool {
        true
    }

    fn passed_over(&self) {
        let mut state = self.0.state.lock();
        state.coming = state.coming.saturating_sub(1);
        drop(state);
        self.0.wanted.notify_waiters();
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

    #[tokio::test(start_paused = true)]
    async fn an_attendant_is_given_what_it_may_hold_and_leaves_the_rest_to_others() {
        let (desk, sink) = desk();
        let first = desk.attend(2);
        let offered: Vec<_> = (0..3)
            .map(|offset| offer(&sink, delivery(offset, 1)))
            .collect();
        let mut held = Vec::new();
        while held.len() < 2 {
            held.extend(first.next(9).await.unwrap());
        }
        assert!(!sink.try_ready(), "it holds all that it may");
        assert!(desk.settle((held[0].id, 1), Ok(())));
        held.extend(first.next(9).await.unwrap());
        assert_eq!(held.len(), 3);
        drop(first);
        assert!(!sink.try_ready(), "nobody asks");
        let second = desk.attend(9);
        let left: Vec<u64> = second
            .next(9)
            .await
            .unwrap()
            .iter()
            .map(|d| d.id.offset)
            .collect();
        let mut expected = [held[1].id.offset, held[2].id.offset];
        expected.sort_unstable();
        assert_eq!(left, expected);
        for offset in left {
            let id = held.iter().find(|d| d.id.offset == offset).unwrap().id;
            assert!(desk.settle((id, 1), Ok(())));
        }
        for offered in offered {
            assert_eq!(offered.await.unwrap(), Ok(()));
        }
        second.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_another_holder_may_still_be_settled_by_the_last_one() {
        let (desk, sink) = desk();
        let attendant = desk.attend(1);
        let offered = offer(&sink, delivery(0, 1));
        let held = attendant.next(1).await.unwrap();
        drop(attendant);
        assert!(desk.settle((held[0].id, 1), Ok(())));
        assert_eq!(offered.await.unwrap(), Ok(()));
        let state = desk.state.lock();
        assert!(state.slots.is_empty() && state.waiting.is_empty());
        assert_eq!((state.demand, state.coming), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attendant_that_finishes_waits_until_it_holds_nothing() {
        let (desk, sink) = desk();
        let attendant = desk.attend(2);
        let offered = offer(&sink, delivery(0, 1));
        let held = attendant.next(1).await.unwrap();
        let second = Duration::from_secs(1);
        let finishing = tokio::time::timeout(second, attendant.finish());
        assert!(finishing.await.is_err());
        assert!(!sink.try_ready(), "it takes no more");
        assert!(desk.settle((held[0].id, 1), Ok(())));
        attendant.finish().await;
        assert_eq!(offered.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_that_does_not_come_makes_room_for_another() {
        let (desk, sink) = desk();
        let _attendant = desk.attend(1);
        assert!(sink.try_ready());
        assert!(!sink.try_ready());
        sink.passed_over();
        assert!(sink.try_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn who_attends_is_sent_away() {
        let (desk, _sink) = desk();
        let attendant = desk.attend(1);
        let waiting = tokio::time::timeout(Duration::from_secs(1), attendant.next(1));
        assert!(waiting.await.is_err());
        desk.dismiss();
        assert!(attendant.next(1).await.is_none());
        assert!(!desk.state.lock().attendants.is_empty());
        drop(attendant);
        assert!(desk.state.lock().attendants.is_empty());
    }
}
