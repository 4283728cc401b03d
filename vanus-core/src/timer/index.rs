//! The index of a shard in the metadata store: every timer that waits, by time.
//!
//! It is a cache of the eventlog. Changes are written in batches of a few thousand, and after the last of them the checkpoint
//! that says up to which offset the eventlog is in the index. A crash between two batches leaves changes that the eventlog makes
//! once more when it is read from the last checkpoint on.
//!
//! ```text
//! c ‖ shard                 the checkpoint
//! s ‖ shard ‖ id            when a timer is due that was set again
//! t ‖ shard ‖ due ‖ id      a timer: where its event lies and where it goes
//! ```
//!
//! Numbers are big endian, times with their highest bit flipped so that they sort.

use std::sync::Arc;

use bytes::Bytes;
use vanus_storage::meta::{MetaBatch, MetaError, MetaStore, Scan, Table};
use vanus_types::codec::{self, CodecError};

use super::shard::{Changes, Checkpoint, Indexed, Place};

/// Changes of one batch.
const BATCH: usize = 8_192;

/// The index of one shard. Its functions block.
#[derive(Debug, Clone)]
pub(super) struct Index {
    meta: Arc<dyn MetaStore>,
    shard: u16,
}

/// A part of the index, in the order of time.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) timers: Vec<(Place, Indexed)>,
    /// Whether there is more after the last one.
    pub(super) more: bool,
}

impl Index {
    pub(super) const fn new(meta: Arc<dyn MetaStore>, shard: u16) -> Self {
        Self { meta, shard }
    }

    fn prefix(&self, kind: u8) -> Vec<u8> {
        [&[kind][..], &self.shard.to_be_bytes()].concat()
    }

    fn key(&self, place: Place) -> Vec<u8> {
        let due = place.due_ms.cast_unsigned() ^ (1 << 63);
        let mut key = self.prefix(b't');
        key.extend(due.to_be_bytes());
        key.extend(place.id.to_be_bytes());
        key
    }

    fn again_key(&self, id: u64) -> Vec<u8> {
        let mut key = self.prefix(b's');
        key.extend(id.to_be_bytes());
        key
    }

    fn damaged(what: &str, error: &CodecError) -> MetaError {
        MetaError::Damaged {
            what: what.to_owned(),
            detail: error.to_string(),
        }
    }

    /// The checkpoint, if there is one.
    pub(super) fn checkpoint(&self) -> Result<Option<Checkpoint>, MetaError> {
        let stored = self.meta.get(Table::Timers, &self.prefix(b'c'))?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let read = codec::decode(&stored);
        read.map(Some)
            .map_err(|error| Self::damaged("the checkpoint of a shard of timers", &error))
    }

    /// Deletes everything, the checkpoint first.
    pub(super) fn clear(&self) -> Result<(), MetaError> {
        let checkpoint = MetaBatch::new().delete(Table::Timers, self.prefix(b'c'));
        self.meta.commit_blocking(checkpoint)?;
        for kind in [b's', b't'] {
            let mut scan = Scan::prefix(self.prefix(kind)).limit(BATCH);
            loop {
                let page = self.meta.scan(Table::Timers, &scan)?;
                let Some((last, _)) = page.entries.last() else {
                    break;
                };
                scan = scan.start_after(last);
                let delete =
                    |batch: MetaBatch, (key, _): &(Bytes, Bytes)| batch.delete(Table::Timers, key);
                let batch = page.entries.iter().fold(MetaBatch::new(), delete);
                self.meta.commit_blocking(batch)?;
            }
        }
        Ok(())
    }

    /// Writes changes, then the checkpoint that they lead to.
    pub(super) fn write(
        &self,
        changes: &Changes,
        checkpoint: &Checkpoint,
    ) -> Result<(), MetaError> {
        let mut batch = MetaBatch::new();
        let places = changes.places.iter().map(|(place, change)| {
            (
                self.key(*place),
                change.value.map(|value| codec::encode(&value)),
            )
        });
        let again = changes.set_again.iter().map(|(id, due_ms)| {
            (
                self.again_key(*id),
                due_ms.map(|due_ms| codec::encode(&due_ms)),
            )
        });
        for (key, value) in places.chain(again) {
            batch = match value {
                Some(value) => batch.put(Table::Timers, key, value),
                None => batch.delete(Table::Timers, key),
            };
            if batch.len() >= BATCH {
                self.meta.commit_blocking(std::mem::take(&mut batch))?;
            }
        }
        let checkpoint = codec::encode(checkpoint);
        self.meta
            .commit_blocking(batch.put(Table::Timers, self.prefix(b'c'), checkpoint))
    }

    /// At most `limit` timers after `after` and before `until`; `after` itself only if it is the first place there is.
    pub(super) fn page(
        &self,
        after: Option<Place>,
        until: Place,
        limit: usize,
    ) -> Result<Page, MetaError> {
        let mut scan = Scan::prefix(self.prefix(b't'))
            .until(self.key(until))
            .limit(limit);
        if let Some(after) = after {
            scan = scan.start_after(self.key(after));
        }
        let found = self.meta.scan(Table::Timers, &scan)?;
        let mut timers = Vec::with_capacity(found.entries.len());
        for (key, value) in found.entries {
            timers.push((place(&key)?, indexed(&value)?));
        }
        Ok(Page {
            timers,
            more: found.more,
        })
    }

    /// The timer at a place, if there is one.
    pub(super) fn at(&self, place: Place) -> Result<Option<Indexed>, MetaError> {
        let value = self.meta.get(Table::Timers, &self.key(place))?;
        value.as_deref().map(indexed).transpose()
    }

    /// When a timer is due that was set again.
    pub(super) fn set_again(&self, id: u64) -> Result<Option<i64>, MetaError> {
        let Some(value) = self.meta.get(Table::Timers, &self.again_key(id))? else {
            return Ok(None);
        };
        let due_ms = codec::decode(&value);
        due_ms
            .map(Some)
            .map_err(|error| Self::damaged("when a timer is due", &error))
    }
}

fn indexed(value: &[u8]) -> Result<Indexed, MetaError> {
    codec::decode(value).map_err(|error| Index::damaged("a timer of the index", &error))
}

fn place(key: &[u8]) -> Result<Place, MetaError> {
    let number = |at: usize| {
        let bytes = key.get(at..)?.first_chunk::<8>()?;
        Some(u64::from_be_bytes(*bytes))
    };
    match (number(3), number(11)) {
        (Some(due), Some(id)) if key.len() == 19 => Ok(Place {
            due_ms: (due ^ (1 << 63)).cast_signed(),
            id,
        }),
        _ => Err(MetaError::Damaged {
            what: "a timer of the index".to_owned(),
            detail: format!("a key of {} bytes", key.len()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use vanus_storage::meta::MemoryMeta;

    use super::*;

    #[test]
    fn places_sort_as_times_do() {
        let index = Index::new(Arc::new(MemoryMeta::new()), 3);
        let places = [
            Place::MIN,
            Place { due_ms: -1, id: 9 },
            Place { due_ms: 0, id: 1 },
            Place { due_ms: 0, id: 2 },
            Place::MAX,
        ];
        let keys: Vec<_> = places.iter().map(|at| index.key(*at)).collect();
        assert!(keys.is_sorted());
        for (at, key) in places.iter().zip(keys) {
            assert_eq!(place(&key).unwrap(), *at);
        }
        assert!(place(b"t00short").is_err());
    }
}
