//! Where the batches of one tail go, and the deliveries of one push: into the replies of its stream.

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::{Received, TailProgress},
    service::{PushSink, SinkClosed, TailSink},
};
use vanus_types::codec::Encode;

/// Sends what is pushed as replies.
#[derive(Debug)]
pub(super) struct ReplySink {
    op: Op,
    correlation: u64,
    replies: mpsc::Sender<EncodedFrame>,
    stopping: CancellationToken,
}

impl ReplySink {
    pub(super) const fn new(
        op: Op,
        correlation: u64,
        replies: mpsc::Sender<EncodedFrame>,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            op,
            correlation,
            replies,
            stopping,
        }
    }

    async fn reply(
        &self,
        message: &(impl Encode + Sync),
        batches: Vec<Bytes>,
    ) -> Result<(), SinkClosed> {
        let op = self.op;
        let frame = EncodedFrame::new(
            op.number(),
            Flags::REPLY,
            self.correlation,
            message,
            batches,
        )
        .map_err(|error| {
            tracing::error!(%error, "{} was ended: what it pushes fits no frame", op.name());
            SinkClosed
        })?;
        self.replies.send(frame).await.map_err(|_| SinkClosed)
    }
}

#[async_trait]
impl TailSink for ReplySink {
    async fn push(
        &mut self,
        progress: TailProgress,
        batches: Vec<Bytes>,
    ) -> Result<(), SinkClosed> {
        self.reply(&progress, batches).await
    }
}

#[async_trait]
impl PushSink for ReplySink {
    async fn push(&mut self, deliveries: Received, batches: Vec<Bytes>) -> Result<(), SinkClosed> {
        self.reply(&deliveries, batches).await
    }

    async fn stopping(&self) {
        self.stopping.cancelled().await;
    }
}
