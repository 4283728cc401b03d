//! Offsets that a repair passes over, because the frame of the write-ahead log that held their events is lost.

use std::sync::Arc;

use super::{FileContext, Writer};
use crate::{
    segment::{EntryKind, IndexEntry, Segment},
    store::DiskError,
};

impl Writer {
    /// Leaves a hole up to `offset` and seals the segment behind it.
    pub(super) fn skip_to(
        &mut self,
        context: &FileContext,
        offset: u64,
        made: &mut dyn FnMut(Arc<Segment>),
    ) -> Result<(), DiskError> {
        self.ensure_active(context, made)?;
        if let Some(active) = self.active.as_mut() {
            let entry = IndexEntry {
                offset: self.next_offset,
                position: active.position,
                time_ms: self.last_time.unwrap_or(i64::MIN),
                kind: EntryKind::Lost,
            };
            active.pending.push(entry);
            active.segment.with_index(|index| index.push(entry));
            active.segment.extend(offset, active.position, None, None);
        }
        self.next_offset = offset;
        self.roll();
        Ok(())
    }
}
