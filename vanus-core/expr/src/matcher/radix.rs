//! A radix tree: which of many byte strings does a text begin with, in one walk along the text.
//!
//! Nodes lie in one vector and name each other by number, so that nothing recurses however long
//! the strings are; places of removed nodes are used again.

/// Byte strings, each with a list of numbers.
#[derive(Debug)]
pub(super) struct Radix {
    nodes: Vec<Node>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Node {
    /// What is between the parent and this node; only that of the root is empty.
    label: Box<[u8]>,
    values: Vec<u32>,
    /// By the first byte of their labels.
    children: Vec<(u8, u32)>,
}

const ROOT: u32 = 0;

impl Radix {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        let root = self.node(ROOT);
        root.is_none_or(|root| root.children.is_empty() && root.values.is_empty())
    }

    /// Adds a value to a key.
    pub(super) fn insert(&mut self, key: &[u8], value: u32) {
        let (mut at, mut rest) = (ROOT, key);
        while let Some((first, _)) = rest.split_first() {
            let Some(child) = self.child(at, *first) else {
                let leaf = self.add(Node {
                    label: rest.into(),
                    ..Node::default()
                });
                self.link(at, *first, leaf);
                at = leaf;
                break;
            };
            let label = self.node(child).map_or(&[][..], |node| &node.label);
            let common = common(label, rest);
            at = if common < label.len() {
                self.split(at, child, common)
            } else {
                child
            };
            rest = rest.get(common..).unwrap_or_default();
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.values.push(value);
        }
    }

    /// Takes a value of a key away.
    pub(super) fn remove(&mut self, key: &[u8], value: u32) {
        let (mut at, mut rest) = (ROOT, key);
        let mut path = Vec::new();
        while let Some((first, _)) = rest.split_first() {
            let Some(child) = self.child(at, *first) else {
                return;
            };
            let label = self.node(child).map_or(&[][..], |node| &node.label);
            let Some(behind) = rest.strip_prefix(label) else {
                return;
            };
            rest = behind;
            path.push((at, *first));
            at = child;
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.values.retain(|known| *known != value);
        }
        // Branches that lead nowhere go.
        while let Some((parent, first)) = path.pop() {
            let bare = self
                .node(at)
                .is_none_or(|node| node.values.is_empty() && node.children.is_empty());
            if !bare {
                self.merge(at);
                break;
            }
            if let Some(parent) = self.nodes.get_mut(parent as usize) {
                parent.children.retain(|(byte, _)| *byte != first);
            }
            self.release(at);
            at = parent;
        }
        if at != ROOT {
            self.merge(at);
        }
    }

    /// How many values the key has.
    pub(super) fn count(&self, key: &[u8]) -> usize {
        let (mut at, mut rest) = (ROOT, key);
        while let Some((first, _)) = rest.split_first() {
            let child = self.child(at, *first);
            let node = child.and_then(|child| self.node(child));
            let (Some(child), Some(behind)) =
                (child, node.and_then(|node| rest.strip_prefix(&*node.label)))
            else {
                return 0;
            };
            (at, rest) = (child, behind);
        }
        self.node(at).map_or(0, |node| node.values.len())
    }

    /// Gives the values of every key that `text`, byte by byte, begins with. It stops where the
    /// tree does.
    pub(super) fn prefixes(
        &self,
        mut text: impl Iterator<Item = u8>,
        mut found: impl FnMut(&[u32]),
    ) {
        let mut at = ROOT;
        while let Some(node) = self.node(at) {
            if !node.values.is_empty() {
                found(&node.values);
            }
            if node.children.is_empty() {
                return;
            }
            let Some(child) = text.next().and_then(|first| self.child(at, first)) else {
                return;
            };
            let label = self.node(child).map_or(&[][..], |node| &node.label);
            let rest = label.iter().skip(1);
            for wanted in rest {
                if text.next() != Some(*wanted) {
                    return;
                }
            }
            at = child;
        }
    }

    /// Puts a node between `parent` and `child`, with the first `length` bytes of its label.
    fn split(&mut self, parent: u32, child: u32, length: usize) -> u32 {
        let Some(node) = self.nodes.get_mut(child as usize) else {
            return parent;
        };
        let (upper, lower) = node.label.split_at(length.min(node.label.len()));
        let (upper, lower): (Box<[u8]>, Box<[u8]>) = (upper.into(), lower.into());
        let (Some(first), Some(second)) = (upper.first().copied(), lower.first().copied()) else {
            return child;
        };
        node.label = lower;
        let middle = self.add(Node {
            label: upper,
            values: Vec::new(),
            children: vec![(second, child)],
        });
        if let Some(parent) = self.nodes.get_mut(parent as usize)
            && let Some(link) = parent.children.iter_mut().find(|(byte, _)| *byte == first)
        {
            link.1 = middle;
        }
        middle
    }

    /// Joins a node without values with its only child.
    fn merge(&mut self, at: u32) {
        let Some(node) = self.nodes.get_mut(at as usize) else {
            return;
        };
        let [(_, child)] = *node.children.as_slice() else {
            return;
        };
        if !node.values.is_empty() || at == ROOT {
            return;
        }
        let label = std::mem::take(&mut node.label);
        let Some(below) = self.nodes.get_mut(child as usize).map(std::mem::take) else {
            return;
        };
        self.free.push(child);
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.label = [&label[..], &below.label].concat().into();
            node.values = below.values;
            node.children = below.children;
        }
    }

    fn add(&mut self, node: Node) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(place) = self.nodes.get_mut(at as usize)
        {
            *place = node;
            return at;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap_or(ROOT)
    }

    fn release(&mut self, at: u32) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            *node = Node::default();
            self.free.push(at);
        }
    }

    fn link(&mut self, parent: u32, first: u8, child: u32) {
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            let at = parent.children.partition_point(|(byte, _)| *byte < first);
            parent.children.insert(at, (first, child));
        }
    }

    fn child(&self, at: u32, first: u8) -> Option<u32> {
        let children = &self.node(at)?.children;
        let found = children.binary_search_by_key(&first, |(byte, _)| *byte);
        found
            .ok()
            .and_then(|at| children.get(at))
            .map(|(_, child)| *child)
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tree_finds_what_a_list_finds(
            steps in prop::collection::vec((any::<bool>(), "[ab]{0,5}", 0_u32..3), 0..60),
            text in "[abc]{0,8}",
        ) {
            let mut tree = Radix::new();
            let mut list: BTreeMap<(String, u32), ()> = BTreeMap::new();
            for (adds, key, value) in steps {
                let known = list.contains_key(&(key.clone(), value));
                if adds && !known {
                    tree.insert(key.as_bytes(), value);
                    list.insert((key, value), ());
                } else if !adds {
                    tree.remove(key.as_bytes(), value);
                    list.remove(&(key, value));
                }
            }
            let mut found = Vec::new();
            tree.prefixes(text.bytes(), |values| found.extend_from_slice(values));
            found.sort_unstable();
            let mut expected: Vec<u32> = list.keys()
                .filter(|(key, _)| text.starts_with(key.as_str()))
                .map(|(_, value)| *value)
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            for (key, _) in list.keys() {
                let count = list.keys().filter(|(other, _)| other == key).count();
                prop_assert_eq!(tree.count(key.as_bytes()), count);
            }
            for (key, value) in list.keys() {
                tree.remove(key.as_bytes(), *value);
            }
            prop_assert!(tree.is_empty());
            prop_assert_eq!(tree.nodes.len() - tree.free.len(), 1, "a removed key left something");
        }
    }

    #[test]
    fn long_keys_inside_each_other_need_no_stack() {
        let key = vec![b'a'; 3000];
        let mut tree = Radix::new();
        for length in 1..=key.len() {
            tree.insert(&key[..length], 1);
        }
        let mut found = 0;
        tree.prefixes(key.iter().copied(), |values| found += values.len());
        assert_eq!(found, key.len());
    }
}
