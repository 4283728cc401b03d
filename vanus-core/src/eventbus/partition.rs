//! Which eventlog of an eventbus an event goes to. Pure.

use std::sync::atomic::{AtomicUsize, Ordering};

use vanus_types::{Event, checksum::crc32c};

const PARTITION_KEY: &str = "partitionkey";

/// The eventlog, out of `count`, of events with the partition key of `event`: CRC-32C of the key
/// modulo `count`. Nothing, if the event has no key.
pub(crate) fn keyed(event: &Event, count: usize) -> Option<usize> {
    Some(place_of(key_hash(event)?, count))
}

/// CRC-32C of the partition key of `event`, if it has one.
pub(crate) fn key_hash(event: &Event) -> Option<u32> {
    let key = event.attribute(PARTITION_KEY)?;
    Some(crc32c(key.canonical().as_bytes()))
}

/// The eventlog, out of `count`, of events whose partition key has this CRC-32C.
pub(crate) fn place_of(hash: u32, count: usize) -> usize {
    let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    usize::try_from(hash % count).unwrap_or(0)
}

/// Spreads what has no key over the eventlogs in turn.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin(AtomicUsize);

impl RoundRobin {
    /// The next eventlog out of `count`.
    pub(crate) fn next(&self, count: usize) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed) % count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: Option<&str>) -> Event {
        let builder = Event::builder().id("1").source("/s").ty("t");
        match key {
            Some(key) => builder.extension("partitionkey", key).build().unwrap(),
            None => builder.build().unwrap(),
        }
    }

    #[test]
    fn a_key_always_leads_to_the_same_eventlog() {
        assert_eq!(keyed(&event(None), 8), None);
        let first = keyed(&event(Some("customer-7")), 8);
        assert!(first.is_some_and(|index| index < 8));
        assert_eq!(keyed(&event(Some("customer-7")), 8), first);
        assert_eq!(keyed(&event(Some("customer-7")), 1), Some(0));
    }

    #[test]
    fn keys_spread_and_turns_alternate() {
        let mut hit = [0; 4];
        for key in 0..400 {
            hit[keyed(&event(Some(&key.to_string())), 4).unwrap()] += 1;
        }
        assert!(hit.iter().all(|hits| (50..=150).contains(hits)), "{hit:?}");
        let turns = RoundRobin::default();
        assert_eq!([turns.next(2), turns.next(2), turns.next(2)], [0, 1, 0]);
    }
}
