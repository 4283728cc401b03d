//! Bounds the segment files held open for reading: when there are too many, those not used lately are closed.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{Segment, buffers::Buffers};

/// All segments with an open handle that no writer holds. A clock: each gets a second chance when it was used.
#[derive(Debug)]
pub(crate) struct Handles {
    most: usize,
    open: Mutex<VecDeque<Weak<Segment>>>,
    /// Memory for reads.
    pub(super) buffers: Buffers,
}

impl Handles {
    pub(crate) fn new(most: usize) -> Handles {
        Handles {
            most,
            open: Mutex::default(),
            buffers: Buffers::default(),
        }
    }

    /// The segment was opened. Not to be called with the segment's own lock held.
    pub(super) fn admit(&self, segment: &Arc<Segment>) {
        let mut open = self.open.lock();
        open.push_back(Arc::downgrade(segment));
        // Everyone gets at most one second chance in a round.
        let mut chances = open.len();
        while open.len() > self.most && chances > 0 {
            chances -= 1;
            let Some(oldest) = open.pop_front() else {
                break;
            };
            if let Some(segment) = oldest.upgrade()
                && !segment.close_if_idle()
            {
                open.push_back(oldest);
            }
        }
    }
}
