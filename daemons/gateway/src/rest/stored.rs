//! Stored events as JSON, written straight into the answer: data is copied once, never parsed
//! into a tree.

use std::io::Write as _;

use axum::{
    body::Body,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::Response,
};
use vanus_types::{control::StoredEvent, event::timestamp, format::json};

/// `{"events": […], "next_offset": n, "end_offset": n}`.
pub(super) fn events_body(events: &[StoredEvent], next_offset: u64, end_offset: u64) -> Response {
    let length: usize = events
        .iter()
        .map(|stored| stored.event.record().len() + 256)
        .sum();
    let mut out = Vec::with_capacity(length + 64);
    out.extend_from_slice(b"{\"events\":[");
    for (index, stored) in events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put_stored(&mut out, stored);
    }
    // Writing to memory cannot fail.
    let _ = write!(
        out,
        "],\"next_offset\":{next_offset},\"end_offset\":{end_offset}}}"
    );
    let mut response = Response::new(Body::from(out));
    let media_type = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// `{"eventlog": …, "offset": n, "event_id": …, "append_time": …, "event": {…}}`.
pub(super) fn put_stored(out: &mut Vec<u8>, stored: &StoredEvent) {
    // Ids and times have no characters to escape; writing to memory cannot fail.
    let _ = write!(
        out,
        "{{\"eventlog\":\"{}\",\"offset\":{},\"event_id\":\"{}\",\"append_time\":\"{}\",\"event\":",
        stored.id.eventlog,
        stored.id.offset,
        stored.id,
        timestamp::format_ms(stored.append_time_ms),
    );
    json::encode_into(&stored.event, out);
    out.push(b'}');
}
