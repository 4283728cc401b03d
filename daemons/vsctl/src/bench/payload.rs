//! Events to measure with.

use vanus_types::{Entropy, Event};

use crate::error::CliError;

/// How many different events are published in turn. They are built before the measurement: what
/// is measured is sending, storing and reading.
const POOL: usize = 1_024;

/// Most bytes of data they have together. Large events repeat sooner.
const POOL_LEN: usize = 32 * 1024 * 1024;

/// Events of `size` bytes of data each, which do not compress.
pub(super) fn events(size: usize, entropy: &dyn Entropy) -> Result<Vec<Event>, CliError> {
    let mut data = vec![0; size];
    let pool = (POOL_LEN / size.max(1)).clamp(1, POOL);
    (0..pool)
        .map(|number| {
            entropy.fill(&mut data);
            event(number as u64, data.clone())
        })
        .collect()
}

/// One event with these bytes as data.
pub(super) fn event(number: u64, data: Vec<u8>) -> Result<Event, CliError> {
    let event = Event::builder()
        .id(format!("{number:016x}"))
        .source("/vsctl/bench")
        .ty("vsctl.bench")
        .datacontenttype("application/octet-stream")
        .binary(data)
        .build();
    event.map_err(|error| CliError::invalid(&error))
}

#[cfg(test)]
mod tests {
    use vanus_types::SeededEntropy;

    use super::*;

    #[test]
    fn events_have_the_size_asked_for_and_differ() {
        let events = events(100, &SeededEntropy::new(3)).unwrap();
        assert_eq!(events.len(), POOL);
        assert!(events.iter().all(|event| event.data().bytes.len() == 100));
        assert_ne!(events[0].data().bytes, events[1].data().bytes);
    }

    #[test]
    fn large_events_are_few_and_together_not_large() {
        let events = events(1_048_576, &SeededEntropy::new(3)).unwrap();
        assert_eq!(events.len(), 32);
    }
}
