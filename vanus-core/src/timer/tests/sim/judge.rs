//! What was asked for, what was seen, and whether that fits. Pure.

use std::collections::BTreeMap;

use vanus_types::{EventlogId, TimerId};

/// The latest a timer fires, in milliseconds: two ticks, and as much again for what one look at the clock is away from the next.
const LATEST_MS: i64 = 2 * 10 + 1;

/// While time is made up for it goes up to sixty times as fast.
const FASTEST: i64 = 60;

/// What is known of the setting of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// There is no answer, or none that tells.
    Nothing,
    /// It was acknowledged.
    Set(TimerId),
    /// It was refused, and nothing was changed.
    Refused,
}

/// One arrival of the event of a timer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting {
    /// The latest it can have been by the time of the cluster.
    pub(super) bound_ms: i64,
    /// How late it was, if that is judged.
    pub(super) late_ms: Option<i64>,
    pub(super) steady: bool,
}

/// A timer.
#[derive(Debug, Clone)]
pub(super) struct Timer {
    /// When it may be due.
    pub(super) due_ms: Vec<i64>,
    pub(super) known: Known,
    /// Somebody changes it at the moment, or nobody knows what became of that.
    pub(super) changing: bool,
    /// It was changed, so how late it is says nothing.
    pub(super) changed: bool,
    pub(super) cancelled: bool,
    /// Nobody knows whether it was cancelled.
    pub(super) may_be_cancelled: bool,
    /// By the time of the cluster, when it was set.
    pub(super) asked_ms: i64,
    pub(super) seen: Vec<Sighting>,
}

/// All timers of a run, and how far eventlogs were looked through.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) timers: BTreeMap<u64, Timer>,
    pub(super) read_to: BTreeMap<EventlogId, u64>,
    /// By the time of the cluster, until when shards may have stood still.
    pub(super) stood_until_ms: i64,
    /// Whether they may stand still now.
    pub(super) stands: bool,
    /// By the time of the cluster, until when it may not go as ever.
    pub(super) unsteady_until_ms: i64,
    pub(super) strangers: u64,
}

impl Book {
    /// What is wrong; `in_the_end`, when everything was due, that is what is missing too.
    pub(super) fn violations(&self, in_the_end: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for (number, timer) in &self.timers {
            let earliest = timer.due_ms.iter().copied().min().unwrap_or(i64::MAX);
            let mut say = |what: &str| wrong.push(format!("timer {number} {what}: {timer:?}"));
            if timer.seen.len() > 1 {
                say("fired more than once");
            }
            if timer.seen.iter().any(|seen| seen.bound_ms < earliest) {
                say("fired early");
            }
            if !timer.seen.is_empty() && (timer.cancelled || timer.known == Known::Refused) {
                say("fired, although it was not to");
            }
            let lost = in_the_end && timer.seen.is_empty() && matches!(timer.known, Known::Set(_));
            if lost && !timer.cancelled && !timer.may_be_cancelled {
                say("is lost");
            }
            if timer.seen.iter().any(is_late) {
                say("fired late");
            }
        }
        if self.strangers > 0 {
            wrong.push(format!("{} events that nobody has set", self.strangers));
        }
        wrong
    }

    /// The latest one that was judged, in milliseconds, of those that fired while time went as ever.
    pub(super) fn latest_ms(&self) -> i64 {
        let seen = self.timers.values().flat_map(|timer| &timer.seen);
        let late = seen
            .filter(|seen| seen.steady)
            .filter_map(|seen| seen.late_ms);
        late.max().unwrap_or(0)
    }
}

fn is_late(seen: &Sighting) -> bool {
    let most = if seen.steady {
        LATEST_MS
    } else {
        LATEST_MS * FASTEST
    };
    seen.late_ms.is_some_and(|late| late > most)
}
