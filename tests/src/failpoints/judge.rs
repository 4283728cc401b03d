//! What is left after a death, against what was acknowledged.

use std::{collections::HashSet, fmt, path::Path};

use vanus_storage::Store;
use vanus_types::EventlogId;

use super::worker::{LOGS, open};
use crate::{
    harness::Result,
    ledger::{Ledger, event},
};

const READ_BYTES: usize = 256 * 1024;

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// Events acknowledged.
    pub acked: u64,
    /// Events found.
    pub stored: u64,
    /// Events acknowledged and not found where they were said to be.
    pub lost: u64,
    /// Events found that nobody sent, or with another content, or twice.
    pub phantom: u64,
}

impl Findings {
    /// Whether nothing was lost or invented.
    #[must_use]
    pub const fn are_clean(&self) -> bool {
        self.lost == 0 && self.phantom == 0
    }
}

impl std::ops::AddAssign for Findings {
    fn add_assign(&mut self, more: Self) {
        self.acked += more.acked;
        self.stored += more.stored;
        self.lost += more.lost;
        self.phantom += more.phantom;
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            acked,
            stored,
            lost,
            phantom,
        } = self;
        write!(
            f,
            "acked={acked} stored={stored} lost={lost} phantom={phantom}"
        )
    }
}

/// Opens what is left in `folder`, compares it with `ledger`, and leaves it as if it had been
/// killed again.
///
/// # Errors
/// When the store does not open or does not read: that is a loss of everything.
pub fn judge(folder: &Path, ledger: &Ledger) -> Result<Findings> {
    let store = open(folder, None)?;
    let mut findings = Findings {
        acked: ledger.events.len() as u64,
        ..Findings::default()
    };
    let (mut found, mut ids) = (HashSet::new(), HashSet::new());
    let logs = store.logs();
    for log in LOGS.into_iter().filter(|log| logs.contains(log)) {
        for (offset, id, genuine) in read_all(&store, log)? {
            findings.stored += 1;
            findings.phantom += u64::from(!genuine || !ids.insert(id.clone()));
            found.insert((log.to_string(), offset, id));
        }
    }
    let lost = ledger.events.iter().filter(|acked| !found.contains(*acked));
    findings.lost = lost.count() as u64;
    Ok(findings)
}

/// Offset, id, and whether the content is that of the id.
fn read_all(store: &Store, log: EventlogId) -> Result<Vec<(u64, String, bool)>> {
    let (mut events, mut next) = (Vec::new(), 0);
    loop {
        let chunk = store.read(log, next, READ_BYTES)?;
        if chunk.batches.is_empty() {
            return Ok(events);
        }
        for (offset, read) in chunk.batches.iter().flat_map(|batch| batch.events()) {
            if offset != next {
                return Err(format!("eventlog {log} has {offset} where {next} should be").into());
            }
            next += 1;
            let genuine = event(read.id()).is_ok_and(|sent| sent == read);
            events.push((offset, read.id().to_owned(), genuine));
        }
    }
}
