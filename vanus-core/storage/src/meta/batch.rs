//! A batch of changes that happen together or not at all, and what must hold for them to happen.

use bytes::Bytes;

use super::{MetaError, Table};

/// Longest key, in bytes. Keys are ids and names; a longer one is a mistake.
pub const MAX_META_KEY: usize = 1024;
/// Longest value, in bytes.
pub const MAX_META_VALUE: usize = 1024 * 1024;
/// Most changes and requirements in one batch.
pub const MAX_META_BATCH_OPS: usize = 16 * 1024;
/// Most bytes in one batch: keys and values, plus 32 for each change or requirement.
pub const MAX_META_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What a change or requirement costs besides its key and value.
const OP_OVERHEAD: usize = 32;

/// One change: the new value of a key, or its deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) table: Table,
    pub(super) key: Bytes,
    /// `None` deletes.
    pub(super) value: Option<Bytes>,
}

/// Changes that are applied atomically across tables, in the order they were added (the last
/// change of a key wins), provided that every requirement holds just before.
///
/// Size is checked when the batch is committed, not while it is built, so that building reads
/// without error handling.
///
/// ```
/// use vanus_storage::meta::{MetaBatch, Table};
///
/// let batch = MetaBatch::new()
///     .require_absent(Table::Eventbuses, "default/orders")
///     .put(Table::Eventbuses, "default/orders", "…")
///     .delete(Table::Garbage, "orders");
/// assert_eq!(batch.len(), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetaBatch {
    pub(super) changes: Vec<Change>,
    /// The value each key must have (`None`: must be absent).
    pub(super) requirements: Vec<Change>,
    bytes: usize,
}

impl MetaBatch {
    /// An empty batch; committing it succeeds and changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    #[must_use]
    pub fn put(mut self, table: Table, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> Self {
        let change = self.change(table, key.as_ref(), Some(value.into()));
        self.changes.push(change);
        self
    }

    /// Removes `key`; an absent one stays absent.
    #[must_use]
    pub fn delete(mut self, table: Table, key: impl AsRef<[u8]>) -> Self {
        let change = self.change(table, key.as_ref(), None);
        self.changes.push(change);
        self
    }

    /// Requires that `key` has no value before this batch.
    #[must_use]
    pub fn require_absent(mut self, table: Table, key: impl AsRef<[u8]>) -> Self {
        let requirement = self.change(table, key.as_ref(), None);
        self.requirements.push(requirement);
        self
    }

    /// Requires that `key` has exactly `value` before this batch.
    #[must_use]
    pub fn require_value(
        mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
    ) -> Self {
        let requirement = self.change(table, key.as_ref(), Some(value.into()));
        self.requirements.push(requirement);
        self
    }

    /// How many changes and requirements the batch holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len() + self.requirements.len()
    }

    /// Whether the batch holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the batch counts for against [`MAX_META_BATCH_BYTES`], in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Checks every limit.
    ///
    /// # Errors
    ///
    /// [`MetaError::TooLarge`] names the limit that was passed; [`MetaError::EmptyKey`].
    pub fn check(&self) -> Result<(), MetaError> {
        limit("changes in a batch", self.len(), MAX_META_BATCH_OPS)?;
        limit("bytes in a batch", self.bytes, MAX_META_BATCH_BYTES)?;
        for change in self.changes.iter().chain(&self.requirements) {
            if change.key.is_empty() {
                return Err(MetaError::EmptyKey {
                    table: change.table,
                });
            }
            limit("bytes in a key", change.key.len(), MAX_META_KEY)?;
            let value = change.value.as_ref().map_or(0, Bytes::len);
            limit("bytes in a value", value, MAX_META_VALUE)?;
        }
        Ok(())
    }

    fn change(&mut self, table: Table, key: &[u8], value: Option<Bytes>) -> Change {
        let size = key.len() + value.as_ref().map_or(0, Bytes::len) + OP_OVERHEAD;
        self.bytes = self.bytes.saturating_add(size);
        Change {
            table,
            key: Bytes::copy_from_slice(key),
            value,
        }
    }
}

fn limit(what: &'static str, actual: usize, limit: usize) -> Result<(), MetaError> {
    if actual > limit {
        Err(MetaError::TooLarge {
            what,
            actual,
            limit,
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_named_when_passed() {
        let what = |batch: MetaBatch| match batch.check() {
            Err(MetaError::TooLarge { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        let big = vec![0; MAX_META_VALUE];
        assert_eq!(
            what(MetaBatch::new().delete(Table::Cluster, [7; MAX_META_KEY + 1])),
            "bytes in a key"
        );
        let value = [&big[..], &[0]].concat();
        assert_eq!(
            what(MetaBatch::new().put(Table::Cluster, "k", value)),
            "bytes in a value"
        );
        let heavy = (0..8).fold(MetaBatch::new(), |b, _| {
            b.put(Table::Cluster, "k", big.clone())
        });
        assert_eq!(what(heavy), "bytes in a batch");
        let many = (0..=MAX_META_BATCH_OPS).fold(MetaBatch::new(), |b, _| {
            b.require_absent(Table::Cluster, "k")
        });
        assert_eq!(what(many), "changes in a batch");
    }

    #[test]
    fn an_empty_key_is_refused() {
        let batch = MetaBatch::new().put(Table::Cluster, "", "v");
        assert!(matches!(
            batch.check(),
            Err(MetaError::EmptyKey {
                table: Table::Cluster
            })
        ));
    }

    #[test]
    fn the_largest_key_and_value_pass() {
        let batch =
            MetaBatch::new().put(Table::Cluster, [7; MAX_META_KEY], vec![0; MAX_META_VALUE]);
        assert!(batch.check().is_ok());
    }
}
