//! The two ways in which a publisher writes, whatever the protocol.

use std::time::Instant;

use super::{
    Load, Result,
    connection::{Outgoing, Window},
    measure::{Schedule, Stamps},
};

const AT_ONCE: u64 = 128;

/// Adds the bytes that publish a payload to a message.
pub(super) type Put = fn(&mut Vec<u8>, &[u8]);

/// The bytes that publish one payload.
pub(super) fn message(load: Load, put: Put) -> Vec<u8> {
    let mut message = Vec::new();
    put(
        &mut message,
        Stamps::new(Instant::now(), load.payload).plain(),
    );
    message
}

/// Publishes everything, as fast as the window lets it. Gives the connection back, because to drop
/// it is to hang up before the last acknowledgements.
pub(super) async fn publish_all(
    mut outgoing: Outgoing,
    load: Load,
    put: Put,
    window: Window,
) -> Result<Outgoing> {
    let message = message(load, put);
    let many = message.repeat(usize::try_from(AT_ONCE)?);
    let mut sent = 0;
    while sent < load.events {
        let count = window.room(sent).await.min(AT_ONCE).min(load.events - sent);
        let bytes = usize::try_from(count)? * message.len();
        outgoing.send(many.get(..bytes).unwrap_or(&many)).await?;
        sent += count;
    }
    Ok(outgoing)
}

/// Publishes everything at the fixed rate.
pub(super) async fn publish_paced(
    outgoing: &mut Outgoing,
    load: Load,
    put: Put,
    start: Instant,
) -> Result<()> {
    let mut stamps = Stamps::new(start, load.payload);
    let mut schedule = Schedule::new(load)?;
    let mut message = Vec::new();
    while !schedule.is_over() {
        schedule.wait().await?;
        message.clear();
        while let Some(moment) = schedule.take() {
            put(&mut message, stamps.at(moment));
        }
        outgoing.send(&message).await?;
    }
    Ok(())
}
