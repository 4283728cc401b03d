//! Checks the manifests of a closed database before it is opened.
//!
//! fjall keeps, for each keyspace, a manifest that lists its table files, and the manifest's sum
//! in a file beside it, but opens the one without comparing the other (as of lsm-tree 3.1.10). A
//! flipped bit in a manifest would make it forget table files and delete them. A keyspace
//! without the second file it takes for half created, and deletes. So both are looked at here,
//! while nothing has been touched yet.
//!
//! ```text
//! db/keyspaces/<n>/current      little endian, 25 bytes
//!  0 manifest  u64   its number
//!  8 sum       u128  XXH3-128 of the manifest file
//! 24 kind      u8    0: XXH3
//! db/keyspaces/<n>/v<manifest>  the manifest
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "part of the store that goes round `Fs`"
)]

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_128;

use super::Fault;

/// Largest manifest that is read: room for tens of thousands of table files.
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// Checks the manifest of every keyspace.
pub(super) fn check_all(database: &Path) -> Result<(), Fault> {
    let keyspaces = match fs::read_dir(database.join("keyspaces")) {
        Ok(keyspaces) => keyspaces,
        // A database without keyspaces has lost them; that is found out in a moment.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Fault::Io(error)),
    };
    for keyspace in keyspaces {
        let keyspace = keyspace.map_err(Fault::Io)?;
        if keyspace.file_type().map_err(Fault::Io)?.is_dir() {
            check(&keyspace.path())?;
        }
    }
    Ok(())
}

fn check(keyspace: &Path) -> Result<(), Fault> {
    let path = keyspace.join("current");
    let damaged = |what: &str| Err(Fault::Damaged(format!("{} {what}", path.display())));
    let Some(current) = read(&path)? else {
        return damaged("is missing");
    };
    let Ok(current) = <[u8; 25]>::try_from(current) else {
        return damaged("is not 25 bytes long");
    };
    let Some((number, rest)) = current.split_first_chunk() else {
        return damaged("is too short");
    };
    let Some((sum, kind)) = rest.split_first_chunk() else {
        return damaged("is too short");
    };
    if kind != [0] {
        return damaged("has a sum of an unknown kind");
    }
    let manifest = keyspace.join(format!("v{}", u64::from_le_bytes(*number)));
    let Some(bytes) = read(&manifest)? else {
        return damaged("names a manifest that is missing");
    };
    if xxh3_128(&bytes) != u128::from_le_bytes(*sum) {
        return damaged("does not match its manifest");
    }
    Ok(())
}

/// The bytes of a file, unless it is missing.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::Io(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST + 1)
        .read_to_end(&mut bytes)
        .map_err(Fault::Io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_MANIFEST) {
        return Ok(Some(bytes));
    }
    Err(Fault::Damaged(format!(
        "{} is too long for a manifest",
        path.display()
    )))
}
