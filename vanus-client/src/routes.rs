//! Which eventlogs an eventbus has, remembered.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use vanus_proto::message::EventbusKey;
use vanus_types::control::EventbusRecord;

/// Most eventbuses remembered; beyond it all are forgotten and learnt anew.
const MAX_ROUTES: usize = 1024;

/// Which eventlogs an eventbus has. They never change while it lives; an eventbus that was deleted
/// is noticed when its eventlogs are.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    known: Mutex<HashMap<EventbusKey, Arc<EventbusRecord>>>,
}

impl Routes {
    pub(crate) fn get(&self, key: &EventbusKey) -> Option<Arc<EventbusRecord>> {
        self.known.lock().get(key).cloned()
    }

    pub(crate) fn learn(&self, key: EventbusKey, record: Arc<EventbusRecord>) {
        let mut known = self.known.lock();
        if known.len() >= MAX_ROUTES {
            known.clear();
        }
        known.insert(key, record);
    }

    pub(crate) fn forget(&self, key: &EventbusKey) {
        self.known.lock().remove(key);
    }
}
