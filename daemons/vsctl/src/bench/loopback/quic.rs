//! QUIC, as server and client speak it, with frames that mean nothing.

use std::sync::Arc;

use bytes::Bytes;
use vanus_net::quic::{QuicOptions, QuicTransport};
use vanus_proto::{
    Op,
    frame::{EncodedFrame, Flags},
    message::GetClusterInfo,
    transport::{Connection, Transport as _, TransportError},
};
use vanus_types::Clock;

use super::{super::recorder::Latencies, BLOCK, Span};
use crate::error::CliError;

/// Sends blocks one way, each the body of a frame; answers how many came.
pub(super) async fn stream(address: &str, clock: &dyn Clock, span: &Span) -> Result<u64, CliError> {
    let sent = async {
        let connection = connect(address).await?;
        let (mut sending, mut receiving) = connection.open_stream().await?;
        let (block, mut sent) = (Bytes::from(vec![0x5A; BLOCK]), 0);
        while !span.is_over(clock) {
            sending
                .send(&mut vec![frame(sent, vec![block.clone()])?])
                .await?;
            sent += 1;
        }
        sending.finish().await?;
        receiving.recv().await?;
        Ok(sent)
    };
    sent.await.map_err(|error| failed(&error))
}

/// Sends frames without a body there and back; answers how long each took, and all of them.
pub(super) async fn ping_pong(
    address: &str,
    clock: &dyn Clock,
    span: &Span,
) -> Result<(Latencies, u64), CliError> {
    let (mut times, begin) = (Latencies::new()?, clock.monotonic_ns());
    let measured = async {
        let connection = connect(address).await?;
        let (mut sending, mut receiving) = connection.open_stream().await?;
        let mut number = 0;
        while !span.is_over(clock) {
            let before = clock.monotonic_ns();
            sending.send(&mut vec![frame(number, Vec::new())?]).await?;
            receiving.recv().await?;
            times.record(clock.monotonic_ns() - before);
            number += 1;
        }
        Ok(())
    };
    measured.await.map_err(|error| failed(&error))?;
    Ok((times, clock.monotonic_ns() - begin))
}

async fn connect(address: &str) -> Result<Arc<dyn Connection>, TransportError> {
    let transport = QuicTransport::new(QuicOptions::default())?;
    transport.connect(address).await
}

/// A frame with this number and body.
pub(super) fn frame(number: u64, body: Vec<Bytes>) -> Result<EncodedFrame, TransportError> {
    let op = Op::GetClusterInfo.number();
    Ok(EncodedFrame::new(
        op,
        Flags::NONE,
        number,
        &GetClusterInfo,
        body,
    )?)
}

pub(super) fn failed(error: &TransportError) -> CliError {
    CliError::Bench(format!("QUIC: {error}"))
}
