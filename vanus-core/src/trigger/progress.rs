//! How far a subscription is, as it is kept in the metadata store.
//!
//! * Cursor: `subscription ‖ eventlog` (16 bytes, big endian) → the watermark, a `u64`, and, if the
//!   subscription goes *along* with the shared reader of the eventlog, one more byte, 1. Every
//!   event before it is settled; along with the reader, every event before the place of the reader
//!   too.
//! * Reader: `eventlog ‖ "feed"` (12 bytes, in the table of cursors) → the place of the shared
//!   reader, a `u64`. When the engine is opened, all that went along with one are stored where it
//!   was, and it is forgotten.
//! * Retry: `subscription ‖ eventlog ‖ offset` (24 bytes, big endian) → [`Retry`]. An event that
//!   waits for its next attempt.
//!
//! * Pin: `subscription ‖ "pin" ‖ hash of the key` (19 bytes, in the table of cursors) → the name of
//!   a route.
//!
//! The watermark moves past an event that waits only in the batch that stores its retry, or after
//! it. So whatever crashes, an event is before the watermark only if it ended somewhere or has a
//! retry. The *committed* offset told to users is the watermark or the first retry, whichever
//! comes first.

use std::{collections::BTreeMap, sync::Arc};

use vanus_storage::meta::{MetaBatch, MetaError, MetaStore, Scan, Table};
use vanus_types::{EventlogId, SubscriptionId, codec};

use super::pending::Retry;

/// Most entries written or deleted in one batch.
const MAX_CHANGES: usize = 1_024;

/// The length of the key of a cursor.
const CURSOR_KEY_LEN: usize = 16;

/// The end of the key of a shared reader.
const FEED: &[u8] = b"feed";

/// The state of one subscription in one eventlog.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The watermark, if one was stored.
    pub(crate) cursor: Option<u64>,
    /// The events that wait.
    pub(crate) retries: Vec<(u64, Retry)>,
}

impl Progress {
    /// Applies changes that are not stored.
    pub(crate) fn change(&mut self, changes: &Changes) {
        let mut retries: BTreeMap<_, _> = std::mem::take(&mut self.retries).into_iter().collect();
        for (offset, change) in changes {
            match change {
                Some(retry) => retries.insert(*offset, retry.clone()),
                None => retries.remove(offset),
            };
        }
        self.retries = retries.into_iter().collect();
    }
}

/// What changed since the last batch: per offset a new entry, or its removal.
pub(crate) type Changes = BTreeMap<u64, Option<Retry>>;

/// Where a subscription is in an eventlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// At this watermark.
    At(u64),
    /// Along with the shared reader, at this watermark or further on.
    Along(u64),
}

impl Cursor {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::At(watermark) => watermark.to_be_bytes().to_vec(),
            Self::Along(watermark) => [&watermark.to_be_bytes()[..], &[1]].concat(),
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (watermark, rest) = bytes.split_first_chunk::<8>()?;
        let watermark = u64::from_be_bytes(*watermark);
        Some(match rest {
            [] => Self::At(watermark),
            _ => Self::Along(watermark),
        })
    }
}

/// Between the subscription and the hash in the key of a pin.
const PIN: &[u8] = b"pin";

/// Adds a key that is pinned to a route, or its removal, to `batch`.
pub(crate) fn put_pin(
    batch: MetaBatch,
    subscription: SubscriptionId,
    key: u64,
    route: Option<&str>,
) -> MetaBatch {
    let id = subscription.get().to_be_bytes();
    let key = [&id[..], PIN, &key.to_be_bytes()].concat();
    match route {
        Some(route) => batch.put(Table::Cursors, key, route.as_bytes().to_vec()),
        None => batch.delete(Table::Cursors, key),
    }
}

/// Reads the pins of a subscription. Blocks while the disk is read.
///
/// # Errors
/// [`MetaError`] when the store cannot be read.
pub(crate) fn load_pins(
    meta: &Arc<dyn MetaStore>,
    subscription: SubscriptionId,
) -> Result<Vec<(u64, String)>, MetaError> {
    let prefix = [&subscription.get().to_be_bytes()[..], PIN].concat();
    let mut pins = Vec::new();
    meta.for_each(Table::Cursors, &prefix, &mut |key, value| {
        let hash = key
            .get(prefix.len()..)
            .and_then(|rest| rest.first_chunk::<8>());
        let whole = hash.filter(|_| key.len() == prefix.len() + 8);
        // One that cannot be read is made anew.
        if let (Some(hash), Ok(route)) = (whole, std::str::from_utf8(&value)) {
            pins.push((u64::from_be_bytes(*hash), route.to_owned()));
        }
        Ok(())
    })?;
    Ok(pins)
}

fn feed_key(eventlog: EventlogId) -> Vec<u8> {
    [&eventlog.get().to_be_bytes()[..], FEED].concat()
}

/// Adds the place of a shared reader to `batch`.
pub(crate) fn put_feed(batch: MetaBatch, eventlog: EventlogId, next: u64) -> MetaBatch {
    let value = next.to_be_bytes().to_vec();
    batch.put(Table::Cursors, feed_key(eventlog), value)
}

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
    put_place(batch, subscription, eventlog, Cursor::At(watermark))
}

/// Adds the place of a subscription to `batch`.
pub(crate) fn put_place(
    batch: MetaBatch,
    subscription: SubscriptionId,
    eventlog: EventlogId,
    cursor: Cursor,
) -> MetaBatch {
    let key = cursor_key(subscription, eventlog);
    batch.put(Table::Cursors, key, cursor.bytes())
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
    let cursor = match cursor.and_then(|value| Cursor::parse(&value)) {
        Some(Cursor::At(watermark)) => Some(watermark),
        Some(Cursor::Along(watermark)) => {
            let feed = meta.get(Table::Cursors, &feed_key(eventlog))?;
            let feed = feed.and_then(|value| value.first_chunk::<8>().copied());
            Some(feed.map_or(watermark, |next| watermark.max(u64::from_be_bytes(next))))
        }
        None => None,
    };
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
    Ok(Progress { cursor, retries })
}

/// Stores every subscription that went along with a shared reader where that reader was, and forgets
/// the readers. To be done before any of them reads again. Blocks while the disk is read and
/// written. Safe to repeat after a crash.
///
/// # Errors
/// [`MetaError`] when the store cannot be read or written.
pub(crate) fn part_from_feeds(meta: &Arc<dyn MetaStore>) -> Result<(), MetaError> {
    let mut feeds: BTreeMap<u64, u64> = BTreeMap::new();
    let mut along = Vec::new();
    meta.for_each(Table::Cursors, b"", &mut |key, value| {
        if let Some((eventlog, FEED)) = key.split_first_chunk::<8>() {
            let next = value.first_chunk::<8>().copied();
            feeds.extend(next.map(|n| (u64::from_be_bytes(*eventlog), u64::from_be_bytes(n))));
        } else if key.len() == CURSOR_KEY_LEN
            && let Some(Cursor::Along(watermark)) = Cursor::parse(&value)
        {
            along.push((key, watermark));
        }
        Ok(())
    })?;
    for some in along.chunks(MAX_CHANGES) {
        let batch = some
            .iter()
            .fold(MetaBatch::new(), |batch, (key, watermark)| {
                let eventlog = key.get(8..).and_then(|rest| rest.first_chunk::<8>());
                let next = eventlog.and_then(|log| feeds.get(&u64::from_be_bytes(*log)));
                let at = next.map_or(*watermark, |next| (*watermark).max(*next));
                batch.put(Table::Cursors, key, Cursor::At(at).bytes())
            });
        meta.commit_blocking(batch)?;
    }
    let feeds: Vec<u64> = feeds.into_keys().collect();
    for some in feeds.chunks(MAX_CHANGES) {
        let keys = some.iter().map(|log| feed_key(EventlogId::from_u64(*log)));
        let batch = keys.fold(MetaBatch::new(), |batch, key| {
            batch.delete(Table::Cursors, key)
        });
        meta.commit_blocking(batch)?;
    }
    Ok(())
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
            ..Retry::default()
        }
    }

    #[test]
    fn whoever_went_along_with_a_reader_goes_on_where_it_was() {
        let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
        let log = EventlogId::from_u64(2);
        let sub = SubscriptionId::from_u64;
        let cursors = [Cursor::Along(5), Cursor::Along(900), Cursor::At(7)];
        let mut batch = put_feed(MetaBatch::new(), log, 100);
        for (id, cursor) in (1..).zip(cursors) {
            batch = put_place(batch, sub(id), log, cursor);
        }
        meta.commit_blocking(batch).unwrap();
        let all = |meta| [1, 2, 3].map(|id| load(meta, sub(id), log).unwrap().cursor);
        assert_eq!(all(&meta), [Some(100), Some(900), Some(7)]);
        for _ in 0..2 {
            part_from_feeds(&meta).unwrap();
            assert_eq!(all(&meta), [Some(100), Some(900), Some(7)]);
        }
        // The reader may be anywhere from now on.
        meta.commit_blocking(put_feed(MetaBatch::new(), log, 5_000))
            .unwrap();
        assert_eq!(all(&meta), [Some(100), Some(900), Some(7)]);
    }

    #[test]
    fn a_forgotten_subscription_leaves_others_alone() {
        let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::new());
        let log = EventlogId::from_u64(2);
        for id in [1, 2] {
            let sub = SubscriptionId::from_u64(id);
            let batch = put_retry(MetaBatch::new(), sub, log, 3, &retry(2));
            meta.commit_blocking(put_cursor(batch, sub, log, 9))
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
