//! The streams of a session, counted, so that none is waited for that does not come.

use std::sync::Arc;

use parking_lot::Mutex;
use vanus_proto::transport::{Stream, TransportError};

use super::session::Session;

/// What a stream is for: what is kept open leaves some streams to what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Batches of one lane; kept as long as its producer.
    Publish,
    /// A reader of one eventlog; kept as long as its consumer.
    Read,
    /// One request and its answer.
    Request,
}

/// The streams of a session that are in use. What is kept is counted apart, so that what fits one
/// session fits the next one too, in whatever order it comes.
#[derive(Debug)]
pub(super) struct Slots {
    capacity: u32,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    publish: u32,
    read: u32,
    request: u32,
}

impl Used {
    const fn of(&mut self, purpose: Purpose) -> &mut u32 {
        match purpose {
            Purpose::Publish => &mut self.publish,
            Purpose::Read => &mut self.read,
            Purpose::Request => &mut self.request,
        }
    }
}

impl Slots {
    /// The slots of a session whose server allows `max_streams`.
    ///
    /// One is the session's own. An eighth is never used: a server may tell of streams that ended
    /// only when they are more than an eighth (the QUIC library of `vanus-net` does).
    pub(super) fn new(max_streams: u32) -> Self {
        let capacity = max_streams - max_streams / 8;
        Self {
            capacity: capacity.saturating_sub(1).max(1),
            used: Mutex::default(),
        }
    }

    fn take(&self, purpose: Purpose) -> bool {
        let (all, mut used) = (self.capacity, self.used.lock());
        let kept = used.publish + used.read;
        let lane_fits = used.publish < all - all / 8;
        let reader_fits = kept < all - all / 16;
        let fits = kept + used.request < all
            && match purpose {
                Purpose::Publish => lane_fits && reader_fits,
                Purpose::Read => reader_fits,
                Purpose::Request => true,
            };
        *used.of(purpose) += u32::from(fits);
        fits
    }

    fn give_back(&self, purpose: Purpose) {
        *self.used.lock().of(purpose) -= 1;
    }
}

/// The right to one stream of a session, which lives as long; to be dropped after the stream.
#[derive(Debug)]
pub(crate) struct Slot {
    session: Arc<Session>,
    purpose: Purpose,
}

impl Slot {
    /// A slot of `session`, unless it has none left for `purpose`.
    pub(super) fn of(session: &Arc<Session>, purpose: Purpose) -> Option<Self> {
        session.slots().take(purpose).then(|| Self {
            session: Arc::clone(session),
            purpose,
        })
    }

    /// Opens the stream.
    pub(super) async fn open(&self) -> Result<Stream, TransportError> {
        self.session.open_stream().await
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.session.slots().give_back(self.purpose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(slots: &Slots, purpose: Purpose) -> usize {
        std::iter::from_fn(|| slots.take(purpose).then_some(())).count()
    }

    #[test]
    fn what_is_kept_open_leaves_streams_to_what_is_not() {
        let slots = Slots::new(256);
        assert_eq!(taken(&slots, Purpose::Publish), 196);
        assert_eq!(taken(&slots, Purpose::Read), 14);
        assert_eq!(taken(&slots, Purpose::Request), 13);
        slots.give_back(Purpose::Request);
        assert!(!slots.take(Purpose::Publish));
        assert!(slots.take(Purpose::Request));
    }

    #[test]
    fn what_is_kept_fits_in_whatever_order_it_comes() {
        let slots = Slots::new(256);
        for _ in 0..14 {
            assert!(slots.take(Purpose::Read));
        }
        assert_eq!(taken(&slots, Purpose::Publish), 196);
        assert!(!slots.take(Purpose::Read));
        slots.give_back(Purpose::Publish);
        assert!(slots.take(Purpose::Read));
    }

    #[test]
    fn a_server_that_allows_next_to_nothing_gets_one_stream_at_a_time() {
        for max_streams in 0..3 {
            for purpose in [Purpose::Publish, Purpose::Read, Purpose::Request] {
                assert_eq!(taken(&Slots::new(max_streams), purpose), 1);
            }
        }
    }
}
