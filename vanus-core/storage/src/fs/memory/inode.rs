//! The bytes of one file in memory: the image processes see, the durable one, and what a crash makes of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{CrashPolicy, dice::Dice};

const PAGE: usize = 4096;
const SECTOR: usize = 512;

type Page = [u8; PAGE];

/// Pages that are all zeros are absent, so a preallocated file costs nothing.
#[derive(Debug, Clone, Default)]
struct Image {
    len: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Image {
    fn page(&self, number: u64) -> Page {
        self.pages.get(&number).map_or([0; PAGE], |page| **page)
    }

    fn cut(&mut self, len: u64) {
        let first_gone = len.div_ceil(PAGE as u64);
        drop(self.pages.split_off(&first_gone));
        if let Some(page) = self.pages.get_mut(&(len / PAGE as u64))
            && let Some(tail) = Arc::make_mut(page).get_mut((len % PAGE as u64) as usize..)
        {
            tail.fill(0);
        }
    }
}

#[derive(Debug)]
pub(super) struct Inode {
    live: Image,
    durable: Image,
    /// Pages in which the two images may differ.
    dirty: BTreeSet<u64>,
    linked: bool,
    used: Arc<AtomicU64>,
}

impl Inode {
    pub(super) fn new(used: &Arc<AtomicU64>) -> Inode {
        Inode {
            live: Image::default(),
            durable: Image::default(),
            dirty: BTreeSet::new(),
            linked: true,
            used: used.clone(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.live.len
    }

    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let available = self.live.len.saturating_sub(offset);
        let wanted = buf
            .len()
            .min(usize::try_from(available).unwrap_or(usize::MAX));
        for (number, within, range) in pieces(offset, wanted) {
            let Some(target) = buf.get_mut(range) else {
                continue;
            };
            match self
                .live
                .pages
                .get(&number)
                .and_then(|page| page.get(within))
            {
                Some(source) => target.copy_from_slice(source),
                None => target.fill(0),
            }
        }
        wanted
    }

    pub(super) fn write(&mut self, buf: &[u8], offset: u64) {
        for (number, within, range) in pieces(offset, buf.len()) {
            let Some(source) = buf.get(range) else {
                continue;
            };
            self.dirty.insert(number);
            if !self.live.pages.contains_key(&number) && source.iter().all(|&byte| byte == 0) {
                continue;
            }
            let page = self
                .live
                .pages
                .entry(number)
                .or_insert_with(|| Arc::new([0; PAGE]));
            if let Some(target) = Arc::make_mut(page).get_mut(within) {
                target.copy_from_slice(source);
            }
        }
        let end = offset + buf.len() as u64;
        if end > self.live.len && !buf.is_empty() {
            self.account(end);
            self.live.len = end;
        }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.live.len {
            let pages = self.live.len.div_ceil(PAGE as u64);
            self.dirty.extend(len / PAGE as u64..pages);
            self.live.cut(len);
        }
        self.account(len);
        self.live.len = len;
    }

    pub(super) fn sync(&mut self) {
        for number in std::mem::take(&mut self.dirty) {
            match self.live.pages.get(&number) {
                Some(page) => drop(self.durable.pages.insert(number, page.clone())),
                None => drop(self.durable.pages.remove(&number)),
            }
        }
        self.durable.len = self.live.len;
    }

    /// The last name is gone: its bytes are free, though open handles still read them.
    pub(super) fn unlink(&mut self) {
        self.account(0);
        self.linked = false;
    }

    pub(super) fn flip_bit(&mut self, position: u64, bit: u8) -> bool {
        if position >= self.live.len {
            return false;
        }
        let (number, within) = (position / PAGE as u64, (position % PAGE as u64) as usize);
        for image in [&mut self.live, &mut self.durable] {
            let page = image
                .pages
                .entry(number)
                .or_insert_with(|| Arc::new([0; PAGE]));
            if let Some(byte) = Arc::make_mut(page).get_mut(within) {
                *byte ^= 1 << (bit % 8);
            }
        }
        true
    }

    pub(super) fn fork(&self, used: &Arc<AtomicU64>) -> Inode {
        if self.linked {
            used.fetch_add(self.live.len, Ordering::SeqCst);
        }
        Inode {
            live: self.live.clone(),
            durable: self.durable.clone(),
            dirty: self.dirty.clone(),
            linked: self.linked,
            used: used.clone(),
        }
    }

    /// The file as the next life finds it.
    pub(super) fn after_crash(&mut self, policy: CrashPolicy, dice: &mut Dice) -> Inode {
        let (live, dirty) = match policy {
            CrashPolicy::KillProcess => (self.live.clone(), self.dirty.clone()),
            CrashPolicy::LoseUnsynced => (self.durable.clone(), BTreeSet::new()),
            CrashPolicy::Random => (self.mixed(dice), BTreeSet::new()),
        };
        let durable = match policy {
            CrashPolicy::KillProcess => self.durable.clone(),
            CrashPolicy::LoseUnsynced | CrashPolicy::Random => live.clone(),
        };
        self.linked = false;
        self.used.fetch_add(live.len, Ordering::SeqCst);
        Inode {
            live,
            durable,
            dirty,
            linked: true,
            used: self.used.clone(),
        }
    }

    /// Each unsynced sector kept, lost or torn, and a length between the two.
    fn mixed(&self, dice: &mut Dice) -> Image {
        let (short, long) = (
            self.live.len.min(self.durable.len),
            self.live.len.max(self.durable.len),
        );
        let len = match dice.roll(3) {
            0 => self.live.len,
            1 => self.durable.len,
            _ => short + dice.roll(long - short + 1),
        };
        let mut image = self.durable.clone();
        for &number in &self.dirty {
            let (old, new) = (self.durable.page(number), self.live.page(number));
            let mut page = old;
            let sectors = page
                .chunks_mut(SECTOR)
                .zip(old.chunks(SECTOR).zip(new.chunks(SECTOR)));
            for (target, (old, new)) in sectors.filter(|(_, (old, new))| old != new) {
                let kept = match dice.roll(5) {
                    0 | 1 => SECTOR,
                    2 | 3 => 0,
                    _ => dice.roll(SECTOR as u64) as usize,
                };
                let mixed = new.iter().take(kept).chain(old.iter().skip(kept));
                target
                    .iter_mut()
                    .zip(mixed)
                    .for_each(|(target, &byte)| *target = byte);
            }
            image.pages.insert(number, Arc::new(page));
        }
        image.cut(len);
        image.len = len;
        image
    }

    fn account(&self, new_len: u64) {
        if self.linked {
            self.used.fetch_add(new_len, Ordering::SeqCst);
            self.used.fetch_sub(self.live.len, Ordering::SeqCst);
        }
    }
}

/// Cuts a range of the file at page borders: page number, range in the page, range in the buffer.
fn pieces(
    offset: u64,
    len: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= len {
            return None;
        }
        let at = offset + done as u64;
        let within = (at % PAGE as u64) as usize;
        let size = (PAGE - within).min(len - done);
        let piece = (at / PAGE as u64, within..within + size, done..done + size);
        done += size;
        Some(piece)
    })
}
