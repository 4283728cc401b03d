//! How many timers of each namespace wait, and may.

use std::collections::HashMap;

use parking_lot::Mutex;
use vanus_types::NamespaceId;

use super::TimerError;

/// Counts the timers of all shards by namespace.
#[derive(Debug)]
pub(super) struct Quota {
    most: u64,
    waiting: Mutex<HashMap<NamespaceId, u64>>,
}

impl Quota {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            waiting: Mutex::default(),
        }
    }

    /// Counts timers that shall be set.
    ///
    /// # Errors
    /// [`TimerError::Quota`] when these are too many.
    pub(super) fn take(&self, namespace: NamespaceId, count: u64) -> Result<(), TimerError> {
        let mut waiting = self.waiting.lock();
        let now = waiting.get(&namespace).copied().unwrap_or(0);
        if now + count > self.most {
            return Err(TimerError::Quota { quota: self.most });
        }
        waiting.insert(namespace, now + count);
        Ok(())
    }

    /// Counts timers that were there before.
    pub(super) fn found(&self, namespace: NamespaceId, count: u64) {
        *self.waiting.lock().entry(namespace).or_default() += count;
    }

    /// Timers wait no more, or were not set.
    pub(super) fn give_back(&self, namespace: NamespaceId, count: u64) {
        let mut waiting = self.waiting.lock();
        if let Some(now) = waiting.get_mut(&namespace) {
            *now = now.saturating_sub(count);
            if *now == 0 {
                waiting.remove(&namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_has_its_own() {
        let quota = Quota::new(3);
        let [one, two] = [1, 2].map(NamespaceId::from_u64);
        quota.found(one, 2);
        assert!(quota.take(one, 2).is_err());
        quota.take(one, 1).unwrap();
        quota.take(two, 3).unwrap();
        quota.give_back(one, 1);
        quota.take(one, 1).unwrap();
    }
}
