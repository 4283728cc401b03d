//! Whether an index and its segment say the same about where the segment ends.

use vanus_types::EventlogId;

use super::{
    index::{INDEX_EVERY, Index},
    layout::{EntryKind, FIRST_BATCH, IndexEntry},
    scan::{OTHER_OFFSET, Scan, Scanned},
};
use crate::fs::File;

/// Whether the batches before the last entry of an index lead to where it says. The end of an eventlog is taken from
/// there, and events appended to a wrong one would get offsets that others have. Damage on the way proves nothing; reads
/// tell of it.
pub(crate) fn agrees(
    file: &dyn File,
    (log, base): (EventlogId, u64),
    index: &Index,
    len: u64,
) -> std::io::Result<bool> {
    let Some((last, before)) = index.entries().split_last() else {
        return Ok(true);
    };
    let earlier = before
        .iter()
        .rposition(|entry| entry.position < last.position);
    let from = earlier.unwrap_or(0);
    let lost = |entry: &IndexEntry| entry.kind == EntryKind::Lost;
    if before.get(from..).unwrap_or_default().iter().any(lost) {
        return Ok(true);
    }
    let start = (FIRST_BATCH, base);
    let place = earlier
        .and_then(|at| before.get(at))
        .map_or(start, |entry| (entry.position, entry.offset));
    let end = (last.position, last.offset);
    let mut leads = leads_to(file, (log, place), end, len)?;
    if leads.is_none() && place != start && !before.iter().any(lost) {
        // Perhaps nothing is damaged, and there never was a batch where the entry before the last says.
        leads = leads_to(file, (log, start), end, len)?;
    }
    Ok(leads.unwrap_or(true))
}

/// Whether the batches from `from` on lead to `end`, each a position and an offset; none if there is damage on the way.
fn leads_to(
    file: &dyn File,
    (log, from): (EventlogId, (u64, u64)),
    end: (u64, u64),
    len: u64,
) -> std::io::Result<Option<bool>> {
    let mut scan = Scan::new(file, log, from, len).block_len(2 * INDEX_EVERY as usize);
    while scan.position() < end.0 {
        match scan.next_header_only()? {
            Ok(_) => {}
            // A whole header: it is the place from which on it is read that does not tell the truth.
            Err(Scanned::Bad(OTHER_OFFSET)) => return Ok(Some(false)),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some((scan.position(), scan.offset()) == end))
}
