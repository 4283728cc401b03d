//! The names of a file system in memory: those processes see, those that are durable, and the changes in between.

use std::{collections::BTreeMap, io, sync::Arc};

use parking_lot::Mutex;

use super::inode::Inode;
use crate::fs::api::parent;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) live: Tree,
    pub(super) durable: Tree,
    pub(super) pending: Vec<Change>,
    pub(super) locks: BTreeMap<String, u64>,
}

pub(super) type Tree = BTreeMap<String, Node>;

#[derive(Debug, Clone)]
pub(super) enum Node {
    Dir,
    File(Arc<Mutex<Inode>>),
}

/// A change of names not yet synced.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Make {
        path: String,
        node: Node,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
        node: Node,
    },
}

impl Change {
    /// The name it is about; the new one of a rename.
    pub(super) fn path(&self) -> &str {
        match self {
            Change::Make { path, .. } | Change::Remove { path } => path,
            Change::Rename { to, .. } => to,
        }
    }

    /// The folder whose sync makes the change durable.
    pub(super) fn folder(&self) -> &str {
        parent(self.path())
    }

    /// The same change of another node.
    pub(super) fn with_node(&self, node: &mut impl FnMut(&Node) -> Node) -> Change {
        let mut change = self.clone();
        match &mut change {
            Change::Make { node: old, .. } | Change::Rename { node: old, .. } => *old = node(old),
            Change::Remove { .. } => {}
        }
        change
    }

    pub(super) fn apply(self, tree: &mut Tree) {
        match self {
            Change::Make { path, node } => drop(tree.insert(path, node)),
            Change::Remove { path } => {
                // A folder that is gone takes along whatever is left of it.
                if matches!(tree.remove(&path), Some(Node::Dir)) {
                    tree.retain(|other, _| !is_below(other, &path));
                }
            }
            Change::Rename { from, to, node } => {
                let still_there = matches!((tree.get(&from), &node),
                    (Some(Node::File(a)), Node::File(b)) if Arc::ptr_eq(a, b));
                if still_there {
                    tree.remove(&from);
                }
                tree.insert(to, node);
            }
        }
    }
}

impl State {
    pub(super) fn file(&self, path: &str) -> io::Result<Arc<Mutex<Inode>>> {
        match self.live.get(path) {
            Some(Node::File(inode)) => Ok(inode.clone()),
            Some(Node::Dir) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || matches!(self.live.get(path), Some(Node::Dir))
    }

    pub(super) fn require_dir(&self, path: &str) -> io::Result<()> {
        match self.live.get(path) {
            _ if path.is_empty() => Ok(()),
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.live);
        self.pending.push(change);
    }

    /// Points the durable names at the new lives of the same files; those without a live name are kept as they are.
    pub(super) fn rebind_durable(&mut self, tree: &Tree) {
        let old_live = std::mem::take(&mut self.live);
        let pairs: Vec<_> = old_live
            .iter()
            .filter_map(|(path, old)| match (old, tree.get(path)) {
                (Node::File(old), Some(Node::File(new))) => Some((old.clone(), new.clone())),
                _ => None,
            })
            .collect();
        for node in self.durable.values_mut() {
            if let Node::File(inode) = node
                && let Some((_, new)) = pairs.iter().find(|(old, _)| Arc::ptr_eq(old, inode))
            {
                *inode = new.clone();
            }
        }
        // Names made durable by nobody would be forgotten: keep them pending against the new life.
        self.pending = tree
            .iter()
            .filter(|(path, node)| !same(self.durable.get(*path), node))
            .map(|(path, node)| Change::Make {
                path: path.clone(),
                node: node.clone(),
            })
            .chain(
                self.durable
                    .keys()
                    .filter(|path| !tree.contains_key(*path))
                    .map(|path| Change::Remove { path: path.clone() }),
            )
            .collect();
    }
}

pub(super) fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn same(a: Option<&Node>, b: &Node) -> bool {
    match (a, b) {
        (Some(Node::Dir), Node::Dir) => true,
        (Some(Node::File(a)), Node::File(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}

/// Drops the names whose folder did not survive.
pub(super) fn prune(tree: &mut Tree) {
    let paths: Vec<String> = tree.keys().cloned().collect();
    // Parents sort before their children, so one pass sees folders first.
    for path in paths {
        let folder = parent(&path);
        if !folder.is_empty() && !matches!(tree.get(folder), Some(Node::Dir)) {
            tree.remove(&path);
        }
    }
}
