//! Reading batches out of a segment file, one after the other, every checksum verified.

use bytes::Bytes;
use vanus_types::{BATCH_HEADER_LEN, Batch, BatchError, BatchHeader, EventlogId};

use super::buffers::Buffers;
use crate::fs::{File, read_full_at};

/// Files are read in blocks of this many bytes.
pub(crate) const READ_BLOCK: usize = 1024 * 1024;

/// What is said of a whole header of a version that is not known here.
pub(crate) const UNKNOWN_VERSION: &str = "the batch has a version that this build does not know";

/// What is said of a whole header with another offset than the one that was to come.
pub(crate) const OTHER_OFFSET: &str = "the batch has another offset than expected";

/// What lies at a position of a segment.
#[derive(Debug)]
pub(crate) enum Scanned {
    /// A batch, whole and in its place.
    Batch(Batch),
    /// No such batch; says what was found.
    Bad(&'static str),
    /// The end of what was asked for.
    End,
}

/// Walks over the batches of `log` from one position to an end.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    file: &'a dyn File,
    log: EventlogId,
    position: u64,
    end: u64,
    offset: u64,
    block: Bytes,
    block_len: usize,
    buffers: Buffers,
    read: u64,
    unknown: u16,
}

/// Where a scan stopped, with what it had read ahead.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paused {
    position: u64,
    offset: u64,
    block: Bytes,
}

impl Paused {
    /// The batch that holds `offset` first begins at `position`.
    pub(crate) fn at((position, offset): (u64, u64)) -> Paused {
        let block = Bytes::new();
        Paused {
            position,
            offset,
            block,
        }
    }

    /// The position and offset of the next batch.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.position, self.offset)
    }
}

impl<'a> Scan<'a> {
    /// Starts at `position`, where the batch that holds `offset` first begins, and goes no further than `end`.
    pub(crate) fn new(
        file: &'a dyn File,
        log: EventlogId,
        (position, offset): (u64, u64),
        end: u64,
    ) -> Self {
        Scan {
            file,
            log,
            position,
            end,
            offset,
            block: Bytes::new(),
            block_len: READ_BLOCK,
            buffers: Buffers::default(),
            read: 0,
            unknown: 0,
        }
    }

    /// Goes on where another scan of the same file stopped.
    pub(crate) fn resume(file: &'a dyn File, log: EventlogId, paused: Paused, end: u64) -> Self {
        let Paused {
            position,
            offset,
            block,
        } = paused;
        Scan {
            block,
            ..Scan::new(file, log, (position, offset), end)
        }
    }

    /// Stops, to go on later.
    pub(crate) fn pause(self) -> Paused {
        Paused {
            position: self.position,
            offset: self.offset,
            block: self.block,
        }
    }

    /// The version of the batch that was found last with [`UNKNOWN_VERSION`].
    pub(crate) fn unknown_version(&self) -> u32 {
        self.unknown.into()
    }

    /// Bytes read from the file so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Reads that many bytes at a time instead of [`READ_BLOCK`].
    #[must_use]
    pub(crate) fn block_len(self, block_len: usize) -> Self {
        Scan { block_len, ..self }
    }

    /// Reads into blocks of `buffers`.
    #[must_use]
    pub(crate) fn buffers(self, buffers: &Buffers) -> Self {
        Scan {
            buffers: buffers.clone(),
            ..self
        }
    }

    /// Where the next batch is expected.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The offset the next batch should have.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next batch; its body shares the memory of the block that was read.
    pub(crate) fn next(&mut self) -> std::io::Result<Scanned> {
        match self.next_header(true)? {
            Ok(header) => Ok(self.take(&header)),
            Err(other) => Ok(other),
        }
    }

    /// Passes over batches that end at or before `offset`, their bodies unread; says what is wrong where that fails.
    pub(crate) fn skip_to(&mut self, offset: u64) -> std::io::Result<Option<&'static str>> {
        loop {
            match self.next_header(false)? {
                Ok(header) if header.next_offset() <= offset => {
                    let len = header.batch_len();
                    self.advance(len, &header);
                }
                Ok(_) | Err(Scanned::End) => return Ok(None),
                Err(Scanned::Bad(what)) => return Ok(Some(what)),
                Err(Scanned::Batch(_)) => {}
            }
        }
    }

    /// The header of the next batch; the body is passed over unread.
    pub(crate) fn next_header_only(&mut self) -> std::io::Result<Result<BatchHeader, Scanned>> {
        let header = self.next_header(false)?;
        if let Ok(header) = &header {
            let len = header.batch_len();
            self.advance(len, header);
        }
        Ok(header)
    }

    fn next_header(&mut self, with_body: bool) -> std::io::Result<Result<BatchHeader, Scanned>> {
        if self.position >= self.end {
            return Ok(Err(Scanned::End));
        }
        self.fill(BATCH_HEADER_LEN)?;
        let header = match BatchHeader::decode(&self.block) {
            Ok(header) => header,
            Err(BatchError::Version(found)) => {
                self.unknown = found;
                return Ok(Err(Scanned::Bad(UNKNOWN_VERSION)));
            }
            Err(_) => return Ok(Err(Scanned::Bad("no batch with a valid header lies here"))),
        };
        if header.eventlog != self.log {
            return Ok(Err(Scanned::Bad("the batch belongs to another eventlog")));
        }
        if header.base_offset != self.offset {
            return Ok(Err(Scanned::Bad(OTHER_OFFSET)));
        }
        if self.end - self.position < header.batch_len() as u64 {
            return Ok(Err(Scanned::Bad("the batch reaches beyond the end")));
        }
        if with_body {
            self.fill(header.batch_len())?;
        }
        Ok(Ok(header))
    }

    fn take(&mut self, header: &BatchHeader) -> Scanned {
        match Batch::parse(&self.block) {
            Ok((batch, used)) => {
                self.advance(used, header);
                Scanned::Batch(batch)
            }
            Err(_) => Scanned::Bad("the body of the batch does not match its checksum"),
        }
    }

    fn advance(&mut self, len: usize, header: &BatchHeader) {
        self.block = self
            .block
            .get(len..)
            .map_or_else(Bytes::new, |_| self.block.slice(len..));
        self.position += len as u64;
        self.offset = header.next_offset();
    }

    /// Makes at least `len` bytes available, if the file has them.
    fn fill(&mut self, len: usize) -> std::io::Result<()> {
        if self.block.len() >= len {
            return Ok(());
        }
        let available = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = len.max(self.block_len).min(available);
        let (file, position) = (self.file, self.position);
        let block = |block: &mut [u8]| read_full_at(file, block, position);
        self.block = self.buffers.fill(wanted, block)?;
        self.read += self.block.len() as u64;
        Ok(())
    }
}
