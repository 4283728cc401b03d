//! An HTTP server that does nothing, in a process of its own like the one it is compared with.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use vanus_net::http::bind_tcp;

use super::super::helper::{self, Helper};
use crate::{context::Context, error::CliError};

/// A running server.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) url: String,
    helper: Helper,
}

impl Baseline {
    /// Starts this program once more, as the server.
    pub(super) async fn start() -> Result<Self, CliError> {
        let helper = Helper::start("http-baseline").await?;
        let url = format!("http://{}/", helper.said);
        Ok(Self { url, helper })
    }

    /// Ends the server.
    pub(super) async fn stop(self) {
        self.helper.stop().await;
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
    tokio::select! {
        failed = accepting => failed,
        () = helper::wanted_no_more() => Ok(()),
    }
}

/// Reads the request and answers 200.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    drop(request.into_body().collect().await);
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}
