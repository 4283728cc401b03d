//! Opening a shard: from the index and the eventlog behind it, or from the eventlog alone.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use tokio::sync::mpsc;
use vanus_types::{BATCH_HEADER_LEN, Batch, Durability, EventId, EventlogId, limits::MAX_READ_LEN};

use super::{Command, Common, Driver, Gauges, jobs::last_checkpoint};
use crate::{
    eventlog::{LogError, stored_events},
    timer::{
        TimerError,
        index::Index,
        payloads::Payloads,
        shard::{Applied, Entry, Firing, Shard, decode, encode},
    },
};

/// Changes of an eventlog that is read again, after which they are written into the index.
const CHANGES_AT_ONCE: usize = 100_000;

impl Driver {
    /// Reads what there is of a shard, and claims it.
    pub(in crate::timer) async fn open(
        common: Arc<Common>,
        number: u16,
        eventlog: EventlogId,
        in_memory: usize,
        commands: mpsc::Receiver<Command>,
        gauges: Arc<Gauges>,
    ) -> Result<Self, TimerError> {
        let index = Index::new(Arc::clone(&common.meta), number);
        let (shard, written) = found(&common, &index, eventlog, in_memory).await?;
        let owner = common.entropy.next_u64();
        let largest = usize::try_from(common.logs.store().largest_batch()).unwrap_or(usize::MAX);
        let payloads = Payloads::new(Arc::clone(&common.room));
        let mut driver = Self {
            gauges,
            number,
            eventlog,
            index,
            shard,
            firing: Firing::new(owner, largest.saturating_sub(BATCH_HEADER_LEN)),
            epoch: 0,
            payloads,
            commands,
            appends: FuturesOrdered::new(),
            fired: FuturesUnordered::new(),
            changing: FuturesUnordered::new(),
            reading: None,
            wanted_ahead: Vec::new(),
            job: None,
            jobs: VecDeque::new(),
            calls: HashMap::new(),
            next_call: 0,
            over: Vec::new(),
            over_since_ns: 0,
            written,
            written_ns: common.clock.monotonic_ns(),
            looked_through: None,
            paused_until_ns: 0,
            held: std::collections::BTreeMap::new(),
            turn: 0,
            most_in_memory: in_memory,
            stop: None,
            ended: None,
            common,
        };
        driver.read_behind().await?;
        driver.common.clock.not_before(driver.shard.time_ms());
        driver.claim(owner).await?;
        for (namespace, count) in driver.shard.pending() {
            driver.common.quota.found(*namespace, *count);
        }
        driver.shard.end_repeating();
        for (offset, fire) in driver.shard.fires() {
            driver.firing.inherit(*offset, fire);
        }
        driver.gauges.epoch.store(driver.epoch, Ordering::Release);
        Ok(driver)
    }

    /// Folds what lies behind the checkpoint.
    async fn read_behind(&mut self) -> Result<(), TimerError> {
        loop {
            let from = self.shard.applied();
            let logs = &self.common.logs;
            let chunk = logs.read(self.eventlog, from, MAX_READ_LEN).await?;
            for stored in stored_events(&chunk.batches, from) {
                self.fold_event(&stored.event);
            }
            if self.shard.applied() == from {
                return Ok(());
            }
            let changes: usize = self.shard.unwritten().map(|changes| changes.len()).sum();
            if changes >= CHANGES_AT_ONCE {
                self.write_through().await?;
            }
        }
    }

    async fn write_through(&mut self) -> Result<(), TimerError> {
        let Some((changes, checkpoint)) = self.shard.start_writing() else {
            return Ok(());
        };
        let (index, applied) = (self.index.clone(), checkpoint.applied);
        let writing = tokio::task::spawn_blocking(move || index.write(&changes, &checkpoint));
        let written = writing.await.map_err(|_| TimerError::Closing)?;
        self.shard.end_writing(written.is_ok());
        written?;
        self.written = applied;
        Ok(())
    }

    /// Makes this the owner of the shard: what others write behind the claim is void.
    async fn claim(&mut self, owner: u64) -> Result<(), TimerError> {
        loop {
            let epoch = self.shard.epoch().saturating_add(1);
            let time_ms = self.common.clock.now_ms();
            let entry = encode(epoch, Entry::Claim { owner, time_ms }, None)?;
            let logs = &self.common.logs;
            let batch = Batch::of_one(&entry);
            let appended = logs
                .append(self.eventlog, batch, Durability::default())
                .await?;
            // Whatever came before the claim counts.
            self.epoch = u32::MAX;
            self.catch_up(appended.base_offset).await?;
            if self.fold_event(&entry) == Applied::Claimed(epoch) {
                self.epoch = epoch;
                return Ok(());
            }
        }
    }
}

/// The shard as the index says, or before its first entry; and up to which offset the eventlog is in the index.
async fn found(
    common: &Common,
    index: &Index,
    eventlog: EventlogId,
    in_memory: usize,
) -> Result<(Shard, u64), TimerError> {
    let info = common.logs.store().info(eventlog).map_err(LogError::Read)?;
    let (start, end) = (info.start_offset, info.end_offset);
    let reading = index.clone();
    let found = tokio::task::spawn_blocking(move || last_checkpoint(&reading, start, end));
    let found = found.await.map_err(|_| TimerError::Closing)??;
    let now_ms = common.clock.now_ms();
    let shard = match &found {
        None => Shard::new(start, in_memory, now_ms),
        Some(checkpoint) => {
            let mut fires = Vec::with_capacity(checkpoint.fires.len());
            for offset in checkpoint.fires.iter().copied() {
                let id = EventId { eventlog, offset };
                let stored = common.logs.read_event(id).await?;
                if let Ok(Entry::Fire(fire)) = decode(&stored.event).map(|read| read.entry) {
                    fires.push((offset, fire));
                }
            }
            Shard::restore(checkpoint, fires, in_memory, now_ms)
        }
    };
    let written = found.map_or(start, |checkpoint| checkpoint.applied);
    Ok((shard, written))
}
