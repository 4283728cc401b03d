//! Memory for reads that is used again. A fresh block of a mebibyte costs as much to get from the system, page by page,
//! as its bytes cost to read; a reader that goes through gigabytes gets the same few blocks over and over.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Blocks kept for the next read.
const KEPT: usize = 8;
/// The largest block kept, in bytes; larger ones are rare.
const LARGEST_KEPT: usize = 2 * 1024 * 1024;

/// Blocks that wait to be used again, at most 16 MiB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A block on loan; it comes back when the last slice of it is gone.
struct Loan {
    block: Vec<u8>,
    len: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        self.block.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let block = std::mem::take(&mut self.block);
        let mut free = self.home.free.lock();
        if free.len() < KEPT && block.len() <= LARGEST_KEPT {
            free.push(block);
        }
    }
}

impl Buffers {
    /// Lends a block of `len` bytes to `fill`, which says how many of them it filled, and answers those.
    pub(crate) fn fill(
        &self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> std::io::Result<usize>,
    ) -> std::io::Result<Bytes> {
        let block = self.free.lock().pop().filter(|block| block.len() >= len);
        let mut loan = Loan {
            block: block.unwrap_or_else(|| vec![0; len]),
            len: 0,
            home: self.clone(),
        };
        loan.len = fill(loan.block.get_mut(..len).unwrap_or_default())?.min(len);
        Ok(Bytes::from_owner(loan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_when_its_last_slice_is_gone() {
        let buffers = Buffers::default();
        let bytes = buffers.fill(100, |block| {
            block.fill(7);
            Ok(60)
        });
        let slice = bytes.unwrap().slice(10..20);
        assert_eq!(&slice[..], [7; 10]);
        assert!(buffers.free.lock().is_empty());
        drop(slice);
        assert_eq!(buffers.free.lock().len(), 1);
        // What was in it before is never shown.
        let bytes = buffers.fill(50, |_| Ok(0)).unwrap();
        assert!(bytes.is_empty());
        let larger = buffers.fill(200, |block| Ok(block.len())).unwrap();
        assert_eq!(larger.len(), 200);
    }

    #[test]
    fn no_more_than_a_few_are_kept() {
        let buffers = Buffers::default();
        let many: Vec<Bytes> = (0..2 * KEPT)
            .map(|_| buffers.fill(10, |_| Ok(10)).unwrap())
            .collect();
        let huge = buffers.fill(LARGEST_KEPT + 1, |_| Ok(1)).unwrap();
        drop(huge);
        drop(many);
        assert_eq!(buffers.free.lock().len(), KEPT);
    }
}
