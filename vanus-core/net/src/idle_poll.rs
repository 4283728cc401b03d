//! Looking for work a while longer before the thread sleeps.
//!
//! To wake a thread whose core has gone idle costs tens of microseconds, much more on virtual
//! machines, and whoever sends to it pays a part of that too. While frames come and go, a task
//! that keeps yielding keeps the runtime's thread awake, so that it asks the system for what has
//! arrived instead of sleeping until it is told.
//!
//! A server polls after every frame: it cannot know when the next request comes. A client knows that it
//! waits for an answer, and whether its answers come soon enough for polling to be worth it.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, task::yield_now, time::Instant};

/// Spans in vain after which a client no longer polls.
const PATIENCE: u32 = 8;

/// What a frame that came within the span is worth in spans in vain: of each request and its answer
/// one span is, after the answer.
const GAIN: u32 = 2;

/// Keeps the runtime awake for a span after each frame.
#[derive(Debug)]
pub(crate) struct IdlePoll {
    span: Duration,
    /// Whether polling stops when nothing comes of it.
    sparing: bool,
    received: AtomicU64,
    sent: AtomicU64,
    asleep: AtomicBool,
    wake: Notify,
}

impl IdlePoll {
    /// Polls for `span` after each frame; zero does not poll.
    pub(crate) fn always(span: Duration) -> Self {
        Self {
            span,
            sparing: false,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Polls for `span` after each frame for as long as frames are received within such spans; zero
    /// does not poll.
    pub(crate) fn while_worth_it(span: Duration) -> Self {
        Self {
            sparing: true,
            ..Self::always(span)
        }
    }

    /// A frame came.
    pub(crate) fn received(&self) {
        self.touch(&self.received);
    }

    /// A frame went.
    pub(crate) fn sent(&self) {
        self.touch(&self.sent);
    }

    fn touch(&self, frames: &AtomicU64) {
        if self.span.is_zero() {
            return;
        }
        frames.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    fn seen(&self) -> (u64, u64) {
        let received = self.received.load(Ordering::SeqCst);
        (received, self.sent.load(Ordering::SeqCst))
    }

    /// Polls, for as long as the future lives.
    pub(crate) async fn run(&self) {
        if self.span.is_zero() {
            return std::future::pending().await;
        }
        let mut patience = PATIENCE;
        loop {
            let (mut seen, mut since) = (self.seen(), Instant::now());
            if patience > 0 || !self.sparing {
                while since.elapsed() < self.span {
                    // Whoever waits for this core has more to do than look for work.
                    std::thread::yield_now();
                    yield_now().await;
                    let now = self.seen();
                    if now == seen {
                        continue;
                    }
                    if now.0 != seen.0 {
                        patience = PATIENCE.min(patience + GAIN);
                    }
                    (seen, since) = (now, Instant::now());
                }
                patience = patience.saturating_sub(1);
            }
            self.sleep(seen).await;
            if self.seen().0 != seen.0 && since.elapsed() < self.span {
                patience = PATIENCE.min(patience + GAIN);
            }
        }
    }

    /// Until there are other frames than were seen.
    async fn sleep(&self, seen: (u64, u64)) {
        self.asleep.store(true, Ordering::SeqCst);
        if self.seen() == seen {
            self.wake.notified().await;
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SPAN: Duration = Duration::from_micros(200);

    /// A polling task whose clock only moves when it is told to.
    struct Polling {
        poll: Arc<IdlePoll>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Polling {
        fn of(poll: IdlePoll) -> Self {
            let poll = Arc::new(poll);
            let task = tokio::spawn({
                let poll = Arc::clone(&poll);
                async move { poll.run().await }
            });
            Self { poll, task }
        }

        /// Whether it sleeps, once everything had its turn.
        async fn sleeps(&self) -> bool {
            for _ in 0..10 {
                yield_now().await;
            }
            self.poll.asleep.load(Ordering::SeqCst)
        }

        async fn idle(&self, span: Duration) {
            self.sleeps().await;
            tokio::time::advance(span).await;
            self.sleeps().await;
        }
    }

    impl Drop for Polling {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_polls_while_frames_come_and_sleeps_when_they_stop() {
        let polling = Polling::of(IdlePoll::always(SPAN));
        for _ in 0..3 * PATIENCE {
            polling.poll.sent();
            assert!(!polling.sleeps().await, "time stands still, so it polls on");
            polling.idle(SPAN).await;
            assert!(polling.sleeps().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sparing_one_stops_when_answers_take_long_and_begins_when_they_are_quick() {
        let polling = Polling::of(IdlePoll::while_worth_it(SPAN));
        for _ in 0..PATIENCE {
            polling.poll.sent();
            polling.idle(SPAN * 5).await;
            polling.poll.received();
            polling.idle(SPAN * 5).await;
        }
        polling.poll.sent();
        assert!(polling.sleeps().await, "nothing ever came in time");
        tokio::time::advance(SPAN / 2).await;
        polling.poll.received();
        assert!(!polling.sleeps().await, "this answer was quick");
        // Each further request costs a span in vain, and its answer makes up for it.
        for _ in 0..3 * PATIENCE {
            polling.idle(SPAN * 5).await;
            polling.poll.sent();
            assert!(!polling.sleeps().await);
            tokio::time::advance(SPAN / 2).await;
            polling.poll.received();
        }
    }
}
