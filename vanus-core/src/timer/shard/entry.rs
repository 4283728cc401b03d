//! Entries: what a shard writes into its eventlog, and how.
//!
//! An entry is an event of the hidden eventbus, so that every tool that reads eventlogs reads these too. Its data:
//!
//! ```text
//!  0  u32  length of the head (n), little endian
//!  4  [n]  the head: a record of `vanus_types::codec`, epoch and what happened
//!  …       for a timer that is set: the record of its event, byte by byte as it was published
//! ```

use std::sync::LazyLock;

use bytes::Bytes;
use vanus_types::{
    Event, EventbusId, EventlogId, InvalidEvent, NamespaceId, ProducerId,
    codec::{self, CodecError, Decode, Encode},
};

/// A timer, without its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// The offset of the entry that set it first. It never changes.
    pub(crate) id: u64,
    /// When it is due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: i64,
    /// The offset of the entry that holds its event.
    pub(crate) at: u64,
    pub(crate) goes: Goes,
    /// Length of the record of its event, in bytes.
    pub(crate) len: u32,
}

impl Timer {
    pub(crate) const fn place(&self) -> Place {
        Place {
            due_ms: self.due_ms,
            id: self.id,
        }
    }
}

/// Where timers stand in the order in which they are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) due_ms: i64,
    pub(crate) id: u64,
}

impl Place {
    pub(crate) const MIN: Self = Self {
        due_ms: i64::MIN,
        id: 0,
    };
    pub(crate) const MAX: Self = Self {
        due_ms: i64::MAX,
        id: u64::MAX,
    };

    /// The place right before this one, if there is one.
    pub(crate) const fn before(self) -> Option<Self> {
        if self.id > 0 {
            return Some(Self {
                id: self.id - 1,
                ..self
            });
        }
        match self.due_ms.checked_sub(1) {
            Some(due_ms) => Some(Self {
                due_ms,
                id: u64::MAX,
            }),
            None => None,
        }
    }

    /// The place right after this one; the last place is after itself.
    pub(crate) const fn after(self) -> Self {
        match (self.id.checked_add(1), self.due_ms.checked_add(1)) {
            (Some(id), _) => Self { id, ..self },
            (None, Some(due_ms)) => Self { due_ms, id: 0 },
            (None, None) => self,
        }
    }
}

/// Where the event of a timer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Goes {
    pub(crate) eventbus: EventbusId,
    /// The namespace of the eventbus, for its quota.
    pub(crate) namespace: NamespaceId,
    /// CRC-32C of the partition key, if the event has one.
    pub(crate) key: Option<u32>,
}

/// One change of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) enum Entry {
    /// Somebody owns the shard from here on: entries of earlier epochs behind this one are void.
    Claim {
        /// Tells two that claim the same epoch apart; the first has it.
        owner: u64,
        /// The time of the cluster, in milliseconds since the Unix epoch.
        time_ms: i64,
    },
    /// A timer is set; its event follows the head.
    Set(Set),
    /// A timer is no more, before it was due.
    Cancel(Item, NamespaceId),
    /// Timers are due: their events go into an eventlog. It is durable before they go there.
    Fire(Fire),
    /// These fires are done: their events are in the eventlogs they went to.
    Done(Vec<u64>),
}

/// A timer is set, anew or again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Set {
    /// The timer this takes the place of, which is due at another time or lies at the old end of the eventlog. It keeps its id.
    pub(crate) instead: Option<Item>,
    /// When it is due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: i64,
    pub(crate) goes: Goes,
}

/// Names a timer, its time, and where its event lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) due_ms: i64,
    pub(crate) at: u64,
}

impl From<&Timer> for Item {
    fn from(timer: &Timer) -> Self {
        Self {
            id: timer.id,
            due_ms: timer.due_ms,
            at: timer.at,
        }
    }
}

/// Events that go into an eventlog together.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
pub(crate) struct Fire {
    /// The eventlog they go to.
    pub(crate) eventlog: EventlogId,
    /// As whom the shard writes there. The eventlog stores what comes twice once.
    pub(crate) producer: ProducerId,
    /// The sequence number of the first event.
    pub(crate) sequence: u64,
    /// The time of the cluster when this was decided, in milliseconds since the Unix epoch.
    pub(crate) time_ms: i64,
    /// The eventbus they are meant for, and its namespace.
    pub(crate) eventbus: EventbusId,
    pub(crate) namespace: NamespaceId,
    /// Whether they go to the dead letters, as their eventbus is not there.
    pub(crate) dead: bool,
    /// The fire this takes the place of, of which nothing was stored.
    pub(crate) instead: Option<u64>,
    /// The timers, in the order in which they are due.
    pub(crate) items: Vec<Item>,
}

/// What goes before the event of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "vanus_types::codec::bincode")]
struct Head {
    epoch: u32,
    entry: Entry,
}

/// The event around an entry.
static AROUND: LazyLock<Event> = LazyLock::new(|| {
    let around = Event::builder().id("t").source("/timer").ty("vanus.timer");
    #[expect(clippy::expect_used, reason = "a constant that a test checks")]
    around.build().expect("the attributes are valid")
});

/// The event that holds an entry, and the event of the timer it sets, if it sets one.
///
/// # Errors
/// [`InvalidEvent::TooLarge`].
pub(crate) fn encode(
    epoch: u32,
    entry: Entry,
    of_timer: Option<&Event>,
) -> Result<Event, InvalidEvent> {
    let head = codec::encode(&Head { epoch, entry });
    let len = u32::try_from(head.len()).map_err(|_| InvalidEvent::TooLarge(head.len()))?;
    let record = of_timer.map_or(&[][..], |event| event.record());
    AROUND.with_binary(&[&len.to_le_bytes(), &head, record])
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Read {
    pub(crate) epoch: u32,
    pub(crate) entry: Entry,
    /// The record of the event of a timer; empty for other entries.
    pub(crate) record: Bytes,
}

impl Read {
    /// The event of the timer that is set.
    pub(crate) fn event(&self) -> Event {
        Event::trusted(self.record.clone())
    }
}

/// Why an event of the hidden eventbus is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    /// It ends before its head does.
    #[error("the entry is cut short")]
    Short,
    /// The head cannot be read.
    #[error(transparent)]
    Head(#[from] CodecError),
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(event: &Event) -> Result<Read, EntryError> {
    let mut data = event.data_bytes();
    let (len, _) = data.split_first_chunk::<4>().ok_or(EntryError::Short)?;
    let end =
        usize::try_from(u32::from_le_bytes(*len)).map_or(usize::MAX, |len| len.saturating_add(4));
    if data.len() < end {
        return Err(EntryError::Short);
    }
    let mut head = data.split_to(end);
    let Head { epoch, entry } = codec::decode(&head.split_off(4))?;
    Ok(Read {
        epoch,
        entry,
        record: data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_with_its_event() {
        let event = Event::builder()
            .id("1")
            .source("/s")
            .ty("t")
            .text("hello")
            .build()
            .unwrap();
        let set = Entry::Set(Set {
            instead: None,
            due_ms: -5,
            goes: Goes {
                eventbus: EventbusId::from_u64(7),
                namespace: NamespaceId::from_u64(1),
                key: Some(9),
            },
        });
        let encoded = encode(3, set.clone(), Some(&event)).unwrap();
        Event::from_record(encoded.record().clone()).unwrap();
        let read = decode(&encoded).unwrap();
        assert_eq!((read.epoch, &read.entry), (3, &set));
        assert_eq!(read.event(), event);
    }

    #[test]
    fn what_is_cut_short_or_of_another_version_is_refused() {
        let whole = encode(1, Entry::Done(vec![1, 2, 3]), None).unwrap();
        let data = whole.data().bytes.to_vec();
        for cut in 0..data.len() {
            assert!(decode(&AROUND.with_binary(&[&data[..cut]]).unwrap()).is_err());
        }
        let mut other = data;
        other[4] = 9;
        let error = decode(&AROUND.with_binary(&[&other]).unwrap()).unwrap_err();
        assert_eq!(error, EntryError::Head(CodecError::Version { found: 9 }));
    }
}
