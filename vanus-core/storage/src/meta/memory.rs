//! Metadata in memory: for engines without a disk and for tests.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    CommitFuture, MetaBatch, MetaError, MetaHealth, MetaStore, Scan, ScanPage, Table, group::Group,
};

/// A [`MetaStore`] in memory. A commit takes effect while it is called, so a run is deterministic;
/// its durability ends with the process.
#[derive(Debug, Default)]
pub struct MemoryMeta {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<(Table, Bytes), Bytes>,
    poisoned: Option<Arc<str>>,
    /// The fault of the next commit: whether it is stored all the same.
    #[cfg(test)]
    fault: Option<bool>,
    /// What is on the disk without having been acknowledged.
    #[cfg(test)]
    found_after_reopening: Option<Group>,
}

impl MemoryMeta {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next commit fail as if its sync had: it answers [`MetaError::Unknown`] and the
    /// store is poisoned. Whether the batch is found by [`reopen`](Self::reopen) is for the caller
    /// to say, as both happen.
    #[cfg(test)]
    pub fn fail_next(&self, stored_all_the_same: bool) {
        self.state.lock().fault = Some(stored_all_the_same);
    }

    /// What a restart finds: a store with the same entries that accepts batches.
    #[cfg(test)]
    #[must_use]
    pub fn reopen(&self) -> Self {
        let state = self.state.lock();
        let mut reopened = State {
            entries: state.entries.clone(),
            ..State::default()
        };
        if let Some(group) = &state.found_after_reopening {
            reopened.write(group.clone());
        }
        Self {
            state: Mutex::new(reopened),
        }
    }
}

impl State {
    fn apply(&mut self, batch: MetaBatch) -> Result<(), MetaError> {
        batch.check()?;
        if let Some(cause) = &self.poisoned {
            return Err(MetaError::Poisoned {
                cause: Arc::clone(cause),
            });
        }
        let mut group = Group::default();
        group.admit(batch, |table, key| {
            Ok(self
                .entries
                .get(&(table, Bytes::copy_from_slice(key)))
                .cloned())
        })?;
        #[cfg(test)]
        if let Some(stored) = self.fault.take() {
            let cause: Arc<str> = "sync failed on demand".into();
            self.poisoned = Some(Arc::clone(&cause));
            self.found_after_reopening = stored.then_some(group);
            return Err(MetaError::Unknown { cause });
        }
        self.write(group);
        Ok(())
    }

    fn write(&mut self, group: Group) {
        for (slot, value) in group.changes {
            match value {
                Some(value) => self.entries.insert(slot, value),
                None => self.entries.remove(&slot),
            };
        }
    }
}

impl MetaStore for MemoryMeta {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        let slot = (table, Bytes::copy_from_slice(key));
        Ok(self.state.lock().entries.get(&slot).cloned())
    }

    fn scan(&self, table: Table, scan: &Scan) -> Result<ScanPage, MetaError> {
        let Some((lower, upper)) = scan.bounds() else {
            return Ok(ScanPage {
                entries: Vec::new(),
                more: false,
            });
        };
        let lower = match lower {
            std::ops::Bound::Unbounded => std::ops::Bound::Included((table, Bytes::new())),
            bound => bound.map(|key| (table, key)),
        };
        let upper = upper.map(|key| (table, key));
        let state = self.state.lock();
        let entries = state.entries.range((lower, upper));
        let entries = entries.take_while(|((of, _), _)| *of == table);
        scan.page(entries.map(|((_, key), value)| Ok((key.clone(), value.clone()))))
    }

    fn commit(&self, batch: MetaBatch) -> CommitFuture {
        CommitFuture::known(self.state.lock().apply(batch))
    }

    fn health(&self) -> MetaHealth {
        match &self.state.lock().poisoned {
            Some(cause) => MetaHealth::Poisoned(Arc::clone(cause)),
            None => MetaHealth::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_poisons_until_reopened_and_the_batch_may_be_there_or_not() {
        for stored in [false, true] {
            let store = MemoryMeta::new();
            let put = |key: &str| MetaBatch::new().put(Table::Cursors, key, "1");
            store.commit_blocking(put("before")).unwrap();
            store.fail_next(stored);
            assert!(matches!(
                store.commit_blocking(put("k")),
                Err(MetaError::Unknown { .. })
            ));
            assert!(matches!(
                store.commit_blocking(put("l")),
                Err(MetaError::Poisoned { .. })
            ));
            assert_eq!(store.get(Table::Cursors, b"k").unwrap(), None);
            assert!(matches!(store.health(), MetaHealth::Poisoned(_)));
            let reopened = store.reopen();
            assert_eq!(reopened.health(), MetaHealth::Ready);
            assert!(reopened.get(Table::Cursors, b"before").unwrap().is_some());
            assert_eq!(
                reopened.get(Table::Cursors, b"k").unwrap().is_some(),
                stored
            );
            assert_eq!(reopened.get(Table::Cursors, b"l").unwrap(), None);
            reopened.commit_blocking(put("l")).unwrap();
        }
    }
}
