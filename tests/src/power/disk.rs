//! A disk with a cache that forgets.

#![expect(
    clippy::indexing_slicing,
    reason = "ranges are made of the lengths of what they cut"
)]

use std::{collections::HashMap, sync::Arc};

use crate::harness::Random;

/// Bytes of a block: what the disk keeps track of.
pub const BLOCK: usize = 4096;

/// What is written in one piece even when the power goes.
const SECTOR: usize = 512;

/// Block numbers and their bytes.
type Blocks = HashMap<u64, Arc<[u8]>>;

/// A disk over an image that is never changed.
#[derive(Debug, Clone)]
pub struct Disk {
    image: Arc<[u8]>,
    /// What readers see, where it differs from the image.
    now: Blocks,
    /// What is there after a loss of power for certain, where it differs from the image.
    flushed: Blocks,
    /// What was written since, in order.
    cached: Vec<(u64, Arc<[u8]>)>,
}

impl Disk {
    /// A disk that holds `image`, a whole number of blocks.
    #[must_use]
    pub fn new(image: Arc<[u8]>) -> Self {
        Self {
            image,
            now: Blocks::new(),
            flushed: Blocks::new(),
            cached: Vec::new(),
        }
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.image.len() as u64
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.image.is_empty()
    }

    /// The bytes from `offset` on, as many as there are of `len`.
    #[must_use]
    pub fn read(&self, offset: u64, len: usize) -> Vec<u8> {
        let end = (offset + len as u64).min(self.len());
        let mut bytes = Vec::with_capacity(len);
        let mut at = offset;
        while at < end {
            let (block, skip) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let take = (BLOCK - skip).min((end - at) as usize);
            bytes.extend_from_slice(&self.block(&self.now, block)[skip..skip + take]);
            at += take as u64;
        }
        bytes
    }

    /// Writes into the cache. What lies beyond the end is not written; answers how much was.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> usize {
        let len = data.len().min(self.len().saturating_sub(offset) as usize);
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let (block, skip) = (at / BLOCK as u64, (at % BLOCK as u64) as usize);
            let take = (BLOCK - skip).min(len - done);
            let mut bytes = self.block(&self.now, block).to_vec();
            bytes[skip..skip + take].copy_from_slice(&data[done..done + take]);
            let bytes: Arc<[u8]> = bytes.into();
            self.now.insert(block, Arc::clone(&bytes));
            self.cached.push((block, bytes));
            done += take;
        }
        len
    }

    /// Everything written so far survives from here on.
    pub fn flush(&mut self) {
        self.flushed.extend(self.cached.drain(..));
    }

    /// Blocks written and not flushed.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cached.len()
    }

    /// What is left when the power goes now: of each block in the cache nothing, everything, or
    /// some sectors, as `random` has it. One time in four the whole cache is lost.
    #[must_use]
    pub fn after_power_loss(&self, random: &mut Random) -> Self {
        let mut left = self.flushed.clone();
        let survivors = random.below(4);
        for (number, written) in &self.cached {
            match (survivors, random.below(6)) {
                (0, _) | (_, 0 | 1) => {}
                (_, 2) => {
                    let mut torn = self.block(&left, *number).to_vec();
                    for at in (0..BLOCK).step_by(SECTOR) {
                        if random.below(2) == 0 {
                            torn[at..at + SECTOR].copy_from_slice(&written[at..at + SECTOR]);
                        }
                    }
                    left.insert(*number, torn.into());
                }
                _ => drop(left.insert(*number, Arc::clone(written))),
            }
        }
        Self {
            image: Arc::clone(&self.image),
            now: left.clone(),
            flushed: left,
            cached: Vec::new(),
        }
    }

    fn block<'a>(&'a self, layer: &'a Blocks, number: u64) -> &'a [u8] {
        match layer.get(&number) {
            Some(bytes) => bytes,
            None => {
                let at = number as usize * BLOCK;
                &self.image[at..at + BLOCK]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Disk {
        Disk::new(vec![0; 4 * BLOCK].into())
    }

    #[test]
    fn what_is_written_is_read_across_blocks_and_ends_with_the_disk() {
        let mut disk = disk();
        let data: Vec<u8> = (0..BLOCK + 100).map(|at| at as u8 | 1).collect();
        assert_eq!(disk.write(1000, &data), data.len());
        assert_eq!(disk.read(1000, data.len()), data);
        assert_eq!(disk.read(0, 1000), vec![0; 1000]);
        assert_eq!(disk.write(4 * BLOCK as u64 - 10, &data), 10);
        assert_eq!(disk.read(4 * BLOCK as u64 - 10, 100), data[..10]);
    }

    #[test]
    fn flushed_bytes_survive_and_cached_ones_may_not() {
        let (mut lost, mut kept, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let mut disk = disk();
            disk.write(0, &[1; BLOCK]);
            disk.flush();
            disk.write(BLOCK as u64, &[2; BLOCK]);
            disk.write(0, &[3; 8]);
            let left = disk.after_power_loss(&mut Random::new(seed));
            assert_eq!(left.cached(), 0);
            assert_eq!(left.read(100, 100), [1; 100], "flushed");
            let sectors = left.read(BLOCK as u64, BLOCK);
            match sectors.iter().filter(|byte| **byte == 2).count() {
                0 => lost += 1,
                BLOCK => kept += 1,
                some => {
                    assert_eq!(some % SECTOR, 0, "a sector is never torn");
                    torn += 1;
                }
            }
        }
        assert!(lost > 20 && kept > 20 && torn > 5, "{lost} {kept} {torn}");
    }
}
