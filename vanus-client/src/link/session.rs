//! One connection after its hello.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::JoinHandle;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::{Hello, HelloReply, PROTOCOL_VERSION},
    transport::{CloseCode, Connection, Stream, TransportError},
};

use super::{exchange::decode, slot::Slots};
use crate::error::ClientError;

/// An open session. Dropping the last reference closes the connection.
#[derive(Debug)]
pub(super) struct Session {
    connection: Arc<dyn Connection>,
    slots: Slots,
    /// Set when no new work shall be begun on it: it ended, or the server drains.
    over: Arc<AtomicBool>,
    watcher: JoinHandle<()>,
}

impl Session {
    /// Says hello on a new connection.
    pub(super) async fn begin(
        connection: Arc<dyn Connection>,
        name: &str,
    ) -> Result<Self, ClientError> {
        let (mut send, mut recv) = connection.open_stream().await?;
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            client: name.to_owned(),
            features: 0,
        };
        let op = Op::Hello.number();
        let frame = EncodedFrame::new(op, Flags::NONE, 0, &hello, Vec::new())
            .map_err(TransportError::from)?;
        send.send(&mut vec![frame]).await?;
        let answer = recv.recv().await?.ok_or(TransportError::StreamReset)?;
        let agreed: HelloReply = decode(Op::Hello, &answer)?;
        if agreed.protocol != PROTOCOL_VERSION {
            let detail = format!("it wants to speak version {}", agreed.protocol);
            return Err(ClientError::Answer {
                what: Op::Hello.name(),
                detail,
            });
        }
        let over = Arc::new(AtomicBool::new(false));
        let watcher = tokio::spawn(watch((send, recv), Arc::clone(&over)));
        Ok(Self {
            connection,
            slots: Slots::new(agreed.limits.max_streams),
            over,
            watcher,
        })
    }

    /// Whether new work may be begun.
    pub(super) fn is_open(&self) -> bool {
        !self.over.load(Ordering::Acquire)
    }

    /// The streams in use.
    pub(super) const fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Closes the connection under whoever still uses it.
    pub(super) fn close(&self) {
        self.over.store(true, Ordering::Release);
        self.connection.close(CloseCode::Done, "the client is done");
    }

    /// Opens a stream; for the holder of a slot.
    pub(super) async fn open_stream(&self) -> Result<Stream, TransportError> {
        let opened = self.connection.open_stream().await;
        if opened.is_err() {
            self.over.store(true, Ordering::Release);
        }
        opened
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.watcher.abort();
        self.close();
    }
}

/// Holds the session stream; notes its end and the server's drain notice.
async fn watch((_hold, mut recv): Stream, over: Arc<AtomicBool>) {
    loop {
        match recv.recv().await {
            Ok(Some(frame)) if frame.op == Op::Drain.number() => {
                tracing::debug!("the server stops, new work goes to another connection");
                over.store(true, Ordering::Release);
            }
            // A notice of a later version.
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                over.store(true, Ordering::Release);
                return;
            }
        }
    }
}
