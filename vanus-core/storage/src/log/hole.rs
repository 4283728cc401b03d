//! Offsets that a repair passes over, because the frame of the write-ahead log that held their events is lost.

use std::sync::Arc;

use super::{FileContext, Writer};
use crate::{
    segment::{EntryKind, IndexEntry, Segment},
    store::DiskError,
};

impl Writer {
    /// Leaves a hole up to `offset`, whose event was appended at `time_ms`, and seals the segment behind it. Where nothing
    /// lies before the hole, it is as old as that event, so that retention takes it one day.
    pub(super) fn skip_to(
        &mut self,
        context: &FileContext,
        (offset, time_ms): (u64, i64),
        made: &mut dyn FnMut(Arc<Segment>),
    ) -> Result<(), DiskError> {
        self.ensure_active(context, made)?;
        let time_ms = *self.last_time.get_or_insert(time_ms);
        if let Some(active) = self.active.as_mut() {
            let entry = IndexEntry {
                offset: self.next_offset,
                position: active.position,
                time_ms,
                kind: EntryKind::Lost,
            };
            active.pending.push(entry);
            active.segment.with_index(|index| index.push(entry));
            active
                .segment
                .extend(offset, active.position, None, Some(time_ms));
        }
        self.next_offset = offset;
        self.roll();
        Ok(())
    }
}
