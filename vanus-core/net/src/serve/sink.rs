//! Where the batches of one tail go: into the replies of its stream.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::TailProgress,
    service::{SinkClosed, TailSink},
};

/// Sends the batches of one tail as replies.
#[derive(Debug)]
pub(super) struct ReplySink {
    correlation: u64,
    replies: mpsc::Sender<EncodedFrame>,
}

impl ReplySink {
    pub(super) const fn new(correlation: u64, replies: mpsc::Sender<EncodedFrame>) -> Self {
        Self {
            correlation,
            replies,
        }
    }
}

#[async_trait]
impl TailSink for ReplySink {
    async fn push(
        &mut self,
        progress: TailProgress,
        batches: Vec<Bytes>,
    ) -> Result<(), SinkClosed> {
        let op = Op::Tail.number();
        let frame = EncodedFrame::new(op, Flags::REPLY, self.correlation, &progress, batches)
            .map_err(|error| {
                tracing::error!(%error, "a tail was ended: its batches fit no frame");
                SinkClosed
            })?;
        self.replies.send(frame).await.map_err(|_| SinkClosed)
    }
}
