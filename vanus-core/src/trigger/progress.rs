//! How far a subscription is, as it is kept in the metadata store.
//!
//! * Cursor: `subscription ‖ eventlog` (16 bytes, big endian) → the watermark, a `u64`. Every event
//!   before it is settled.
//! * Retry: `subscription ‖ eventlog ‖ offset` (24 bytes, big endian) → [`Retry`]. An event that
//!   waits for its next attempt.
//!
//! The watermark moves past an event that waits only in the batch that stores its retry, or after
//! it. So whatever crashes, an event is before the watermark only if it ended somewhere or has a
//! retry. The *committed* offset told to users is the watermark or the first retry, whichever
//! comes first.

use std::{collections::BTreeMap, sync::Arc};

use vanus_storage::meta::{MetaBatch, MetaError, MetaStore, Scan, Table};
use vanus_types::{EventlogId, SubscriptionId, codec};

use super::pending::Retry;

/// Most retries written in one batch.
const MAX_CHANGES: usize = 1_024;

/// The state of one subscription in one eventlog.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The watermark, if one was stored.
    pub(crate) cursor: Option<u64>,
    /// The events that wait.
    pub(crate) retries: Vec<(u64, Retry)>,
}

/// What changed since the last batch: per offset a new entry, or its removal.
pub(crate) type Changes = BTreeMap<u64, Option<Retry>>;

fn cursor_key(subscription: SubscriptionId, eventlog: EventlogId) -> [u8; 16] {
    let key = (u128::from(subscription.get()) << 64) | u128::from(eventlog.get());
    key.to_be_bytes()
}

fn retry_key(subscription: SubscriptionId, eventlog: EventlogId, offset: u64) -> Vec<u8> {
    [
        &cursor_key(subscription, eventlog)[..],
        &offset.to_be_bytes(),
    ]
    .concat()
}

/// Adds the watermark to `batch`.
pub(crate) fn put_cursor(
    batch: MetaBatch,
    subscription: SubscriptionId,
    eventlog: EventlogId,
    watermark: u64,
) -> MetaBatch {
    let key = cursor_key(subscription, eventlog);
    batch.put(Table::Cursors, key, watermark.to_be_bytes().to_vec())
}

/// Adds `retry` to `batch`.
pub(crate) fn put_retry(
    batch: MetaBatch,
    subscription: SubscriptionId,
    eventlog: EventlogId,
    offset: u64,
    retry: &Retry,
) -> MetaBatch {
    batch.put(
        Table::Retries,
        retry_key(subscription, eventlog, offset),
        codec::encode(retry),
    )
}

/// Adds the removal of a retry to `batch`.
pub(crate) fn delete_retry(
    batch: MetaBatch,
    subscription: SubscriptionId,
    eventlog: EventlogId,
    offset: u64,
) -> MetaBatch {
    batch.delete(Table::Retries, retry_key(subscription, eventlog, offset))
}

/// Takes changes out of `changes` and makes a batch of them. The watermark goes with the last of
/// them, so that it never passes a retry that is not stored.
pub(crate) fn take_batch(
    subscription: SubscriptionId,
    eventlog: EventlogId,
    changes: &mut Changes,
    watermark: u64,
) -> MetaBatch {
    let mut batch = MetaBatch::new();
    for _ in 0..MAX_CHANGES {
        let Some((offset, change)) = changes.pop_first() else {
            break;
        };
        batch = match change {
            Some(retry) => put_retry(batch, subscription, eventlog, offset, &retry),
            None => delete_retry(batch, subscription, eventlog, offset),
        };
    }
    if changes.is_empty() {
        batch = put_cursor(batch, subscription, eventlog, watermark);
    }
    batch
}

/// Reads the state of one subscription in one eventlog. Blocks while the disk is read.
///
/// # Errors
/// [`MetaError`] when the store cannot be read or an entry is damaged.
pub(crate) fn load(
    meta: &Arc<dyn MetaStore>,
    subscription: SubscriptionId,
    eventlog: EventlogId,
) -> Result<Progress, MetaError> {
    let key = cursor_key(subscription, eventlog);
    let cursor = meta.get(Table::Cursors, &key)?;
    let cursor = cursor.and_then(|value| value.first_chunk::<8>().copied());
    let mut retries = Vec::new();
    meta.for_each(Table::Retries, &key, &mut |key, value| {
        let offset = key.get(16..).and_then(|rest| rest.first_chunk::<8>());
        // An entry that cannot be read must not be forgotten: it is tried at once, as if new.
        let retry = codec::decode(&value).unwrap_or_default();
        if let Some(offset) = offset {
            retries.push((u64::from_be_bytes(*offset), retry));
        }
        Ok(())
    })?;
    Ok(Progress {
        cursor: cursor.map(u64::from_be_bytes),
        retries,
    })
}

/// Deletes everything kept of `subscription`, page by page. Blocks while the disk is read and
/// written. Safe to repeat after a crash.
///
/// # Errors
/// [`MetaError`] when the store cannot be read or written.
pub(crate) fn forget(
    meta: &Arc<dyn MetaStore>,
    subscription: SubscriptionId,
) -> Result<(), MetaError> {
    for table in [Table::Retries, Table::Cursors] {
        loop {
            let scan = Scan::prefix(subscription.get().to_be_bytes()).limit(MAX_CHANGES);
            let page = meta.scan(table, &scan)?;
            if page.entries.is_empty() {
                break;
            }
            let keys = page.entries.iter();
            let batch = keys.fold(MetaBatch::new(), |batch, (key, _)| batch.delete(table, key));
            meta.commit_blocking(batch)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use vanus_storage::meta::MemoryMeta;

    use super::*;

    fn retry(attempts: u32) -> Retry {
        Retry {
            attempts,
            due_ms: 5,
            error: "e".into(),
            give_up: None,
        }
    }

    #[test]
    fn the_watermark_is_stored_only_with_the_last_retry() {
        let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
        let (sub, log) = (SubscriptionId::from_u64(1), EventlogId::from_u64(2));
        let mut changes: Changes = (0..1_500).map(|offset| (offset, Some(retry(1)))).collect();
        meta.commit_blocking(take_batch(sub, log, &mut changes, 1_500))
            .unwrap();
        let half = load(&meta, sub, log).unwrap();
        assert_eq!((half.cursor, half.retries.len()), (None, MAX_CHANGES));
        meta.commit_blocking(take_batch(sub, log, &mut changes, 1_500))
            .unwrap();
        let whole = load(&meta, sub, log).unwrap();
        assert_eq!((whole.cursor, whole.retries.len()), (Some(1_500), 1_500));
        assert_eq!(whole.retries[7], (7, retry(1)));

        changes.insert(7, None);
        meta.commit_blocking(take_batch(sub, log, &mut changes, 1_600))
            .unwrap();
        assert_eq!(load(&meta, sub, log).unwrap().retries.len(), 1_499);
    }

    #[test]
    fn a_forgotten_subscription_leaves_others_alone() {
        let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
        let log = EventlogId::from_u64(2);
        for id in [1, 2] {
            let mut changes = Changes::from([(3, Some(retry(2)))]);
            let sub = SubscriptionId::from_u64(id);
            meta.commit_blocking(take_batch(sub, log, &mut changes, 9))
                .unwrap();
        }
        forget(&meta, SubscriptionId::from_u64(1)).unwrap();
        assert_eq!(
            load(&meta, SubscriptionId::from_u64(1), log).unwrap(),
            Progress::default()
        );
        assert_eq!(
            load(&meta, SubscriptionId::from_u64(2), log)
                .unwrap()
                .cursor,
            Some(9)
        );
    }
}
