//! An engine in memory behind a QUIC server, and the program that talks to it.

use std::{process::Stdio, sync::Arc};

use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use vanus_core::{ClusterInfo, Vanus};
use vanus_gateway::{Gateway, GatewayOptions};
use vanus_net::{
    http::bind_tcp,
    quic::{Identity, QuicOptions, QuicTransport},
    serve::{ServeOptions, serve},
};
use vanus_proto::transport::Transport as _;

/// A server in this process.
pub(crate) struct Stage {
    pub(crate) vanus: Vanus,
    pub(crate) address: String,
    stopping: CancellationToken,
    servers: [JoinHandle<()>; 2],
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let vanus = Vanus::builder().in_memory().open().await.unwrap();
        let options = QuicOptions {
            identity: Identity::SelfSigned,
            ..QuicOptions::default()
        };
        let transport = QuicTransport::new(options).unwrap();
        let listener = transport.listen("127.0.0.1:0").await.unwrap();
        let address = listener.address();
        let front = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let http = front.local_addr().unwrap().to_string();
        let info = {
            let (vanus, http) = (vanus.clone(), Some(http));
            Arc::new(move || ClusterInfo {
                http: http.clone(),
                ..vanus.cluster_info()
            })
        };
        let stopping = CancellationToken::new();
        let service = Arc::new(vanus.service().telling(info));
        let quic = serve(listener, service, ServeOptions::default(), stopping.clone());
        let gateway = Gateway::new(vanus.clone(), GatewayOptions::default(), stopping.clone());
        let servers = [tokio::spawn(quic), tokio::spawn(gateway.serve(front))];
        Self {
            vanus,
            address,
            stopping,
            servers,
        }
    }

    /// A server with the eventbus "orders" of `eventlogs` eventlogs.
    pub(crate) async fn with_orders(eventlogs: u16) -> Self {
        let stage = Self::new().await;
        let eventlogs = eventlogs.to_string();
        stage
            .ok(&[
                "eventbus",
                "create",
                "--name",
                "orders",
                "--eventlog",
                &eventlogs,
            ])
            .await;
        stage
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(&self.address, arguments)
    }

    /// Runs the program.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        finish(self.command(arguments).spawn().unwrap()).await
    }

    /// Runs the program with something on its standard input.
    pub(crate) async fn feed(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        finish(child).await
    }

    /// Runs the program, which must succeed; answers what it printed.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
        done.out
    }

    /// Runs the program, which must succeed and print JSON.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&["--format", "json"], arguments].concat();
        serde_json::from_str(&self.ok(&arguments).await).unwrap()
    }

    pub(crate) async fn close(self) {
        self.stopping.cancel();
        for server in self.servers {
            server.await.unwrap();
        }
        self.vanus.close().await.unwrap();
    }
}

/// The program, told to talk to `address`.
pub(crate) fn command(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vsctl"));
    command
        .args(arguments)
        .env_clear()
        .env("VANUS_GATEWAY", address)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Waits until the program has ended.
pub(crate) async fn finish(child: Child) -> Done {
    let output = child.wait_with_output().await.unwrap();
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
