//! How timers are kept.

use vanus_types::limits::{
    DEFAULT_TIMER_CACHE_LEN, DEFAULT_TIMER_QUOTA, DEFAULT_TIMER_SHARDS, DEFAULT_TIMERS_IN_MEMORY,
};

/// How timers are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerOptions {
    /// Number of shards; 4, from 1 to 64. Taken when the first timer is set, and the same from then on.
    pub shards: u16,
    /// Most timers held in memory, all shards together; 1,000,000. The others are in the index on disk until a minute before
    /// they are due.
    pub in_memory: usize,
    /// Most bytes of events held in memory ahead of their time, all shards together; 128 MiB. What does not fit is read when it is
    /// due.
    pub cache_bytes: usize,
    /// Most timers of one namespace that wait; 20,000,000.
    pub quota: u64,
}

impl Default for TimerOptions {
    fn default() -> Self {
        Self {
            shards: DEFAULT_TIMER_SHARDS,
            in_memory: DEFAULT_TIMERS_IN_MEMORY,
            cache_bytes: DEFAULT_TIMER_CACHE_LEN,
            quota: DEFAULT_TIMER_QUOTA,
        }
    }
}
