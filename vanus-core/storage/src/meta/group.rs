//! Batches merged into one write: who is in, who conflicts, and what is left to be written.
//!
//! Pure: the state before the group is asked for through a function.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{MetaBatch, MetaError, Table, error::Found};

/// The changes of several batches, merged so that each key is written once.
///
/// Merging is not only cheaper: the entries of one write of the store under this share one
/// sequence number, so two changes of a key in it would have no defined order.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// The last change of each key; `None` deletes.
    pub(super) changes: BTreeMap<(Table, Bytes), Option<Bytes>>,
}

impl Group {
    /// Takes in a batch after those taken in before.
    ///
    /// # Errors
    ///
    /// [`MetaError::Conflict`] when a requirement does not hold, or what `before` answers; the
    /// group is then unchanged.
    pub(super) fn admit(
        &mut self,
        batch: MetaBatch,
        before: impl Fn(Table, &[u8]) -> Result<Option<Bytes>, MetaError>,
    ) -> Result<(), MetaError> {
        for required in batch.requirements {
            let slot = (required.table, required.key);
            let current = match self.changes.get(&slot) {
                Some(changed) => changed.clone(),
                None => before(slot.0, &slot.1)?,
            };
            let found = match (&current, &required.value) {
                (Some(_), None) => Found::Present,
                (None, Some(_)) => Found::Absent,
                (Some(current), Some(wanted)) if current != wanted => Found::Different,
                _ => continue,
            };
            let key = slot.1.escape_ascii().to_string();
            return Err(MetaError::Conflict {
                table: slot.0,
                key,
                found,
            });
        }
        for change in batch.changes {
            self.changes
                .insert((change.table, change.key), change.value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Table = Table::Eventbuses;

    fn empty(_: Table, _: &[u8]) -> Result<Option<Bytes>, MetaError> {
        Ok(None)
    }

    #[test]
    fn a_requirement_sees_the_batches_before_it_in_the_group() {
        let mut group = Group::default();
        let create = MetaBatch::new().require_absent(T, "a").put(T, "a", "1");
        group.admit(create.clone(), empty).unwrap();
        let again = group.admit(create, empty);
        assert!(matches!(
            again,
            Err(MetaError::Conflict {
                found: Found::Present,
                ..
            })
        ));
        let swap = MetaBatch::new().require_value(T, "a", "1").delete(T, "a");
        group.admit(swap.clone(), empty).unwrap();
        let gone = group.admit(swap, empty);
        assert!(matches!(
            gone,
            Err(MetaError::Conflict {
                found: Found::Absent,
                ..
            })
        ));
        assert_eq!(group.changes.get(&(T, Bytes::from("a"))), Some(&None));
    }

    #[test]
    fn a_refused_batch_leaves_no_trace() {
        let mut group = Group::default();
        let batch = MetaBatch::new().put(T, "a", "1").require_value(T, "b", "2");
        assert!(group.admit(batch, |_, _| Ok(Some("3".into()))).is_err());
        assert!(group.changes.is_empty());
    }

    #[test]
    fn requirements_are_judged_before_the_changes_of_their_own_batch() {
        let mut group = Group::default();
        let batch = MetaBatch::new().put(T, "a", "1").require_absent(T, "a");
        group.admit(batch, empty).unwrap();
        assert_eq!(group.changes.len(), 1);
    }
}
