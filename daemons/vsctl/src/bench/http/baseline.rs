//! An HTTP server that does nothing, in a process of its own like the one it is compared with.

use std::{convert::Infallible, process::Stdio};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
};
use vanus_net::http::bind_tcp;

use crate::{context::Context, error::CliError};

/// A running server.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) url: String,
    process: Child,
}

impl Baseline {
    /// Starts this program once more, as the server.
    pub(super) async fn start() -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(CliError::Runtime)?;
        let mut process = Command::new(program)
            .args(["bench", "http-baseline"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(CliError::Runtime)?;
        let mut address = String::new();
        if let Some(out) = process.stdout.take() {
            let mut lines = BufReader::new(out);
            lines
                .read_line(&mut address)
                .await
                .map_err(CliError::Runtime)?;
        }
        let address = address.trim();
        if address.is_empty() {
            return Err(CliError::Bench(
                "the bare HTTP server did not start".to_owned(),
            ));
        }
        Ok(Self {
            url: format!("http://{address}/"),
            process,
        })
    }

    /// Ends the server.
    pub(super) async fn stop(mut self) {
        drop(self.process.stdin.take());
        // It ends with its standard input, at the latest when this is dropped.
        let _ = self.process.wait().await;
    }
}

/// Serves until standard input ends; prints the address first.
pub(crate) async fn serve(context: &Context) -> Result<(), CliError> {
    let listener = bind_tcp(([127, 0, 0, 1], 0).into())
        .await
        .map_err(CliError::Runtime)?;
    let address = listener.local_addr().map_err(CliError::Runtime)?;
    context.output().raw(format!("{address}\n").as_bytes())?;
    let accepting = async {
        loop {
            let (stream, _) = listener.accept().await.map_err(CliError::Runtime)?;
            stream.set_nodelay(true).map_err(CliError::Runtime)?;
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            // How a connection ends is its client's affair.
            tokio::spawn(async move { drop(serving.await) });
        }
    };
    let mut nothing = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        failed = accepting => failed,
        _ = stdin.read_to_end(&mut nothing) => Ok(()),
    }
}

/// Reads the request and answers 200.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    drop(request.into_body().collect().await);
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}
