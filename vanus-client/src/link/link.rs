//! Keeping sessions, and trying again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use vanus_proto::{
    Role,
    message::Call,
    transport::{CloseCode, Stream, Transport, TransportError},
};
use vanus_types::RetryClass;

use super::{
    exchange::{Answer, exchange},
    session::Session,
    slot::{Purpose, Slot},
};
use crate::{config::ClientConfig, error::ClientError, routes::Routes};

/// Keeps a session and makes it anew when it is over; keeps further ones when its streams are all
/// in use.
#[derive(Debug)]
pub(crate) struct Link {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    /// Those on which new work may be begun, in the order in which they are filled.
    sessions: Mutex<Vec<Arc<Session>>>,
    /// Held by whoever makes a connection, so that one is made at a time.
    connecting: tokio::sync::Mutex<()>,
    /// The address to try next.
    turn: AtomicUsize,
    routes: Routes,
}

impl Link {
    pub(crate) fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let transport = config.transport()?;
        Ok(Self {
            config,
            transport,
            sessions: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            turn: AtomicUsize::new(0),
            routes: Routes::default(),
        })
    }

    pub(crate) const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Which eventlogs eventbuses have.
    pub(crate) const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How long to wait after `failures` failures in a row.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        self.config
            .backoff
            .delay(failures, self.config.entropy.next_u64())
    }

    /// Makes sure that there is a session; one try over all addresses.
    pub(crate) async fn ensure_connected(&self) -> Result<(), ClientError> {
        self.slot(Purpose::Request).await.map(drop)
    }

    /// Opens a stream on an open session with room for it, or on a new one; one try over all
    /// addresses. The slot must be dropped after the stream.
    pub(crate) async fn open_stream(
        &self,
        purpose: Purpose,
    ) -> Result<(Slot, Stream), ClientError> {
        let slot = self.slot(purpose).await?;
        let limit = self.config.request_timeout;
        // There is room, so this waits only for a server that keeps streams of answered requests.
        match timeout(limit, slot.open()).await {
            Ok(opened) => Ok((slot, opened?)),
            Err(_) => Err(ClientError::Timeout {
                what: "the opening of a stream",
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    async fn slot(&self, purpose: Purpose) -> Result<Slot, ClientError> {
        if let Some(slot) = self.free_slot(purpose) {
            return Ok(slot);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(slot) = self.free_slot(purpose) {
            return Ok(slot);
        }
        let connections = self.config.max_connections.max(1);
        let full = ClientError::TooManyStreams { connections };
        if self.sessions.lock().len() >= connections {
            return Err(full);
        }
        let session = Arc::new(self.connect().await?);
        let slot = Slot::of(&session, purpose).ok_or(full)?;
        self.sessions.lock().push(session);
        Ok(slot)
    }

    /// A slot of the first session that has one. Sessions that are over are let go: their streams
    /// keep them for as long as they need them.
    fn free_slot(&self, purpose: Purpose) -> Option<Slot> {
        let mut sessions = self.sessions.lock();
        sessions.retain(|session| session.is_open());
        sessions
            .iter()
            .find_map(|session| Slot::of(session, purpose))
    }

    /// Closes all sessions; a later request makes a new one.
    pub(crate) fn close(&self) {
        for session in self.sessions.lock().drain(..) {
            session.close();
        }
    }

    /// Asks `request`, again and again while that is without danger, until the time is up.
    ///
    /// `extra` is added to the time limit: how long the server may wait on purpose.
    pub(crate) async fn ask<C: Call>(
        &self,
        request: &C,
        extra: Duration,
    ) -> Result<Answer<C::Reply>, ClientError> {
        let limit = self.config.request_timeout + extra;
        let deadline = Instant::now() + limit;
        let timed_out = || ClientError::Timeout {
            what: C::OP.name(),
            limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        };
        // What changes nothing may be asked twice; what changes something only if the first try
        // certainly did not.
        let harmless = matches!(C::OP.role(), Role::Any | Role::Read);
        let mut failures = 0;
        loop {
            let tried = timeout_at(deadline, self.try_ask(request)).await;
            let error = match tried {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => return Err(timed_out()),
            };
            let again = match error.retry_class() {
                RetryClass::Safe => true,
                RetryClass::Unknown => harmless,
                RetryClass::Never => false,
            };
            failures += 1;
            let next = Instant::now() + self.backoff(failures);
            if !again || next >= deadline {
                return Err(error);
            }
            tracing::debug!(op = C::OP.name(), %error, failures, "asking again");
            sleep_until(next).await;
        }
    }

    async fn try_ask<C: Call>(&self, request: &C) -> Result<Answer<C::Reply>, ClientError> {
        let (_slot, stream) = self.open_stream(Purpose::Request).await?;
        exchange(stream, request).await
    }

    async fn connect(&self) -> Result<Session, ClientError> {
        let first = self.turn.load(Ordering::Relaxed);
        let count = self.config.addresses.len();
        let mut last = ClientError::Transport(TransportError::Address {
            address: String::new(),
            detail: "no address is configured".to_owned(),
        });
        for address in self
            .config
            .addresses
            .iter()
            .cycle()
            .skip(first % count.max(1))
            .take(count)
        {
            match self.connect_to(address).await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    tracing::debug!(address, %error, "could not connect");
                    self.turn.fetch_add(1, Ordering::Relaxed);
                    last = error;
                }
            }
        }
        Err(last)
    }

    async fn connect_to(&self, address: &str) -> Result<Session, ClientError> {
        let unreachable = |detail: String| {
            ClientError::Transport(TransportError::Connect {
                address: address.to_owned(),
                detail,
            })
        };
        let limit = self.config.connect_timeout;
        let begin = async {
            let connection = self.transport.connect(address).await?;
            match Session::begin(Arc::clone(&connection), &self.config.name).await {
                Ok(session) => Ok(session),
                Err(ClientError::Transport(error)) => {
                    connection.close(CloseCode::Done, "the hello failed");
                    // Nothing was asked yet: trying again is safe.
                    Err(unreachable(error.to_string()))
                }
                Err(error) => {
                    connection.close(CloseCode::Done, "the hello was refused");
                    Err(error)
                }
            }
        };
        match timeout(limit, begin).await {
            Ok(begun) => begun,
            Err(_) => Err(unreachable(format!(
                "no hello within {} ms",
                limit.as_millis()
            ))),
        }
    }
}
