//! Which disk fault comes next. One is planned at a time, for one of the next calls of its kind.

use std::io::ErrorKind;

use vanus_storage::fs::{Action, Fault, FaultyFs, OpKind};

use super::SeamFs;
use crate::harness::Random;

/// Plans the disk faults of a run.
#[derive(Debug)]
pub(super) struct Faults {
    faulty: FaultyFs,
    seam: SeamFs,
}

impl Faults {
    /// Faults for these two layers of one disk.
    #[must_use]
    pub(super) const fn new(faulty: FaultyFs, seam: SeamFs) -> Self {
        Self { faulty, seam }
    }

    /// Plans one that the store has to live with: a short call, a damaged or failed read, no space.
    pub(super) fn plan_harmless(&self, random: &mut Random) {
        self.faulty.clear();
        let after = random.below(4);
        let least = random.below(600);
        let short = Action::Short(usize::try_from(least).unwrap_or(0) + 1);
        let full = Action::Error(ErrorKind::StorageFull);
        let fault = match random.below(10) {
            0..3 => Fault::once(OpKind::Write, "", short),
            3..6 => Fault::once(OpKind::Read, ".seg", short),
            6 => Fault::once(OpKind::Read, ".seg", Action::Error(ErrorKind::Other)),
            7 => Fault::once(OpKind::Write, "new.tmp", full),
            8 => Fault::once(OpKind::Write, ".seg", full),
            _ => {
                return self
                    .seam
                    .damage_a_read(usize::try_from(random.below(6_000)).unwrap_or(0));
            }
        };
        self.faulty.plan(fault.after(after));
    }

    /// Plans one after which the store has to stop: a failed sync, write, rename or removal.
    pub(super) fn plan_fatal(&self, random: &mut Random) {
        self.faulty.clear();
        let (op, path) = match random.below(12) {
            0..3 => (OpKind::Sync, "wal/"),
            3 => (OpKind::Sync, ".seg"),
            4 => (OpKind::Sync, ".idx"),
            5 => (OpKind::Sync, ""),
            6 => (OpKind::SyncDir, ""),
            7 => (OpKind::Write, "wal/"),
            8 => (OpKind::Write, "segments"),
            9 => (OpKind::Rename, ""),
            10 => (OpKind::Remove, ""),
            _ => (OpKind::Open, ""),
        };
        let fault = Fault::once(op, path, Action::Error(ErrorKind::Other));
        self.faulty.plan(fault.after(random.below(5)));
    }

    /// Plans that the machine stops at one of the next `calls` calls, in the middle of it.
    pub(super) fn plan_crash(&self, random: &mut Random, calls: u64) {
        self.faulty.clear();
        let part = usize::try_from(random.below(5_000)).unwrap_or(0);
        self.faulty.plan(Fault {
            op: None,
            path: String::new(),
            after: random.below(calls),
            times: 1,
            action: Action::Crash(part),
        });
    }

    /// Forgets what is planned, a crash among it.
    pub(super) fn clear(&self) {
        self.faulty.clear();
        self.seam.restart();
    }

    /// Whether the machine has stopped.
    #[must_use]
    pub(super) fn crashed(&self) -> bool {
        self.faulty.crashed()
    }
}
