//! What the unit tests of this crate share.

use vanus_types::{Batch, BatchBuilder, Event};

/// An event with an id and binary data.
pub(crate) fn event_of(id: &str, data: &[u8]) -> Event {
    Event::builder()
        .id(id)
        .source("/test")
        .ty("test")
        .binary(data)
        .build()
        .unwrap()
}

/// A batch with one event for each piece of data.
pub(crate) fn batch_of(data: &[&[u8]]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (index, data) in data.iter().enumerate() {
        assert!(builder.push(&event_of(&index.to_string(), data)));
    }
    builder.build().unwrap()
}
