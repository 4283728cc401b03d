//! One session: hello, the streams of the connection, and the drain notice.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::{DrainNotice, Hello, HelloReply, MAX_CLIENT_NAME_LEN, PROTOCOL_VERSION},
    service::SessionContext,
    transport::{CloseCode, Connection, Stream, TransportError},
};
use vanus_types::{Coded, ErrorCode, Fault, codec};

use super::{server::Shared, stream::StreamTask};

/// A connection being served.
#[derive(Debug)]
pub(super) struct Session {
    shared: Arc<Shared>,
    connection: Arc<dyn Connection>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, connection: Arc<dyn Connection>) -> Self {
        Self { shared, connection }
    }

    /// Serves the connection until it ends or the server has stopped.
    pub(super) async fn run(self) {
        let peer = self.connection.peer();
        let hello = tokio::time::timeout(self.shared.options.hello_timeout, self.hello());
        let (context, stream) = match hello.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                tracing::debug!(peer, %error, "a connection ended without a session");
                self.connection
                    .close(CloseCode::Protocol, &error.to_string());
                return;
            }
            Err(_) => {
                tracing::debug!(peer, "a connection said no hello in time");
                self.connection
                    .close(CloseCode::Refused, "no hello in time");
                return;
            }
        };
        tracing::debug!(peer, client = context.client, "a session began");
        let (code, reason) = tokio::select! {
            ended = self.serve(context, stream) => ended,
            () = self.shared.stopped.cancelled() => (CloseCode::Drained, "the server stopped".to_owned()),
        };
        tracing::debug!(peer, reason, "a session ended");
        self.connection.close(code, &reason);
    }

    /// Takes the first stream and agrees on how to speak.
    async fn hello(&self) -> Result<(SessionContext, Stream), HelloError> {
        let (mut send, mut recv) = self.connection.accept_stream().await?;
        let frame = recv.recv().await?.ok_or(HelloError::Silent)?;
        let answer = match Op::from_number(frame.op) {
            Some(Op::Hello) => codec::decode::<Hello>(&frame.control)
                .map_err(|error| Fault::of(&error))
                .and_then(|hello| self.agree(&hello)),
            _ => Err(Fault::new(
                ErrorCode::InvalidRequest,
                "the first frame must be a hello",
            )),
        };
        let (encoded, agreed) = match answer {
            Ok((context, reply)) => (
                EncodedFrame::new(
                    frame.op,
                    Flags::REPLY,
                    frame.correlation,
                    &reply,
                    Vec::new(),
                )
                .map_err(TransportError::from)?,
                Ok(context),
            ),
            Err(fault) => (
                EncodedFrame::fault(frame.op, frame.correlation, &fault),
                Err(fault),
            ),
        };
        send.send(&mut vec![encoded]).await?;
        match agreed {
            Ok(context) => Ok((context, (send, recv))),
            Err(fault) => {
                // The peer shall read why before the connection is closed.
                send.finish().await?;
                Err(HelloError::Refused(fault))
            }
        }
    }

    fn agree(&self, hello: &Hello) -> Result<(SessionContext, HelloReply), Fault> {
        if hello.protocol == 0 {
            return Err(Fault::new(
                ErrorCode::UnsupportedVersion,
                "protocol version 0 does not exist, the first is 1",
            ));
        }
        if hello.client.len() > MAX_CLIENT_NAME_LEN {
            return Err(Fault::new(
                ErrorCode::InvalidArgument,
                format!("the client's name may have {MAX_CLIENT_NAME_LEN} bytes"),
            ));
        }
        let protocol = hello.protocol.min(PROTOCOL_VERSION);
        let context = SessionContext {
            peer: self.connection.peer(),
            client: hello.client.clone(),
            protocol,
        };
        let options = &self.shared.options;
        let reply = HelloReply {
            protocol,
            server: options.version.clone(),
            node: options.node,
            features: 0,
            limits: options.session_limits(),
        };
        Ok((context, reply))
    }

    /// Serves streams until the client leaves or the server drained; says why it ended.
    async fn serve(&self, context: SessionContext, session: Stream) -> (CloseCode, String) {
        let (mut notices, mut hold) = session;
        let streams = TaskTracker::new();
        let context = Arc::new(context);
        let requests = Arc::new(Semaphore::new(self.shared.options.max_requests_in_flight));
        loop {
            tokio::select! {
                biased;
                () = self.shared.stopping.cancelled() => break,
                held = hold.recv() => return left(&held),
                stream = self.connection.accept_stream() => match stream {
                    Err(error) => return (CloseCode::Done, error.to_string()),
                    Ok((send, recv)) => {
                        let task = StreamTask::new(
                            Arc::clone(&self.shared),
                            Arc::clone(&context),
                            Arc::clone(&requests),
                        );
                        let connection = Arc::clone(&self.connection);
                        streams.spawn(async move {
                            if let Err(error) = task.run(send, recv).await {
                                tracing::warn!(peer = connection.peer(), %error, "a peer broke the protocol");
                                connection.close(CloseCode::Protocol, &error.to_string());
                            }
                        });
                    }
                },
            }
        }
        let grace = self.shared.options.drain_grace.as_millis();
        let notice = DrainNotice {
            grace_ms: u32::try_from(grace).unwrap_or(u32::MAX),
        };
        if let Ok(frame) =
            EncodedFrame::new(Op::Drain.number(), Flags::NONE, 0, &notice, Vec::new())
        {
            // A client that is gone need not be told.
            let _ = notices.send(&mut vec![frame]).await;
        }
        streams.close();
        tokio::select! {
            () = streams.wait() => {}
            _ = hold.recv() => {}
        }
        (CloseCode::Drained, "the server stopped".to_owned())
    }
}

/// Why a session ends whose client spoke on, or ended, the session stream.
fn left<T>(held: &Result<Option<T>, TransportError>) -> (CloseCode, String) {
    match held {
        Ok(None) => (CloseCode::Done, "the client left".to_owned()),
        Ok(Some(_)) => (
            CloseCode::Protocol,
            "the session stream takes nothing but a hello".to_owned(),
        ),
        Err(error) => (CloseCode::Done, error.to_string()),
    }
}

/// Why no session began.
#[derive(Debug, thiserror::Error)]
enum HelloError {
    #[error("the client ended its first stream without a hello")]
    Silent,
    #[error("the hello was refused: {0}")]
    Refused(Fault),
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl Coded for HelloError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Silent => ErrorCode::InvalidRequest,
            Self::Refused(fault) => fault.code,
            Self::Transport(error) => error.code(),
        }
    }
}
