//! A publisher over plain HTTP: every mode, over a few connections.

use std::time::Duration;

use serde::Deserialize;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use vanus_tests::{
    harness::{Answer, Connection, Random, Result},
    history::{Act, Outcome, Send},
};

use crate::{
    sample::{self, Sample},
    world::{EVENTBUS, World},
};

const CONNECTIONS: u64 = 4;
const LARGEST_BATCH: u64 = 12;
const MEAN_BATCH: u64 = 3;
const ANSWER_TIME: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// An answer of 200.
#[derive(Debug, Deserialize)]
struct Stored {
    events: Vec<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    eventlog: String,
    offset: u64,
}

/// Publishes until it is told to stop.
pub(crate) async fn publish(world: World, name: &'static str) -> Result<()> {
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        tasks.spawn(one_connection(world.clone(), name, number));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn one_connection(world: World, name: &'static str, lane: u64) -> Result<()> {
    let path = format!("/namespaces/default/eventbus/{EVENTBUS}/events");
    let mut random = Random::named(world.seed, &format!("{name}-{lane}"));
    let requests = (world.rate / CONNECTIONS / MEAN_BATCH).max(1);
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(requests)?);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut connection = None;
    let mut number = lane;
    while !world.is_stopped() {
        ticks.tick().await;
        let Some(open) = connection.as_mut() else {
            match Connection::open(&world.http).await {
                Ok(made) => connection = Some(made),
                Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
            }
            continue;
        };
        let count = match random.below(4) {
            0 => random.between(2, LARGEST_BATCH),
            _ => 1,
        };
        let mut samples = Vec::new();
        for _ in 0..count {
            number += CONNECTIONS;
            samples.push(Sample::new(&mut random, name, number));
        }
        let request = match samples.as_slice() {
            [one] if random.below(2) == 0 => one.binary(&path)?,
            _ => sample::request(&path, &samples)?,
        };
        let t0 = world.recorder.now();
        let answer = timeout(ANSWER_TIME, open.send(request)).await;
        let answer = answer.map_err(Into::into).and_then(|answer| answer);
        if answer.is_err() {
            connection = None;
        }
        record(&world, name, t0, samples, answer.as_ref().ok())?;
    }
    Ok(())
}

fn record(
    world: &World,
    name: &str,
    t0: u64,
    samples: Vec<Sample>,
    answer: Option<&Answer>,
) -> Result<()> {
    let (outcome, places) = match answer {
        Some(answer) if answer.status == 200 => {
            let stored: Stored = serde_json::from_slice(&answer.body)?;
            (Outcome::Ok, stored.events)
        }
        Some(answer) if answer.status.is_client_error() => {
            let text = String::from_utf8_lossy(&answer.body);
            return Err(format!("{name} was answered {} {text}", answer.status).into());
        }
        // Whatever else went wrong, it may be stored.
        _ => (Outcome::Info, Vec::new()),
    };
    if outcome == Outcome::Ok && places.len() != samples.len() {
        return Err(format!("{} places for {} events", places.len(), samples.len()).into());
    }
    let mut places = places.into_iter();
    for sample in samples {
        let place = places.next();
        let send = Send {
            outcome,
            hash: sample.hash(),
            id: sample.id,
            off: place.as_ref().map(|place| place.offset),
            log: place.map(|place| place.eventlog),
        };
        world.recorder.record(name, t0, Act::Send(send))?;
    }
    Ok(())
}
