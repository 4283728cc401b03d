//! Which comparisons of one value pass: a hash for the exact ones, radix trees for the others.

use std::collections::{BTreeMap, HashMap};

use super::radix::Radix;
use crate::filter::Comparison;

/// The comparisons of one attribute, of the payload, or of one path, each with the slots of the
/// filters that wait for it.
#[derive(Debug)]
pub(super) struct SubjectIndex {
    exact: HashMap<Box<[u8]>, Vec<u32>>,
    /// How many exact texts there are of each length; no other value is hashed.
    lengths: BTreeMap<usize, usize>,
    prefixes: Radix,
    /// Texts from their ends.
    suffixes: Radix,
}

impl SubjectIndex {
    pub(super) fn new() -> Self {
        Self {
            exact: HashMap::new(),
            lengths: BTreeMap::new(),
            prefixes: Radix::new(),
            suffixes: Radix::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.suffixes.is_empty()
    }

    pub(super) fn insert(&mut self, comparison: Comparison, wanted: &[u8], slot: u32) {
        match comparison {
            Comparison::Exact => {
                let slots = self.exact.entry(wanted.into()).or_insert_with(|| {
                    *self.lengths.entry(wanted.len()).or_default() += 1;
                    Vec::new()
                });
                slots.push(slot);
            }
            Comparison::Prefix => self.prefixes.insert(wanted, slot),
            Comparison::Suffix => self.suffixes.insert(&reversed(wanted), slot),
        }
    }

    pub(super) fn remove(&mut self, comparison: Comparison, wanted: &[u8], slot: u32) {
        match comparison {
            Comparison::Exact => {
                let Some(slots) = self.exact.get_mut(wanted) else {
                    return;
                };
                slots.retain(|known| *known != slot);
                if slots.is_empty() {
                    self.exact.remove(wanted);
                    if let Some(count) = self.lengths.get_mut(&wanted.len()) {
                        *count -= 1;
                        if *count == 0 {
                            self.lengths.remove(&wanted.len());
                        }
                    }
                }
            }
            Comparison::Prefix => self.prefixes.remove(wanted, slot),
            Comparison::Suffix => self.suffixes.remove(&reversed(wanted), slot),
        }
    }

    /// How many filters wait for the comparison.
    pub(super) fn count(&self, comparison: Comparison, wanted: &[u8]) -> usize {
        match comparison {
            Comparison::Exact => self.exact.get(wanted).map_or(0, Vec::len),
            Comparison::Prefix => self.prefixes.count(wanted),
            Comparison::Suffix => self.suffixes.count(&reversed(wanted)),
        }
    }

    /// Gives the slots of every comparison that the value passes.
    pub(super) fn passed(&self, value: &[u8], mut found: impl FnMut(&[u32])) {
        if self.lengths.contains_key(&value.len())
            && let Some(slots) = self.exact.get(value)
        {
            found(slots);
        }
        if !self.prefixes.is_empty() {
            self.prefixes.prefixes(value.iter().copied(), &mut found);
        }
        if !self.suffixes.is_empty() {
            self.suffixes.prefixes(value.iter().rev().copied(), found);
        }
    }
}

fn reversed(text: &[u8]) -> Vec<u8> {
    text.iter().rev().copied().collect()
}
