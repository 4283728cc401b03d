//! Pieces of traces for the tests of the invariants. Everything is about eventlog 1; the event at an offset has the
//! number of the offset, and its time.

use std::ops::Range;

use crate::{
    oracle::Violation,
    sim::trace::{Ack, Entry, Fail, Mark, Reading, Seen, Sent},
};

pub(super) const fn mark(number: u64) -> Mark {
    Mark { number, crc: 0 }
}

/// `count` events were sent and acknowledged at `base`.
pub(super) fn sent(base: u64, count: u64, synced: bool) -> Entry {
    Entry::Sent(Sent {
        log: 1,
        events: (base..base + count).map(mark).collect(),
        synced,
        producer: None,
        at_ms: base,
        answer: Ok(Ack {
            base,
            time_ms: base.cast_signed(),
            duplicate: false,
        }),
    })
}

/// The same, with the append time told.
pub(super) fn timed(entry: Entry, told_ms: i64) -> Entry {
    match entry {
        Entry::Sent(mut sent) => {
            if let Ok(ack) = &mut sent.answer {
                ack.time_ms = told_ms;
            }
            Entry::Sent(sent)
        }
        other => other,
    }
}

/// The same, by producer 7.
pub(super) fn produced(entry: Entry, sequence: u64, duplicate: bool) -> Entry {
    match entry {
        Entry::Sent(mut sent) => {
            sent.producer = Some((7, sequence));
            if let Ok(ack) = &mut sent.answer {
                ack.duplicate = duplicate;
            }
            Entry::Sent(sent)
        }
        other => other,
    }
}

/// Event `number` was sent and refused.
pub(super) fn refused(number: u64, fail: Fail) -> Entry {
    Entry::Sent(Sent {
        log: 1,
        events: vec![mark(number)],
        synced: true,
        producer: None,
        at_ms: 0,
        answer: Err(fail),
    })
}

fn seen(offsets: Range<u64>) -> Vec<Seen> {
    let one = |offset: u64| Seen {
        offset,
        time_ms: offset.cast_signed(),
        mark: mark(offset),
    };
    offsets.map(one).collect()
}

/// A reader was given these offsets.
pub(super) fn read(offsets: Range<u64>) -> Entry {
    let reading = Reading {
        next: offsets.end,
        end: offsets.end,
        events: seen(offsets.clone()),
    };
    Entry::Read(1, offsets.start, Ok(reading))
}

/// The eventlog holds these offsets.
pub(super) fn audit(offsets: Range<u64>) -> Entry {
    Entry::Audit {
        log: 1,
        start: offsets.start,
        end: offsets.end,
        events: seen(offsets),
    }
}

/// The last event that was read is another one.
pub(super) fn replaced(entry: Entry, by: Mark) -> Entry {
    change_last(entry, |last| last.mark = by)
}

/// The last event that was read has another time.
pub(super) fn late(entry: Entry, time_ms: i64) -> Entry {
    change_last(entry, |last| last.time_ms = time_ms)
}

fn change_last(mut entry: Entry, change: impl FnOnce(&mut Seen)) -> Entry {
    if let Entry::Read(_, _, Ok(Reading { events, .. })) | Entry::Audit { events, .. } = &mut entry
    {
        change(events.last_mut().unwrap());
    }
    entry
}

/// The one violation there is; it must speak of this.
pub(super) fn only(violations: &[Violation], words: &str) {
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].fact.contains(words), "{violations:?}");
}
