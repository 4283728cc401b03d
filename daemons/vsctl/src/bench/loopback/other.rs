//! The other side: takes streams in, and sends back what is asked for.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use vanus_net::{
    http::bind_tcp,
    quic::{Identity, QuicOptions, QuicTransport},
};
use vanus_proto::transport::{Connection, Listener, Transport as _, TransportError};

use super::{super::helper, BLOCK, PING, quic, tcp};
use crate::{context::Context, error::CliError};

/// Where the other side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) tcp: SocketAddr,
    pub(super) quic: String,
}

impl Address {
    /// Reads what the other side says.
    pub(super) fn read(said: &str) -> Result<Self, CliError> {
        let read = || {
            let (tcp, quic) = said.split_once(' ')?;
            Some(Self {
                tcp: tcp.parse().ok()?,
                quic: quic.to_owned(),
            })
        };
        read().ok_or_else(|| CliError::Bench(format!("\"{said}\" is no place of the other side")))
    }
}

/// Serves until standard input ends; prints where first.
pub(crate) async fn serve(context: &Context) -> Result<(), CliError> {
    let tcp = bind_tcp(([127, 0, 0, 1], 0).into())
        .await
        .map_err(CliError::Runtime)?;
    let identity = Identity::SelfSigned;
    let transport = QuicTransport::new(QuicOptions {
        identity,
        ..QuicOptions::default()
    });
    let transport = transport.map_err(|error| quic::failed(&error))?;
    let listener = transport
        .listen("127.0.0.1:0")
        .await
        .map_err(|error| quic::failed(&error))?;
    let address = tcp.local_addr().map_err(CliError::Runtime)?;
    let said = format!("{address} {}\n", listener.address());
    context.output().raw(said.as_bytes())?;
    let over_tcp = async {
        while let Ok((stream, _)) = tcp.accept().await {
            // How a connection ends is its client's affair.
            tokio::spawn(async move { drop(answer_tcp(stream).await) });
        }
    };
    tokio::select! {
        () = over_tcp => Ok(()),
        () = over_quic(listener.as_ref()) => Ok(()),
        () = helper::wanted_no_more() => Ok(()),
    }
}

async fn answer_tcp(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    if stream.read_u8().await? == tcp::PING_PONG {
        let mut message = [0; PING];
        loop {
            stream.read_exact(&mut message).await?;
            stream.write_all(&message).await?;
        }
    }
    let mut block = vec![0; BLOCK];
    while stream.read(&mut block).await? > 0 {}
    stream.write_u8(tcp::ALL_CAME).await
}

async fn over_quic(listener: &dyn Listener) {
    while let Some(connection) = listener.accept().await {
        // As above.
        tokio::spawn(async move { drop(answer_quic(connection.as_ref()).await) });
    }
}

/// Answers frames without a body, and takes in those with one.
async fn answer_quic(connection: &dyn Connection) -> Result<(), TransportError> {
    let (mut sending, mut receiving) = connection.accept_stream().await?;
    while let Some(frame) = receiving.recv().await? {
        if frame.body.is_empty() {
            let number = frame.correlation;
            sending
                .send(&mut vec![quic::frame(number, Vec::new())?])
                .await?;
        }
    }
    // Everything was taken in: the answer to the end is the end.
    sending.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_other_side_is_two_addresses() {
        let read = Address::read("127.0.0.1:7 127.0.0.1:8").unwrap();
        assert_eq!(read.tcp, SocketAddr::from(([127, 0, 0, 1], 7)));
        assert_eq!(read.quic, "127.0.0.1:8");
        assert!(Address::read("127.0.0.1:7").is_err());
        assert!(Address::read("nowhere 127.0.0.1:8").is_err());
    }
}
