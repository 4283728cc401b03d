//! The task that empties one lane: sends its batches and takes the answers in.
//!
//! What is sent, and when it is sent again, is decided in `chain`; here it is done.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, sleep_until},
};
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags, Frame},
    message::{EventbusKey, PublishReply, PublishRequest},
    transport::{Stream, TransportError},
};
use vanus_types::{ErrorCode, Fault, ProducerId, RetryClass};

use super::{
    ProducerOptions, SendError,
    ack::Stored,
    chain::{Chain, Entry},
    lane::{Lane, Next, OpenBatch, Pressure},
};
use crate::{
    error::ClientError,
    link::{Link, Purpose, Slot, decode},
};

/// What the lanes of a producer share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) link: Arc<Link>,
    pub(super) eventbus: EventbusKey,
    pub(super) options: ProducerOptions,
    /// One permit per byte that may still be taken in.
    pub(super) window: Semaphore,
    pub(super) counters: Counters,
}

/// What became of events so far.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) resent: AtomicU64,
}

/// Empties one lane.
pub(super) struct Driver {
    core: Arc<Core>,
    lane: Arc<Lane>,
    chain: Chain,
    /// The number after the last batch taken from the lane.
    taken_until: u64,
    /// Failures since the last acknowledgement.
    failures: u32,
    /// Why the latest stream ended, or could not be opened.
    interrupted: Option<ClientError>,
}

/// Why a stream is not used on.
enum Ended {
    /// Nothing is left and nothing will come.
    Closed,
    /// The stream or its connection ended.
    Disconnected(ClientError),
}

impl Driver {
    pub(super) fn new(core: Arc<Core>, lane: Arc<Lane>) -> Self {
        let chain = Chain::new(new_id(&core));
        Self {
            core,
            lane,
            chain,
            taken_until: 0,
            failures: 0,
            interrupted: None,
        }
    }

    /// Runs until the lane is closed and empty.
    pub(super) async fn run(mut self) {
        loop {
            if self.chain.is_empty() && !self.await_batch().await {
                return;
            }
            match self.open_stream().await {
                Ok((_slot, stream)) => match self.pump(stream).await {
                    Ended::Closed => return,
                    Ended::Disconnected(error) => self.disconnected(error),
                },
                Err(error) => self.disconnected(error),
            }
            if !self.chain.is_empty() {
                self.pause().await;
            }
            self.give_up_expired();
        }
    }

    /// Waits for something to send; `false` when nothing will come.
    async fn await_batch(&mut self) -> bool {
        loop {
            match self
                .lane
                .next(Pressure::NothingUnderWay, &self.core.options)
            {
                Next::Batch(batch) => {
                    self.take(batch);
                    return true;
                }
                Next::Closed => return false,
                Next::Empty | Next::Lingering(_) | Next::Held => self.lane.wake.notified().await,
            }
        }
    }

    /// Opens a stream, in the time the first batch has.
    async fn open_stream(&self) -> Result<(Slot, Stream), ClientError> {
        let deadline = self.chain.first_deadline();
        tokio::select! {
            biased;
            opened = self.core.link.open_stream(Purpose::Publish) => opened,
            () = at(deadline), if deadline.is_some() => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> ClientError {
        ClientError::Timeout {
            what: Op::Publish.name(),
            limit_ms: millis(self.core.options.delivery_timeout),
        }
    }

    /// Sends and takes answers in for as long as the stream lasts.
    async fn pump(&mut self, (mut send, mut recv): Stream) -> Ended {
        let mut frames = Vec::new();
        loop {
            let lingering = match self.prepare(&mut frames).await {
                Ok(lingering) => lingering,
                Err(closed) => return closed,
            };
            if !frames.is_empty() {
                // Answers are taken in while the stream holds back.
                let mut write = send.send(&mut frames);
                loop {
                    tokio::select! {
                        biased;
                        frame = recv.recv() => if let Err(error) = self.answered(frame) {
                            return Ended::Disconnected(error);
                        },
                        written = &mut write => match written {
                            Ok(()) => break,
                            Err(error) => return Ended::Disconnected(error.into()),
                        },
                    }
                }
                continue;
            }
            let (linger, deadline) = (lingering, self.chain.first_deadline());
            tokio::select! {
                biased;
                frame = recv.recv() => if let Err(error) = self.answered(frame) {
                    return Ended::Disconnected(error);
                },
                () = self.lane.wake.notified() => {}
                () = at(linger), if linger.is_some() => {}
                () = at(deadline), if deadline.is_some() => {
                    return Ended::Disconnected(self.timed_out());
                }
            }
        }
    }

    /// Sorts trouble out, takes new batches in, and makes frames of what is to be sent. Answers
    /// until when an open batch lingers.
    async fn prepare(&mut self, frames: &mut Vec<EncodedFrame>) -> Result<Option<Instant>, Ended> {
        if self.chain.is_troubled() && !self.chain.awaits_answers() {
            if self.failures > 0 {
                self.pause().await;
            }
            self.give_up_expired();
            let core = &self.core;
            self.chain.recover(|| new_id(core));
        }
        let mut lingering = None;
        while !self.chain.is_troubled() && self.chain.len() < self.core.options.max_in_flight {
            match self.lane.next(self.pressure(), &self.core.options) {
                Next::Batch(batch) => self.take(batch),
                Next::Lingering(until) => {
                    lingering = Some(until);
                    break;
                }
                Next::Closed if self.chain.is_empty() => return Err(Ended::Closed),
                Next::Closed | Next::Empty | Next::Held => break,
            }
        }
        let (core, lane) = (&self.core, &self.lane);
        self.chain.send_due(|entry, again| {
            core.counters.batches.fetch_add(1, Ordering::Relaxed);
            core.counters
                .resent
                .fetch_add(again.into(), Ordering::Relaxed);
            frames.extend(encode(entry, lane, &core.options));
        });
        Ok(lingering)
    }

    fn pressure(&self) -> Pressure {
        if self.chain.is_empty() {
            Pressure::NothingUnderWay
        } else if self.core.window.available_permits() < self.core.options.window_bytes / 2 {
            Pressure::Crowded
        } else {
            Pressure::Some
        }
    }

    fn take(&mut self, open: OpenBatch) {
        self.taken_until = open.number + 1;
        if self.chain.is_troubled() && self.chain.is_empty() {
            let core = &self.core;
            self.chain.recover(|| new_id(core));
        }
        let deadline = open.opened + self.core.options.delivery_timeout;
        if let Some(batch) = open.builder.build() {
            self.chain
                .push(open.number, &batch, open.ack, open.cost, deadline);
        }
    }

    fn answered(
        &mut self,
        frame: Result<Option<Frame>, TransportError>,
    ) -> Result<(), ClientError> {
        let frame = frame?.ok_or(TransportError::StreamReset)?;
        let number = frame.correlation;
        match decode::<PublishReply>(Op::Publish, &frame) {
            Ok(reply) => self.stored(number, reply),
            Err(ClientError::Refused(fault)) => self.refused(number, fault),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn stored(&mut self, number: u64, reply: PublishReply) {
        let Some(entry) = self.chain.stored(number) else {
            return;
        };
        self.failures = 0;
        self.interrupted = None;
        let count = entry.batch.header().count;
        self.core
            .counters
            .acknowledged
            .fetch_add(count.into(), Ordering::Relaxed);
        entry.ack.settle(Ok(Stored {
            eventlog: self.lane.eventlog,
            base_offset: reply.base_offset,
            append_time_ms: reply.append_time_ms,
            durability: reply.durability,
            duplicate: reply.duplicate,
        }));
        self.release(&entry);
    }

    fn refused(&mut self, number: u64, fault: Fault) {
        let for_the_moment =
            fault.code == ErrorCode::OutOfSequence || fault.retry_class() != RetryClass::Never;
        if for_the_moment {
            tracing::debug!(eventlog = %self.lane.eventlog, %fault, "a batch will be sent again");
            self.failures = self.failures.saturating_add(1);
            self.chain.parked(number, fault);
            return;
        }
        if fault.code == ErrorCode::EventlogNotFound {
            self.core.link.routes().forget(&self.core.eventbus);
        }
        let entry = if fault.code == ErrorCode::AlreadyStored {
            // It is stored, only nobody knows where: the numbering goes on after it.
            self.chain.stored(number)
        } else {
            self.chain.refused(number)
        };
        if let Some(entry) = entry {
            self.fail(&entry, SendError::Refused(fault));
        }
    }

    fn disconnected(&mut self, error: ClientError) {
        self.chain.disconnected();
        if !self.chain.is_empty() {
            tracing::debug!(eventlog = %self.lane.eventlog, %error, "publishing was interrupted");
            self.failures = self.failures.saturating_add(1);
        }
        self.interrupted = Some(error);
    }

    /// Gives up the batches whose time is up.
    fn give_up_expired(&mut self) {
        let limit_ms = millis(self.core.options.delivery_timeout);
        for entry in self.chain.expired(Instant::now()) {
            let may_be_stored = entry.may_be_stored();
            let last = entry.trouble().map(ToString::to_string);
            let last = last.or_else(|| self.interrupted.as_ref().map(ToString::to_string));
            let last = last.unwrap_or_else(|| "the server could not be reached".to_owned());
            self.fail(
                &entry,
                SendError::TimedOut {
                    limit_ms,
                    may_be_stored,
                    last,
                },
            );
        }
    }

    fn fail(&self, entry: &Entry, error: SendError) {
        let count = entry.batch.header().count;
        self.core
            .counters
            .failed
            .fetch_add(count.into(), Ordering::Relaxed);
        entry.ack.settle(Err(error));
        self.release(entry);
    }

    /// Gives the window back what a settled batch took.
    fn release(&self, entry: &Entry) {
        self.core.window.add_permits(entry.cost);
        let settled = self.chain.first_number().unwrap_or(self.taken_until);
        self.lane.settled.send_replace(settled);
    }

    async fn pause(&self) {
        let pause = self.core.link.backoff(self.failures);
        let deadline = self.chain.first_deadline();
        tokio::select! {
            () = sleep(pause) => {}
            () = at(deadline), if deadline.is_some() => {}
        }
    }
}

impl Drop for Driver {
    /// The runtime ends: whoever still waits is told.
    fn drop(&mut self) {
        self.lane.close();
        self.chain.disconnected();
        let end_of_time = Instant::now() + Duration::from_secs(u32::MAX.into());
        for entry in self.chain.expired(end_of_time) {
            self.fail(
                &entry,
                SendError::Closed {
                    may_be_stored: entry.may_be_stored(),
                },
            );
        }
        while let Next::Batch(open) = self
            .lane
            .next(Pressure::NothingUnderWay, &self.core.options)
        {
            open.ack.settle(Err(SendError::Closed {
                may_be_stored: false,
            }));
            self.core.window.add_permits(open.cost);
        }
        self.lane.settled.send_replace(u64::MAX);
    }
}

fn encode(entry: &Entry, lane: &Lane, options: &ProducerOptions) -> Option<EncodedFrame> {
    let request = PublishRequest {
        eventlog: lane.eventlog,
        durability: options.durability,
    };
    let header = Bytes::copy_from_slice(&entry.batch.header().encode());
    let body = vec![header, entry.batch.body().clone()];
    let frame = EncodedFrame::new(
        Op::Publish.number(),
        Flags::NONE,
        entry.number,
        &request,
        body,
    );
    // A batch is never larger than a frame may be.
    frame
        .inspect_err(|error| tracing::error!(%error, "a batch fits no frame"))
        .ok()
}

fn new_id(core: &Core) -> ProducerId {
    // Zero means "no producer".
    ProducerId::from_u64(core.link.config().entropy.next_u64().max(1))
}

/// Sleeps until `instant`; callers that have none do not wait here.
async fn at(instant: Option<Instant>) {
    if let Some(instant) = instant {
        sleep_until(instant).await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
