//! Repairing a data directory that no store has open: in steps, each of which leaves the old state or the new one,
//! whenever the machine stops. What is given up is copied aside first, and only ever what the caller accepted.
//!
//! An eventlog never goes back: offsets that were given out are not given again. What is lost becomes a *hole*, told of
//! by a *lost* entry of the index, and reading there is refused with the place; what lies before and behind is served.

use std::sync::Arc;

use vanus_types::{BATCH_HEADER_LEN, BatchHeader, Clock, Entropy, EventlogId};

use super::{
    eventlog::{Opened, bases, last_kind, open},
    problem::Mend,
    verify::Report,
};
use crate::{
    fs::{File, Fs, OpenMode, read_file, read_full_at, replace_file, write_all_at},
    log::{Log, producers::Producers, snapshot},
    segment::{Checked, FIRST_BATCH, Scan, Scanned, SegmentHeader, index_name, segment_name},
    store::{Corruption, DiskError, OpenError, StoreOptions, Threads, recover, superblock},
    wal::{Missing, read_checkpoint, survey, write_checkpoint},
};

/// Bytes copied or searched with one call.
const BLOCK: usize = 1024 * 1024;
/// Most copies of one file that are kept aside.
const MOST_COPIES: u32 = 1000;

/// How to repair.
#[derive(Debug)]
pub struct RepairOptions {
    /// Whether what can not be read may be given up.
    pub accept_loss: bool,
    /// Where copies of what is given up go: a file system and a folder there.
    pub quarantine: (Arc<dyn Fs>, String),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What it was.
    pub mend: Mend,
    /// Copies that were made, in the folder for them.
    pub copies: Vec<String>,
}

/// What a repair would do about a report, in order, each step once.
#[must_use]
pub fn plan(report: &Report) -> Vec<Mend> {
    let mut mends: Vec<Mend> = report.problems.iter().map(|problem| problem.mend).collect();
    mends.sort_unstable();
    mends.dedup();
    let holed = |mend: &Mend| match *mend {
        // Making the hole makes the index.
        Mend::Index(log, base) => mends.contains(&Mend::Hole(log, base)),
        Mend::Recovery => mends.contains(&Mend::Salvage),
        _ => false,
    };
    mends.iter().copied().filter(|mend| !holed(mend)).collect()
}

/// Does what [`plan`] says of `report`, except what gives something up and was not accepted. The caller holds the lock
/// ([`super::lock`]) and verifies again afterwards. Amid it the machine may stop: then it is verified and repaired again.
///
/// # Errors
/// [`OpenError`]; the steps before the one that failed are done.
pub fn repair(
    fs: &Arc<dyn Fs>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    report: &Report,
    options: &RepairOptions,
) -> Result<Vec<Repaired>, OpenError> {
    let accepted = |mend: &Mend| options.accept_loss || !mend.loses();
    let mut done = Vec::new();
    for mend in plan(report).into_iter().filter(accepted) {
        let mut copies = Vec::new();
        let disk = fs.as_ref();
        match mend {
            Mend::Superblock => rewrite_superblock(disk)?,
            Mend::Checkpoint => write_checkpoint(disk, read_checkpoint(disk)?)?,
            Mend::Index(log, base) => make_index(disk, clock.as_ref(), log, base)?,
            Mend::Producers(log) => make_snapshot(disk, log)?,
            Mend::Hole(log, base) => {
                for name in [segment_name(base), index_name(base)] {
                    let path = format!("{}/{name}", Log::dir_of(log));
                    copies.extend(copy_aside(disk, &path, &options.quarantine)?);
                }
                make_hole(disk, log, base)?;
            }
            Mend::Salvage => {
                for file in survey(disk)? {
                    copies.extend(copy_aside(disk, &file.path, &options.quarantine)?);
                }
                open_store(fs, clock, entropy, Missing::Accepted)?;
            }
            Mend::Recovery => {
                // What was not accepted may keep the store from opening; then it is for whoever accepts it.
                if plan(report)
                    .iter()
                    .all(|mend| accepted(mend) && *mend != Mend::Nothing)
                {
                    open_store(fs, clock, entropy, Missing::Damage)?;
                } else {
                    continue;
                }
            }
            Mend::Nothing => continue,
        }
        done.push(Repaired { mend, copies });
    }
    Ok(done)
}

fn rewrite_superblock(fs: &dyn Fs) -> Result<(), OpenError> {
    let path = superblock::PATH;
    let bytes = read_file(fs, path, 1 << 20).map_err(DiskError::new("read", path))?;
    let id = superblock::decode(&bytes.unwrap_or_default())?;
    Ok(replace_file(fs, path, &superblock::encode(id)).map_err(DiskError::new("replace", path))?)
}

/// Recovers as the next start does: what was being written is cut, and everything is brought into segments.
fn open_store(
    fs: &Arc<dyn Fs>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    missing: Missing,
) -> Result<(), OpenError> {
    let defaults = StoreOptions::default();
    // Files of the size that is in use can be used again.
    let size = survey(fs.as_ref())?.first().map(|file| file.bytes);
    let options = StoreOptions {
        wal_file_bytes: size.unwrap_or(defaults.wal_file_bytes),
        threads: Threads::Inline,
        scrub_rate: 0,
        ..defaults
    };
    let (clock, entropy) = (clock.clone(), entropy.clone());
    recover::open(fs.clone(), clock, entropy, options, missing).map(drop)
}

/// Copies a file into the quarantine, durably, under a name that is free; nothing where there is no such file.
fn copy_aside(
    fs: &dyn Fs,
    path: &str,
    (to, folder): &(Arc<dyn Fs>, String),
) -> Result<Option<String>, OpenError> {
    let from = match fs.open(path, OpenMode::Read) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(DiskError::new("open", path))?,
    };
    let flat = path.replace('/', "-");
    let named = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    let fail = || DiskError::new("copy aside", path);
    if !folder.is_empty() {
        to.create_dir_all(folder).map_err(fail())?;
        to.sync_dir("").map_err(fail())?;
    }
    let temporary = named("copy.tmp");
    let copy = to
        .open(&temporary, OpenMode::OpenOrCreate)
        .map_err(fail())?;
    copy.set_len(0).map_err(fail())?;
    let (mut block, mut at) = (vec![0; BLOCK], 0);
    loop {
        let read = read_full_at(from.as_ref(), &mut block, at).map_err(fail())?;
        let bytes = block.get(..read).unwrap_or_default();
        write_all_at(copy.as_ref(), bytes, at).map_err(fail())?;
        at += read as u64;
        if read < BLOCK {
            break;
        }
    }
    copy.sync_all().map_err(fail())?;
    for number in 0..MOST_COPIES {
        let name = named(&format!("{flat}.{number}"));
        if !to.exists(&name).map_err(fail())? {
            to.rename(&temporary, &name).map_err(fail())?;
            to.sync_dir(folder).map_err(fail())?;
            return Ok(Some(name));
        }
    }
    Err(fail()(std::io::ErrorKind::AlreadyExists.into()).into())
}

/// Whether another segment follows, so that this one will not grow any more.
fn is_followed(fs: &dyn Fs, log: EventlogId, base: u64) -> Result<Option<u64>, OpenError> {
    let bases = bases(fs, &Log::dir_of(log))?;
    Ok(bases.into_iter().find(|other| *other > base))
}

fn damaged(path: &str, position: u64, what: &'static str) -> OpenError {
    Corruption {
        file: path.to_owned(),
        position,
        what,
    }
    .into()
}

/// Makes an index anew from a segment that is whole, and the segment's header where that is damaged.
fn make_index(fs: &dyn Fs, clock: &dyn Clock, log: EventlogId, base: u64) -> Result<(), OpenError> {
    let mut opened = open(fs, log, base)?;
    let path = format!("{}/{}", Log::dir_of(log), segment_name(base));
    let durable = opened
        .index
        .last()
        .map_or(FIRST_BATCH, |last| last.position);
    let first = next_of(&mut opened, &path)?;
    if let (Checked::Bad(what), false) = (&first, opened.good_header) {
        return Err(damaged(&path, FIRST_BATCH, what));
    }
    let mut step = first;
    while let Checked::Batch(..) | Checked::Lost = step {
        step = next_of(&mut opened, &path)?;
    }
    let (position, _) = opened.check.place();
    if let (Checked::Bad(what), true) = (&step, position < durable) {
        return Err(damaged(&path, position, what));
    }
    let file = fs
        .open(&path, OpenMode::Write)
        .map_err(DiskError::new("open", path.as_str()))?;
    if !opened.good_header {
        let created_ms = opened.check.first_time().unwrap_or_else(|| clock.now_ms());
        let header = SegmentHeader {
            log,
            base,
            created_ms,
        };
        write_all_at(file.as_ref(), &header.encode(), 0)
            .map_err(DiskError::new("write to", path.as_str()))?;
    }
    finish_index(fs, file.as_ref(), &opened, (log, base))
}

/// Syncs the segment and puts an index in place that ends where the check is.
fn finish_index(
    fs: &dyn Fs,
    file: &dyn File,
    opened: &Opened,
    (log, base): (EventlogId, u64),
) -> Result<(), OpenError> {
    let dir = Log::dir_of(log);
    let path = format!("{dir}/{}", segment_name(base));
    // The index says that this is durable.
    file.sync_data().map_err(DiskError::new("sync", path))?;
    fs.sync_dir(&dir)
        .map_err(DiskError::new("sync", dir.as_str()))?;
    let sealed = opened.index.sealed().is_some() || is_followed(fs, log, base)?.is_some();
    let index = opened.check.made_index(last_kind(sealed));
    let path = format!("{dir}/{}", index_name(base));
    replace_file(fs, &path, &index.encode(log, base)).map_err(DiskError::new("replace", path))?;
    Ok(())
}

fn next_of(opened: &mut Opened, path: &str) -> Result<Checked, OpenError> {
    let next = opened.check.next();
    Ok(next.map_err(DiskError::new("read", path))?)
}

/// Gives up what can not be read of a segment: an index with holes takes the place of the old one.
fn make_hole(fs: &dyn Fs, log: EventlogId, base: u64) -> Result<(), OpenError> {
    let mut opened = open(fs, log, base)?;
    let path = format!("{}/{}", Log::dir_of(log), segment_name(base));
    let next = is_followed(fs, log, base)?;
    let last = opened.index.last();
    let last = last.map(|last| (last.position, last.offset));
    // The index may have lost its end; the next segment tells where this one has to end.
    let promised = match next {
        Some(next) if last.is_none_or(|(_, offset)| offset < next) => Some((opened.len, next)),
        _ => last,
    };
    let file = fs
        .open(&path, OpenMode::Write)
        .map_err(DiskError::new("open", path.as_str()))?;
    loop {
        let step = next_of(&mut opened, &path)?;
        let (position, offset) = opened.check.place();
        let behind = promised.filter(|promised| offset < promised.1);
        match (step, behind) {
            (Checked::Batch(..) | Checked::Lost, _) => {}
            (Checked::Bad(_), Some(promised)) => {
                let entry = opened.check.entry_behind(position);
                let limit = entry.map_or(promised, |entry| (entry.position, entry.offset));
                let to = go_on_at(file.as_ref(), log, (position, offset), limit);
                let to = to.map_err(DiskError::new("read", path.as_str()))?;
                opened.check.give_up(to);
            }
            (Checked::End, Some(promised)) => opened.check.give_up(promised),
            (Checked::Bad(_) | Checked::End, None) => break,
        }
        let (position, offset) = opened.check.place();
        if promised == Some((position, offset)) && position >= opened.len {
            break;
        }
    }
    let (end, _) = opened.check.place();
    if end > opened.len {
        // It was cut short: what is missing is zeros now, and within the hole.
        file.set_len(end)
            .map_err(DiskError::new("extend", path.as_str()))?;
    }
    finish_index(fs, file.as_ref(), &opened, (log, base))
}

/// Where reading goes on behind damage: at the first place from which whole headers lead exactly to `limit`, which is known
/// to be the start of a batch. What is within the damaged batch cannot pass for it unless its own publisher wanted that.
pub(super) fn go_on_at(
    file: &dyn File,
    log: EventlogId,
    (position, offset): (u64, u64),
    limit: (u64, u64),
) -> std::io::Result<(u64, u64)> {
    let leads = |from: (u64, u64)| -> std::io::Result<bool> {
        let mut scan = Scan::new(file, log, from, limit.0);
        loop {
            match scan.next_header_only()? {
                Ok(_) => {}
                Err(Scanned::End) => return Ok((scan.position(), scan.offset()) == limit),
                Err(_) => return Ok(false),
            }
        }
    };
    let len = usize::try_from(limit.0.saturating_sub(position)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    let read = read_full_at(file, &mut bytes, position)?;
    bytes.truncate(read);
    let own = BatchHeader::decode(&bytes).ok();
    if let Some(header) = own.filter(|h| h.eventlog == log && h.base_offset == offset) {
        let next = (position + header.batch_len() as u64, header.next_offset());
        if next.0 <= limit.0 && leads(next)? {
            return Ok(next);
        }
    }
    for at in 1..bytes.len().saturating_sub(BATCH_HEADER_LEN) {
        let here = bytes.get(at..).unwrap_or_default();
        let Ok(header) = BatchHeader::decode(here) else {
            continue;
        };
        let place = (position + at as u64, header.base_offset);
        let fits = header.eventlog == log && header.base_offset > offset;
        if fits && header.base_offset <= limit.1 && leads(place)? {
            return Ok(place);
        }
    }
    Ok(limit)
}

/// Makes `producers.snap` anew from the batches that an index vouches for.
fn make_snapshot(fs: &dyn Fs, log: EventlogId) -> Result<(), OpenError> {
    let dir = Log::dir_of(log);
    let mut producers = Producers::new(StoreOptions::default().max_producers);
    let mut end = 0;
    for base in bases(fs, &dir)? {
        let mut opened = open(fs, log, base)?;
        let path = format!("{dir}/{}", segment_name(base));
        let vouched = opened.index.last().map_or(base, |last| last.offset);
        loop {
            match next_of(&mut opened, &path)? {
                Checked::Batch(header) if header.next_offset() <= vouched => {
                    producers.record(&header);
                }
                Checked::Lost => {}
                Checked::Bad(what) if opened.check.place().1 < vouched => {
                    return Err(damaged(&path, opened.check.place().0, what));
                }
                Checked::Batch(..) | Checked::Bad(_) | Checked::End => break,
            }
        }
        end = vouched;
    }
    let path = format!("{dir}/{}", snapshot::FILE);
    let bytes = snapshot::encode(&producers, log, end);
    Ok(replace_file(fs, &path, &bytes).map_err(DiskError::new("replace", path))?)
}
