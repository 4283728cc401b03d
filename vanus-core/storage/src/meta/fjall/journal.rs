//! Writing groups to fjall.

use ::fjall::PersistMode;
use bytes::Bytes;

use super::{
    COMMITS_KEY, Fault, Tables, guarded,
    witness::{Seen, Witness},
};
use crate::meta::{MetaError, Table, committer::Journal, group::Group};

/// The database as the committer sees it.
pub(super) struct FjallJournal {
    tables: Tables,
    /// How many commits the database holds.
    commits: u64,
    witness: Witness,
}

impl FjallJournal {
    pub(super) fn new(tables: Tables, commits: u64, witness: Witness) -> Self {
        Self {
            tables,
            commits,
            witness,
        }
    }

    fn apply(&self, group: Group, commits: u64) -> Result<(), Fault> {
        let mut batch = self
            .tables
            .db
            .batch()
            .durability(Some(PersistMode::SyncData));
        for ((table, key), value) in group.changes {
            let keyspace = self.tables.keyspace(table);
            match value {
                Some(value) => batch.insert(keyspace, key, value),
                None => batch.remove(keyspace, key),
            }
        }
        batch.insert(&self.tables.commits, COMMITS_KEY, commits.to_be_bytes());
        Ok(batch.commit()?)
    }
}

impl Journal for FjallJournal {
    fn read(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        self.tables.get(table, key)
    }

    fn write(&mut self, group: Group) -> Result<(), String> {
        let commits = self.commits + 1;
        let written = guarded(|| self.apply(group, commits))
            .map_err(|fault| match fault {
                Fault::Io(error) => error.to_string(),
                Fault::Damaged(detail) => detail,
                Fault::Locked => "the database is locked".to_owned(),
            })
            .and_then(|()| {
                self.commits = commits;
                let seen = Seen {
                    commits,
                    poisoned: false,
                };
                self.witness.record(seen).map_err(|error| error.to_string())
            });
        if written.is_err() {
            // What cannot be recorded here is recorded nowhere; the disk is failing already.
            let _ = self.witness.record(Seen {
                commits: self.commits,
                poisoned: true,
            });
        }
        written
    }
}
