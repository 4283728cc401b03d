//! Plain TCP.

use std::{io, net::SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use vanus_net::http::connect_tcp;
use vanus_types::Clock;

use super::{super::recorder::Latencies, BLOCK, PING, Span};
use crate::error::CliError;

/// The first byte of a connection whose messages are sent back.
pub(super) const PING_PONG: u8 = b'p';

/// The first byte of a connection that is only taken in.
const STREAM: u8 = b's';

/// What the other side says when a stream has ended and all of it came.
pub(super) const ALL_CAME: u8 = b'.';

/// Sends blocks one way; answers how many came.
pub(super) async fn stream(
    address: SocketAddr,
    clock: &dyn Clock,
    span: &Span,
) -> Result<u64, CliError> {
    let sent = async {
        let mut stream = connect_tcp(&address.ip().to_string(), address.port()).await?;
        stream.write_u8(STREAM).await?;
        let (block, mut sent) = (vec![0x5A; BLOCK], 0);
        while !span.is_over(clock) {
            stream.write_all(&block).await?;
            sent += 1;
        }
        stream.shutdown().await?;
        stream.read_u8().await?;
        Ok(sent)
    };
    sent.await.map_err(|error| failed(&error))
}

/// Sends messages there and back; answers how long each took, and all of them.
pub(super) async fn ping_pong(
    address: SocketAddr,
    clock: &dyn Clock,
    span: &Span,
) -> Result<(Latencies, u64), CliError> {
    let mut times = Latencies::new()?;
    let mut stream = connect_tcp(&address.ip().to_string(), address.port())
        .await
        .map_err(|error| failed(&error))?;
    stream
        .write_u8(PING_PONG)
        .await
        .map_err(|error| failed(&error))?;
    let (mut message, begin) = ([0x5A; PING], clock.monotonic_ns());
    while !span.is_over(clock) {
        let before = clock.monotonic_ns();
        stream
            .write_all(&message)
            .await
            .map_err(|error| failed(&error))?;
        stream
            .read_exact(&mut message)
            .await
            .map_err(|error| failed(&error))?;
        times.record(clock.monotonic_ns() - before);
    }
    Ok((times, clock.monotonic_ns() - begin))
}

fn failed(error: &io::Error) -> CliError {
    CliError::Bench(format!("TCP: {error}"))
}
