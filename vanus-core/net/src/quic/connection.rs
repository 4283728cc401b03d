//! One QUIC connection.

use std::sync::Arc;

use async_trait::async_trait;
use quinn::VarInt;
use vanus_proto::transport::{CloseCode, Connection, Stream, TransportError};

use super::{
    error,
    stream::{QuicRecv, QuicSend},
};
use crate::idle_poll::IdlePoll;

/// A connection and, through it, the endpoint that carries it.
#[derive(Debug)]
pub(super) struct QuicConnection {
    connection: quinn::Connection,
    idle_poll: Option<Arc<IdlePoll>>,
}

impl QuicConnection {
    pub(super) const fn new(
        connection: quinn::Connection,
        idle_poll: Option<Arc<IdlePoll>>,
    ) -> Self {
        Self {
            connection,
            idle_poll,
        }
    }

    fn halves(&self, (send, recv): (quinn::SendStream, quinn::RecvStream)) -> Stream {
        let send = QuicSend::new(send, self.idle_poll.clone());
        (
            Box::new(send),
            Box::new(QuicRecv::new(recv, self.idle_poll.clone())),
        )
    }
}

#[async_trait]
impl Connection for QuicConnection {
    async fn open_stream(&self) -> Result<Stream, TransportError> {
        let opened = self.connection.open_bi().await;
        opened
            .map(|opened| self.halves(opened))
            .map_err(|error| error::ended(&error))
    }

    async fn accept_stream(&self) -> Result<Stream, TransportError> {
        let accepted = self.connection.accept_bi().await;
        accepted
            .map(|accepted| self.halves(accepted))
            .map_err(|error| error::ended(&error))
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
