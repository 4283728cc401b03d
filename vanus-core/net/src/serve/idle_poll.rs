//! Looking for work a while longer before the thread sleeps.
//!
//! To wake a thread whose core has gone idle costs tens of microseconds, much more on virtual
//! machines, and whoever sends to it pays a part of that too. While frames come and go, a task
//! that keeps yielding keeps the runtime's thread awake, so that it asks the system for what has
//! arrived instead of sleeping until it is told.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, task::yield_now, time::Instant};

/// Keeps the runtime awake for a span after each frame.
#[derive(Debug)]
pub(super) struct IdlePoll {
    span: Duration,
    /// Frames received and sent.
    frames: AtomicU64,
    asleep: AtomicBool,
    wake: Notify,
}

impl IdlePoll {
    /// Polls for `span` after each frame; zero does not poll.
    pub(super) fn new(span: Duration) -> Self {
        Self {
            span,
            frames: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// A frame came or went.
    pub(super) fn touch(&self) {
        if self.span.is_zero() {
            return;
        }
        self.frames.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Polls, for as long as the future lives.
    pub(super) async fn run(&self) {
        if self.span.is_zero() {
            return std::future::pending().await;
        }
        loop {
            let mut seen = self.frames.load(Ordering::SeqCst);
            let mut since = Instant::now();
            while since.elapsed() < self.span {
                yield_now().await;
                let frames = self.frames.load(Ordering::SeqCst);
                if frames != seen {
                    (seen, since) = (frames, Instant::now());
                }
            }
            self.asleep.store(true, Ordering::SeqCst);
            if self.frames.load(Ordering::SeqCst) == seen {
                self.wake.notified().await;
            }
            self.asleep.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_polls_while_frames_come_and_sleeps_when_they_stop() {
        let poll = std::sync::Arc::new(IdlePoll::new(Duration::from_micros(200)));
        let task = tokio::spawn({
            let poll = std::sync::Arc::clone(&poll);
            async move { poll.run().await }
        });
        let asleep = || poll.asleep.load(Ordering::SeqCst);
        for _ in 0..3 {
            poll.touch();
            for _ in 0..10 {
                yield_now().await;
            }
            assert!(!asleep(), "time stands still, so it polls on");
            tokio::time::advance(Duration::from_micros(201)).await;
            while !asleep() {
                yield_now().await;
            }
        }
        task.abort();
    }
}
