//! The shared reader of one eventlog: reads each event once and brings it to the seats whose
//! filters it passes.
//!
//! Nothing here waits for a subscription. A seat that takes no more leaves the reader and goes on
//! by itself; it may come back when it has caught up. Seats that want nothing are not touched: how
//! far they are is how far the reader is, in memory and in the metadata store.
//!
//! An event costs one look-up for all seats, and the expressions that their filters share are
//! evaluated once. A filter that takes long leaves the reader for good, so that the others do not
//! wait for it.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use vanus_expr::{EventView, json::JsonIndex, matcher::Scratch};
use vanus_types::{Batch, Coded as _, ErrorCode, EventlogId, limits::MAX_JOIN_BEHIND};

use super::{index::BusIndex, saver::Saver, seat::Seat};
use crate::eventlog::{LogError, Logs};

/// Most bytes of one read.
const READ_LEN: usize = 256 * 1024;

/// How long the reader waits after the eventlog failed it.
const PAUSE: Duration = Duration::from_secs(1);

/// Events that are matched before other tasks get their turn.
const MATCHED_AT_ONCE: usize = 64;

/// One eventlog with the seats that are read for.
#[derive(Debug)]
pub(crate) struct Feed {
    eventlog: EventlogId,
    logs: Logs,
    index: Weak<BusIndex>,
    saver: Arc<Saver>,
    /// True once the reader may start: until then seats come that stand at different places.
    gate: watch::Receiver<bool>,
    inner: Mutex<Inner>,
    /// A copy of [`Inner::next`], written after the events before it were brought.
    next: AtomicU64,
    /// What is stored of the reader may lie further on than it is.
    moved_back: AtomicBool,
    listed: AtomicBool,
    deserted: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// By the number of the subscription: where the seat starts, and the seat.
    members: Vec<Option<(u64, Arc<Seat>)>>,
    count: usize,
    /// The next offset to be matched.
    next: u64,
    /// A task reads.
    running: bool,
    /// It has matched something since the first seat came.
    begun: bool,
}

impl Inner {
    fn take(&mut self, number: u32) -> Option<(u64, Arc<Seat>)> {
        let member = self.members.get_mut(number as usize)?.take()?;
        self.count -= 1;
        Some(member)
    }
}

impl Feed {
    pub(crate) fn new(
        eventlog: EventlogId,
        logs: Logs,
        index: Weak<BusIndex>,
        saver: Arc<Saver>,
        gate: watch::Receiver<bool>,
    ) -> Self {
        Self {
            eventlog,
            logs,
            index,
            saver,
            gate,
            inner: Mutex::default(),
            next: AtomicU64::new(0),
            moved_back: AtomicBool::new(true),
            listed: AtomicBool::new(false),
            deserted: Notify::new(),
        }
    }

    pub(crate) const fn eventlog(&self) -> EventlogId {
        self.eventlog
    }

    /// Every event before this offset was brought to the seats that want it.
    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// Whether what is stored of the reader may lie further on than the reader is.
    pub(crate) fn has_moved_back(&self) -> bool {
        self.moved_back.load(Ordering::Acquire)
    }

    /// Where the reader is, was stored.
    pub(crate) fn stored(&self) {
        self.moved_back.store(false, Ordering::Release);
    }

    /// Takes the reader off the list of what is to be stored.
    pub(crate) fn unlist(&self) {
        self.listed.store(false, Ordering::Release);
    }

    pub(crate) fn list(self: &Arc<Self>) {
        if !self.listed.swap(true, Ordering::AcqRel) {
            self.saver.list_feed(self);
        }
    }

    /// Gives `seat` a place, from `from` on, if the reader is not past it. Nobody may begin with a
    /// reader without seats who is far behind the end, as those who come next would wait for it.
    pub(crate) fn join(self: &Arc<Self>, seat: &Arc<Seat>, from: u64) -> bool {
        let mut inner = self.inner.lock();
        if seat.shared.is_solitary() || seat.is_stopping() {
            return false;
        }
        if inner.count == 0 || (!inner.begun && from < inner.next) {
            let near = self.logs.store().info(self.eventlog);
            if near.is_ok_and(|info| info.end_offset > from.saturating_add(MAX_JOIN_BEHIND)) {
                return false;
            }
            self.moved_back.store(true, Ordering::Release);
            inner.next = from;
            inner.begun = false;
            self.next.store(from, Ordering::Release);
            self.list();
        } else if from < inner.next {
            return false;
        }
        let number = seat.shared.number as usize;
        if inner.members.len() <= number {
            inner.members.resize_with(number + 1, || None);
        }
        if let Some(place) = inner.members.get_mut(number) {
            *place = Some((from, Arc::clone(seat)));
            inner.count += 1;
        }
        seat.joined(from);
        if !inner.running {
            inner.running = true;
            tokio::spawn(Arc::clone(self).run());
        }
        true
    }

    /// Takes the place of a subscription away, if it has one; its seat goes on by itself.
    pub(crate) fn remove(&self, number: u32) {
        let mut inner = self.inner.lock();
        if let Some((_, seat)) = inner.take(number) {
            seat.leave(inner.next);
            if inner.count == 0 {
                self.deserted.notify_one();
            }
        }
    }

    /// Reads until nobody is left.
    async fn run(self: Arc<Self>) {
        let mut gate = self.gate.clone();
        if gate.wait_for(|open| *open).await.is_err() {
            return;
        }
        let mut scratch = Scratch::new();
        loop {
            let next = {
                let mut inner = self.inner.lock();
                if inner.count == 0 {
                    inner.running = false;
                    return;
                }
                inner.next
            };
            let reading = self.logs.read_when_there(self.eventlog, next, READ_LEN);
            let read = tokio::select! {
                biased;
                () = self.deserted.notified() => continue,
                read = reading => read,
            };
            match read {
                Ok(chunk) => {
                    for batch in &chunk.batches {
                        self.pass(batch, &mut scratch).await;
                    }
                }
                Err(LogError::Underflow { .. }) => self.scatter(),
                Err(error) => {
                    if error.code() != ErrorCode::Closed {
                        tracing::error!(eventlog = %self.eventlog, %error,
                            "an eventlog cannot be read");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Matches the events of a batch, from where the reader is.
    async fn pass(self: &Arc<Self>, batch: &Batch, scratch: &mut Scratch) {
        let mut index = JsonIndex::new();
        let mut events = batch.events();
        loop {
            let Some(bus) = self.index.upgrade() else {
                return;
            };
            let mut costly = Vec::new();
            let done = {
                let mut inner = self.inner.lock();
                inner.begun = true;
                let matcher = bus.matcher();
                let mut done = true;
                for (offset, event) in events.by_ref() {
                    if offset < inner.next {
                        continue;
                    }
                    if offset > inner.next || inner.count == 0 {
                        // Everybody left, and somebody came at another place.
                        break;
                    }
                    let view = EventView::with_index(&event, index);
                    for number in matcher.matches(&view, scratch) {
                        let number = u32::try_from(*number).unwrap_or(u32::MAX);
                        let Some(Some((from, seat))) = inner.members.get(number as usize) else {
                            continue;
                        };
                        if *from <= offset && !seat.bring(offset, &event) {
                            inner.take(number);
                        }
                    }
                    index = view.into_index();
                    costly.extend_from_slice(scratch.costly());
                    inner.next = offset + 1;
                    if !costly.is_empty() || (offset + 1).is_multiple_of(MATCHED_AT_ONCE as u64) {
                        done = false;
                        break;
                    }
                }
                self.next.store(inner.next, Ordering::Release);
                done
            };
            self.list();
            for number in costly {
                bus.send_away(u32::try_from(number).unwrap_or(u32::MAX));
            }
            if done {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends every seat away: what the reader is to read next no longer exists, and each seat
    /// counts what it has missed.
    fn scatter(&self) {
        let mut inner = self.inner.lock();
        let next = inner.next;
        for (_, seat) in inner.members.iter_mut().filter_map(Option::take) {
            seat.leave(next);
        }
        inner.count = 0;
    }
}
