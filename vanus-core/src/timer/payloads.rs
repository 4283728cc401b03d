//! Events that are held in memory ahead of their time, within a bound that all shards share.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

/// How many bytes all shards hold, and may hold.
#[derive(Debug)]
pub(super) struct Room {
    used: AtomicUsize,
    most: usize,
}

impl Room {
    pub(super) const fn new(most: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            most,
        }
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.most);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

/// The events of one shard that are in memory, by the offsets of their entries.
#[derive(Debug)]
pub(super) struct Payloads {
    room: Arc<Room>,
    records: HashMap<u64, Bytes>,
}

impl Payloads {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self {
            room,
            records: HashMap::new(),
        }
    }

    pub(super) fn has(&self, at: u64) -> bool {
        self.records.contains_key(&at)
    }

    /// Keeps a copy, if there is room; says whether there was.
    pub(super) fn keep(&mut self, at: u64, record: &[u8]) -> bool {
        if !self.room.take(record.len()) {
            return false;
        }
        // A copy: what it is cut out of may be much larger.
        if let Some(old) = self.records.insert(at, Bytes::copy_from_slice(record)) {
            self.room.used.fetch_sub(old.len(), Ordering::Relaxed);
        }
        true
    }

    pub(super) fn get(&self, at: u64) -> Option<Bytes> {
        self.records.get(&at).cloned()
    }

    pub(super) fn remove(&mut self, at: u64) {
        if let Some(old) = self.records.remove(&at) {
            self.room.used.fetch_sub(old.len(), Ordering::Relaxed);
        }
    }
}

impl Drop for Payloads {
    fn drop(&mut self) {
        let bytes: usize = self.records.values().map(Bytes::len).sum();
        self.room.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_kept_and_room_comes_back() {
        let room = Arc::new(Room::new(10));
        let mut payloads = Payloads::new(Arc::clone(&room));
        assert!(payloads.keep(1, b"123456"));
        assert!(!payloads.keep(2, b"123456"));
        payloads.remove(1);
        assert!(payloads.keep(2, b"123456") && payloads.has(2));
        drop(payloads);
        assert_eq!(room.used(), 0);
    }
}
