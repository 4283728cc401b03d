//! The task that reads one eventlog.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::sleep};
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags, Frame},
    message::{Call, ReadReply, ReadRequest, TailProgress, TailRequest},
    transport::{RecvHalf, SendHalf, Stream, TransportError},
};
use vanus_types::{Batch, EventlogId, RetryClass, limits::MAX_POLL_WAIT_MS};

use super::{ReadMode, ReceivedBatch};
use crate::{
    error::ClientError,
    link::{Link, Purpose, Stop, decode},
};

/// Reads one eventlog from an offset on, for as long as somebody takes what it reads.
pub(super) struct Reader {
    link: Arc<Link>,
    eventlog: EventlogId,
    /// The next offset to hand out. Never goes back.
    next: u64,
    mode: ReadMode,
    max_bytes: u32,
    batches: mpsc::Sender<Result<ReceivedBatch, ClientError>>,
    /// Failures since the last answer.
    failures: u32,
}

impl Reader {
    pub(super) const fn new(
        link: Arc<Link>,
        eventlog: EventlogId,
        next: u64,
        mode: ReadMode,
        max_bytes: u32,
        batches: mpsc::Sender<Result<ReceivedBatch, ClientError>>,
    ) -> Self {
        Self {
            link,
            eventlog,
            next,
            mode,
            max_bytes,
            batches,
            failures: 0,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let stopped = match self.read().await {
                Err(Stop::Failed(error)) => error,
                // A server that stops ends its tails well; the next one is asked on.
                Ok(()) => TransportError::StreamReset.into(),
                Err(Stop::Unwanted) => return,
            };
            // Streams that are kept do not come back soon: whoever waits for events learns it.
            let no_stream = matches!(stopped, ClientError::TooManyStreams { .. });
            if no_stream || stopped.retry_class() == RetryClass::Never {
                // Whoever is not there to be told has no use for it.
                let _ = self.batches.send(Err(stopped)).await;
                return;
            }
            self.failures = self.failures.saturating_add(1);
            tracing::debug!(eventlog = %self.eventlog, error = %stopped, "reading was interrupted");
            tokio::select! {
                () = sleep(self.link.backoff(self.failures)) => {}
                () = self.batches.closed() => return,
            }
        }
    }

    async fn read(&mut self) -> Result<(), Stop> {
        let (_slot, stream) = self.link.open_stream(Purpose::Read).await?;
        match self.mode {
            ReadMode::Tail => self.tail(stream).await,
            ReadMode::Poll { wait } => self.poll(stream, wait).await,
        }
    }

    /// Takes what the server pushes, until it stops.
    async fn tail(&mut self, (mut send, mut recv): Stream) -> Result<(), Stop> {
        let (eventlog, from, max_bytes) = (self.eventlog, self.next, self.max_bytes);
        ask(
            &mut *send,
            &TailRequest {
                eventlog,
                from,
                max_bytes,
            },
        )
        .await?;
        loop {
            let frame = self.frame(&mut *recv).await?;
            if frame.flags.is_end() {
                return Ok(());
            }
            let progress: TailProgress = decode(Op::Tail, &frame)?;
            self.take(frame, progress.next_offset).await?;
        }
    }

    /// Asks, and asks on before the answer is handed out.
    async fn poll(&mut self, (mut send, mut recv): Stream, wait: Duration) -> Result<(), Stop> {
        let wait = u64::try_from(wait.as_millis())
            .unwrap_or(u64::MAX)
            .min(MAX_POLL_WAIT_MS);
        let wait_ms = u32::try_from(wait).unwrap_or(u32::MAX);
        let (eventlog, max_bytes) = (self.eventlog, self.max_bytes);
        let request = |offset| ReadRequest {
            eventlog,
            offset,
            max_bytes,
            wait_ms,
        };
        ask(&mut *send, &request(self.next)).await?;
        loop {
            let frame = self.frame(&mut *recv).await?;
            let reply: ReadReply = decode(Op::Read, &frame)?;
            ask(&mut *send, &request(reply.next_offset)).await?;
            self.take(frame, reply.next_offset).await?;
        }
    }

    /// The next frame, unless nobody wants it.
    async fn frame(&self, recv: &mut dyn RecvHalf) -> Result<Frame, Stop> {
        tokio::select! {
            biased;
            frame = recv.recv() => Ok(frame?.ok_or(TransportError::StreamReset)?),
            () = self.batches.closed() => Err(Stop::Unwanted),
        }
    }

    /// Checks the batches of a frame and hands them out.
    async fn take(&mut self, frame: Frame, next_offset: u64) -> Result<(), Stop> {
        self.failures = 0;
        let op = Op::from_number(frame.op).unwrap_or(Op::Read);
        let mut rest = frame.body;
        while !rest.is_empty() {
            let (batch, used) = Batch::parse(&rest).map_err(ClientError::from)?;
            rest = rest.slice(used.min(rest.len())..);
            let header = *batch.header();
            let follows = header.eventlog == self.eventlog
                && header.base_offset <= self.next
                && header.next_offset() > self.next;
            if !follows {
                let detail = format!(
                    "offset {} of eventlog {} was due, a batch of {} events at {} of {} came",
                    self.next, self.eventlog, header.count, header.base_offset, header.eventlog
                );
                return Err(senseless(op, detail));
            }
            let received = ReceivedBatch {
                first_offset: self.next,
                batch,
            };
            self.next = header.next_offset();
            self.batches
                .send(Ok(received))
                .await
                .map_err(|_| Stop::Unwanted)?;
        }
        if next_offset == self.next {
            Ok(())
        } else {
            let detail = format!("it says {next_offset} comes next, not {}", self.next);
            Err(senseless(op, detail))
        }
    }
}

fn senseless(op: Op, detail: String) -> Stop {
    Stop::Failed(ClientError::Answer {
        what: op.name(),
        detail,
    })
}

async fn ask<C: Call>(send: &mut dyn SendHalf, request: &C) -> Result<(), TransportError> {
    let frame = EncodedFrame::new(C::OP.number(), Flags::NONE, 0, request, Vec::new())?;
    send.send(&mut vec![frame]).await
}
