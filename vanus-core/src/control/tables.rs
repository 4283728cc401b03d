//! How records are kept in the metadata store: key is the id, big endian; value is the format of the
//! record, one byte, and the encoded record. Garbage is keyed by kind and id and has no value.

use vanus_storage::meta::{MetaBatch, MetaError, Table};
use vanus_types::{
    EventlogId, SubscriptionId, codec,
    control::{EventbusRecord, NamespaceRecord, ScheduleRecord, SubscriptionRecord},
};

/// A record with a table of its own.
pub(super) trait Stored: codec::Encode + codec::Decode<()> {
    const TABLE: Table;
    /// The form of the record: the next number whenever its fields change. Never 1: values that were
    /// written before records had a format begin with that.
    const FORMAT: u8;

    fn key(&self) -> u64;
}

impl Stored for NamespaceRecord {
    const TABLE: Table = Table::Namespaces;
    const FORMAT: u8 = 2;

    fn key(&self) -> u64 {
        self.id.get()
    }
}

impl Stored for EventbusRecord {
    const TABLE: Table = Table::Eventbuses;
    const FORMAT: u8 = 2;

    fn key(&self) -> u64 {
        self.id.get()
    }
}

impl Stored for SubscriptionRecord {
    const TABLE: Table = Table::Subscriptions;
    const FORMAT: u8 = 2;

    fn key(&self) -> u64 {
        self.id.get()
    }
}

impl Stored for ScheduleRecord {
    const TABLE: Table = Table::Schedules;
    const FORMAT: u8 = 2;

    fn key(&self) -> u64 {
        self.id.get()
    }
}

/// Adds a record to `batch`, new or changed.
pub(super) fn put<R: Stored>(batch: MetaBatch, record: &R) -> MetaBatch {
    batch.put(R::TABLE, record.key().to_be_bytes(), value(record))
}

fn value<R: Stored>(record: &R) -> Vec<u8> {
    let mut value = codec::encode(record);
    value.insert(0, R::FORMAT);
    value
}

/// The record in a value.
///
/// # Errors
/// [`MetaError::Format`] when another build wrote it in another form, [`MetaError::Damaged`] when it
/// makes no sense.
pub(super) fn read<R: Stored>(value: &[u8]) -> Result<R, MetaError> {
    let damaged = |detail: String| MetaError::Damaged {
        what: format!("a record of table {}", R::TABLE),
        detail,
    };
    let (format, rest) = value
        .split_first()
        .ok_or_else(|| damaged("it is empty".to_owned()))?;
    if *format != R::FORMAT {
        return Err(MetaError::Format {
            table: R::TABLE,
            found: *format,
            known: R::FORMAT,
        });
    }
    codec::decode(rest).map_err(|error| damaged(error.to_string()))
}

/// Adds the removal of a record to `batch`.
pub(super) fn delete<R: Stored>(batch: MetaBatch, record: &R) -> MetaBatch {
    batch.delete(R::TABLE, record.key().to_be_bytes())
}

/// What is still to be removed after the record that owned it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Garbage {
    /// The files of an eventlog.
    Eventlog(EventlogId),
    /// The cursors and retries of a subscription.
    Subscription(SubscriptionId),
}

impl Garbage {
    fn key(self) -> Vec<u8> {
        let (kind, id) = match self {
            Self::Eventlog(id) => (b'l', id.get()),
            Self::Subscription(id) => (b's', id.get()),
        };
        [&[kind][..], &id.to_be_bytes()].concat()
    }

    pub(super) fn parse(key: &[u8]) -> Option<Self> {
        let (kind, id) = key.split_first()?;
        let id = u64::from_be_bytes(*id.first_chunk::<8>()?);
        match kind {
            b'l' => Some(Self::Eventlog(EventlogId::from_u64(id))),
            b's' => Some(Self::Subscription(SubscriptionId::from_u64(id))),
            _ => None,
        }
    }

    /// Adds the note that this is to be removed to `batch`.
    pub(super) fn put(self, batch: MetaBatch) -> MetaBatch {
        batch.put(Table::Garbage, self.key(), &b"\0"[..])
    }

    /// Adds the removal of the note to `batch`.
    pub(super) fn delete(self, batch: MetaBatch) -> MetaBatch {
        batch.delete(Table::Garbage, self.key())
    }
}

#[cfg(test)]
mod formats;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_recognised_by_its_key() {
        for garbage in [
            Garbage::Eventlog(EventlogId::from_u64(3)),
            Garbage::Subscription(SubscriptionId::from_u64(9)),
        ] {
            assert_eq!(Garbage::parse(&garbage.key()), Some(garbage));
        }
        assert_eq!(Garbage::parse(b"x1234567"), None);
    }
}
