//! The paths that any filter asks for, as a tree beside which JSON data is walked once.

use std::collections::{BTreeMap, HashMap};

use super::subject::SubjectIndex;
use crate::{
    filter::Comparison,
    json::{JsonKind, JsonNode, Step},
};

/// Up to so many members are looked up one by one, more while walking through the object.
const FEW_MEMBERS: usize = 4;

/// What is asked of one value, and of those inside it. Paths have a bounded number of steps, so
/// that this may recurse.
#[derive(Debug)]
pub(super) struct PathTree {
    members: HashMap<Box<str>, PathTree>,
    items: BTreeMap<u32, PathTree>,
    index: SubjectIndex,
}

impl PathTree {
    pub(super) fn new() -> Self {
        Self {
            members: HashMap::new(),
            items: BTreeMap::new(),
            index: SubjectIndex::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.items.is_empty() && self.index.is_empty()
    }

    pub(super) fn insert(
        &mut self,
        path: &[Step],
        comparison: Comparison,
        wanted: &[u8],
        slot: u32,
    ) {
        match path.split_first() {
            None => self.index.insert(comparison, wanted, slot),
            Some((Step::Member(name), rest)) => {
                let inner = self.members.entry(name.clone()).or_insert_with(Self::new);
                inner.insert(rest, comparison, wanted, slot);
            }
            Some((Step::Item(number), rest)) => {
                let inner = self.items.entry(*number).or_insert_with(Self::new);
                inner.insert(rest, comparison, wanted, slot);
            }
        }
    }

    pub(super) fn remove(
        &mut self,
        path: &[Step],
        comparison: Comparison,
        wanted: &[u8],
        slot: u32,
    ) {
        match path.split_first() {
            None => self.index.remove(comparison, wanted, slot),
            Some((Step::Member(name), rest)) => {
                if let Some(inner) = self.members.get_mut(name) {
                    inner.remove(rest, comparison, wanted, slot);
                    if inner.is_empty() {
                        self.members.remove(name);
                    }
                }
            }
            Some((Step::Item(number), rest)) => {
                if let Some(inner) = self.items.get_mut(number) {
                    inner.remove(rest, comparison, wanted, slot);
                    if inner.is_empty() {
                        self.items.remove(number);
                    }
                }
            }
        }
    }

    /// How many filters wait for the comparison.
    pub(super) fn count(&self, path: &[Step], comparison: Comparison, wanted: &[u8]) -> usize {
        let inner = match path.split_first() {
            None => return self.index.count(comparison, wanted),
            Some((Step::Member(name), rest)) => self.members.get(name).map(|inner| (inner, rest)),
            Some((Step::Item(number), rest)) => self.items.get(number).map(|inner| (inner, rest)),
        };
        inner.map_or(0, |(inner, rest)| inner.count(rest, comparison, wanted))
    }

    /// Gives the slots of every comparison that a value at its path passes.
    pub(super) fn passed(&self, node: JsonNode<'_>, found: &mut impl FnMut(&[u32])) {
        if !self.index.is_empty()
            && let Some(text) = node.value().text()
        {
            self.index.passed(text.as_bytes(), &mut *found);
        }
        for (number, inner) in &self.items {
            match node.item(*number) {
                Some(item) => inner.passed(item, found),
                // Those that come are further behind.
                None => break,
            }
        }
        if self.members.len() <= FEW_MEMBERS {
            for (name, inner) in &self.members {
                if let Some(member) = node.member(name) {
                    inner.passed(member, found);
                }
            }
        } else if node.value().kind() == JsonKind::Object {
            self.walk(node, found);
        }
    }

    /// Walks through an object once; of members with the same name the last one counts.
    fn walk(&self, node: JsonNode<'_>, found: &mut impl FnMut(&[u32])) {
        let mut asked: Vec<(&Self, JsonNode<'_>)> = Vec::new();
        let mut children = node.children();
        while let (Some(name), Some(member)) = (children.next(), children.next()) {
            let name = name.value().text().unwrap_or_default();
            let Some(inner) = self.members.get(&*name) else {
                continue;
            };
            match asked
                .iter_mut()
                .find(|(known, _)| std::ptr::eq(*known, inner))
            {
                Some(earlier) => earlier.1 = member,
                None => asked.push((inner, member)),
            }
        }
        for (inner, member) in asked {
            inner.passed(member, found);
        }
    }
}
