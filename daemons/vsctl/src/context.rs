//! What every command needs: how to print, how to ask the server, and the seams.

use std::{sync::Arc, time::Duration};

use tokio::sync::OnceCell;
use vanus_client::{Admin, Client, ClientConfig, ClientError, QuicOptions, Trust};
use vanus_net::quic::QuicTransport;
use vanus_proto::transport::Transport;
use vanus_types::{Clock, Entropy, OsEntropy, SystemClock};

use crate::{cli::Global, error::CliError, input, output::Output};

/// How long one try to connect may take, if --timeout allows more.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a farewell may take to leave.
const FAREWELL: Duration = Duration::from_millis(2);

/// What every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    output: Output,
    clock: Arc<SystemClock>,
    client: OnceCell<Client>,
    /// All connections share one socket.
    transport: OnceCell<Arc<dyn Transport>>,
}

impl Context {
    pub(crate) fn new(global: Global, output: Output) -> Self {
        Self {
            global,
            output,
            clock: Arc::new(SystemClock::new()),
            client: OnceCell::new(),
            transport: OnceCell::new(),
        }
    }

    /// How answers are printed.
    pub(crate) const fn output(&self) -> &Output {
        &self.output
    }

    /// How long one request may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.global.timeout
    }

    /// Where time comes from.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Where randomness comes from.
    pub(crate) fn entropy(&self) -> &'static dyn Entropy {
        &OsEntropy
    }

    /// The one client of this command, connected.
    pub(crate) async fn client(&self) -> Result<&Client, CliError> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    /// What exists, and changing it.
    pub(crate) async fn admin(&self) -> Result<Admin, CliError> {
        Ok(self.client().await?.admin())
    }

    /// A further client, with a connection of its own.
    pub(crate) async fn connect(&self) -> Result<Client, CliError> {
        let transport = self
            .transport
            .get_or_try_init(|| std::future::ready(self.make_transport()));
        let mut config = ClientConfig::new("").over(Arc::clone(transport.await?));
        config.addresses.clone_from(&self.global.endpoint);
        config.name = concat!("vsctl/", env!("CARGO_PKG_VERSION")).to_owned();
        config.request_timeout = self.global.timeout;
        config.connect_timeout = self.global.timeout.min(CONNECT_TIMEOUT);
        Ok(Client::connect(config).await?)
    }

    fn make_transport(&self) -> Result<Arc<dyn Transport>, CliError> {
        let trust = match &self.global.ca {
            Some(path) => Trust::Authorities(input::read(path)?),
            None => Trust::Public,
        };
        let options = QuicOptions {
            trust,
            ..QuicOptions::default()
        };
        let transport = QuicTransport::new(options).map_err(ClientError::from)?;
        Ok(Arc::new(transport))
    }

    /// Lets the server know that this client is done.
    pub(crate) async fn close(&self) {
        if let Some(client) = self.client.get() {
            client.close();
            // The farewell is sent in the background, which ends with the program; without it the
            // server would keep the session until it counts as broken.
            tokio::time::sleep(FAREWELL).await;
        }
    }
}
