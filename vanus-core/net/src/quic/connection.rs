//! One QUIC connection.

use async_trait::async_trait;
use quinn::VarInt;
use vanus_proto::transport::{CloseCode, Connection, Stream, TransportError};

use super::{
    error,
    stream::{QuicRecv, QuicSend},
};

/// A connection and, through it, the endpoint that carries it.
#[derive(Debug)]
pub(super) struct QuicConnection {
    connection: quinn::Connection,
}

impl QuicConnection {
    pub(super) const fn new(connection: quinn::Connection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl Connection for QuicConnection {
    async fn open_stream(&self) -> Result<Stream, TransportError> {
        let opened = self.connection.open_bi().await;
        opened.map(halves).map_err(|error| error::ended(&error))
    }

    async fn accept_stream(&self) -> Result<Stream, TransportError> {
        let accepted = self.connection.accept_bi().await;
        accepted.map(halves).map_err(|error| error::ended(&error))
    }

    fn close(&self, code: CloseCode, reason: &str) {
        self.connection
            .close(VarInt::from_u32(code.number()), reason.as_bytes());
    }

    async fn closed(&self) -> TransportError {
        error::ended(&self.connection.closed().await)
    }

    fn peer(&self) -> String {
        self.connection.remote_address().to_string()
    }
}

fn halves((send, recv): (quinn::SendStream, quinn::RecvStream)) -> Stream {
    (Box::new(QuicSend::new(send)), Box::new(QuicRecv::new(recv)))
}
