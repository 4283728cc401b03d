//! Where timers lie: in chunks that never move, linked into lists. A list is a slot of a level or a
//! millisecond of the open tick; a map of bits tells which are not empty.

use std::ops::Range;

use super::{Due, WheelFull};

/// No timer.
const NONE: u32 = u32::MAX;

/// Timers of a chunk. Chunks are not copied when the wheel grows.
const CHUNK: usize = 1 << 12;

/// Names a timer for as long as it is in its wheel, and none afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerHandle {
    index: u32,
    /// The number of the insert, unique in its wheel.
    sequence: u64,
}

impl TimerHandle {
    pub(super) const fn index(self) -> u32 {
        self.index
    }
}

/// A timer, or a free place.
#[derive(Debug, Clone)]
pub(super) struct Node<T> {
    pub(super) due_ms: i64,
    sequence: u64,
    prev: u32,
    /// The next of the list, or of the free places.
    next: u32,
    list: u16,
    /// Nothing where the place is free.
    value: Option<T>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// All timers of a wheel.
#[derive(Debug, Clone)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<Node<T>>>,
    free: u32,
    len: usize,
    capacity: u32,
    sequence: u64,
    lists: Vec<List>,
    /// A bit for each list that is not empty.
    occupied: Vec<u64>,
}

impl<T> Slab<T> {
    pub(super) fn new(lists: usize, capacity: u32) -> Self {
        let empty = List {
            head: NONE,
            tail: NONE,
        };
        Self {
            chunks: Vec::new(),
            free: NONE,
            len: 0,
            capacity,
            sequence: 0,
            lists: vec![empty; lists],
            occupied: vec![0; lists.div_ceil(64)],
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Number of words of the map of lists.
    pub(super) const fn words(&self) -> usize {
        self.occupied.len()
    }

    /// The lists that are not empty, of a range of words of the map, in order.
    pub(super) fn lists_of(
        &self,
        words: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let first = words.start;
        let words = self.occupied.get(words).unwrap_or_default();
        let occupied = words.iter().enumerate().filter(|(_, bits)| **bits != 0);
        occupied.flat_map(move |(word, bits)| {
            let is_set = move |bit: &usize| bits >> bit & 1 == 1;
            let (low, high) = (bits.trailing_zeros(), 64 - bits.leading_zeros());
            let range = low as usize..high as usize;
            range
                .filter(is_set)
                .map(move |bit| (first + word) * 64 + bit)
        })
    }

    /// Adds a timer to the end of a list.
    pub(super) fn insert(
        &mut self,
        list: usize,
        due_ms: i64,
        value: T,
    ) -> Result<TimerHandle, WheelFull<T>> {
        if self.len >= self.capacity as usize {
            let capacity = self.capacity;
            return Err(WheelFull { capacity, value });
        }
        let sequence = self.sequence;
        self.sequence += 1;
        let index = self.take_place(Node {
            due_ms,
            sequence,
            prev: NONE,
            next: NONE,
            list: 0,
            value: Some(value),
        });
        self.len += 1;
        self.push_back(list, index);
        Ok(TimerHandle { index, sequence })
    }

    /// Puts a node where there is room.
    fn take_place(&mut self, new: Node<T>) -> u32 {
        let index = self.free;
        if let Some(place) = self.node_mut(index) {
            let next = place.next;
            *place = new;
            self.free = next;
            return index;
        }
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        if let Some(last) = self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            last.push(new);
            return index_of(full + last.len() - 1);
        }
        // Only the first chunk grows, so that a small wheel stays small.
        let room = if self.chunks.is_empty() { 4 } else { CHUNK };
        let mut chunk = Vec::with_capacity(room);
        chunk.push(new);
        self.chunks.push(chunk);
        index_of((self.chunks.len() - 1) * CHUNK)
    }

    /// The node of a handle, if the timer is still there.
    pub(super) fn check(&mut self, handle: TimerHandle) -> Option<&mut Node<T>> {
        self.node_mut(handle.index)
            .filter(|node| node.value.is_some() && node.sequence == handle.sequence)
    }

    pub(super) fn get(&self, handle: TimerHandle) -> Option<(i64, &T)> {
        let node = self.node(handle.index)?;
        let value = node.value.as_ref()?;
        (node.sequence == handle.sequence).then_some((node.due_ms, value))
    }

    pub(super) fn due_ms(&self, index: u32) -> i64 {
        self.node(index).map_or(i64::MIN, |node| node.due_ms)
    }

    pub(super) fn is_list_empty(&self, list: usize) -> bool {
        self.lists.get(list).is_none_or(|list| list.head == NONE)
    }

    /// Links a node that is in no list.
    pub(super) fn push_back(&mut self, list: usize, index: u32) {
        let Some(ends) = self.lists.get_mut(list) else {
            debug_assert!(false, "there is no list {list}");
            return;
        };
        let before = std::mem::replace(&mut ends.tail, index);
        if before == NONE {
            ends.head = index;
            if let Some(word) = self.occupied.get_mut(list / 64) {
                *word |= 1 << (list % 64);
            }
        } else if let Some(node) = self.node_mut(before) {
            node.next = index;
        }
        if let Some(node) = self.node_mut(index) {
            node.prev = before;
            node.next = NONE;
            node.list = u16::try_from(list).unwrap_or(u16::MAX);
        }
    }

    /// Takes the first node out of a list.
    pub(super) fn pop_front(&mut self, list: usize) -> Option<u32> {
        let index = self.lists.get(list)?.head;
        (index != NONE).then(|| self.unlink(index))
    }

    /// Takes the last node out of a list.
    pub(super) fn pop_back(&mut self, list: usize) -> Option<u32> {
        let index = self.lists.get(list)?.tail;
        (index != NONE).then(|| self.unlink(index))
    }

    /// Takes a node out of its list; answers the node.
    pub(super) fn unlink(&mut self, index: u32) -> u32 {
        let Some(node) = self.node(index) else {
            return index;
        };
        let (prev, next, list) = (node.prev, node.next, usize::from(node.list));
        if let Some(node) = self.node_mut(prev) {
            node.next = next;
        }
        if let Some(node) = self.node_mut(next) {
            node.prev = prev;
        }
        if let Some(ends) = self.lists.get_mut(list) {
            if ends.head == index {
                ends.head = next;
            }
            if ends.tail == index {
                ends.tail = prev;
            }
            if ends.head == NONE
                && let Some(word) = self.occupied.get_mut(list / 64)
            {
                *word &= !(1 << (list % 64));
            }
        }
        index
    }

    /// Frees the place of a node that is in no list.
    pub(super) fn release(&mut self, index: u32) -> Option<Due<T>> {
        let free = self.free;
        let node = self.node_mut(index)?;
        let value = node.value.take()?;
        node.next = free;
        let (sequence, due_ms) = (node.sequence, node.due_ms);
        self.free = index;
        self.len -= 1;
        Some(Due {
            handle: TimerHandle { index, sequence },
            due_ms,
            value,
        })
    }

    fn node(&self, index: u32) -> Option<&Node<T>> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn node_mut(&mut self, index: u32) -> Option<&mut Node<T>> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }
}

/// Places are numbered below [`NONE`], as there are no more timers than that.
fn index_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}
