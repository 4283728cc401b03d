//! Writes a history while it happens.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    time::Instant,
};

use parking_lot::Mutex;

use super::{Act, Operation};

/// Writes operations as lines of JSON, from any thread.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    file: Mutex<BufWriter<File>>,
}

impl Recorder {
    /// Begins a history in a new file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            start: Instant::now(),
            file: Mutex::new(BufWriter::new(File::create(path)?)),
        })
    }

    /// Now, in nanoseconds since the history began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Adds an operation of process `p` that began at `t0` and is over now.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(&self, p: &str, t0: u64, act: Act) -> io::Result<()> {
        let operation = Operation {
            t0,
            t1: self.now(),
            p: p.to_owned(),
            act,
        };
        let mut line = serde_json::to_vec(&operation)?;
        line.push(b'\n');
        self.file.lock().write_all(&line)
    }

    /// Brings everything into the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&self) -> io::Result<()> {
        self.file.lock().flush()
    }
}
