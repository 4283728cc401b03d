//! Who publishes until the power goes.

use std::{io::Write, path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::task::JoinSet;
use vanus_core::{
    Durability, EventbusSpec, Name, OpenOptions, PublishOptions, StoreOptions, Vanus,
};

use crate::{
    harness::{Random, Result},
    ledger::event,
};

/// The eventbus that everything is published to.
pub(super) const BUS: &str = "power";
const NAMESPACE: &str = "default";
const PUBLISHERS: u64 = 4;
const EVENTLOGS: u16 = 2;
const MOST_BATCH: u64 = 20;
/// How often an eventbus of its own is made, so that metadata is at stake too.
const BUS_PAUSE: Duration = Duration::from_millis(150);

/// The options under test: everything small, so that files are sealed, recycled and checkpointed
/// many times a second.
pub(super) fn options() -> OpenOptions {
    let mib = 1024 * 1024;
    OpenOptions {
        store: StoreOptions {
            wal_file_bytes: 4 * mib,
            segment_bytes: 4 * mib,
            max_wal_files: 4,
            flush_bytes: mib / 2,
            flush_interval_ms: 20,
            checkpoint_interval_ms: 100,
            ..StoreOptions::default()
        },
        ..OpenOptions::default()
    }
}

/// Publishes to an engine in `folder` for as long as that works, and tells `out` line by line what
/// was acknowledged.
///
/// # Errors
/// What ended it: the loss of power, as the engine sees it.
pub async fn publish(
    folder: &Path,
    durability: Durability,
    seed: u64,
    out: impl Write + Send + 'static,
) -> Result<()> {
    let out = Arc::new(Mutex::new(out));
    let vanus = Vanus::builder()
        .data_dir(folder.join("data"))
        .options(options())
        .open()
        .await?;
    let mut spec = EventbusSpec::new(Name::new(BUS)?);
    spec.eventlogs = EVENTLOGS;
    let bus = vanus.create_eventbus(NAMESPACE, spec).await?;
    tell(&out, &format!("bus {BUS}\n"))?;
    let mut tasks = JoinSet::<Result<()>>::new();
    for publisher in 0..PUBLISHERS {
        let (bus, out) = (bus.clone(), Arc::clone(&out));
        tasks.spawn(async move {
            let mut random = Random::new(seed ^ (publisher << 32));
            let options = PublishOptions {
                durability,
                ..PublishOptions::default()
            };
            let mut number = 0;
            loop {
                let count = 1 + random.below(MOST_BATCH);
                let ids = (number..number + count).map(|n| format!("{seed}.{publisher}.{n}"));
                let events = ids.map(|id| event(&id)).collect::<Result<Vec<_>>>()?;
                number += count;
                let published = bus.publish_with(&events, options).await?;
                let mut lines = String::new();
                for (event, published) in events.iter().zip(published) {
                    let id = published.id;
                    lines += &format!("ack {} {} {}\n", id.eventlog, id.offset, event.id());
                }
                tell(&out, &lines)?;
            }
        });
    }
    tasks.spawn(async move {
        for number in 0_u64.. {
            let name = format!("bus-{number}");
            let spec = EventbusSpec::new(Name::new(&name)?);
            vanus.create_eventbus(NAMESPACE, spec).await?;
            tell(&out, &format!("bus {name}\n"))?;
            tokio::time::sleep(BUS_PAUSE).await;
        }
        Ok(())
    });
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn tell(out: &Mutex<impl Write>, line: &str) -> Result<()> {
    let mut out = out.lock();
    out.write_all(line.as_bytes())?;
    Ok(out.flush()?)
}
