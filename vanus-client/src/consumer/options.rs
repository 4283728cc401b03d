//! How a consumer behaves.

use std::time::Duration;

use vanus_types::EventlogId;

/// How a [`Consumer`](super::Consumer) behaves.
#[derive(Debug, Clone)]
pub struct ConsumerOptions {
    /// Where it starts. Default: [`StartAt::Earliest`].
    pub start: StartAt,
    /// Only these eventlogs of the eventbus. Default: all.
    pub eventlogs: Option<Vec<EventlogId>>,
    /// How events come. Default: [`ReadMode::Tail`].
    pub mode: ReadMode,
    /// Most bytes of batches asked for at once; a larger batch comes alone. Default: 1 MiB.
    pub max_bytes: u32,
    /// Most answers read ahead of whoever consumes, of all eventlogs together. Default: 8.
    pub read_ahead: usize,
}

impl Default for ConsumerOptions {
    fn default() -> Self {
        Self {
            start: StartAt::Earliest,
            eventlogs: None,
            mode: ReadMode::Tail,
            max_bytes: 1024 * 1024,
            read_ahead: 8,
        }
    }
}

/// Where a consumer starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest event that is still kept.
    Earliest,
    /// With the next event to be published.
    Latest,
    /// With the first event appended at this time or later, in milliseconds since the Unix epoch.
    Time(i64),
    /// With these offsets; eventlogs not named start with the oldest event.
    Offsets(Vec<(EventlogId, u64)>),
}

/// How events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadMode {
    /// The server pushes them.
    Tail,
    /// They are asked for; the server waits this long for some before it answers with none.
    Poll {
        /// The time to wait, at most a minute.
        wait: Duration,
    },
}
