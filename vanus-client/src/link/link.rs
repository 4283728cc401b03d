//! Keeping a session, and trying again.

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
    transport::{CloseCode, Transport, TransportError},
};
use vanus_types::RetryClass;

use super::{Session, exchange::Answer};
use crate::{config::ClientConfig, error::ClientError, routes::Routes};

/// Keeps one session and makes it anew when it is over.
#[derive(Debug)]
pub(crate) struct Link {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    current: Mutex<Option<Arc<Session>>>,
    /// Held by whoever makes a connection, so that only one is made.
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
            current: Mutex::default(),
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

    /// The open session, or a new one; one try over all addresses.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, ClientError> {
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let session = Arc::new(self.connect().await?);
        *self.current.lock() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Closes the session; a later request makes a new one.
    pub(crate) fn close(&self) {
        self.current.lock().take();
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
        let session = self.session().await?;
        session.exchange(request).await
    }

    fn open(&self) -> Option<Arc<Session>> {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|session| !session.is_open()) {
            *current = None;
        }
        current.clone()
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
