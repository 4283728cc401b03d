//! The end: reads everything and waits until every event came to its end.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use vanus_tests::{
    harness::{Connection, Result},
    history::{Act, DEAD_LETTERS},
};

use crate::{
    read::{events_path, poll},
    sample::is_kept,
    sinks::Sinks,
    world::{Scene, World},
};

const NAME: &str = "drain";
const LETTERS: u64 = 64;
/// Retries are due after 1 s and 5 s; without any progress for this long nothing will come.
const PATIENCE: Duration = Duration::from_secs(45);
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Reads every eventlog from its beginning to its end, and waits for the subscriptions.
pub(crate) async fn drain(world: &World, scene: &Scene, sinks: &Sinks) -> Result<()> {
    let mut connection = Connection::open(&world.http).await?;
    let mut ids = Vec::new();
    for eventlog in &scene.eventlogs {
        let mut at = 0;
        loop {
            let path = events_path(eventlog, at);
            let (position, found) = poll(world, &mut connection, NAME, eventlog, at, &path).await?;
            ids.extend(found);
            if position.next >= position.end {
                break;
            }
            at = position.next;
        }
        let (t0, log) = (world.recorder.now(), eventlog.clone());
        world.recorder.record(NAME, t0, Act::Drained { log })?;
    }
    println!("crash: {} events are stored, deliveries go on", ids.len());
    for (sub, id) in &scene.subscriptions {
        let passing = ids.iter().filter(|id| *sub != "some" || is_kept(id));
        let passing: Vec<String> = passing.cloned().collect();
        settle(world, &mut connection, sinks, sub, id, &passing).await?;
    }
    Ok(())
}

/// Waits until everything that passes is delivered or dead-lettered, or nothing moves any more;
/// which of them it was, the oracles see.
async fn settle(
    world: &World,
    connection: &mut Connection,
    sinks: &Sinks,
    sub: &str,
    id: &str,
    passing: &[String],
) -> Result<()> {
    let log = format!("{DEAD_LETTERS}{sub}");
    let mut dead = HashSet::new();
    let mut at = 0;
    let (mut least, mut since) = (usize::MAX, Instant::now());
    loop {
        loop {
            let path =
                format!("/api/v1/subscriptions/{id}/dead-letters?offset={at}&number={LETTERS}");
            let (position, found) = poll(world, connection, NAME, &log, at, &path).await?;
            dead.extend(found);
            at = position.next;
            if position.next >= position.end {
                break;
            }
        }
        let alive = passing.iter().filter(|id| !dead.contains(*id)).cloned();
        let missing = sinks.missing(sub, alive).len();
        if missing < least {
            (least, since) = (missing, Instant::now());
        }
        if missing == 0 || since.elapsed() > PATIENCE {
            println!(
                "crash: {sub}: {missing} missing, {} dead letters",
                dead.len()
            );
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    let t0 = world.recorder.now();
    Ok(world.recorder.record(NAME, t0, Act::Drained { log })?)
}
