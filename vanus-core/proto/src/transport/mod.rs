//! The seam through which frames travel: connections of many independent streams.
//!
//! The contract, which every implementation keeps:
//!
//! * Frames of one half of a stream arrive whole, in order, once; streams do not wait for each
//!   other.
//! * A sender is held back while the receiver does not read: nothing is queued without bound.
//! * A half that is dropped ends its direction. Whoever asks keeps its sending half until it has
//!   its answers: ending it early gives up what is under way on this stream.
//! * When a connection ends, for whatever reason, all its streams fail, and frames that were not
//!   received yet may be lost.
//!
//! Real sockets live in `vanus-net`; [`MemoryNetwork`] is here.

mod error;
mod memory;

use std::{
    fmt::Debug,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
pub use error::TransportError;
pub use memory::{MemoryNetwork, MemoryTransport};

use crate::frame::{EncodedFrame, Frame};

/// Why a connection was closed on purpose; travels as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum CloseCode {
    /// The asker is done.
    Done = 0,
    /// The server stops.
    Drained = 1,
    /// The peer broke the protocol.
    Protocol = 2,
    /// A limit on connections is reached, or the handshake took too long.
    Refused = 3,
}

impl CloseCode {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// Makes connections.
#[async_trait]
pub trait Transport: Send + Sync + Debug {
    /// Connects to the peer at `address`. Cancellation safe: nothing is left behind.
    ///
    /// # Errors
    /// [`TransportError::Address`] or [`TransportError::Connect`].
    async fn connect(&self, address: &str) -> Result<Arc<dyn Connection>, TransportError>;

    /// Starts to listen on `address`.
    ///
    /// # Errors
    /// [`TransportError::Address`] or [`TransportError::Listen`].
    async fn listen(&self, address: &str) -> Result<Box<dyn Listener>, TransportError>;
}

/// Takes connections in. Dropping it stops listening; connections made go on.
#[async_trait]
pub trait Listener: Send + Sync + Debug {
    /// The next connection, or `None` after the listener was closed. Cancellation safe.
    async fn accept(&self) -> Option<Arc<dyn Connection>>;

    /// The address listened on, in the form [`Transport::connect`] takes.
    fn address(&self) -> String;

    /// Stops listening: from now on connecting fails and [`Listener::accept`] ends.
    fn close(&self);
}

/// One connection to a peer. Dropping the last reference closes it.
#[async_trait]
pub trait Connection: Send + Sync + Debug {
    /// Opens a stream; waits while the peer allows no further one. Cancellation safe.
    ///
    /// # Errors
    /// When the connection has ended.
    async fn open_stream(&self) -> Result<Stream, TransportError>;

    /// The next stream the peer opened. Cancellation safe.
    ///
    /// # Errors
    /// When the connection has ended.
    async fn accept_stream(&self) -> Result<Stream, TransportError>;

    /// Closes the connection at once; what was not received yet may be lost.
    fn close(&self, code: CloseCode, reason: &str);

    /// Waits until the connection has ended and says why. Cancellation safe.
    async fn closed(&self) -> TransportError;

    /// Who is at the other end, for people.
    fn peer(&self) -> String;
}

/// Both halves of a stream.
pub type Stream = (Box<dyn SendHalf>, Box<dyn RecvHalf>);

/// The sending half of a stream. Dropping it ends the direction after what was sent.
#[async_trait]
pub trait SendHalf: Send + Debug {
    /// Sends all of `frames`, in order, and leaves it empty; waits while the receiver holds back.
    ///
    /// Not cancellation safe: after a cancelled call part of a frame may have been sent, and the
    /// half must be dropped.
    ///
    /// # Errors
    /// When the connection has ended or the peer abandoned the stream.
    async fn send(&mut self, frames: &mut Vec<EncodedFrame>) -> Result<(), TransportError>;

    /// Ends the direction and waits until the peer has received everything.
    ///
    /// # Errors
    /// As [`SendHalf::send`].
    async fn finish(&mut self) -> Result<(), TransportError>;
}

/// The receiving half of a stream.
pub trait RecvHalf: Send + Debug {
    /// Polls for the next frame; `None` after the peer ended its direction.
    ///
    /// # Errors
    /// When the connection has ended, the peer abandoned the stream, or its bytes are no frame.
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame>, TransportError>>;
}

impl dyn RecvHalf + '_ {
    /// The next frame; `None` after the peer ended its direction. Cancellation safe.
    ///
    /// # Errors
    /// As [`RecvHalf::poll_recv`].
    pub async fn recv(&mut self) -> Result<Option<Frame>, TransportError> {
        poll_fn(|context| self.poll_recv(context)).await
    }
}
