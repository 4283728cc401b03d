//! How far a schedule has come, as it is stored. Pure.

use vanus_storage::meta::{MetaBatch, Table};
use vanus_types::{EventlogId, ProducerId, ScheduleId, codec};

/// What a schedule has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, codec::Encode, codec::Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Progress {
    /// Occurrences up to this time are over.
    pub(crate) until_ms: i64,
    /// How many events were made: the number of the next one.
    pub(crate) made: u64,
    /// The occurrence of the last event.
    pub(crate) last_ms: Option<i64>,
    /// The event that is being made.
    pub(crate) making: Option<Making>,
}

/// An event that is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, codec::Encode, codec::Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Making {
    /// Its occurrence.
    pub(crate) occurrence_ms: i64,
    /// Where it goes.
    pub(crate) eventlog: EventlogId,
}

impl Progress {
    /// Nothing was made yet.
    pub(crate) const NONE: Self = Self {
        until_ms: i64::MIN,
        made: 0,
        last_ms: None,
        making: None,
    };

    /// With the intent to make an event.
    pub(crate) const fn intending(mut self, making: Making) -> Self {
        self.making = Some(making);
        self
    }

    /// After the event that is being made was made.
    pub(crate) fn done(mut self) -> Self {
        if let Some(making) = self.making.take() {
            self.until_ms = making.occurrence_ms;
            self.last_ms = Some(making.occurrence_ms);
            self.made += 1;
        }
        self
    }

    /// Adds this to `batch`.
    pub(crate) fn put(&self, batch: MetaBatch, id: ScheduleId) -> MetaBatch {
        batch.put(
            Table::ScheduleProgress,
            id.get().to_be_bytes(),
            codec::encode(self),
        )
    }

    /// Adds the removal of a schedule's progress to `batch`.
    pub(crate) fn delete(batch: MetaBatch, id: ScheduleId) -> MetaBatch {
        batch.delete(Table::ScheduleProgress, id.get().to_be_bytes())
    }
}

/// The producer a schedule is to the eventlogs: none that a client would choose.
pub(super) fn producer(id: ScheduleId) -> ProducerId {
    const SCHEDULES: u64 = 0x5C8E_D01E_0000_0000;
    ProducerId::from_u64(id.get() ^ SCHEDULES)
}
