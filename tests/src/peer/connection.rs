//! A TCP connection that is read into one buffer, and the window between its two halves.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
};

use super::Result;

const READ_AT_ONCE: usize = 1 << 20;

/// The half that is read.
pub(super) struct Incoming {
    half: OwnedReadHalf,
    buffer: BytesMut,
}

/// The half that is written.
pub(super) struct Outgoing {
    half: OwnedWriteHalf,
}

/// Opens a connection.
pub(super) async fn connect(address: &str) -> Result<(Incoming, Outgoing)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let incoming = Incoming {
        half: read,
        buffer: BytesMut::with_capacity(READ_AT_ONCE),
    };
    Ok((incoming, Outgoing { half: write }))
}

impl Incoming {
    /// What came and was not taken yet.
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the first bytes off.
    pub(super) fn take(&mut self, len: usize) -> BytesMut {
        self.buffer.split_to(len.min(self.buffer.len()))
    }

    /// Waits for more.
    pub(super) async fn more(&mut self) -> Result<()> {
        self.buffer.reserve(READ_AT_ONCE);
        match self.half.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

impl Outgoing {
    /// Sends these bytes.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.half.write_all(bytes).await?)
    }
}

/// How many messages may be on their way: the writer asks for room, the reader makes it.
#[derive(Clone)]
pub(super) struct Window {
    size: u64,
    done: Arc<AtomicU64>,
    changed: Arc<Notify>,
}

impl Window {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            done: Arc::default(),
            changed: Arc::default(),
        }
    }

    /// Notes that so many more messages are acknowledged.
    pub(super) fn done(&self, count: u64) {
        self.done.fetch_add(count, Ordering::Release);
        self.changed.notify_one();
    }

    /// Waits until there is room after `sent` messages, and says for how many.
    pub(super) async fn room(&self, sent: u64) -> u64 {
        loop {
            let under_way = sent - self.done.load(Ordering::Acquire);
            if under_way < self.size {
                return self.size - under_way;
            }
            self.changed.notified().await;
        }
    }
}
