//! Checking, describing and repairing a data directory that no store has open. The bytes are read by the code that
//! recovery and reading use; what is here decides what they mean and what can be done.
//!
//! [`verify`] and [`inspect`] never write. [`repair`] does, in steps of which each leaves the old or the new state.

mod eventlog;
mod inspect;
mod problem;
mod repair;
mod verify;

use crate::{
    fs::{DirLock, Fs},
    store::{DiskError, OpenError},
};

pub use self::{
    inspect::{BatchInfo, EventlogInfo, Overview, SegmentFile, WalFileInfo, batches, inspect},
    problem::{Mend, Problem, Severity},
    repair::{RepairOptions, Repaired, plan, repair},
    verify::{Report, verify},
};

/// Takes the lock of a data directory, so that no store opens it meanwhile. The lock file has to be there: nothing is made.
///
/// # Errors
/// [`OpenError::Locked`] when a store has it open, or what the disk says.
pub fn lock(fs: &dyn Fs) -> Result<Option<Box<dyn DirLock>>, OpenError> {
    let path = crate::store::LOCK;
    if !fs.exists(path).map_err(DiskError::new("look at", path))? {
        return Ok(None);
    }
    match fs.lock(path) {
        Ok(lock) => Ok(Some(lock)),
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
            Err(OpenError::Locked(e.to_string()))
        }
        Err(e) => Err(DiskError::new("lock", path)(e).into()),
    }
}
