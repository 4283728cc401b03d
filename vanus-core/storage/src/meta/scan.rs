//! Which part of a table to read, and a page of it.

use std::ops::Bound;

use bytes::Bytes;

/// Most entries in one page.
pub const MAX_SCAN_ENTRIES: usize = 10_000;
/// A page ends after the entry that takes its keys and values to this many bytes.
pub const MAX_SCAN_BYTES: usize = 8 * 1024 * 1024;

/// Which keys of a table to read, in ascending order.
///
/// ```
/// use vanus_storage::meta::Scan;
///
/// let due = Scan::all().until("0001700000000000").limit(100);
/// let of_one_log = Scan::prefix("log/7/").start_after("log/7/41");
/// # let _ = (due, of_one_log);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    prefix: Bytes,
    start_after: Option<Bytes>,
    until: Option<Bytes>,
    limit: usize,
}

impl Scan {
    /// Every key.
    #[must_use]
    pub fn all() -> Self {
        Self::prefix([])
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let prefix = Bytes::copy_from_slice(prefix.as_ref());
        Self {
            prefix,
            start_after: None,
            until: None,
            limit: MAX_SCAN_ENTRIES,
        }
    }

    /// Only keys after `key`, which need not exist. To go on after a page, give its last key;
    /// to skip what was deleted before, give the last key deleted, which is much cheaper than
    /// finding it out again.
    #[must_use]
    pub fn start_after(mut self, key: impl AsRef<[u8]>) -> Self {
        self.start_after = Some(Bytes::copy_from_slice(key.as_ref()));
        self
    }

    /// Only keys before `key`.
    #[must_use]
    pub fn until(mut self, key: impl AsRef<[u8]>) -> Self {
        self.until = Some(Bytes::copy_from_slice(key.as_ref()));
        self
    }

    /// At most `entries` entries a page; more than [`MAX_SCAN_ENTRIES`] means that many.
    #[must_use]
    pub fn limit(mut self, entries: usize) -> Self {
        self.limit = entries.min(MAX_SCAN_ENTRIES);
        self
    }

    /// The range this comes to, or `None` when it is empty.
    pub(super) fn bounds(&self) -> Option<(Bound<Bytes>, Bound<Bytes>)> {
        let lower = match &self.start_after {
            Some(key) if *key >= self.prefix => Bound::Excluded(key.clone()),
            _ if self.prefix.is_empty() => Bound::Unbounded,
            _ => Bound::Included(self.prefix.clone()),
        };
        let upper = match (after_prefix(&self.prefix), &self.until) {
            (Some(end), Some(until)) => Some(end.min(until.clone())),
            (Some(end), None) => Some(end),
            (None, until) => until.clone(),
        };
        if let (Bound::Included(start) | Bound::Excluded(start), Some(end)) = (&lower, &upper)
            && start >= end
        {
            return None;
        }
        Some((lower, upper.map_or(Bound::Unbounded, Bound::Excluded)))
    }

    /// Takes entries until the page is full.
    pub(super) fn page<E>(
        &self,
        entries: impl Iterator<Item = Result<(Bytes, Bytes), E>>,
    ) -> Result<ScanPage, E> {
        let mut page = ScanPage {
            entries: Vec::new(),
            more: false,
        };
        let mut bytes = 0;
        for entry in entries {
            if page.entries.len() >= self.limit || bytes >= MAX_SCAN_BYTES {
                page.more = true;
                break;
            }
            let (key, value) = entry?;
            bytes += key.len() + value.len();
            page.entries.push((key, value));
        }
        Ok(page)
    }
}

/// Consecutive entries of a table, as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanPage {
    /// Keys and values in ascending order of keys.
    pub entries: Vec<(Bytes, Bytes)>,
    /// Whether there is more in the range after the last entry. The next page shows the table as
    /// it is then.
    pub more: bool,
}

/// The smallest key greater than every key that begins with `prefix`.
fn after_prefix(prefix: &Bytes) -> Option<Bytes> {
    let kept = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix.get(..=kept)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(prefix: &'static [u8]) -> Option<Vec<u8>> {
        after_prefix(&Bytes::from_static(prefix)).map(|end| end.to_vec())
    }

    #[test]
    fn the_end_of_a_prefix_skips_trailing_ff() {
        assert_eq!(end(b"a"), Some(b"b".to_vec()));
        assert_eq!(end(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(end(b"a\x00"), Some(b"a\x01".to_vec()));
        assert_eq!(end(b"\xff"), None);
        assert_eq!(end(b""), None);
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_empty() {
        assert_eq!(Scan::prefix("b").start_after("c").bounds(), None);
        assert_eq!(Scan::prefix("b").until("b").bounds(), None);
        assert_eq!(Scan::all().start_after("x").until("x").bounds(), None);
        assert!(Scan::prefix("b").start_after("a").bounds().is_some());
    }
}
