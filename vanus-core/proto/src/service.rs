//! What a server offers to whoever speaks the protocol to it.
//!
//! The loop that takes connections in and drives a [`Handler`] lives in `vanus-net`; what the
//! answers are is decided by the engine.

use std::{fmt::Debug, future::Future, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use vanus_types::{
    Batch, Fault,
    codec::{self, Encode},
};

use crate::message::{
    Call, PublishReply, PublishRequest, Push, Received, Request, TailProgress, TailRequest,
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionContext {
    /// Where the peer is, for people.
    pub peer: String,
    /// What the peer calls itself, for people.
    pub client: String,
    /// The protocol version both speak.
    pub protocol: u16,
}

/// What becomes of a batch that was submitted.
pub type PublishOutcome = Pin<Box<dyn Future<Output = Result<PublishReply, Fault>> + Send>>;

/// Answers what peers ask. One handler serves all sessions.
#[async_trait]
pub trait Handler: Send + Sync + Debug + 'static {
    /// Puts a batch in line to be appended, and answers as soon as its place in the order of its
    /// eventlog is fixed; the outcome comes later.
    ///
    /// The batches of one stream are submitted one after the other in the order in which they
    /// came; the next one follows as soon as this one has its place. Waiting in here (because a
    /// queue is full) holds this stream back, and nothing else. Once a batch has its place it is
    /// appended even if the outcome is dropped.
    ///
    /// The batch was checked against its checksums. It is unassigned: the engine gives it offset
    /// and time. If it names a producer, a sequence that is already stored is answered with the
    /// place it has, and one that would leave a gap is refused with `OutOfSequence`.
    async fn submit(
        &self,
        session: &SessionContext,
        request: PublishRequest,
        batch: Batch,
    ) -> Result<PublishOutcome, Fault>;

    /// Answers one request.
    ///
    /// Dropped when the peer gives up; what it changes must be whole or not at all even then.
    async fn call(&self, session: &SessionContext, request: Request) -> Result<Reply, Fault>;

    /// Pushes batches into `sink` until there is a reason to stop.
    ///
    /// Dropped when the peer gives up. Ends well when the sink is closed.
    async fn tail(
        &self,
        session: &SessionContext,
        request: TailRequest,
        sink: &mut dyn TailSink,
    ) -> Result<(), Fault>;

    /// Pushes deliveries into `sink` until there is a reason to stop. When the server stops, it
    /// waits until what was pushed is settled, and then ends well.
    ///
    /// Dropped when the peer gives up, or takes too long to settle while the server stops.
    async fn push(
        &self,
        session: &SessionContext,
        request: Push,
        sink: &mut dyn PushSink,
    ) -> Result<(), Fault>;
}

/// Where the deliveries of one push go.
#[async_trait]
pub trait PushSink: Send + Sync + Debug {
    /// Sends deliveries and the batch (header and body, back to back) of their events; waits while
    /// the peer does not read.
    ///
    /// # Errors
    /// [`SinkClosed`] when the peer is gone.
    async fn push(&mut self, deliveries: Received, batches: Vec<Bytes>) -> Result<(), SinkClosed>;

    /// Resolves when the server stops: from then on nothing more is to be pushed. Cancellation safe.
    async fn stopping(&self);
}

/// Where the batches of one tail go.
#[async_trait]
pub trait TailSink: Send + Debug {
    /// Sends whole batches (header and body, back to back) that lie in a row; waits while the
    /// peer does not read.
    ///
    /// # Errors
    /// [`SinkClosed`] when the peer is gone, [`Fault`]-worthy misuse is answered by the sink.
    async fn push(&mut self, progress: TailProgress, batches: Vec<Bytes>)
    -> Result<(), SinkClosed>;
}

/// Whoever read what was pushed is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whoever read what was pushed is gone")]
pub struct SinkClosed;

/// An encoded answer: one message and, for reads, batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    control: Vec<u8>,
    body: Vec<Bytes>,
}

impl Reply {
    /// The answer `message` to a request of type `C`.
    #[must_use]
    pub fn to<C: Call>(message: &C::Reply) -> Self
    where
        C::Reply: Encode,
    {
        Self {
            control: codec::encode(message),
            body: Vec::new(),
        }
    }

    /// The same answer followed by whole batches (header and body, back to back).
    #[must_use]
    pub fn with_batches(mut self, batches: Vec<Bytes>) -> Self {
        self.body = batches;
        self
    }

    /// The encoded message and the batches.
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Vec<Bytes>) {
        (self.control, self.body)
    }
}
