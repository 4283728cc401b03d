//! The halves of a QUIC stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream};
use tokio_util::io::poll_read_buf;
use vanus_proto::{
    frame::{EncodedFrame, Frame, FrameDecoder},
    transport::{RecvHalf, SendHalf, TransportError},
};

use super::error;
use crate::idle_poll::IdlePoll;

/// Pieces below this many bytes are copied together: each piece that is kept for sending again
/// costs more than such a copy.
const SMALL_PIECE: usize = 4 * 1024;

/// The sending half.
#[derive(Debug)]
pub(super) struct QuicSend {
    stream: SendStream,
    pieces: Vec<Bytes>,
    idle_poll: Option<Arc<IdlePoll>>,
}

impl QuicSend {
    pub(super) const fn new(stream: SendStream, idle_poll: Option<Arc<IdlePoll>>) -> Self {
        Self {
            stream,
            pieces: Vec::new(),
            idle_poll,
        }
    }
}

#[async_trait]
impl SendHalf for QuicSend {
    async fn send(&mut self, frames: &mut Vec<EncodedFrame>) -> Result<(), TransportError> {
        gather(frames, &mut self.pieces);
        let written = self.stream.write_all_chunks(&mut self.pieces).await;
        self.pieces.clear();
        if let Some(poll) = &self.idle_poll {
            poll.sent();
        }
        written.map_err(|error| error::writing(&error))
    }

    async fn finish(&mut self) -> Result<(), TransportError> {
        if self.stream.finish().is_err() {
            return Ok(());
        }
        match self.stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(TransportError::StreamReset),
            Err(quinn::StoppedError::ConnectionLost(error)) => Err(error::ended(&error)),
            Err(quinn::StoppedError::ZeroRttRejected) => Err(TransportError::StreamReset),
        }
    }
}

/// Moves the pieces of all frames into `pieces`, small neighbours copied together.
fn gather(frames: &mut Vec<EncodedFrame>, pieces: &mut Vec<Bytes>) {
    let mut small = BytesMut::new();
    for piece in frames.drain(..).flat_map(EncodedFrame::into_chunks) {
        if piece.len() < SMALL_PIECE {
            small.extend_from_slice(&piece);
            continue;
        }
        if !small.is_empty() {
            pieces.push(small.split().freeze());
        }
        pieces.push(piece);
    }
    if !small.is_empty() {
        pieces.push(small.freeze());
    }
}

/// The receiving half.
#[derive(Debug)]
pub(super) struct QuicRecv {
    stream: RecvStream,
    decoder: FrameDecoder,
    idle_poll: Option<Arc<IdlePoll>>,
}

impl QuicRecv {
    pub(super) fn new(stream: RecvStream, idle_poll: Option<Arc<IdlePoll>>) -> Self {
        Self {
            stream,
            idle_poll,
            decoder: FrameDecoder::new(),
        }
    }
}

impl RecvHalf for QuicRecv {
    fn poll_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame>, TransportError>> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                return Poll::Ready(Ok(Some(frame)));
            }
            let stream = Pin::new(&mut self.stream);
            match poll_read_buf(stream, context, self.decoder.buffer()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(reading(&error))),
                Poll::Ready(Ok(0)) => {
                    self.decoder.finish()?;
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(Ok(_)) => {
                    if let Some(poll) = &self.idle_poll {
                        poll.received();
                    }
                }
            }
        }
    }
}

/// Reading through the runtime's trait wraps the reason; unwraps it.
fn reading(error: &std::io::Error) -> TransportError {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ReadError>())
    {
        Some(reason) => error::reading(reason),
        None => TransportError::Lost {
            detail: error.to_string(),
        },
    }
}
