//! Reading the write-ahead log back after a stop, however it came.
//!
//! Files are read in the order of their numbers, frames in the order of their positions. The frame that is
//! expected next carries the sequence number after the last one. When it is missing, one of two things happened:
//! it was being written when the power went and nobody was promised anything (a torn tail, which is cut), or it
//! was durable and is damaged now. A later frame that was written knowing the missing one durable tells the
//! second: then recovery stops with an error that names the place, and changes nothing. What is cut without such
//! proof is told, as a doubt: a damaged last frame can not be told from a torn one.

use bytes::Bytes;

use super::{
    files::WAL_DIR,
    layout::{BLOCK, Entry, FileHeader, FrameHeader, FrameTrace, decode_entries, file_number},
    read_checkpoint,
    window::Window,
};
use crate::{
    fs::Fs,
    store::{Corruption, DiskError, OpenError},
};

/// What a durable frame that is missing means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Damage: nothing is replayed beyond it.
    Damage,
    /// A loss that was accepted: what comes later is replayed all the same.
    Accepted,
}

/// A write-ahead log file as it lies there, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WalFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Whole frames of the file's present life, and the sequence numbers of the first and the last.
    pub(crate) frames: u64,
    pub(crate) sequence: Option<(u64, u64)>,
}

/// Looks at all files, whatever the checkpoint says. Blocks are read as [`replay`] reads them; nothing is judged.
pub(crate) fn survey(fs: &dyn Fs) -> Result<Vec<WalFile>, OpenError> {
    let entries = fs
        .list_dir(WAL_DIR)
        .map_err(DiskError::new("list", WAL_DIR))?;
    let mut files = Vec::new();
    for entry in entries {
        let Some(number) = file_number(&entry.name) else {
            continue;
        };
        let path = format!("{WAL_DIR}/{}", entry.name);
        let mut window = Window::open(fs, &path)?;
        let mut file = WalFile {
            path: path.clone(),
            bytes: window.len(),
            frames: 0,
            sequence: None,
        };
        let life = match FileHeader::decode(&window.at(0, BLOCK)?) {
            Ok(Some(header)) => (header.number == number).then_some(header.generation),
            _ => window
                .frame(BLOCK, number)?
                .map(|(frame, _)| frame.generation),
        };
        let mut position = BLOCK;
        while life.is_some() && position < file.bytes {
            let frame = window
                .frame(position, number)?
                .filter(|(header, _)| Some(header.generation) == life);
            position += frame.as_ref().map_or(BLOCK, |(header, _)| header.span());
            if let Some((header, _)) = frame {
                file.frames += 1;
                let first = file.sequence.map_or(header.lsn, |(first, _)| first);
                file.sequence = Some((first, header.lsn));
            }
        }
        files.push(file);
    }
    Ok(files)
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The number of any frame written next; higher than any ever seen, so that no frame cut now can come back.
    pub(crate) next_lsn: u64,
    /// The number of any file made next.
    pub(crate) next_number: u64,
    /// All files with their lengths; none is needed once what was replayed is safe.
    pub(crate) files: Vec<(String, u64)>,
    /// Where the log was cut, if a frame lay there.
    pub(crate) cut: Option<Corruption>,
}

/// Hands every entry after the checkpoint to `visit`, in order, with the number of its frame.
pub(crate) fn replay(
    fs: &dyn Fs,
    missing: Missing,
    visit: &mut dyn FnMut(u64, Entry) -> Result<(), OpenError>,
) -> Result<Replay, OpenError> {
    let checkpoint = read_checkpoint(fs)?;
    let mut walk = Walk {
        missing,
        checkpoint,
        last: 0,
        seen: checkpoint,
        broken: None,
        cut: None,
    };
    let mut files = Vec::new();
    let mut next_number = 1;
    let entries = fs
        .list_dir(WAL_DIR)
        .map_err(DiskError::new("list", WAL_DIR))?;
    // Names have a fixed width, so their order is that of their numbers.
    for entry in entries {
        let Some(number) = file_number(&entry.name) else {
            continue;
        };
        let path = format!("{WAL_DIR}/{}", entry.name);
        let mut window = Window::open(fs, &path)?;
        next_number = next_number.max(number.saturating_add(1));
        files.push((path.clone(), window.len()));
        if let Some(generation) = generation(&path, &mut window, number, missing)? {
            walk.file(
                &path,
                &mut window,
                FileHeader {
                    number,
                    generation,
                    size: 0,
                },
                visit,
            )?;
        }
    }
    // What was cut may have had the number after the last one.
    let seen = walk
        .seen
        .max(walk.last)
        .saturating_add(walk.cut.is_some().into());
    let next_lsn = seen.saturating_add(1);
    Ok(Replay {
        next_lsn,
        next_number,
        files,
        cut: walk.cut,
    })
}

/// The life the file is in; `None` when no frame was ever written in it.
fn generation(
    path: &str,
    window: &mut Window<'_>,
    number: u64,
    missing: Missing,
) -> Result<Option<u64>, OpenError> {
    let header = FileHeader::decode(&window.at(0, BLOCK)?);
    // A file gets its name only once it is written full and synced, so one that is shorter has lost something since.
    let full = header.ok().flatten().map_or(BLOCK, |header| header.size);
    let len = window.len();
    if len < full && missing == Missing::Damage {
        let (file, position) = (path.to_owned(), len);
        let what = "the file is shorter than it was made";
        return Err(Corruption {
            file,
            position,
            what,
        }
        .into());
    }
    match header {
        Ok(Some(header)) => Ok((header.number == number).then_some(header.generation)),
        // The header is synced before the first frame is written: without it there is no frame, unless it was
        // damaged later. Then the first frame still tells the life.
        Ok(None) => Ok(window
            .frame(BLOCK, number)?
            .map(|(frame, _)| frame.generation)),
        Err(found) => Err(OpenError::UnknownFormat {
            file: path.to_owned(),
            found,
            known: 1,
        }),
    }
}

#[derive(Debug)]
struct Walk {
    missing: Missing,
    checkpoint: u64,
    /// The last frame of the sequence.
    last: u64,
    /// The highest number seen in any frame, in sequence or not.
    seen: u64,
    /// Where the sequence broke last.
    broken: Option<(String, u64)>,
    /// The first frame after the last of the sequence that is not whole or not in sequence.
    cut: Option<Corruption>,
}

impl Walk {
    fn file(
        &mut self,
        path: &str,
        window: &mut Window<'_>,
        file: FileHeader,
        visit: &mut dyn FnMut(u64, Entry) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let mut position = BLOCK;
        let mut whole = true;
        while position < window.len() {
            let frame = window
                .frame(position, file.number)?
                .filter(|(header, _)| header.generation == file.generation);
            let Some((header, payload)) = frame else {
                if whole {
                    self.broken = Some((path.to_owned(), position));
                }
                whole = false;
                if FrameTrace::find(&window.at(position, BLOCK)?, &file).is_some_and(|trace| {
                    trace.lsn > self.checkpoint || trace.synced_lsn >= self.checkpoint
                }) {
                    self.cut(path, position);
                }
                position += BLOCK;
                continue;
            };
            self.frame(path, &header, payload, visit)?;
            position += header.span();
        }
        Ok(())
    }

    fn cut(&mut self, path: &str, position: u64) {
        self.cut.get_or_insert_with(|| Corruption {
            file: path.to_owned(),
            position,
            what: "the write-ahead log was cut at a frame that was being written when the store stopped, or is damaged",
        });
    }

    fn frame(
        &mut self,
        path: &str,
        header: &FrameHeader,
        payload: Bytes,
        visit: &mut dyn FnMut(u64, Entry) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        self.seen = self.seen.max(header.lsn);
        if header.lsn <= self.last {
            return Ok(());
        }
        let expected = self.last.max(self.checkpoint).saturating_add(1);
        if header.lsn > expected {
            // Frames from `expected` on are missing; this one may know that they were durable.
            if header.synced_lsn >= expected && self.missing == Missing::Damage {
                let here = || (path.to_owned(), header.position);
                let (file, position) = self.broken.clone().unwrap_or_else(here);
                let what = "a durable frame is missing or does not match its checksum";
                return Err(Corruption {
                    file,
                    position,
                    what,
                }
                .into());
            }
            if header.synced_lsn < expected {
                self.cut(path, header.position);
                return Ok(());
            }
        }
        self.last = header.lsn;
        self.cut = None;
        if header.lsn <= self.checkpoint {
            return Ok(());
        }
        let Some(entries) = decode_entries(payload, header.entries) else {
            if self.missing == Missing::Accepted {
                return Ok(());
            }
            let what = "a whole frame holds an entry that can not be read";
            let (file, position) = (path.to_owned(), header.position);
            return Err(Corruption {
                file,
                position,
                what,
            }
            .into());
        };
        entries
            .into_iter()
            .try_for_each(|entry| visit(header.lsn, entry))
    }
}
