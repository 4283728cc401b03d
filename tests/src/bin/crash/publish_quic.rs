//! A publisher that uses the client of Vanus.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use vanus_client::{Ack, Client, ClientConfig, ProducerOptions, SendError};
use vanus_tests::{
    harness::{Random, Result},
    history::{Act, Outcome, Send},
};

use crate::{
    sample::Sample,
    world::{EVENTBUS, World},
};

const TICK: Duration = Duration::from_millis(10);
const TICKS: u64 = 100;
const MOST_WAITING: usize = 4_096;

/// An event that was taken in: when, and what will come of it.
struct Waiting {
    t0: u64,
    id: String,
    hash: String,
    ack: Ack,
}

/// Publishes until it is told to stop, and waits for every acknowledgement.
pub(crate) async fn publish(world: World, name: &'static str) -> Result<()> {
    let client = Client::connect(ClientConfig::new(world.quic.as_str())).await?;
    let options = ProducerOptions::default();
    let producer = client.producer("default", EVENTBUS, options).await?;
    let (sent, waiting) = mpsc::channel(MOST_WAITING);
    let recording = tokio::spawn(record(world.clone(), name, waiting));
    let mut random = Random::named(world.seed, name);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = 0;
    while !world.is_stopped() {
        ticks.tick().await;
        for _ in 0..world.rate.div_ceil(TICKS) {
            number += 1;
            let sample = Sample::new(&mut random, name, number);
            let (event, hash) = (sample.event()?, sample.hash());
            let t0 = world.recorder.now();
            let ack = producer.send(event).await.map_err(|e| e.reason)?;
            let id = sample.id;
            sent.send(Waiting { t0, id, hash, ack }).await?;
        }
    }
    drop(sent);
    recording.await??;
    producer.close().await;
    client.close();
    Ok(())
}

async fn record(world: World, name: &str, mut waiting: mpsc::Receiver<Waiting>) -> Result<()> {
    while let Some(Waiting { t0, id, hash, ack }) = waiting.recv().await {
        let (outcome, place) = match ack.await {
            Ok(receipt) => (Outcome::Ok, Some(receipt.id)),
            Err(
                SendError::TimedOut {
                    may_be_stored: true,
                    ..
                }
                | SendError::Closed {
                    may_be_stored: true,
                },
            ) => (Outcome::Info, None),
            Err(_) => (Outcome::Fail, None),
        };
        let send = Send {
            outcome,
            log: place.map(|place| place.eventlog.to_string()),
            id,
            hash,
            off: place.map(|place| place.offset),
        };
        world.recorder.record(name, t0, Act::Send(send))?;
    }
    Ok(())
}
