//! The task that has deliveries pushed, and sends back what becomes of them.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags, Frame},
    message::{AttemptKey, Push, Received, Settle, Settled, Settlement},
    transport::{SendHalf, Stream, TransportError},
};
use vanus_types::{Batch, RetryClass, SubscriptionId, limits::MAX_RECEIVE_EVENTS};

use super::{Handed, inbox::Inbox};
use crate::{
    error::ClientError,
    link::{Link, Purpose, Stop, decode},
};

/// Correlation of the push; settlements count on from here.
const PUSH: u64 = 0;

/// Most requests to settle without an answer; more wait.
const MAX_UNDER_WAY: usize = 16;

/// An attempt that is to end, and who waits for the answer: whether it had not ended before.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) key: AttemptKey,
    pub(super) settlement: Settlement,
    pub(super) told: oneshot::Sender<Result<bool, ClientError>>,
}

/// Keeps a stream on which deliveries are pushed, for as long as somebody wants them.
pub(super) struct Pusher {
    link: Arc<Link>,
    subscription: SubscriptionId,
    window: usize,
    inbox: Arc<Inbox>,
    wishes: mpsc::Receiver<Wish>,
    /// What the server was asked and has not answered, by correlation.
    under_way: HashMap<u64, Vec<Wish>>,
    /// What it is to be asked once more on the next stream.
    again: Vec<Wish>,
    correlation: u64,
    /// Failures since the server last said something.
    failures: u32,
}

impl Pusher {
    pub(super) fn new(
        link: Arc<Link>,
        subscription: SubscriptionId,
        window: usize,
        inbox: Arc<Inbox>,
        wishes: mpsc::Receiver<Wish>,
    ) -> Self {
        Self {
            link,
            subscription,
            window,
            inbox,
            wishes,
            under_way: HashMap::new(),
            again: Vec::new(),
            correlation: PUSH,
            failures: 0,
        }
    }

    /// Works until nobody wants deliveries any more, or the server has refused them for good.
    pub(super) async fn run(mut self) {
        loop {
            let Err(Stop::Failed(error)) = self.attend().await else {
                return;
            };
            // The server pushes it again, to this subscriber or another one.
            self.inbox.clear();
            self.again
                .extend(self.under_way.drain().flat_map(|(_, wishes)| wishes));
            let no_stream = matches!(error, ClientError::TooManyStreams { .. });
            if no_stream || error.retry_class() == RetryClass::Never {
                self.inbox.end(error);
                return;
            }
            self.failures = self.failures.saturating_add(1);
            tracing::debug!(subscription = %self.subscription, %error, "a push was interrupted");
            sleep(self.link.backoff(self.failures)).await;
        }
    }

    /// Takes what is pushed and sends wishes, until the stream ends.
    async fn attend(&mut self) -> Result<(), Stop> {
        let (_slot, stream) = self.link.open_stream(Purpose::Read).await?;
        let (mut send, mut recv): Stream = stream;
        let push = Push {
            subscription: self.subscription,
            window: u32::try_from(self.window).unwrap_or(1),
        };
        let frame = EncodedFrame::new(Op::Push.number(), Flags::NONE, PUSH, &push, Vec::new())
            .map_err(TransportError::from)?;
        send.send(&mut vec![frame]).await?;
        let again = std::mem::take(&mut self.again);
        self.settle(&mut *send, again).await?;
        let mut wishes = Vec::new();
        loop {
            let may_ask = self.under_way.len() < MAX_UNDER_WAY;
            tokio::select! {
                frame = recv.recv() => {
                    let frame = frame?.ok_or(TransportError::StreamReset)?;
                    self.take(frame)?;
                }
                count = self.wishes.recv_many(&mut wishes, MAX_RECEIVE_EVENTS), if may_ask => {
                    if count == 0 {
                        return Err(Stop::Unwanted);
                    }
                    self.settle(&mut *send, std::mem::take(&mut wishes)).await?;
                }
            }
        }
    }

    /// Takes one frame of the server.
    fn take(&mut self, frame: Frame) -> Result<(), Stop> {
        if frame.correlation != PUSH {
            return self.answer(&frame);
        }
        if frame.flags.is_end() {
            // It stops; another one, or it again, is asked on.
            return Err(TransportError::StreamReset.into());
        }
        let received: Received = decode(Op::Push, &frame)?;
        self.failures = 0;
        let (mut rest, mut batches) = (frame.body, Vec::new());
        while !rest.is_empty() {
            let (batch, used) = Batch::parse(&rest).map_err(ClientError::from)?;
            batches.push(batch);
            rest = rest.slice(used.min(rest.len())..);
        }
        let pushed = Handed::all(Op::Push, received, &batches)?;
        let window = self.window;
        self.inbox.put(pushed).map_err(|held| {
            Stop::Failed(ClientError::Answer {
                what: Op::Push.name(),
                detail: format!("{held} deliveries came, {window} were asked for"),
            })
        })
    }

    /// Tells those who wait for the answer in `frame`.
    fn answer(&mut self, frame: &Frame) -> Result<(), Stop> {
        let answered: Result<Settled, ClientError> = decode(Op::Settle, frame);
        if let Err(error) = &answered
            && error.retry_class() != RetryClass::Never
        {
            // Whoever waits is answered by the next stream.
            return Err(error.clone().into());
        }
        let wishes = self.under_way.remove(&frame.correlation);
        for wish in wishes.unwrap_or_default() {
            let answer = match &answered {
                Ok(settled) => Ok(!settled.late.contains(&wish.key)),
                Err(error) => Err(error.clone()),
            };
            // Whoever does not wait any more need not be told.
            let _ = wish.told.send(answer);
        }
        Ok(())
    }

    /// Asks for attempts to end; those that cannot be asked for now are asked for again.
    async fn settle(&mut self, send: &mut dyn SendHalf, wishes: Vec<Wish>) -> Result<(), Stop> {
        let mut frames = Vec::new();
        let mut wishes = wishes.into_iter().peekable();
        while wishes.peek().is_some() {
            let some: Vec<Wish> = wishes.by_ref().take(MAX_RECEIVE_EVENTS).collect();
            let attempts = some
                .iter()
                .map(|wish| (wish.key, wish.settlement.clone()))
                .collect();
            let (subscription, op) = (self.subscription, Op::Settle.number());
            let request = Settle {
                subscription,
                attempts,
            };
            self.correlation += 1;
            let (correlation, body) = (self.correlation, Vec::new());
            self.under_way.insert(correlation, some);
            let frame = EncodedFrame::new(op, Flags::NONE, correlation, &request, body);
            frames.push(frame.map_err(TransportError::from)?);
        }
        Ok(send.send(&mut frames).await?)
    }
}
